"""Image encoding for the browser: tensors as JPEG or PNG bytes.

Photographs and rendered pictures are JPEG when large and PNG when exact pixels matter; maps are palette PNG
(`cnnlab.figures.palette_png`).
"""

from __future__ import annotations

import zlib
from io import BytesIO

import numpy as np
from PIL import Image
from torch import Tensor

from cnnlab.figures.palette_png import TRANSPARENT, index_png


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
    return index_png(np.where(mask.cpu().numpy(), 0, TRANSPARENT), np.full((1, 3), 255))


def _encode(picture: Image.Image, kind: str, **options) -> bytes:
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()
