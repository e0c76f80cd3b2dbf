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


def test_palette_png_gives_colours_and_opacities():
    indices = np.array([[0, 1, image_bytes.TRANSPARENT]])
    content = image_bytes.palette_png(indices, np.array([[9, 8, 7], [1, 2, 3]]), alpha=np.array([255, 100]))
    assert decoded(content, "RGBA").tolist()[0][:2] == [[9, 8, 7, 255], [1, 2, 3, 100]]
    assert decoded(content, "RGBA")[0, 2, 3] == 0


def test_every_index_of_a_palette_png_is_in_its_table():
    """Browsers refuse a PNG whose indices go beyond its table; Pillow does not."""
    picture = Image.open(io.BytesIO(image_bytes.mask_png(torch.zeros(4, 4, dtype=torch.bool))))
    assert len(picture.getpalette()) // 3 > int(np.asarray(picture).max())


def test_scaling_spans_the_range_and_clears_nan():
    values = torch.tensor([-1.0, 0.2, 0.4, 0.6, 2.0, torch.nan])
    assert image_bytes.to_indices(values, 0.2, 0.6).tolist() == [0, 0, 127, 254, 254, image_bytes.TRANSPARENT]


def test_scaling_a_flat_map_is_flat():
    assert set(image_bytes.to_indices(torch.full((5,), 0.3), 0.3, 0.3).tolist()) == {0}
