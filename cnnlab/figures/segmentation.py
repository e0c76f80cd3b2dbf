"""Segmentation: the four tasks on one picture, predicted beside true masks, mean IoU, and upsampling step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import colour_legend, draw_bars, draw_box, finish, pale_grey, show_image
from cnnlab.figures.colours import CLASSES, OUTLINE, class_colours
from cnnlab.segmentation import SegmentationScore, boundary_band, vision_tasks
from cnnlab.world import OBJECTS, Picture

NAMES = ("background", *OBJECTS)
_TITLE = 9.5  # points
_INK = ("#0072b2", "#e69f00", "#555555")  # blue, orange, grey: told apart by all kinds of colour vision


def tasks_figure(picture: Picture) -> AltTextFigure:
    """Four tasks on one picture: classification, detection, semantic segmentation and instance segmentation."""
    tasks = vision_tasks(picture)
    alt_text = (
        f"Four tasks on one picture. Classification: {tasks.label}. Detection: {', '.join(tasks.names)}, each in its box."
        f" Semantic segmentation: the class of each pixel. Instance segmentation: {len(tasks.names)} objects, each for itself."
    )
    figure = AltTextFigure(figsize=(11, 3.7), alt_text=alt_text)
    label, boxes, semantic, instance = figure.subplots(1, 4)
    titles = (f"classification:\n{tasks.label}", "detection:\nnames and boxes")
    titles += ("semantic segmentation:\na class a pixel", "instance segmentation:\nan object a pixel")
    show_image(label, picture.image, titles[0], _TITLE)
    show_image(boxes, picture.image, titles[1], _TITLE)
    _show_mask(semantic, picture.image, tasks.semantic, titles[2])
    _show_mask(instance, picture.image, tasks.instances, titles[3], stride=3)
    for number, (name, box) in enumerate(zip(tasks.names, tasks.boxes.tolist(), strict=True), start=1):
        top, left, bottom, right = box
        draw_box(boxes, box, "white")
        patch = {"facecolor": "black", "pad": 1, "lw": 0}
        boxes.text(left, top - 2, name, fontsize=8, color="white", bbox=patch)
        middle = (left + right) / 2, (top + bottom) / 2
        patch = patch | {"facecolor": "white"}
        instance.text(*middle, number, ha="center", va="center", fontsize=9, bbox=patch)
    _class_legend(figure, tasks.semantic.unique().tolist(), NAMES)
    return figure


def segmentation_figure(
    images: Tensor,
    truth: Tensor,
    predictions: Mapping[str, Tensor],
    class_names: Sequence[str] = NAMES,
    errors: bool = False,
) -> AltTextFigure:
    """Images in rows, each with its true mask and the predicted masks, or only the wrong pixels.

    Parameters
    ----------
    images
        N x 3 x H x W floats in [0, 1].
    truth, predictions
        N x H x W class indices, class 0 the background; `predictions` by the name of the network.
    class_names
        The class behind each index.
    errors
        Show the wrong pixels in pink, with their share below, instead of the predicted masks.

    Raises
    ------
    ValueError
        If a prediction has another shape than the truth.
    """
    for name, prediction in predictions.items():
        if prediction.shape != truth.shape:
            raise ValueError(
                f"the answer of {name} must be {tuple(truth.shape)}, but is {tuple(prediction.shape)}."
            )
    columns = ["picture", "truth", *predictions]
    figure = AltTextFigure(
        figsize=(1.95 * len(columns), 2.1 * len(images) + 0.7),
        alt_text=_in_words(truth, predictions, class_names),
    )
    axes = figure.subplots(len(images), len(columns), squeeze=False)
    for row, (image, mask) in enumerate(zip(images, truth, strict=True)):
        titles = columns if row == 0 else [""] * len(columns)
        show_image(axes[row, 0], image, titles[0], _TITLE)
        _show_mask(axes[row, 1], image, mask, titles[1])
        for axis, title, prediction in zip(axes[row, 2:], titles[2:], predictions.values(), strict=True):
            if errors:
                wrong = prediction[row] != mask
                _show_mask(axis, image, wrong, title, colour=OUTLINE)
                axis.set_xlabel(f"{float(wrong.float().mean()):.1%} wrong", fontsize=9)
            else:
                _show_mask(axis, image, prediction[row], title)
    label_maps = (truth,) if errors else (truth, *predictions.values())
    classes = {int(index) for maps in label_maps for index in maps.unique()}
    _class_legend(figure, sorted(classes), class_names)
    return figure


def mean_iou_figure(scores: Mapping[str, SegmentationScore]) -> AltTextFigure:
    """Mean IoU of several networks: over all pixels, near true boundaries, and away from them."""
    parts = ("everywhere", "at edges", "inside")
    values = {
        name: [part.mean for part in (score.overall, score.near_boundary, score.interior)]
        for name, score in scores.items()
    }
    text = "; ".join(
        f"{name} {row[0]:.2f} everywhere, {row[1]:.2f} at edges, {row[2]:.2f} inside"
        for name, row in values.items()
    )
    axis = AltTextFigure(figsize=(7.5, 0.62 * len(values) + 1.4), alt_text=f"Mean IoU. {text}.").subplots()
    series = {part: [row[number] for row in values.values()] for number, part in enumerate(parts)}
    draw_bars(axis, list(values), series, _INK, horizontal=True, written=True)
    title = "Mean IoU everywhere, near true edges, and inside" if len(values) > 1 else ""
    legend = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    return finish(axis, "mean IoU", title=title, grid=None, legend=legend, xlim=(0, 1.08))


def upsampling_steps_figure(
    steps: Tensor, captions: Sequence[str] | None = None, columns: int = 5
) -> AltTextFigure:
    """Upsampling step by step: a small map with its numbers; the cells changed by a step are highlighted.

    `steps` is S x H x W, as `cnnlab.segmentation.max_unpool_steps` and `transposed_convolution_steps` give it.
    """
    count, height, width = steps.shape
    captions = [f"after {n}" for n in range(count)] if captions is None else list(captions)
    rows = -(-count // columns)
    size = (10, rows * (10 / columns * height / width + 0.35))
    figure = AltTextFigure(figsize=size, alt_text=f"{count} steps; the last is {steps[-1].tolist()}.")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for number, axis in enumerate(axes):
        if number >= count:
            axis.set_axis_off()
            continue
        changed = steps[number] != steps[max(number - 1, 0)]
        numbers_on(axis, steps[number], changed)
        axis.set_title(captions[number], fontsize=9)
    return figure


def numbers_on(axis: Axes, values: Tensor, marked: Tensor | None = None) -> None:
    """A table H x W of numbers on an axis; `marked` (H x W booleans) frames some of them."""
    height, width = values.shape
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
    for row, column in np.ndindex(height, width):
        highlighted = marked is not None and bool(marked[row, column])
        face = "#d6e9f8" if highlighted else "#ffffff" if values[row, column] else "#f3f3f3"
        cell = {"facecolor": face, "edgecolor": "#9a9a9a", "linewidth": 0.6}
        axis.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **cell))
        text = f"{float(values[row, column]):g}".replace("-", "\u2212")
        style = {"ha": "center", "va": "center", "fontweight": "bold" if highlighted else "normal"}
        axis.text(column, row, text, fontsize=8.5, **style)


def _show_mask(axis: Axes, image: Tensor, indices: Tensor, title: str, **colours: Any) -> None:
    """A mask in the colours of its classes over the picture in pale grey."""
    show_image(axis, pale_grey(image), title, _TITLE)
    axis.imshow(_colour_mask(indices.numpy(), **colours), interpolation="nearest")


def _colour_mask(indices: np.ndarray, stride: int = 1, colour: str | None = None) -> np.ndarray:
    """H x W x 4: class colours (every `stride`-th of them) where an index is above 0, nothing elsewhere."""
    painted = np.zeros((*indices.shape, 4))
    on = indices > 0
    painted[on, :3] = to_rgb(colour) if colour else class_colours((indices[on].astype(int) - 1) * stride)
    painted[on, 3] = 1.0
    return painted


def _class_legend(figure: AltTextFigure, indices: Sequence[int], names: Sequence[str]) -> None:
    colours = {names[index]: CLASSES[(index - 1) % len(CLASSES)] for index in indices if index}
    colour_legend(figure, colours, loc="outside lower center", ncols=max(1, min(8, len(colours))))


def _in_words(truth: Tensor, predictions: Mapping[str, Tensor], names: Sequence[str]) -> str:
    band = boundary_band(truth)
    there = ", ".join(names[int(index)] for index in truth.unique() if index)
    sentences = [
        f"{len(truth)} pictures with the true masks ({there}) and the answers of {' and '.join(predictions)}."
    ]
    for name, prediction in predictions.items():
        wrong = prediction != truth
        near = float(wrong[band].float().mean()) if band.any() else 0.0
        sentences.append(
            f"{name}: {float(wrong.float().mean()):.1%} of the pixels are wrong, near edges {near:.0%}."
        )
    return " ".join(sentences)
