"""What stands at each pixel: the four tasks on one picture, answers beside the truth, scores, and maps that grow stamp by stamp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from torch import Tensor

from cnnlab.figures.colours import CLASSES, OUTLINE, class_colours
from cnnlab.figures.plate import Plate
from cnnlab.segmentation import SegmentationScore, edge_band, four_tasks
from cnnlab.world import OBJECTS, Picture

NAMES = ("background", *OBJECTS)
_PALE = 0.75  # background, where a mask is shown by itself
_INK = ("#0072b2", "#e69f00", "#555555")  # blue, orange, grey: told apart by all kinds of colour vision


def tasks_figure(picture: Picture) -> Plate:
    """The right answers to the four tasks on one picture: a name, names with boxes, a class a pixel, an object a pixel."""
    asked = four_tasks(picture)
    words = (
        f"Four tasks on one picture. Classification: {asked.label}. Detection: {', '.join(asked.names)}, each in its box."
        f" Semantic segmentation: the class of each pixel. Instance segmentation: {len(asked.names)} objects, each for itself."
    )
    figure = Plate(figsize=(11, 3.7), words=words)
    label, boxes, semantic, instance = figure.subplots(1, 4)
    for axis in (label, boxes):
        axis.imshow(picture.image.permute(1, 2, 0).numpy(), interpolation="nearest")
    for name, (top, left, bottom, right) in zip(asked.names, asked.boxes.tolist(), strict=True):
        frame = (left - 0.5, top - 0.5), right - left, bottom - top
        for width, colour in ((3.5, "black"), (1.8, "white")):
            boxes.add_patch(Rectangle(*frame, fill=False, edgecolor=colour, linewidth=width))
        boxes.text(
            left, top - 2, name, fontsize=8, color="white", bbox={"facecolor": "black", "pad": 1, "lw": 0}
        )
    _mask(semantic, picture.image, asked.semantic)
    instance.imshow(_grey(picture.image))
    instance.imshow(_painted(asked.instances.numpy(), 3), interpolation="nearest")
    for number, (top, left, bottom, right) in enumerate(asked.boxes.tolist(), start=1):
        place = (left + right) / 2, (top + bottom) / 2
        instance.text(
            *place,
            number,
            ha="center",
            va="center",
            fontsize=9,
            bbox={"facecolor": "white", "pad": 1, "lw": 0},
        )
    titles = (f"classification:\n{asked.label}", "detection:\nnames and boxes")
    titles += ("semantic segmentation:\na class a pixel", "instance segmentation:\nan object a pixel")
    for axis, title in zip((label, boxes, semantic, instance), titles, strict=True):
        _bare(axis, title)
    _legend(figure, asked.semantic.unique().tolist(), NAMES)
    return figure


def masks_figure(
    images: Tensor,
    truth: Tensor,
    answers: Mapping[str, Tensor],
    class_names: Sequence[str] = NAMES,
    errors: bool = False,
) -> Plate:
    """Pictures in rows; beside each its true mask and the answers of networks, or only what is wrong in them.

    Parameters
    ----------
    images
        N x 3 x H x W floats in [0, 1].
    truth, predictions
        N x H x W class indices, class 0 the background; `answers` by the name of who answered.
    class_names
        The class behind each index.
    errors
        Show in pink the pixels that are wrong, with their share below, instead of the answers.

    Raises
    ------
    ValueError
        If an answer has other axes than the truth.
    """
    for name, answer in answers.items():
        if answer.shape != truth.shape:
            raise ValueError(
                f"the answer of {name} must be {tuple(truth.shape)}, but is {tuple(answer.shape)}."
            )
    columns = ["picture", "truth", *answers]
    figure = Plate(
        figsize=(1.95 * len(columns), 2.1 * len(images) + 0.7), words=_in_words(truth, answers, class_names)
    )
    axes = figure.subplots(len(images), len(columns), squeeze=False)
    for row, (image, mask) in enumerate(zip(images, truth, strict=True)):
        axes[row, 0].imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
        _mask(axes[row, 1], image, mask)
        for axis, answer in zip(axes[row, 2:], answers.values(), strict=True):
            if errors:
                wrong = answer[row] != mask
                axis.imshow(_grey(image))
                axis.imshow(_painted(wrong.numpy(), colour=OUTLINE), interpolation="nearest")
                axis.set_xlabel(f"{float(wrong.float().mean()):.1%} wrong", fontsize=9)
            else:
                _mask(axis, image, answer[row])
        for axis, title in zip(axes[row], columns, strict=True):
            _bare(axis, title if row == 0 else "")
    shown = (truth,) if errors else (truth, *answers.values())
    seen = {int(index) for maps in shown for index in maps.unique()}
    _legend(figure, sorted(seen), class_names)
    return figure


def mask_scores_figure(scores: Mapping[str, SegmentationScore]) -> Plate:
    """Mean IoU of several networks: over all pixels, near true edges, and away from them."""
    parts = ("everywhere", "at_edges", "inside")
    values = {name: [getattr(score, part).mean for part in parts] for name, score in scores.items()}
    said = "; ".join(
        f"{name} {row[0]:.2f} everywhere, {row[1]:.2f} at edges, {row[2]:.2f} inside"
        for name, row in values.items()
    )
    figure = Plate(figsize=(7.5, 0.62 * len(values) + 1.4), words=f"Mean IoU. {said}.")
    axis = figure.subplots()
    for number, (part, colour) in enumerate(zip(parts, _INK, strict=True)):
        places = np.arange(len(values)) + 0.27 * (number - 1)
        lengths = [row[number] for row in values.values()]
        axis.barh(places, lengths, height=0.25, color=colour, label=part.replace("_", " "))
        for place, length in zip(places, lengths, strict=True):
            axis.text(length + 0.01, place, f"{length:.2f}", va="center", fontsize=8)
    axis.set_yticks(range(len(values)), values)
    axis.invert_yaxis()
    axis.set(xlim=(0, 1.08), xlabel="mean IoU")
    axis.set_title("Skips help where the edges are", fontsize=11) if len(values) > 1 else None
    axis.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def stamps_figure(steps: Tensor, captions: Sequence[str] | None = None, columns: int = 5) -> Plate:
    """A small map that grows step by step, with its numbers; what a step has changed is framed.

    `steps` is S x H x W, as `cnnlab.segmentation.max_unpool_steps` and `transposed_convolution_steps` give it.
    """
    count, height, width = steps.shape
    captions = [f"after {n}" for n in range(count)] if captions is None else list(captions)
    rows = -(-count // columns)
    size = (10, rows * (10 / columns * height / width + 0.35))
    figure = Plate(figsize=size, words=f"{count} steps; the last is {steps[-1].tolist()}.")
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
        now = marked is not None and bool(marked[row, column])
        face = "#d6e9f8" if now else "#ffffff" if values[row, column] else "#f3f3f3"
        axis.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, edgecolor="#9a9a9a", linewidth=0.6)
        )
        said = f"{float(values[row, column]):g}".replace("-", "\u2212")
        axis.text(
            column, row, said, ha="center", va="center", fontsize=8.5, fontweight="bold" if now else "normal"
        )


def _mask(axis: Axes, image: Tensor, mask: Tensor) -> None:
    axis.imshow(_grey(image))
    axis.imshow(_painted(mask.numpy()), interpolation="nearest")


def _painted(indices: np.ndarray, stride: int = 1, colour: str | None = None) -> np.ndarray:
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


def _legend(figure: Plate, indices: Sequence[int], names: Sequence[str]) -> None:
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


def _in_words(truth: Tensor, answers: Mapping[str, Tensor], names: Sequence[str]) -> str:
    band = edge_band(truth)
    there = ", ".join(names[int(index)] for index in truth.unique() if index)
    said = [
        f"{len(truth)} pictures with the true masks ({there}) and the answers of {' and '.join(answers)}."
    ]
    for name, answer in answers.items():
        wrong = answer != truth
        near = float(wrong[band].float().mean()) if band.any() else 0.0
        said.append(
            f"{name}: {float(wrong.float().mean()):.1%} of the pixels are wrong, near edges {near:.0%}."
        )
    return " ".join(said)
