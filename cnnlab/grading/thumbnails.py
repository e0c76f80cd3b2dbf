"""Thumbnails of the values that a student's function returned, for the feedback page; drawn by the grader from plain numbers."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

MAX_SIDE = 512
MAX_SHOWN = 4  # of a batch, two in a row
GAP = 1  # white pixels between two
MIN_INDEX_SHARE = 8  # rows and columns of whole numbers: fewer are a table of indices or boxes, not a mask


def thumbnail(value: Any, n_inputs: int = 0) -> bytes:
    """A PNG of a map (rows x columns) or a picture (3 x rows x columns), or of one for each of the `n_inputs` pictures.

    Several share one colour scale, and the first four are shown. It is b"" for any other value, or one too small to show.
    """
    from PIL import Image

    parts = _parts(value, n_inputs)
    rows, columns = parts.shape[2:]
    if not len(parts) or min(rows, columns) < 3 or max(rows, columns) > MAX_SIDE:
        return b""
    if parts.shape[1] == 1 and parts.dtype.kind in "iu" and min(rows, columns) < MIN_INDEX_SHARE:
        return b""
    numbers = np.nan_to_num(parts.astype(np.float64), posinf=0, neginf=0)
    low, high = float(numbers.min()), float(numbers.max())
    coloured = parts.shape[1] == 3
    if not (coloured and low >= 0 and high <= 1):
        numbers = (numbers - low) / max(high - low, 1e-12)
    bytes_ = np.round(numbers * 255).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(_grid(bytes_.transpose(0, 2, 3, 1) if coloured else _palette()[bytes_[:, 0]]))
    scale = max(1, 160 // max(image.size))
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _parts(value: Any, n_inputs: int) -> np.ndarray:
    """The maps (N x 1 x rows x columns) or pictures (N x 3 x rows x columns) in `value`; N is 0 if there are none."""
    none = np.zeros((0, 1, 0, 0))
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf" or not value.size:
        return none
    if value.ndim == 2:
        return value[None, None]
    if value.ndim == 3 and len(value) == n_inputs:  # first, since three maps are not a picture
        return value[:MAX_SHOWN, None]
    if value.ndim == 3 and len(value) == 3:
        return value[None]
    if value.ndim == 4 and len(value) == n_inputs and value.shape[1] == 3:
        return value[:MAX_SHOWN]
    return none


def _grid(parts: np.ndarray) -> np.ndarray:
    """Arrange pictures (N x rows x columns x 3 bytes) as one, two in a row."""
    count, rows, columns, _ = parts.shape
    high, wide = -(-count // 2), min(count, 2)
    sheet = np.full((high * (rows + GAP) - GAP, wide * (columns + GAP) - GAP, 3), 255, np.uint8)
    for number, part in enumerate(parts):
        top, left = number // 2 * (rows + GAP), number % 2 * (columns + GAP)
        sheet[top : top + rows, left : left + columns] = part
    return sheet


def _palette() -> np.ndarray:
    """Colour map from dark blue over green to yellow: 256 colours of rising lightness, also legible in grey."""
    stops = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], float)
    positions = np.linspace(0, 4, 256)
    channels = [np.interp(positions, np.arange(5), stops[:, channel]) for channel in range(3)]
    return np.stack(channels, -1).astype(np.uint8)
