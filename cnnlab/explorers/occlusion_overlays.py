"""Overlays of the occlusion map: colours for the canvas, their legend, and a summary in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from torch import Tensor

from cnnlab.attribution import OcclusionMap, relevance_mass
from cnnlab.explorers.image_bytes import TRANSPARENT, palette_png, to_indices

# Bright where the target is improbable, dark where it is probable; also more transparent there, so that the picture stays visible.
_SCALE = (matplotlib.colormaps["viridis_r"](np.linspace(0, 1, 255))[:, :3] * 255).round().astype(np.uint8)
_OPACITY = np.linspace(255, 120, 255).round().astype(np.uint8)
# Pairs of dark and light: the classes of the world come in confusable pairs, which share a hue.
_CLASSES = (np.array(matplotlib.colormaps["tab20"].colors) * 255).round().astype(np.uint8)


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
    overlay = _overlay(
        occlusion_map, palette_png(to_indices(occlusion_map.probability, low, high), _SCALE, _OPACITY)
    )
    legend = {"kind": "scale", "low": low, "high": high, "mark": occlusion_map.baseline}
    stops = [_css(_SCALE[int(i)]) for i in np.linspace(0, 254, 9)]
    return overlay, legend | {"colours": stops, "note": f"probability of {name}, by the occluder's centre"}


def class_overlay(
    occlusion_map: OcclusionMap, names: Sequence[str], max_classes: int = 5
) -> tuple[dict, dict]:
    """The map of the predicted class under the occluder: (overlay, legend) for the canvas."""
    predicted = occlusion_map.predicted.numpy()
    indices = np.where(predicted < 0, TRANSPARENT, predicted % len(_CLASSES)).astype(np.uint8)
    opacity = np.full(len(_CLASSES), 255)
    opacity[occlusion_map.target % len(_CLASSES)] = 70  # other classes stand out against the target
    overlay = _overlay(occlusion_map, palette_png(indices, _CLASSES, opacity))
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
