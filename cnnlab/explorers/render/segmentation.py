"""Segmentation of one picture beside the ground truth, for the segmentation explorer; without any widget."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.colors import to_rgb, to_rgba
from torch import Tensor, nn

from cnnlab.explorers.image_sources import ImageSource, RenderedSource
from cnnlab.figures.colours import CLASSES, OUTLINE
from cnnlab.figures.palette_png import TRANSPARENT, index_png
from cnnlab.networks.forward import forward, without_gradients
from cnnlab.segmentation import boundary_band, vision_tasks
from cnnlab.world import OBJECTS
from cnnlab.world import render as render_picture

VIEWS = ("answer", "truth", "errors")
NAMES = ("background", *OBJECTS)
EDGE_WIDTH = 2
"""Pixels within this distance of a true boundary count as near it."""
INSIDE_COLOUR = "#1f4fd8"
"""Errors away from boundaries: dark blue, beside the pink of those near them."""


@dataclass(frozen=True, eq=False)
class Result:
    """Result for one picture: C x H x W probabilities, and, for a rendered picture, its H x W true classes."""

    probabilities: Tensor
    names: tuple[str, ...]
    truth: Tensor | None

    @property
    def prediction(self) -> Tensor:
        """H x W class indices."""
        return self.probabilities.argmax(0)

    @property
    def errors(self) -> Tensor:
        """H x W: 1 where the prediction is wrong near a true boundary, 0 where it is wrong elsewhere, NaN where it is right."""
        if self.truth is None:
            raise ValueError("nobody knows the truth of a photo; look at the answer instead.")
        kind = boundary_band(self.truth, EDGE_WIDTH).float()
        return kind.where(self.prediction != self.truth, torch.nan)


def render(model: nn.Module, source: ImageSource, side: int) -> Result:
    """The segmentation of one picture, with one forward pass."""
    image = source.image(side)
    with without_gradients(model):
        logits = forward(model, image[None])
    if logits.dim() != 4 or logits.shape[-2:] != image.shape[-2:]:
        raise ValueError(
            "this network gives one answer a picture; take one that answers at each pixel, such as unet."
        )
    names = tuple(getattr(model, "class_names", ())) or tuple(map(str, range(logits.shape[1])))
    has_truth = isinstance(source, RenderedSource) and names == NAMES
    truth = vision_tasks(render_picture(source.recipe, size=side)).semantic if has_truth else None
    return Result(logits[0].softmax(0).float().cpu().clone(), names, truth)


def class_map(result: Result, view: str) -> Tensor:
    """H x W numbers for `class_tiles`: classes (NaN: background), or errors."""
    if view == "errors":
        return result.errors
    if view == "truth" and result.truth is None:
        raise ValueError("nobody knows the truth of a photo; look at the answer instead.")
    classes = result.prediction if view == "answer" else result.truth
    return (classes - 1.0).where(classes > 0, torch.nan)


def class_tiles(maps: Sequence[Tensor], view: str) -> dict:
    """Maps of one view as the tiles of an `ImageGrid`, in the plain colours of classes or errors."""
    row = torch.cat(list(maps), 1)  # side by side
    table = np.rint([[255 * part for part in to_rgb(colour)] for colour in _colours(view)]).astype(np.uint8)
    content = index_png(row.nan_to_num(nan=TRANSPARENT).numpy(), table)
    height, width = maps[0].shape
    return {"png": content, "count": len(maps), "columns": len(maps), "width": width, "height": height}


def colour_image(result: Result, view: str) -> np.ndarray:
    """A map as H x W x 4 floats for a figure."""
    values = class_map(result, view).numpy()
    painted = np.zeros((*values.shape, 4))
    for index, colour in enumerate(_colours(view)):
        painted[values == index] = to_rgba(colour)
    return painted


def describe(result: Result) -> str:
    """The numbers for this picture as HTML: wrong pixels near boundaries and elsewhere; intersection over union by class."""
    if result.truth is None:
        return "<p>Nobody knows the truth of a photo, so there is no number here.</p>"
    wrong, band = result.prediction != result.truth, boundary_band(result.truth, EDGE_WIDTH)
    lines = [f"{_share(wrong)} of all pixels are wrong."]
    lines += [
        f"Within {EDGE_WIDTH} pixels of a true edge: {_share(wrong[band])}. Elsewhere: {_share(wrong[~band])}."
    ]
    for index in result.truth.unique().tolist():
        intersection = ((result.prediction == index) & (result.truth == index)).sum()
        union = ((result.prediction == index) | (result.truth == index)).sum()
        lines.append(f"IoU of {html.escape(result.names[index])}: {float(intersection / union):.2f}.")
    return "".join(f"<p>{line}</p>" for line in lines)


def legend(result: Result, view: str) -> str:
    """Legend of the colours that occur, as HTML."""
    if view == "errors":
        pairs = [(OUTLINE, "wrong near a true edge"), (INSIDE_COLOUR, "wrong elsewhere")]
    else:
        maps = [result.prediction] if result.truth is None else [result.prediction, result.truth]
        indices = sorted({int(index) for classes in maps for index in classes.unique() if index})
        pairs = [(CLASSES[(index - 1) % len(CLASSES)], result.names[index]) for index in indices]
    chips = (
        f'<span style="white-space: nowrap; margin-right: 10px"><span style="display: inline-block; width: 11px;'
        f' height: 11px; background: {colour}; border: 1px solid #666"></span> {html.escape(name)}</span>'
        for colour, name in pairs
    )
    return f"<p>{' '.join(chips)}</p>"


def at_pixel(result: Result, row: int, column: int) -> str:
    """A sentence on one pixel: the two most probable classes, and the ground truth."""
    values, classes = result.probabilities[:, row, column].topk(2)
    text = ", ".join(
        f"{result.names[c]} {v:.2f}" for v, c in zip(values.tolist(), classes.tolist(), strict=True)
    )
    true = "" if result.truth is None else f"; in truth {result.names[int(result.truth[row, column])]}"
    return f"row {row}, column {column}: {text}{true}"


def _colours(view: str) -> Sequence[str]:
    return (INSIDE_COLOUR, OUTLINE) if view == "errors" else CLASSES


def _share(wrong: Tensor) -> str:
    return f"{float(wrong.float().mean()) if wrong.numel() else 0.0:.1%}"
