"""What stands at each pixel: the four tasks on one picture, answers beside the truth, scores, and maps that grow stamp by stamp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import CLASSES, OUTLINE, class_colours
from cnnlab.segmentation import SegmentationScore, boundary_band, vision_tasks
from cnnlab.world import OBJECTS, Picture

NAMES = ("background", *OBJECTS)
_PALE = 0.75  # background, where a mask is shown by itself
_INK = ("#0072b2", "#e69f00", "#555555")  # blue, orange, grey: told apart by all kinds of colour vision


def tasks_figure(picture: Picture) -> AltTextFigure:
    """The right answers to the four tasks on one picture: a name, names with boxes, a class a pixel, an object a pixel."""
    tasks = vision_tasks(picture)
    alt_text = (
        f"Four tasks on one picture. Classification: {tasks.label}. Detection: {', '.join(tasks.names)}, each in its box."
        f" Semantic segmentation: the class of each pixel. Instance segmentation: {len(tasks.names)} objects, each for itself."
    )
    figure = AltTextFigure(figsize=(11, 3.7), alt_text=alt_text)
    label, boxes, semantic, instance = figure.subplots(1, 4)
    for axis in (label, boxes):
        axis.imshow(picture.image.permute(1, 2, 0).numpy(), interpolation="nearest")
    for name, (top, left, bottom, right) in zip(tasks.names, tasks.boxes.tolist(), strict=True):
        frame = (left - 0.5, top - 0.5), right - left, bottom - top
        for width, colour in ((3.5, "black"), (1.8, "white")):
            boxes.add_patch(Rectangle(*frame, fill=False, edgecolor=colour, linewidth=width))
        boxes.text(
            left, top - 2, name, fontsize=8, color="white", bbox={"facecolor": "black", "pad": 1, "lw": 0}
        )
    _mask(semantic, picture.image, tasks.semantic)
    instance.imshow(_grey(picture.image))
    instance.imshow(_colour_mask(tasks.instances.numpy(), 3), interpolation="nearest")
    for number, (top, left, bottom, right) in enumerate(tasks.boxes.tolist(), start=1):
        position = (left + right) / 2, (top + bottom) / 2
        instance.text(
            *position,
            number,
            ha="center",
            va="center",
            fontsize=9,
            bbox={"facecolor": "white", "pad": 1, "lw": 0},
        )
    titles = (f"classification:\n{tasks.label}", "detection:\nnames and boxes")
    titles += ("semantic segmentation:\na class a pixel", "instance segmentation:\nan object a pixel")
    for axis, title in zip((label, boxes, semantic, instance), titles, strict=True):
        _bare(axis, title)
    _legend(figure, tasks.semantic.unique().tolist(), NAMES)
    return figure


def segmentation_figure(
    images: Tensor,
    truth: Tensor,
    predictions: Mapping[str, Tensor],
    class_names: Sequence[str] = NAMES,
    errors: bool = False,
) -> AltTextFigure:
    """Pictures in rows; beside each its true mask and the answers of networks, or only what is wrong in them.

    Parameters
    ----------
    images
        N x 3 x H x W floats in [0, 1].
    truth, predictions
        N x H x W class indices, class 0 the background; `predictions` by the name of who answered.
    class_names
        The class behind each index.
    errors
        Show in pink the pixels that are wrong, with their share below, instead of the answers.

    Raises
    ------
    ValueError
        If an answer has other axes than the truth.
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
        axes[row, 0].imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
        _mask(axes[row, 1], image, mask)
        for axis, prediction in zip(axes[row, 2:], predictions.values(), strict=True):
            if errors:
                wrong = prediction[row] != mask
                axis.imshow(_grey(image))
                axis.imshow(_colour_mask(wrong.numpy(), colour=OUTLINE), interpolation="nearest")
                axis.set_xlabel(f"{float(wrong.float().mean()):.1%} wrong", fontsize=9)
            else:
                _mask(axis, image, prediction[row])
        for axis, title in zip(axes[row], columns, strict=True):
            _bare(axis, title if row == 0 else "")
    label_maps = (truth,) if errors else (truth, *predictions.values())
    classes = {int(index) for maps in label_maps for index in maps.unique()}
    _legend(figure, sorted(classes), class_names)
    return figure


def mean_iou_figure(scores: Mapping[str, SegmentationScore]) -> AltTextFigure:
    """Mean IoU of several networks: over all pixels, near true edges, and away from them."""
    parts = ("everywhere", "at edges", "inside")
    values = {
        name: [part.mean for part in (score.overall, score.near_boundary, score.interior)]
        for name, score in scores.items()
    }
    text = "; ".join(
        f"{name} {row[0]:.2f} everywhere, {row[1]:.2f} at edges, {row[2]:.2f} inside"
        for name, row in values.items()
    )
    figure = AltTextFigure(figsize=(7.5, 0.62 * len(values) + 1.4), alt_text=f"Mean IoU. {text}.")
    axis = figure.subplots()
    for number, (part, colour) in enumerate(zip(parts, _INK, strict=True)):
        positions = np.arange(len(values)) + 0.27 * (number - 1)
        lengths = [row[number] for row in values.values()]
        axis.barh(positions, lengths, height=0.25, color=colour, label=part)
        for position, length in zip(positions, lengths, strict=True):
            axis.text(length + 0.01, position, f"{length:.2f}", va="center", fontsize=8)
    axis.set_yticks(range(len(values)), values)
    axis.invert_yaxis()
    axis.set(xlim=(0, 1.08), xlabel="mean IoU")
    axis.set_title("Skips help where the edges are", fontsize=11) if len(values) > 1 else None
    axis.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def upsampling_steps_figure(
    steps: Tensor, captions: Sequence[str] | None = None, columns: int = 5
) -> AltTextFigure:
    """A small map that grows step by step, with its numbers; what a step has changed is framed.

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
        axis.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, edgecolor="#9a9a9a", linewidth=0.6)
        )
        text = f"{float(values[row, column]):g}".replace("-", "\u2212")
        axis.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=8.5,
            fontweight="bold" if highlighted else "normal",
        )


def _mask(axis: Axes, image: Tensor, mask: Tensor) -> None:
    axis.imshow(_grey(image))
    axis.imshow(_colour_mask(mask.numpy()), interpolation="nearest")


def _colour_mask(indices: np.ndarray, stride: int = 1, colour: str | None = None) -> np.ndarray:
    """H x W x 4: class colours (every `stride`-th of them) where an index is above 0, nothing elsewhere."""
    painted = np.zeros((*indices.shape, 4))
    on = indices > 0
    if colour is None:
        painted[on, :3] = class_colours((indices[on].astype(int) - 1) * stride)
    else:
        painted[on, :3] = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    painted[on, 3] = 1.0
    return painted


def _grey(image: Tensor) -> np.ndarray:
    pale = _PALE + (1 - _PALE) * image.mean(0).numpy()
    return np.repeat(pale[:, :, None], 3, 2)


def _bare(axis: Axes, title: str) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=9.5)


def _legend(figure: AltTextFigure, indices: Sequence[int], names: Sequence[str]) -> None:
    patches = [
        Patch(facecolor=CLASSES[(index - 1) % len(CLASSES)], edgecolor="0.4", label=names[index])
        for index in indices
        if index
    ]
    if patches:
        figure.legend(
            handles=patches,
            loc="outside lower center",
            ncols=min(8, len(patches)),
            fontsize=8.5,
            frameon=False,
        )


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
