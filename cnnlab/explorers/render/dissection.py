"""What dissection found, as the explorer shows it: who is listed, masks, overlaps as bars, and who falls; without any widget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.choices import deepest, network_layers, rectified
from cnnlab.explorers.collection import Collection, LayerMaps
from cnnlab.explorers.encode import to_array
from cnnlab.explorers.sheet import map_tiles
from cnnlab.networks.layers import evaluating
from cnnlab.units import Dissection, UnitReport, at_pixels, silence

ALL = "all"
_STEP = 10


def rectified_layers(model: nn.Module, side: int) -> tuple[list[str], str]:
    """The layers that can be dissected, and the one to begin with: maps behind a ReLU and of whole blocks, or all where there are neither.

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


def listed(found: Dissection, threshold: float, category: str = ALL) -> list[UnitReport]:
    """The detectors above the threshold, best first; those of one category where one is chosen."""
    return [
        report
        for report in found.rows(threshold)
        if report.is_detector and category in (ALL, report.category)
    ]


def counted(found: Dissection, threshold: float, category: str = ALL) -> str:
    """How many detectors and unique detectors there are, and how many by chance, as a sentence."""
    detectors = listed(found, threshold, category)
    unique = len({(report.category, report.concept) for report in detectors})
    chance = listed(found.by_chance(), threshold, category)
    kind = "" if category == ALL else f" of the category {category}"
    return (
        f"{len(detectors)} of {len(found.iou)} units are detectors{kind}, of {unique} different concepts"
        f" (IoU above {threshold:.2f}; by chance {len(chance)})."
    )


def commonest(found: Dissection, threshold: float, category: str = ALL, most: int = 5) -> str:
    """The concepts with most detectors, as a sentence."""
    counts = Counter(report.concept for report in listed(found, threshold, category)).most_common(most)
    return "; ".join(f"{concept} {count}" for concept, count in counts) or "none"


def overlap_rows(found: Dissection, unit: int, most: int = 6) -> list[dict]:
    """The concepts that the unit overlaps with most, as rows for `Bars`: its IoU, and that of its masks in other pictures."""
    order = found.iou[unit].argsort(descending=True, stable=True)[:most].tolist()
    return [
        {
            "name": f"{found.concepts[c]} ({found.categories[c]})",
            "now": round(float(found.iou[unit, c]), 4),
            "before": round(float(found.chance_iou[unit, c]), 4),
            "target": rank == 0,
        }
        for rank, c in enumerate(order)
    ]


def strongest_masks(maps: LayerMaps, found: Dissection, unit: int, k: int) -> tuple[Tensor, Tensor]:
    """The k pictures that excite the unit most, strongest first, and where it passes its threshold in them: k, and k x H x W."""
    best = maps.strongest(unit, k).picture[0]
    return best, at_pixels(maps.maps[best, unit], maps.field) > found.threshold[unit]


def strongest_of(maps: LayerMaps, found: Dissection, units: Sequence[int]) -> tuple[Tensor, Tensor]:
    """For each of some units the picture that excites it most, and its mask in it: n, and n x H x W."""
    index, masks = zip(*(strongest_masks(maps, found, unit, 1) for unit in units), strict=True)
    return torch.cat(index), torch.cat(masks)


def named(found: Dissection, unit: int) -> str:
    """The concept that the unit overlaps with most, its category and the overlap."""
    row = next(row for row in found.rows() if row.unit == unit)
    return f"{row.concept} ({row.category}), IoU {row.iou:.2f}"


def concept_of(found: Dissection, unit: int) -> tuple[str, str]:
    """Category and name of the concept that the unit overlaps with most."""
    concept = int(found.iou[unit].argmax())
    return found.categories[concept], found.concepts[concept]


def drawn(images: Tensor, lit: Tensor | None = None) -> Figure:
    """Up to six pictures (N x 3 x H x W) in which all but what is lit (N x H x W) lies in the dark; without `lit` as they are."""
    lit = torch.ones(len(images), *images.shape[2:], dtype=torch.bool) if lit is None else lit
    figure = Figure(figsize=(9.6, 2.3), dpi=90, layout="constrained", facecolor="white")
    axes = figure.subplots(1, 6, squeeze=False)[0]
    for axis in axes:
        axis.set_axis_off()
    for axis, image, mask in zip(axes, images, lit, strict=False):
        axis.imshow(to_array(image * torch.where(mask, 1.0, 0.3)), interpolation="antialiased")
    return figure


def code(opening: str, count: int, layer: str, unit: int, threshold: float) -> str:
    """The lines that dissect the layer and silence the unit without the explorer; `opening` defines `model`."""
    unique = f"unique_detectors({threshold:.2f})"
    lines = [
        *("import cnnlab", "from cnnlab import units, world", "", opening),
        f'data = world.dataset("validation", n={count})',
        f'found = units.dissect(model, data, "{layer}")',
        f"print(found.{unique}, found.by_chance().{unique})",
        f"print(next(report for report in found.rows() if report.unit == {unit}))",
        f'print(units.silencing(model, data, "{layer}", [{unit}]).change)',
    ]
    return "\n".join(lines)


def shade(lit: Tensor) -> dict:
    """k x H x W booleans as an overlay for a `Sheet`: all but what is lit lies in the dark."""
    return map_tiles(torch.where(lit, torch.nan, 0.0), "gray", 0.0, 1.0)


def falling(
    model: nn.Module, images: Tensor, labels: Tensor, layer: str, unit: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Which class falls without the unit? In short steps, (C, C): accuracy of each class with it and without; NaN where none was seen."""
    right, seen = None, None
    for start in range(0, len(images), _STEP):
        some, truth = images[start : start + _STEP], labels[start : start + _STEP]
        with evaluating(model), torch.inference_mode():
            answers = [model(some)]
            with silence(model, layer, unit):
                answers.append(model(some))
        if right is None:
            right, seen = torch.zeros(2, answers[0].shape[1]), torch.zeros(answers[0].shape[1])
        seen += truth.bincount(minlength=len(seen))
        for row, logits in zip(right, answers, strict=True):
            row += truth[logits.argmax(1).cpu() == truth].bincount(minlength=len(seen))
        yield right[0] / seen, right[1] / seen


def labels_for(pictures: Collection, names: Sequence[str]) -> Tensor:
    """N indices into the network's class names: the object's, or the scene's where the network names scenes."""
    known = {name: number for number, name in enumerate(names)}
    if set(pictures.class_names) <= set(known):
        return torch.tensor([known[name] for name in pictures.class_names])[pictures.labels]
    recipes = getattr(pictures.source, "recipes", None)
    if recipes is None or any(recipes[i].scene not in known for i in range(len(pictures))):
        raise ValueError(
            "the network's classes are not those of the pictures, so nobody knows the right answers."
        )
    return torch.tensor([known[recipes[i].scene] for i in range(len(pictures))])


def fall_rows(before: Tensor, after: Tensor, names: Sequence[str], most: int = 5) -> list[dict]:
    """The classes that fall most, as rows for `Bars`."""
    order = (after - before).nan_to_num(nan=0.0).argsort(stable=True)[:most].tolist()
    return [
        {
            "name": names[c],
            "now": round(float(after[c]), 4),
            "before": round(float(before[c]), 4),
            "target": bool(after[c] < before[c]),
        }
        for c in order
    ]
