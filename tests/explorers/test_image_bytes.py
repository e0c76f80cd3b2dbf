"""Tensors as bytes, read back by Pillow."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image

from cnnlab.explorers import image_bytes


def decoded(content: bytes, mode: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert(mode))


def test_png_keeps_every_pixel():
    image = torch.randint(0, 256, (3, 17, 23)) / 255
    assert torch.equal(
        torch.from_numpy(decoded(image_bytes.png(image), "RGB").copy()), (image.permute(1, 2, 0) * 255).byte()
    )


def test_jpeg_stays_close_on_a_smooth_picture():
    ramp = torch.linspace(0, 1, 64).expand(3, 64, 64)
    difference = decoded(image_bytes.jpeg(ramp), "RGB").astype(int) - image_bytes.to_array(ramp).astype(int)
    assert abs(difference).max() <= 6


def test_stencil_is_opaque_where_true():
    mask = torch.zeros(8, 9, dtype=torch.bool)
    mask[2:5, 3:] = True
    assert np.array_equal(decoded(image_bytes.mask_png(mask), "RGBA")[..., 3] == 255, mask.numpy())


def test_every_index_of_a_palette_png_is_in_its_table():
    """Browsers refuse a PNG whose indices go beyond its table; Pillow does not."""
    picture = Image.open(io.BytesIO(image_bytes.mask_png(torch.zeros(4, 4, dtype=torch.bool))))
    assert len(picture.getpalette()) // 3 > int(np.asarray(picture).max())
