"""Random square crops of a photograph, at several scales and positions.

`Photographs.crops` makes a data set of patches from them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from cnnlab._validation import fraction


def validate_scales(scales: Sequence[float]) -> list[float]:
    """`scales` as floats above 0 and at most 1; else a ValueError."""
    fractions = [fraction(scale, "each of scales") for scale in scales]
    if not fractions or 0 in fractions:
        raise ValueError(f"scales must be one or more numbers above 0 and at most 1, but got {list(scales)}.")
    return fractions


def crop_boxes(
    width: int, height: int, scales: Sequence[float], count: int, rng: np.random.Generator
) -> np.ndarray:
    """At most `count` different squares in a photograph, largest first: N x (left, top, side), whole numbers.

    The number of squares of a scale s is proportional to 1 / s^2; each scale has at least one if `count` allows it.
    """
    sides = sorted({max(1, round(scale * min(width, height))) for scale in scales}, reverse=True)
    boxes, remaining = [], count
    weights = [1 / side**2 for side in sides]
    for number, side in enumerate(sides):
        n_positions = (width - side + 1) * (height - side + 1)
        share = remaining * weights[number] / sum(weights[number:])
        n_boxes = min(n_positions, remaining, max(1, round(share)))
        positions = rng.choice(n_positions, n_boxes, replace=False)
        top, left = np.divmod(positions, width - side + 1)
        boxes.append(np.stack([left, top, np.full_like(left, side)], axis=1))
        remaining -= n_boxes
    return np.concatenate(boxes)


def crop_square(photograph: Image.Image, box: np.ndarray, size: int) -> np.ndarray:
    """The square (left, top, side) of a photograph, scaled with Lanczos filtering, as size x size x 3 bytes.

    A square more than three times too large is first averaged in blocks, which takes a tenth of the time and changes single bytes a little.
    """
    left, top, side = (int(number) for number in box)
    patch = photograph.crop((left, top, left + side, top + side))
    return np.array(patch.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0))
