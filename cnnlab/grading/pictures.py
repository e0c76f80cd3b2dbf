"""Small pictures of what a student's function gave back, for the feedback page; drawn by the grader from plain numbers."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

MOST_SIDE = 512
LEAST_OF_INDICES = 8  # rows and columns of whole numbers: fewer are a table of indices or boxes, not a mask


def picture(value: Any) -> bytes:
    """A PNG of a map (rows x columns) or a picture (3 x rows x columns); b"" for what is neither, or too small to be looked at."""
    from PIL import Image

    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf" or value.ndim not in (2, 3):
        return b""
    if (
        value.ndim == 3
        and value.shape[0] != 3
        or min(value.shape[-2:]) < 3
        or max(value.shape[-2:]) > MOST_SIDE
    ):
        return b""
    if value.ndim == 2 and value.dtype.kind in "iu" and min(value.shape) < LEAST_OF_INDICES:
        return b""
    numbers = np.nan_to_num(value.astype(np.float64), posinf=0, neginf=0)
    low, high = float(numbers.min()), float(numbers.max())
    coloured = value.ndim == 3
    if not (coloured and low >= 0 and high <= 1):
        numbers = (numbers - low) / max(high - low, 1e-12)
    bytes_ = np.round(numbers * 255).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(bytes_.transpose(1, 2, 0) if coloured else _palette()[bytes_])
    scale = max(1, 160 // max(image.size))
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _palette() -> np.ndarray:
    """From dark blue over green to yellow: 256 colours whose lightness rises, so that it reads in grey too."""
    stops = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], float)
    places = np.linspace(0, 4, 256)
    channels = [np.interp(places, np.arange(5), stops[:, channel]) for channel in range(3)]
    return np.stack(channels, -1).astype(np.uint8)
