"""Simulated populations, the decoding plot and the code of the brain explorer; without any widget."""

from __future__ import annotations

from collections.abc import Mapping

from cnnlab.explorers.snippet import arguments, literal, snippet
from cnnlab.features import BrainComparison, Recordings, simulate_recordings
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.transfer import repeats_figure
from cnnlab.networks.zoo import load
from cnnlab.world import dataset

CLASS_NAMES = ("sheep", "elephant", "bird", "fish", "car", "house", "cup")
"""Seven classes, as many as in Cadieu et al. (2014), but different ones."""
SOURCE = "mini_resnet"
POPULATIONS = {
    f"{stage}, simulated ({SOURCE} {layer})": layer
    for stage, layer in (("late", "layer3"), ("early", "layer1"))
}
"""The layers of `SOURCE` whose units are taken for neurons, by the names of the populations."""


def simulated_populations(count: int = 105) -> dict[str, Recordings]:
    """Two simulated populations for `count` pictures of seven classes: from a late and from an early layer of mini_resnet."""
    pictures = dataset("validation", n=count, classes=CLASS_NAMES, progress=False)
    known = load(SOURCE), pictures.images, pictures.labels, pictures.class_names
    return {name: simulate_recordings(*known, layer) for name, layer in POPULATIONS.items()}


def decoding_figure(result: BrainComparison, names: Mapping[str, str], chance: float) -> AltTextFigure:
    """Plot of decoding accuracy against units for both, with the names that `names` gives to "population" and "layer"."""
    values = {names[key]: accuracy for key, accuracy in result.accuracy.items()}
    title = f"Reading the class off few units\n{names['population']}"
    figure = repeats_figure(values, result.numbers, title=title, across="units", level={"chance": chance})
    # Narrow enough for the middle column of an explorer.
    figure.set_size_inches(5.2, 4.4)
    figure.axes[0].legend(fontsize=10, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    return figure


def code(
    opening: str, population: str, recordings: Recordings, layer: str, side: int, options: Mapping[str, float]
) -> str:
    """The lines of code for the comparison without the explorer; `opening` defines `model`, `options` are those of the technique."""
    if population in POPULATIONS and recordings.simulated:
        lines = [
            f'pictures = world.dataset("validation", n={len(recordings.images)}, classes={literal(CLASS_NAMES)})',
            f'source = cnnlab.load("{SOURCE}")',
            "known = pictures.images, pictures.labels, pictures.class_names",
            f'recordings = features.simulate_recordings(source, *known, "{POPULATIONS[population]}")',
        ]
    else:
        lines = [f"recordings = ...  # {population}, from features.read_recordings"]
    lines += [opening, "images = recordings.images / 255"]
    if recordings.images.shape[-1] != side:
        size = f'size=({side}, {side}), mode="bilinear", antialias=True'
        lines += [f"images = torch.nn.functional.interpolate(images, {size}).clamp(0, 1)"]
    return snippet(
        *lines,
        f'vectors = features.extract_features(model, images, "{layer}", "mean")',
        f"result = features.compare_with_recordings(vectors, recordings, {arguments(options)})",
        "print(result.agreement, result.accuracy)",
    )
