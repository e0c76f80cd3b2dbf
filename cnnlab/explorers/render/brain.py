"""Comparison of neurons and a layer for the brain explorer, with equal units and noise; pure functions, no widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.features import Recordings, compare_rdms, decode, match_recordings, rdm, simulate_recordings
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.transfer import repeats_figure
from cnnlab.networks.zoo import load
from cnnlab.world import dataset

CLASS_NAMES = ("sheep", "elephant", "bird", "fish", "car", "house", "cup")
"""Seven classes, as many as in Cadieu et al. (2014), but different ones."""
SOURCE, EARLY, LATE = "mini_resnet", "layer1", "layer3"
UNIT_COUNTS = (5, 10, 20, 40, 80)
DRAWS = 2


@dataclass(frozen=True)
class State:
    """Settings: number of units, number of trials averaged, share of the noise, and the random seed."""

    units: int
    trials: int
    noise: float
    seed: int


@dataclass(frozen=True, eq=False)
class Result:
    """Result for one setting.

    Attributes
    ----------
    tables
        For "population" and "layer", N x N dissimilarities.
    agreement
        Rank correlation of the two matrices.
    ceiling
        Noise ceiling: the correlation between two halves of the population's trials, an approximate upper limit for a layer.
    accuracy
        For both, U x R decoding accuracies at the U `numbers` of units.
    numbers
        The numbers of units, up to the requested one.
    """

    tables: Mapping[str, Tensor]
    agreement: float
    ceiling: float
    accuracy: Mapping[str, Tensor]
    numbers: tuple[int, ...]


def simulated_populations(count: int = 105) -> dict[str, Recordings]:
    """Two simulated populations for `count` pictures of seven classes: from a late and from an early layer of mini_resnet."""
    pictures = dataset("validation", n=count, classes=CLASS_NAMES, progress=False)
    source = load(SOURCE)
    return {
        f"late, simulated ({SOURCE} {LATE})": _simulate(source, pictures, LATE),
        f"early, simulated ({SOURCE} {EARLY})": _simulate(source, pictures, EARLY),
    }


def _simulate(source, pictures, layer: str) -> Recordings:
    return simulate_recordings(source, pictures.images, pictures.labels, pictures.class_names, layer)


def render(recordings: Recordings, codes: Tensor, state: State) -> Result:
    """Decoding and dissimilarity of a population and of a layer's `codes` (N x D) under one setting."""
    responses = recordings.mean(state.trials)
    n_units = min(state.units, responses.shape[1], int((codes.std(0) > 1e-6).sum()))
    numbers = tuple(sorted({number for number in UNIT_COUNTS if number < n_units} | {n_units}))

    def matched_units(units: int, seed: int) -> Tensor:
        return match_recordings(
            codes, recordings, units, trials=state.trials, noise=state.noise, seed=state.seed + seed
        )

    columns = torch.randperm(responses.shape[1], generator=torch.Generator().manual_seed(state.seed))[
        :n_units
    ]
    tables = {
        "population": dissimilarity(responses[:, columns]),
        "layer": dissimilarity(matched_units(n_units, 0)),
    }
    ceiling = [dissimilarity(half[:, columns]) for half in recordings.split_halves(state.seed)]
    accuracy = {
        name: decode(population, recordings.labels, units=numbers, draws=DRAWS).accuracy
        for name, population in (("population", responses), ("layer", matched_units))
    }
    return Result(tables, compare_rdms(*tables.values()), compare_rdms(*ceiling), accuracy, numbers)


def dissimilarity(responses: Tensor) -> Tensor:
    """N x N dissimilarities after standardising each unit, since otherwise the strongest units dominate the matrix."""
    deviation = responses.std(0).clamp(min=1e-6)
    return rdm((responses - responses.mean(0)) / deviation)


def decoding_figure(result: Result, names: Mapping[str, str], chance: float) -> AltTextFigure:
    """Plot of decoding accuracy against units for both, with the names that `names` gives to "population" and "layer"."""
    values = {names[key]: accuracy for key, accuracy in result.accuracy.items()}
    title = f"Reading the class off few units\n{names['population']}"
    figure = repeats_figure(values, result.numbers, title=title, across="units", level={"chance": chance})
    # Narrow enough for the middle column of an explorer.
    figure.set_size_inches(5.2, 4.4)
    figure.axes[0].legend(fontsize=10, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    return figure
