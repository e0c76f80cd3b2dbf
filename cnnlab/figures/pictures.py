"""Pictures side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from torch import Tensor

from cnnlab.figures.plate import Plate
from cnnlab.inputs import positive_int
from cnnlab.world import Picture

_GAP = 0.08  # inches between two cells


def grid(
    images: Sequence[Tensor], captions: Sequence[str] | None = None, columns: int = 5, width: float = 10.0
) -> Plate:
    """Images in rows, a caption under each.

    Parameters
    ----------
    images
        Each 3 x H x W in [0, 1]; they may differ in size and shape.
    captions
        As many as images. Long ones are broken into lines, and a row is as high as its longest caption needs.
    columns
        Images in a row.
    width
        Of the whole figure, in inches; ten fit the width of a notebook.

    Raises
    ------
    ValueError
        If there is no image, or the captions are not as many as the images.
    """
    images = list(images)
    captions = [""] * len(images) if captions is None else [str(caption) for caption in captions]
    if not images or len(captions) != len(images):
        raise ValueError(
            f"a grid needs images and as many captions, but got {len(images)} images and {len(captions)} captions."
        )
    columns = min(positive_int(columns, "columns"), len(images))
    cell = width / columns
    size = min(11.0, max(8.0, 2 + 4.4 * cell))  # points: below 8 a caption is not read
    line = 1.3 * size / 72
    captions = [_broken(caption, (cell - _GAP) * 72 / (0.6 * size)) for caption in captions]
    rows = [range(start, min(start + columns, len(images))) for start in range(0, len(images), columns)]
    heights = [_height(images, row, cell) + _lines(captions, row) * line for row in rows]
    figure = Plate(figsize=(width, sum(heights)), dpi=100, layout=None, words=_in_words(captions))
    for number, row in enumerate(rows):
        top = sum(heights[:number]) + _GAP / 2
        for column, index in enumerate(row):
            axis = _axis(figure, column * cell + _GAP / 2, top, cell - _GAP, images[index].shape)
            axis.imshow(
                images[index].detach().cpu().permute(1, 2, 0).numpy(), aspect="auto", interpolation="auto"
            )
            axis.set_xlabel(captions[index], size=size, labelpad=2, linespacing=1.15)
    return figure


def contact_sheet(pictures: Sequence[Picture], columns: int = 10, width: float = 10.0) -> Plate:
    """Rendered pictures, each with its class and scene below."""
    captions = [f"{picture.recipe.shape}\n{picture.recipe.scene}" for picture in pictures]
    return grid([picture.image for picture in pictures], captions, columns, width)


def _axis(figure: Plate, left: float, top: float, width: float, shape: Sequence[int]) -> Axes:
    """An empty frame of the image's proportions, placed in inches from the top left corner; quicker than a layout engine.

    The image in it is smoothed where it is shrunk and keeps hard pixels where it is enlarged much (matplotlib's "auto").
    """
    whole, high = figure.get_size_inches()
    height = width * shape[-2] / shape[-1]
    axis = figure.add_axes((left / whole, 1 - (top + height) / high, width / whole, height / high))
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    return axis


def _height(images: Sequence[Tensor], row: range, cell: float) -> float:
    """Inches that the images of a row need."""
    return _GAP + (cell - _GAP) * max(images[index].shape[-2] / images[index].shape[-1] for index in row)


def _lines(captions: Sequence[str], row: range) -> float:
    """Lines that the captions of a row need, and a little air below them."""
    most = max(captions[index].count("\n") + 1 if captions[index] else 0 for index in row)
    return most + 0.4 if most else 0.0


def _broken(caption: str, letters: float) -> str:
    """The caption in lines of so many letters."""
    return "\n".join(
        part for line in caption.split("\n") for part in textwrap.wrap(line, max(4, int(letters))) or [""]
    )


def _in_words(captions: Sequence[str]) -> str:
    named = "; ".join(" ".join(caption.split()) for caption in captions if caption)
    count = len(captions)
    return f"{count} {'picture' if count == 1 else 'pictures'}" + (f": {named}." if named else ".")
