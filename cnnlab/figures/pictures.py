"""Pictures side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from cnnlab.figures.plate import Plate
from cnnlab.inputs import positive_int
from cnnlab.world import Picture


def grid(
    images: Sequence[Tensor], captions: Sequence[str] | None = None, columns: int = 5, width: float = 10.0
) -> Plate:
    """Images (each 3 x H x W in [0, 1]) in rows, a caption under each; `width` in inches.

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
    rows = math.ceil(len(images) / columns)
    cell = width / columns
    text = 0.32 * max(caption.count("\n") + 1 for caption in captions) if any(captions) else 0.0
    figure = Plate(figsize=(width, rows * (cell + text)), words=_in_words(captions, len(images)))
    for axis, image, caption in zip(
        figure.subplots(rows, columns, squeeze=False).flat, images, captions, strict=False
    ):
        axis.imshow(image.detach().cpu().permute(1, 2, 0).numpy(), interpolation="nearest")
        axis.set_xlabel(caption, fontsize=min(11, 2 + 4.4 * cell), wrap=True)
    for axis in figure.axes:
        axis.set(xticks=[], yticks=[])
        axis.set_visible(bool(axis.images))
        axis.spines[:].set_visible(False)
    return figure


def contact_sheet(pictures: Sequence[Picture], columns: int = 10, width: float = 10.0) -> Plate:
    """Rendered pictures, each with its class and scene below."""
    captions = [f"{picture.recipe.shape}\n{picture.recipe.scene}" for picture in pictures]
    return grid([picture.image for picture in pictures], captions, columns, width)


def _in_words(captions: Sequence[str], count: int) -> str:
    named = "; ".join(caption.replace("\n", ", ") for caption in captions if caption)
    return f"{count} {'picture' if count == 1 else 'pictures'}" + (f": {named}." if named else ".")
