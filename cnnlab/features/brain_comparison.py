"""A layer compared with recorded neurons, at equal numbers of units and equal noise: decoding, and representational similarity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.features.decoding import decode
from cnnlab.features.neural_recordings import Recordings
from cnnlab.features.noise_matching import match_recordings
from cnnlab.features.representational_similarity import compare_rdms, rdm

UNIT_COUNTS = (5, 10, 20, 40, 80)
DRAWS = 2


@dataclass(frozen=True, eq=False)
class BrainComparison:
    """A population of neurons and a layer under one setting.

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


def compare_with_recordings(
    vectors: Tensor,
    recordings: Recordings,
    units: int = 40,
    *,
    trials: int = 1,
    noise: float = 1.0,
    seed: int = 0,
) -> BrainComparison:
    """How alike are a layer and a population of neurons, when both have as many units and as much noise?

    Parameters
    ----------
    vectors
        N x D features of the layer for the pictures of the recordings (`extract_features`).
    units, trials
        Number of units of each, and number of trials that are averaged.
    noise
        Noise that is added to the layer, as a multiple of the recorded one (`match_recordings`).
    seed
        Seed of the chosen units, halves and noise.

    Raises
    ------
    ValueError
        If no unit of the layer tells the pictures apart.

    References
    ----------
    Cadieu et al. (2014), Deep neural networks rival the representation of primate IT cortex; lecture N.
    """
    responses = recordings.mean(trials)
    n_active = int((vectors.std(0) > 1e-6).sum())
    if not n_active:
        raise ValueError(
            "each unit of this layer gives the same number for all pictures, so there is nothing to compare; choose another layer."
        )
    n_units = min(units, responses.shape[1], n_active)
    numbers = tuple(sorted({number for number in UNIT_COUNTS if number < n_units} | {n_units}))

    def matched_units(count: int, offset: int) -> Tensor:
        return match_recordings(vectors, recordings, count, trials=trials, noise=noise, seed=seed + offset)

    generator = torch.Generator().manual_seed(seed)
    columns = torch.randperm(responses.shape[1], generator=generator)[:n_units]
    tables = {
        "population": standardised_rdm(responses[:, columns]),
        "layer": standardised_rdm(matched_units(n_units, 0)),
    }
    ceiling = [standardised_rdm(half[:, columns]) for half in recordings.split_halves(seed)]
    accuracy = {
        name: decode(population, recordings.labels, units=numbers, draws=DRAWS).accuracy
        for name, population in (("population", responses), ("layer", matched_units))
    }
    return BrainComparison(tables, compare_rdms(*tables.values()), compare_rdms(*ceiling), accuracy, numbers)


def standardised_rdm(responses: Tensor) -> Tensor:
    """N x N dissimilarities after standardising each unit, since otherwise the strongest units dominate the matrix."""
    deviation = responses.std(0).clamp(min=1e-6)
    return rdm((responses - responses.mean(0)) / deviation)
