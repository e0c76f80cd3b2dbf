"""Dissection results for the dissection explorer: detectors, masks, overlaps and ablation; without any widget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.activation_store import ImageSet, LayerActivations, pictures_in_a_step
from cnnlab.explorers.charts import bar_rows
from cnnlab.explorers.choices import deepest, network_layers, rectified
from cnnlab.explorers.image_bytes import to_array
from cnnlab.explorers.image_grid import map_tiles
from cnnlab.explorers.snippet import snippet
from cnnlab.explorers.static_preview import canvas
from cnnlab.units import Dissection, UnitReport, dissect_steps, upsample_to_image
from cnnlab.units.streaming_quantile import thinning

ALL_CATEGORIES = "all"
_STEP = 10


def relu_layers(model: nn.Module, side: int) -> tuple[list[str], str]:
    """The layers that can be dissected, ReLUs and whole blocks, or all layers with maps if there are neither; and the default layer.

    Raises
    ------
    ValueError
        If the network has no maps whose receptive fields are known.
    """
    layers = network_layers(model, side)
    placed = [layer for layer in layers if layer.has_maps and layer.field is not None]
    if not placed:
        raise ValueError(
            "no layer can be dissected: the network has no maps, or it is not known what their units see."
        )
    names = rectified(placed) or [layer.name for layer in placed]
    return names, deepest(layers, names)


def dissect_steps_for(
    model: nn.Module, data: Any, layer: str, side: int
) -> tuple[Iterator[dict[str, Dissection]], int]:
    """The dissection of a layer in short steps, and their number; pictures are sampled at as many pixels as those of 96 x 96."""
    batch, every = pictures_in_a_step(side, _STEP), max(2, round(2 * side / 96))
    least = min(10, len(data) // 4)
    steps = dissect_steps(model, data, [layer], batch_size=batch, min_pictures=least, pixel_step=every)
    pixels = len(data) * len(range(every // 2, side, every)) ** 2
    passes = 1 if thinning(0.005, pixels) == 1 else 2
    return steps, passes * -(-len(data) // batch)


def detectors(dissection: Dissection, threshold: float, category: str = ALL_CATEGORIES) -> list[UnitReport]:
    """The detectors above the threshold, best first; only those of `category` if one is chosen."""
    return [
        report
        for report in dissection.rows(threshold)
        if report.is_detector and category in (ALL_CATEGORIES, report.category)
    ]


def count_sentence(dissection: Dissection, threshold: float, category: str = ALL_CATEGORIES) -> str:
    """A sentence with the number of detectors, of unique detectors, and of those expected by chance."""
    listed_units = detectors(dissection, threshold, category)
    unique = len({(report.category, report.concept) for report in listed_units})
    by_chance = detectors(dissection.at_chance(), threshold, category)
    kind = "" if category == ALL_CATEGORIES else f" of the category {category}"
    return (
        f"{len(listed_units)} of {len(dissection.iou)} units are detectors{kind}, of {unique} different concepts"
        f" (IoU above {threshold:.2f}; by chance {len(by_chance)})."
    )


def common_concepts(
    dissection: Dissection, threshold: float, category: str = ALL_CATEGORIES, max_concepts: int = 5
) -> str:
    """A sentence with the concepts that have most detectors."""
    counts = Counter(report.concept for report in detectors(dissection, threshold, category)).most_common(
        max_concepts
    )
    return "; ".join(f"{concept} {count}" for concept, count in counts) or "none"


def overlap_rows(dissection: Dissection, unit: int, max_rows: int = 6) -> list[dict]:
    """The unit's concepts of largest overlap, as rows for `ProbabilityBars`: its IoU, and that of its masks in other pictures."""
    order = dissection.iou[unit].argsort(descending=True, stable=True)[:max_rows].tolist()
    names = [f"{dissection.concepts[c]} ({dissection.categories[c]})" for c in order]
    now, chance = dissection.iou[unit, order], dissection.chance_iou[unit, order]
    return bar_rows(names, now, chance, [rank == 0 for rank in range(len(order))])


def strongest_masks(
    maps: LayerActivations, dissection: Dissection, unit: int, k: int
) -> tuple[Tensor, Tensor]:
    """The k pictures with the largest activation of the unit, strongest first, and the masks above its threshold: k, and k x H x W."""
    best = maps.strongest(unit, k).picture[0]
    return best, upsample_to_image(maps.maps[best, unit], maps.field) > dissection.threshold[unit]


def strongest_image_per_unit(
    maps: LayerActivations, dissection: Dissection, units: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """For each of some units the picture with its largest activation, and its mask there: n, and n x H x W."""
    index, masks = zip(*(strongest_masks(maps, dissection, unit, 1) for unit in units), strict=True)
    return torch.cat(index), torch.cat(masks)


def concept_sentence(dissection: Dissection, unit: int) -> str:
    """A sentence with the concept of the unit's largest overlap, its category and the overlap."""
    row = next(row for row in dissection.rows() if row.unit == unit)
    return f"{row.concept} ({row.category}), IoU {row.iou:.2f}"


def concept_of(dissection: Dissection, unit: int) -> tuple[str, str]:
    """Category and name of the concept with the largest overlap with the unit."""
    concept = int(dissection.iou[unit].argmax())
    return dissection.categories[concept], dissection.concepts[concept]


def preview_figure(images: Tensor, masks: Tensor | None = None) -> Figure:
    """Static preview: up to six pictures (N x 3 x H x W), dark outside of the `masks` (N x H x W); unchanged without `masks`."""
    masks = torch.ones(len(images), *images.shape[2:], dtype=torch.bool) if masks is None else masks
    figure = canvas(9.6, 2.3)
    axes = figure.subplots(1, 6, squeeze=False)[0]
    for axis in axes:
        axis.set_axis_off()
    for axis, image, mask in zip(axes, images, masks, strict=False):
        axis.imshow(to_array(image * torch.where(mask, 1.0, 0.3)), interpolation="antialiased")
    return figure


def code(opening: str, count: int, side: int, layer: str, unit: int, threshold: float) -> str:
    """The lines of code that dissect the layer and ablate the unit without the explorer; `opening` defines `model`."""
    unique = f"unique_detectors({threshold:.2f})"
    return snippet(
        opening,
        f'data = world.dataset("validation", n={count}{"" if side == 96 else f", size={side}"})',
        f'dissection = units.dissect(model, data, "{layer}")',
        f"print(dissection.{unique}, dissection.at_chance().{unique})",
        f"print(next(report for report in dissection.rows() if report.unit == {unit}))",
        f'print(units.ablate_each(model, data, "{layer}", [{unit}]).change)',
    )


def darken_outside(masks: Tensor) -> dict:
    """k x H x W booleans as an overlay for an `ImageGrid` that darkens all pixels outside of them."""
    return map_tiles(torch.where(masks, torch.nan, 0.0), "gray", 0.0, 1.0)


def labels_for(pictures: ImageSet, names: Sequence[str]) -> Tensor:
    """N indices into the network's class names: of the objects, or of the scenes for a network that classifies scenes."""
    index_of = {name: number for number, name in enumerate(names)}
    if set(pictures.class_names) <= set(index_of):
        return torch.tensor([index_of[name] for name in pictures.class_names])[pictures.labels]
    recipes = getattr(pictures.source, "recipes", None)
    if recipes is None or any(recipes[i].scene not in index_of for i in range(len(pictures))):
        raise ValueError(
            "the network's classes are not those of the pictures, so nobody knows the right answers."
        )
    return torch.tensor([index_of[recipes[i].scene] for i in range(len(pictures))])


def ablation_rows(before: Tensor, after: Tensor, names: Sequence[str], max_rows: int = 4) -> list[dict]:
    """The mean accuracy over all classes, and the classes with the largest loss, if any, as rows for `ProbabilityBars`."""
    order = (after - before).nan_to_num(nan=0.0).argsort(stable=True)[:max_rows]
    order = order[(after < before)[order]].tolist()
    now, then = (torch.cat([values.nanmean()[None], values[order]]) for values in (after, before))
    return bar_rows(["all classes", *(names[c] for c in order)], now, then, [False, *(True for _ in order)])
