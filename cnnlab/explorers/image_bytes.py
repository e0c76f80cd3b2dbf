"""Image encoding for the browser: tensors as JPEG or PNG bytes.

Photographs and rendered pictures are JPEG when large and PNG when exact pixels matter; maps are palette PNG, whose
colour map is a table: small, quick to write, and without JPEG's ringing at edges.
"""

from __future__ import annotations

import zlib
from io import BytesIO

import numpy as np
from PIL import Image
from torch import Tensor

TRANSPARENT = 255
"""The transparent index of a palette PNG."""


def to_array(image: Tensor) -> np.ndarray:
    """3 x H x W floats in [0, 1] as an H x W x 3 uint8 array."""
    scaled = image.detach().cpu().float().mul(255).round_().clamp_(0, 255)
    return scaled.byte().permute(1, 2, 0).numpy()


def jpeg(image: Tensor, quality: int = 92) -> bytes:
    """A picture as JPEG bytes: full colour resolution, a quarter of the size of a PNG."""
    return _encode(Image.fromarray(to_array(image)), "JPEG", quality=quality, subsampling=0)


def png(image: Tensor) -> bytes:
    """A picture as PNG bytes, exact to the pixel."""
    return _encode(Image.fromarray(to_array(image)), "PNG", compress_level=1, compress_type=zlib.Z_RLE)


def mask_png(mask: Tensor) -> bytes:
    """H x W booleans as a PNG that is opaque where they are true."""
    indices = np.where(mask.cpu().numpy(), 0, TRANSPARENT).astype(np.uint8)
    return palette_png(indices, np.full((1, 3), 255, dtype=np.uint8))


def palette_png(indices: np.ndarray, colours: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
    """A palette PNG of H x W indices into `colours` (at most 255 x 3 bytes), each with an optional opacity; `TRANSPARENT` is invisible."""
    table = np.zeros((256, 3), dtype=np.uint8)  # browsers refuse an index outside of the table
    opacity = np.full(256, 255, dtype=np.uint8)
    table[: len(colours)] = colours
    opacity[: len(colours)] = 255 if alpha is None else alpha
    opacity[TRANSPARENT] = 0
    picture = Image.fromarray(indices.astype(np.uint8))
    picture.putpalette(table.tobytes())
    return _encode(picture, "PNG", compress_level=1, compress_type=zlib.Z_RLE, transparency=opacity.tobytes())


def to_indices(values: Tensor, low: float, high: float, steps: int = 255) -> np.ndarray:
    """Values between `low` and `high` as indices 0 ... steps - 1; NaN becomes `TRANSPARENT`."""
    array = values.cpu().double().numpy()
    shares = np.clip((np.nan_to_num(array, nan=low) - low) / max(high - low, 1e-3), 0, 1)
    return np.where(np.isnan(array), TRANSPARENT, np.rint(shares * (steps - 1))).astype(np.uint8)


def _encode(picture: Image.Image, kind: str, **options) -> bytes:
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()
