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
    starts = range(0, len(images), columns)
    rows = [(images[i : i + columns], captions[i : i + columns]) for i in starts]
    height = sum(_height(*row, cell, line) for row in rows)
    options = {"figsize": (width, height), "dpi": 100, "layout": None, "photographs": True}
    figure = AltTextFigure(**options, alt_text=_in_words(captions))
    _draw_rows(figure, rows, 0, _GAP / 2, cell, size)
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
    lines = [(list(images), below.get(name, [""] * len(columns))) for name, images in rows.items()]
    height = top + sum(_height(*row, cell, line) for row in lines)
    spoken = "; ".join(
        f"{name}: {', '.join(' '.join(caption.split()) for caption in captions[name] if caption)}"
        for name in captions
    )
    words = f"{', '.join(map(str, columns))}, by {' and '.join(rows)}." + (f" {spoken}." if spoken else "")
    options = {"figsize": (width, height), "dpi": 100, "layout": None, "photographs": True}
    figure = AltTextFigure(**options, alt_text=words)
    axes = _draw_rows(figure, lines, _ROW_NAME, top, cell, size)
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(head, size=size, pad=4)
    for row, name in zip(axes, rows, strict=True):
        row[0].set_ylabel(name, size=size + 1, weight="bold", labelpad=4)
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


def _draw_rows(
    figure: AltTextFigure,
    rows: Sequence[tuple[Sequence[Tensor], Sequence[str]]],
    left: float,
    top: float,
    cell: float,
    size: float,
) -> list[list[Axes]]:
    """Rows of images with captions of `size` points, from a corner given in inches; quicker than a layout engine."""
    whole, high = figure.get_size_inches()
    width = cell - _GAP
    axes = []
    for images, captions in rows:
        axes.append([])
        for column, (image, caption) in enumerate(zip(images, captions, strict=True)):
            height = width * image.shape[-2] / image.shape[-1]
            corner = (left + column * cell + _GAP / 2) / whole, 1 - (top + height) / high
            axis = figure.add_axes((*corner, width / whole, height / high))
            show_image(axis, image, aspect="auto")
            axis.set_xlabel(caption, size=size, labelpad=2, linespacing=1.15)
            axes[-1].append(axis)
        top += _height(images, captions, cell, 1.3 * size / 72)
    return axes


def _height(images: Sequence[Tensor], captions: Sequence[str], cell: float, line: float) -> float:
    """Inches that a row of images needs, with its captions and a little space below them."""
    line_count = max(caption.count("\n") + 1 if caption else 0 for caption in captions)
    tallest = max(image.shape[-2] / image.shape[-1] for image in images)
    return _GAP + (cell - _GAP) * tallest + line * (line_count + 0.4 if line_count else 0)


def _wrap(caption: str, letters: float) -> str:
    """The caption in lines of so many letters."""
    return "\n".join(
        part for line in caption.split("\n") for part in textwrap.wrap(line, max(4, int(letters))) or [""]
    )


def _in_words(captions: Sequence[str]) -> str:
    named = "; ".join(" ".join(caption.split()) for caption in captions if caption)
    count = len(captions)
    return f"{count} {'picture' if count == 1 else 'pictures'}" + (f": {named}." if named else ".")
