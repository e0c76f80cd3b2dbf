"""One picture with one occluder, and overlays of the occlusion map, for the occlusion explorer; without any widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from cnnlab._validation import positive_int, target_index
from cnnlab.attribution import OcclusionMap, occlude, relevance_mass
from cnnlab.explorers.image_sources import ImageSource
from cnnlab.explorers.snippet import class_literal, load_line, snippet
from cnnlab.figures.colours import CLASSES, PROBABILITY, class_colours
from cnnlab.figures.palette_png import STEPS, TRANSPARENT, colours_of, index_png, palette_png
from cnnlab.networks.forward import class_names, probabilities

# More transparent where the target is probable, so that the picture stays visible where nothing happens.
_OPACITY = np.linspace(1, 120 / 255, STEPS)
_CLASSES = (class_colours(np.arange(len(CLASSES))) * 255).round().astype(np.uint8)


@dataclass(frozen=True, eq=False)
class State:
    """Settings of the occlusion explorer. `box` is (left, top, size) in the pixels of `image`, 3 x H x W."""

    model: nn.Module
    source: ImageSource
    image: Tensor
    box: tuple[int, int, int]
    target: int | str | None = None
    stride: int = 4
    fill: str = "grey"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Result:
    """The network's prediction for the occluded picture.

    `occluded_image` is 3 x H x W; `occluded_probability` and `clean_probability` hold the C class probabilities with and without the
    occluder; `target` is the target class and `names` are the classes' names.
    """

    occluded_image: Tensor
    occluded_probability: Tensor
    clean_probability: Tensor
    target: int
    names: tuple[str, ...]

    @property
    def flipped(self) -> bool:
        """Whether the occluder changes the predicted class."""
        return int(self.occluded_probability.argmax()) != int(self.clean_probability.argmax())

    @property
    def summary(self) -> str:
        """A sentence with the predicted class."""
        winner, first = (
            int(self.occluded_probability.argmax()),
            self.names[int(self.clean_probability.argmax())],
        )
        if self.flipped:
            return f"{first} has become {self.names[winner]} ({float(self.occluded_probability[winner]):.2f})"
        return f"the network still says {first}"


def render(state: State, clean_probability: Tensor | None = None) -> Result:
    """Classify the occluded picture: one forward pass, two if the clean picture's probabilities `clean_probability` are not given.

    Raises
    ------
    ValueError
        If the occluder is not within the picture, or fill, class or stride do not exist.
    """
    left, top, size = state.box
    positive_int(state.stride, "stride")
    occluded_image = occlude(state.image, top, left, size, state.fill, state.seed)
    clean_probability = (
        probabilities(state.model, state.image) if clean_probability is None else clean_probability
    )
    names = class_names(state.model, len(clean_probability))
    target = target_index(state.target, names, clean_probability)
    return Result(
        occluded_image, probabilities(state.model, occluded_image), clean_probability, target, names
    )


def code(state: State, result: Result, network: str, whole_map: bool = False) -> str:
    """The lines of code for the probability without the explorer; with `whole_map` also for the map."""
    left, top, size = state.box
    seed = f", seed={state.seed}" if state.fill == "noise" else ""
    target = class_literal(result.target, result.names, network)
    index = f"model.class_names.index({target})" if target.startswith('"') else target
    lines = [
        load_line(network),
        state.source.code(state.image.shape[-1]),
        f'covered = attribution.occlude(image, top={top}, left={left}, size={size}, fill="{state.fill}"{seed})',
        "with torch.inference_mode():",
        "    probability = model(covered.unsqueeze(0)).softmax(1)[0]",
        f'print("{result.names[result.target]}", probability[{index}].item())',
    ]
    if whole_map:
        options = f'target={target}, size={size}, stride={state.stride}, fill="{state.fill}"{seed}'
        lines += [
            "",
            f"occlusion_map = attribution.occlusion(model, image, {options})",
            "print(occlusion_map.probability)",
        ]
    return snippet(*lines)


def summary(state: State, result: Result, network: str) -> str:
    """What is shown, without measured numbers, so that it is the same on every machine."""
    left, top, size = state.box
    clean, occluded = (
        result.names[int(probability.argmax())]
        for probability in (result.clean_probability, result.occluded_probability)
    )
    return (
        f"{network or 'A network'} looks at a picture ({state.source.description}) under an occluder"
        f" of {size} x {size} pixels ({state.fill}) at row {top}, column {left}. Uncovered it says {clean}, covered {occluded}."
    )


# The occlusion map: colours for the canvas, their legend, and a summary in words.


@dataclass(frozen=True)
class MapSummary:
    """Summary of a map: where the target is least probable, and how much of its drop lies on the object."""

    row: int
    column: int
    lowest: float
    fraction_done: float
    sentences: tuple[str, ...]


def probability_overlay(occlusion_map: OcclusionMap, name: str, stretched: bool = False) -> tuple[dict, dict]:
    """The map of the target's probability: (overlay, legend) for the canvas.

    Colours run from 0 to 1, so that pictures can be compared and a flat map looks flat; `stretched` uses them for the range
    that occurs.
    """
    computed = occlusion_map.probability[~occlusion_map.probability.isnan()]
    low, high = (float(computed.min()), float(computed.max())) if stretched and len(computed) else (0.0, 1.0)
    high = max(high, low + 1e-3)  # a flat map stays flat
    overlay = _overlay(
        occlusion_map, palette_png(occlusion_map.probability, PROBABILITY, low, high, alpha=_OPACITY)
    )
    legend = {"kind": "scale", "low": low, "high": high, "mark": occlusion_map.baseline}
    stops = [_css(colour) for colour in colours_of(PROBABILITY)[np.linspace(0, STEPS - 1, 9).astype(int)]]
    return overlay, legend | {"colours": stops, "note": f"probability of {name}, by the occluder's centre"}


def class_overlay(
    occlusion_map: OcclusionMap, names: Sequence[str], max_classes: int = 5
) -> tuple[dict, dict]:
    """The map of the predicted class under the occluder: (overlay, legend) for the canvas."""
    predicted = occlusion_map.predicted.numpy()
    indices = np.where(predicted < 0, TRANSPARENT, predicted % len(_CLASSES)).astype(np.uint8)
    opacity = np.full(len(_CLASSES), 255)
    opacity[occlusion_map.target % len(_CLASSES)] = 70  # other classes stand out against the target
    overlay = _overlay(occlusion_map, index_png(indices, np.column_stack([_CLASSES, opacity])))
    classes, counts = np.unique(predicted[predicted >= 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:max_classes]
    entries = [
        {
            "name": names[classes[i]],
            "colour": _css(_CLASSES[classes[i] % len(_CLASSES)]),
            "share": f"{counts[i] / counts.sum():.0%}",
        }
        for i in order
    ]
    return overlay, {"kind": "classes", "entries": entries, "note": "the class that wins there"}


def summarise_map(
    occlusion_map: OcclusionMap, names: Sequence[str], mask: Tensor | None = None, object_name: str = "object"
) -> MapSummary:
    """Summarise a map: its minimum, the classes predicted there, and, with the true `mask` (H x W), the drop on the object."""
    computed = occlusion_map.probability[~occlusion_map.probability.isnan()]
    if not len(computed):
        raise ValueError("this map has no number in it yet.")
    index = int(occlusion_map.probability.nan_to_num(nan=float("inf")).argmin())
    row = int(occlusion_map.rows[index // len(occlusion_map.columns)])
    column = int(occlusion_map.columns[index % len(occlusion_map.columns)])
    lowest = float(computed.min())
    sentences = [
        f"{names[occlusion_map.target]} is least probable ({lowest:.2f} instead of {occlusion_map.baseline:.2f}) with the occluder at"
        f" row {row}, column {column}."
    ]
    sentences += [_winning_class(occlusion_map, names)]
    if mask is not None and occlusion_map.fraction_done == 1:
        sentences += [_share_on_object(occlusion_map, mask, object_name)]
    return MapSummary(
        row,
        column,
        lowest,
        occlusion_map.fraction_done,
        tuple(sentence for sentence in sentences if sentence),
    )


def _winning_class(occlusion_map: OcclusionMap, names: Sequence[str]) -> str:
    predicted = occlusion_map.predicted[occlusion_map.predicted >= 0]
    changed = predicted[predicted != occlusion_map.target]
    if not len(changed):
        return f"No place of the occluder makes another class win ({len(predicted)} places)."
    classes, counts = changed.unique(return_counts=True)
    winner = names[int(classes[counts.argmax()])]
    return f"Another class wins in {len(changed)} of {len(predicted)} places, most often {winner}."


def _share_on_object(occlusion_map: OcclusionMap, mask: Tensor, object_name: str) -> str:
    """The share of the drop on the object, beside the share that a uniform map would have there."""
    drop = occlusion_map.to_pixels(*mask.shape)
    if not mask.any() or not (drop.nan_to_num(nan=0.0) > 0).any():
        return ""
    mass = relevance_mass(drop, mask)
    return f"{mass.mean_share:.0%} of the drop lies on the {object_name}, which fills {mass.mean_area:.0%} of the picture."


def _overlay(occlusion_map: OcclusionMap, png: bytes) -> dict:
    return {
        "png": png,
        "rows": occlusion_map.rows.tolist(),
        "columns": occlusion_map.columns.tolist(),
        "size": occlusion_map.size,
    }


def _css(colour: np.ndarray) -> str:
    return "#" + "".join(f"{int(channel):02x}" for channel in colour)
