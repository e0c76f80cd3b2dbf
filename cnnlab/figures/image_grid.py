"""Images in rows with captions, and methods side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from cnnlab._validation import positive_int
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import show_image
from cnnlab.world import Picture

_GAP = 0.08  # inches between two cells
_ROW_NAME = 0.3  # inches for the names of rows


def grid(
    images: Sequence[Tensor], captions: Sequence[str] | None = None, columns: int = 5, width: float = 10.0
) -> AltTextFigure:
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
    captions = [_wrap(caption, (cell - _GAP) * 72 / (0.6 * size)) for caption in captions]
    rows = [range(start, min(start + columns, len(images))) for start in range(0, len(images), columns)]
    heights = [_height(images, row, cell) + _lines(captions, row) * line for row in rows]
    figure = AltTextFigure(figsize=(width, sum(heights)), dpi=100, layout=None, alt_text=_in_words(captions))
    for number, row in enumerate(rows):
        top = sum(heights[:number]) + _GAP / 2
        for column, index in enumerate(row):
            axis = _axis(figure, column * cell + _GAP / 2, top, cell - _GAP, images[index].shape)
            show_image(axis, images[index], aspect="auto")
            axis.set_xlabel(captions[index], size=size, labelpad=2, linespacing=1.15)
    return figure


def contact_sheet(pictures: Sequence[Picture], columns: int = 10, width: float = 10.0) -> AltTextFigure:
    """Rendered pictures, each with its class and scene below."""
    captions = [f"{picture.recipe.shape}\n{picture.recipe.scene}" for picture in pictures]
    return grid([picture.image for picture in pictures], captions, columns, width)


def side_by_side_figure(
    rows: Mapping[str, Sequence[Tensor]],
    columns: Sequence[str],
    captions: Mapping[str, Sequence[str]] | None = None,
    width: float = 10.0,
) -> AltTextFigure:
    """Methods side by side: a row of images for each method, a column for each task.

    Parameters
    ----------
    rows
        Name of the method -> one image for each column, 3 x H x W in [0, 1].
    columns
        What stands over the columns.
    captions
        Name of the method -> what stands under each of its images; rows without captions may be left out.
    width
        Of the whole figure, in inches.

    Raises
    ------
    ValueError
        If there is no row or no column, a row has more or fewer images or captions than there are columns, or a caption's row is not
        there.
    """
    captions = {name: [str(caption) for caption in row] for name, row in (captions or {}).items()}
    if not rows or not len(columns):
        raise ValueError("give at least one row of images and one column.")
    if unknown := set(captions) - set(rows):
        raise ValueError(f"captions came for {sorted(unknown)}, but the rows are {list(rows)}.")
    for name, row in [*rows.items(), *captions.items()]:
        if len(row) != len(columns):
            raise ValueError(
                f"there are {len(columns)} columns, but the row {name!r} has {len(row)} entries."
            )
    cell = (width - _ROW_NAME) / len(columns)
    size = min(10.0, max(7.5, 2 + 4.4 * cell))
    line, letters = 1.3 * size / 72, (cell - _GAP) * 72 / (0.6 * size)
    heads = [_wrap(str(column), letters) for column in columns]
    below = {name: [_wrap(caption, letters) for caption in row] for name, row in captions.items()}
    top = max(head.count("\n") + 1 for head in heads) * line + 2 * _GAP
    heights = {
        name: _height(row, range(len(row)), cell)
        + _lines(below.get(name, [""]), range(len(below.get(name, [""])))) * line
        for name, row in rows.items()
    }
    spoken = "; ".join(
        f"{name}: {', '.join(' '.join(caption.split()) for caption in captions[name] if caption)}"
        for name in captions
    )
    words = f"{', '.join(map(str, columns))}, by {' and '.join(rows)}." + (f" {spoken}." if spoken else "")
    figure = AltTextFigure(figsize=(width, top + sum(heights.values())), dpi=100, layout=None, alt_text=words)
    for number, (name, row) in enumerate(rows.items()):
        for column, image in enumerate(row):
            axis = _axis(figure, _ROW_NAME + column * cell + _GAP / 2, top, cell - _GAP, image.shape)
            show_image(axis, image, aspect="auto")
            axis.set_xlabel(
                below[name][column] if name in below else "", size=size, labelpad=2, linespacing=1.15
            )
            if number == 0:
                axis.set_title(heads[column], size=size, pad=4)
            if column == 0:
                axis.set_ylabel(name, size=size + 1, weight="bold", labelpad=4)
        top += heights[name]
    return figure


def tile_images(images: Tensor, cells: Sequence[tuple[int, int]], gap: int) -> Tensor:
    """N x C x h x w images as one image C x H x W: each in its cell (row, column), with `gap` white pixels between them."""
    n_rows, n_columns = (max(numbers) + 1 for numbers in zip(*cells, strict=True))
    height, width = (side + gap for side in images.shape[2:])
    sheet = torch.ones(images.shape[1], n_rows * height - gap, n_columns * width - gap)
    for image, (row, column) in zip(images, cells, strict=True):
        top, left = row * height, column * width
        sheet[:, top : top + height - gap, left : left + width - gap] = image
    return sheet


def _axis(figure: AltTextFigure, left: float, top: float, width: float, shape: Sequence[int]) -> Axes:
    """An empty frame of the image's proportions, placed in inches from the top left corner; quicker than a layout engine.

    The image in it is smoothed where it is shrunk and keeps hard pixels where it is enlarged much (matplotlib's "auto").
    """
    whole, high = figure.get_size_inches()
    height = width * shape[-2] / shape[-1]
    return figure.add_axes((left / whole, 1 - (top + height) / high, width / whole, height / high))


def _height(images: Sequence[Tensor], row: range, cell: float) -> float:
    """Inches that the images of a row need."""
    return _GAP + (cell - _GAP) * max(images[index].shape[-2] / images[index].shape[-1] for index in row)


def _lines(captions: Sequence[str], row: range) -> float:
    """Lines that the captions of a row need, and a little air below them."""
    line_count = max(captions[index].count("\n") + 1 if captions[index] else 0 for index in row)
    return line_count + 0.4 if line_count else 0.0


def _wrap(caption: str, letters: float) -> str:
    """The caption in lines of so many letters."""
    return "\n".join(
        part for line in caption.split("\n") for part in textwrap.wrap(line, max(4, int(letters))) or [""]
    )


def _in_words(captions: Sequence[str]) -> str:
    named = "; ".join(" ".join(caption.split()) for caption in captions if caption)
    count = len(captions)
    return f"{count} {'picture' if count == 1 else 'pictures'}" + (f": {named}." if named else ".")
