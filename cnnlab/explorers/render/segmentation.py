"""What a network for masks says, beside the truth: what the segmentation explorer shows, without any widget."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.colors import to_rgb, to_rgba
from torch import Tensor, nn

from cnnlab.explorers.sources import Rendered, Source
from cnnlab.figures.colours import CLASSES, OUTLINE
from cnnlab.figures.palettes import NOTHING, index_png
from cnnlab.networks.layers import evaluating
from cnnlab.networks.modes import like_parameters
from cnnlab.segmentation import edge_band, four_tasks
from cnnlab.world import OBJECTS, render

LOOKS = ("answer", "truth", "errors")
NAMES = ("background", *OBJECTS)
NEAR = 2
"""Pixels to a true edge that count as near."""
INSIDE = "#1f4fd8"
"""Errors away from edges: a dark blue beside the pink of those near them."""


@dataclass(frozen=True, eq=False)
class Segmented:
    """The answer to one picture: C x H x W probabilities, and, for a rendered picture, its H x W true classes."""

    probabilities: Tensor
    names: tuple[str, ...]
    truth: Tensor | None

    @property
    def answer(self) -> Tensor:
        """H x W class indices."""
        return self.probabilities.argmax(0)

    @property
    def errors(self) -> Tensor:
        """H x W: 1 where the answer is wrong near a true edge, 0 where it is wrong elsewhere, NaN where it is right."""
        if self.truth is None:
            raise ValueError("nobody knows the truth of a photo; look at the answer instead.")
        kind = edge_band(self.truth, NEAR).float()
        return kind.where(self.answer != self.truth, torch.nan)


def ask(model: nn.Module, source: Source, side: int) -> Segmented:
    """One forward pass."""
    image = source.image(side)
    with evaluating(model), torch.inference_mode():
        logits = model(like_parameters(model, image[None]))
    if logits.dim() != 4 or logits.shape[-2:] != image.shape[-2:]:
        raise ValueError(
            "this network gives one answer a picture; take one that answers at each pixel, such as unet."
        )
    names = tuple(getattr(model, "class_names", ())) or tuple(map(str, range(logits.shape[1])))
    known = isinstance(source, Rendered) and names == NAMES
    truth = four_tasks(render(source.recipe, size=side)).semantic if known else None
    return Segmented(logits[0].softmax(0).float().cpu().clone(), names, truth)


def overlay(found: Segmented, look: str) -> Tensor:
    """H x W numbers for `paint`: classes (NaN: background), or errors."""
    if look == "errors":
        return found.errors
    if look == "truth" and found.truth is None:
        raise ValueError("nobody knows the truth of a photo; look at the answer instead.")
    classes = found.answer if look == "answer" else found.truth
    return (classes - 1.0).where(classes > 0, torch.nan)


def paint(maps: Sequence[Tensor], look: str) -> dict:
    """Maps of one look as the tiles of a sheet, in the plain colours of classes or errors."""
    row = torch.cat(list(maps), 1)  # side by side
    table = np.rint([[255 * part for part in to_rgb(colour)] for colour in _colours(look)]).astype(np.uint8)
    content = index_png(row.nan_to_num(nan=NOTHING).numpy(), table)
    height, width = maps[0].shape
    return {"png": content, "count": len(maps), "columns": len(maps), "width": width, "height": height}


def coloured(found: Segmented, look: str) -> np.ndarray:
    """The same as H x W x 4 floats for a figure."""
    values = overlay(found, look).numpy()
    painted = np.zeros((*values.shape, 4))
    for index, colour in enumerate(_colours(look)):
        painted[values == index] = to_rgba(colour)
    return painted


def reading(found: Segmented) -> str:
    """The numbers of this picture as HTML: how many pixels are wrong, near edges and elsewhere; intersection over union by class."""
    if found.truth is None:
        return "<p>Nobody knows the truth of a photo, so there is no number here.</p>"
    wrong, band = found.answer != found.truth, edge_band(found.truth, NEAR)
    lines = [f"{_share(wrong)} of all pixels are wrong."]
    lines += [
        f"Within {NEAR} pixels of a true edge: {_share(wrong[band])}. Elsewhere: {_share(wrong[~band])}."
    ]
    for index in found.truth.unique().tolist():
        both = ((found.answer == index) & (found.truth == index)).sum()
        either = ((found.answer == index) | (found.truth == index)).sum()
        lines.append(f"IoU of {html.escape(found.names[index])}: {float(both / either):.2f}.")
    return "".join(f"<p>{line}</p>" for line in lines)


def legend(found: Segmented, look: str) -> str:
    """The colours that occur, with their names, as HTML."""
    if look == "errors":
        pairs = [(OUTLINE, "wrong near a true edge"), (INSIDE, "wrong elsewhere")]
    else:
        maps = [found.answer] if found.truth is None else [found.answer, found.truth]
        seen = sorted({int(index) for one in maps for index in one.unique() if index})
        pairs = [(CLASSES[(index - 1) % len(CLASSES)], found.names[index]) for index in seen]
    chips = (
        f'<span style="white-space: nowrap; margin-right: 10px"><span style="display: inline-block; width: 11px;'
        f' height: 11px; background: {colour}; border: 1px solid #666"></span> {html.escape(name)}</span>'
        for colour, name in pairs
    )
    return f"<p>{' '.join(chips)}</p>"


def at_pixel(found: Segmented, row: int, column: int) -> str:
    """What is said of one pixel: the two most probable classes, and the truth."""
    values, classes = found.probabilities[:, row, column].topk(2)
    said = ", ".join(
        f"{found.names[c]} {v:.2f}" for v, c in zip(values.tolist(), classes.tolist(), strict=True)
    )
    true = "" if found.truth is None else f"; in truth {found.names[int(found.truth[row, column])]}"
    return f"row {row}, column {column}: {said}{true}"


def _colours(look: str) -> Sequence[str]:
    return (INSIDE, OUTLINE) if look == "errors" else CLASSES


def _share(wrong: Tensor) -> str:
    return f"{float(wrong.float().mean()) if wrong.numel() else 0.0:.1%}"
