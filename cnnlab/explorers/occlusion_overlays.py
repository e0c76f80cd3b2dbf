"""The occlusion map as the explorer shows it: colours for the stage, their legend, and what the map says in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from torch import Tensor

from cnnlab.attribution import OcclusionMap, relevance_mass
from cnnlab.explorers.encode import CLEAR, palette_png, scaled

# Bright where the target is improbable, dark where it is sure; and clearer there, so that the picture remains to be seen.
_SCALE = (matplotlib.colormaps["viridis_r"](np.linspace(0, 1, 255))[:, :3] * 255).round().astype(np.uint8)
_OPACITY = np.linspace(255, 120, 255).round().astype(np.uint8)
# Pairs of dark and light: the classes of the world come in confusable pairs, which so share a hue.
_CLASSES = (np.array(matplotlib.colormaps["tab20"].colors) * 255).round().astype(np.uint8)


@dataclass(frozen=True)
class Finding:
    """What a map says: where the target is least probable, and how much of its drop lies on the object."""

    row: int
    column: int
    lowest: float
    done: float
    words: tuple[str, ...]


def probability_overlay(found: OcclusionMap, name: str, stretched: bool = False) -> tuple[dict, dict]:
    """The map of the target's probability: (overlay, legend) for the stage.

    Colours run from 0 to 1, so that pictures can be compared and a flat map looks flat; `stretched` spends them on the range
    that occurs.
    """
    known = found.probability[~found.probability.isnan()]
    low, high = (float(known.min()), float(known.max())) if stretched and len(known) else (0.0, 1.0)
    overlay = _overlay(found, palette_png(scaled(found.probability, low, high), _SCALE, _OPACITY))
    legend = {"kind": "scale", "low": low, "high": high, "mark": found.baseline}
    stops = [_css(_SCALE[int(i)]) for i in np.linspace(0, 254, 9)]
    return overlay, legend | {"colours": stops, "note": f"probability of {name}, by the occluder's centre"}


def class_overlay(found: OcclusionMap, names: Sequence[str], listed: int = 5) -> tuple[dict, dict]:
    """The map of the class that wins instead: (overlay, legend) for the stage."""
    predicted = found.predicted.numpy()
    indices = np.where(predicted < 0, CLEAR, predicted % len(_CLASSES)).astype(np.uint8)
    opacity = np.full(len(_CLASSES), 255)
    opacity[found.target % len(_CLASSES)] = 70  # what others take from the target stands out
    overlay = _overlay(found, palette_png(indices, _CLASSES, opacity))
    classes, counts = np.unique(predicted[predicted >= 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:listed]
    entries = [
        {
            "name": names[classes[i]],
            "colour": _css(_CLASSES[classes[i] % len(_CLASSES)]),
            "share": f"{counts[i] / counts.sum():.0%}",
        }
        for i in order
    ]
    return overlay, {"kind": "classes", "entries": entries, "note": "the class that wins there"}


def find(
    found: OcclusionMap, names: Sequence[str], mask: Tensor | None = None, thing: str = "object"
) -> Finding:
    """Read a map: its lowest place, the classes that take over, and, with the true `mask` (H x W), the drop on the object."""
    computed = found.probability[~found.probability.isnan()]
    if not len(computed):
        raise ValueError("this map has no number in it yet.")
    place = int(found.probability.nan_to_num(nan=float("inf")).argmin())
    row = int(found.rows[place // len(found.columns)])
    column = int(found.columns[place % len(found.columns)])
    lowest = float(computed.min())
    words = [
        f"{names[found.target]} is least probable ({lowest:.2f} instead of {found.baseline:.2f}) with the occluder at"
        f" row {row}, column {column}."
    ]
    words += [_takeover(found, names)]
    if mask is not None and found.fraction_done == 1:
        words += [_on_object(found, mask, thing)]
    return Finding(
        row, column, lowest, found.fraction_done, tuple(sentence for sentence in words if sentence)
    )


def _takeover(found: OcclusionMap, names: Sequence[str]) -> str:
    predicted = found.predicted[found.predicted >= 0]
    others = predicted[predicted != found.target]
    if not len(others):
        return f"No place of the occluder makes another class win ({len(predicted)} places)."
    classes, counts = others.unique(return_counts=True)
    winner = names[int(classes[counts.argmax()])]
    return f"Another class wins in {len(others)} of {len(predicted)} places, most often {winner}."


def _on_object(found: OcclusionMap, mask: Tensor, thing: str) -> str:
    """How much of the drop lies on the object, beside the share that a map which knows nothing would have there."""
    drop = found.to_pixels(*mask.shape)
    if not mask.any() or not (drop.nan_to_num(nan=0.0) > 0).any():
        return ""
    mass = relevance_mass(drop, mask)
    return f"{mass.mean_share:.0%} of the drop lies on the {thing}, which fills {mass.mean_area:.0%} of the picture."


def _overlay(found: OcclusionMap, png: bytes) -> dict:
    return {"png": png, "rows": found.rows.tolist(), "columns": found.columns.tolist(), "size": found.size}


def _css(colour: np.ndarray) -> str:
    return "#" + "".join(f"{int(channel):02x}" for channel in colour)
