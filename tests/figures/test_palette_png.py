"""Palette PNGs decode to exactly the colours of the colour map."""

from __future__ import annotations

from io import BytesIO

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.figures import alpha_ramp, class_colours, index_png, palette_png, symmetric_range
from cnnlab.figures.alt_figure import quantize_png
from cnnlab.figures.colours import CLASSES, RIGHT, WRONG


def decoded(png: bytes) -> np.ndarray:
    """H x W x 4 bytes, by a decoder that we did not write; its checksums are verified."""
    Image.open(BytesIO(png)).verify()
    return np.asarray(Image.open(BytesIO(png)).convert("RGBA"))


@pytest.mark.parametrize("cmap", ["viridis", "cividis", "RdBu_r", "PuOr_r"])
def test_every_step_has_exactly_the_colour_of_the_map(cmap):
    values = np.linspace(-2, 5, 255).reshape(5, 51)
    expected = matplotlib.colormaps[cmap](np.linspace(0, 1, 255), bytes=True).reshape(5, 51, 4)
    assert np.array_equal(decoded(palette_png(values, cmap, -2, 5)), expected)


def test_any_map_is_within_half_a_step_of_its_colour():
    values = np.random.default_rng(0).random((40, 61))
    levels = np.rint(values * 254) / 254
    expected = matplotlib.colormaps["viridis"](levels, bytes=True)
    assert np.array_equal(decoded(palette_png(torch.from_numpy(values), "viridis", 0, 1)), expected)


def test_the_middle_of_a_symmetric_range_has_the_middle_colour():
    values = np.array([[-3.0, 0.0, 1.0]])
    assert symmetric_range(values) == (-3, 3)
    middle = decoded(palette_png(values, "PuOr_r", *symmetric_range(values)))[0, 1]
    assert np.array_equal(middle, matplotlib.colormaps["PuOr_r"](0.5, bytes=True))


def test_values_beyond_the_range_take_the_colour_of_its_end():
    low, high, below, above = decoded(palette_png(np.array([[0.0, 1.0, -9.0, np.inf]]), "viridis", 0, 1))[0]
    assert np.array_equal(low, below) and np.array_equal(high, above)


def test_without_a_range_the_map_gives_it():
    values = torch.tensor([[2.0, 4.0], [3.0, torch.nan]])
    assert palette_png(values) == palette_png(values, low=2, high=4)
    assert symmetric_range(values) == (-4, 4) and symmetric_range(values * 0, minimum=0.1) == (-0.1, 0.1)


def test_pixels_without_a_number_are_transparent():
    pixels = decoded(palette_png(np.array([[0.5, np.nan]]), "viridis", 0, 1))
    assert pixels[0, :, 3].tolist() == [255, 0]
    assert decoded(palette_png(np.full((3, 4), np.nan)))[..., 3].max() == 0


def test_a_flat_map_is_drawn():
    assert decoded(palette_png(np.full((3, 4), 7.0))).shape == (3, 4, 4)


def test_opacity_is_one_number_or_follows_the_map():
    values = np.linspace(-1, 1, 255)[None]
    assert decoded(palette_png(values, alpha=0.4))[0, :, 3].tolist() == [102] * 255
    rising = decoded(palette_png(values, alpha=alpha_ramp()))[0, :, 3]
    assert rising[0] == 0 and rising[-1] == 255 and (np.diff(rising.astype(int)) >= 0).all()
    signed = decoded(palette_png(values, alpha=alpha_ramp(0.8, signed=True)))[0, :, 3]
    assert signed[127] == 0 and signed[0] == signed[-1] == 204


def test_indices_take_their_own_colours():
    colours = np.array([[255, 0, 0], [0, 0, 255]], dtype=np.uint8)
    pixels = decoded(index_png(np.array([[0, 1, 255]]), colours))[0]
    assert pixels[:2].tolist() == [[255, 0, 0, 255], [0, 0, 255, 255]] and pixels[2, 3] == 0


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.zeros(3), {}, "two axes"),
        (np.zeros((0, 3)), {}, "two axes"),
        (np.zeros((2, 2)), {"low": 1, "high": 0}, "runs upwards"),
        (np.zeros((2, 2)), {"alpha": [0.1, 0.2]}, "alpha is one opacity or 255"),
    ],
)
def test_wrong_arguments_are_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        palette_png(values, **options)


def test_the_classes_keep_their_colours():
    drawn = class_colours(np.array([[0, 1], [20, 19]]))
    assert drawn.shape == (2, 2, 3)
    assert np.array_equal(drawn[0, 0], drawn[1, 0]) and not np.array_equal(drawn[0, 0], drawn[0, 1])
    assert np.rint(drawn[0, 0] * 255).astype(int).tolist() == [
        int(CLASSES[0][i : i + 2], 16) for i in (1, 3, 5)
    ]


def oklab(linear: np.ndarray) -> np.ndarray:
    """Ottosson's Oklab (2020), in which distances are about as large as they look."""
    to_cones = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
    to_lab = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    return np.cbrt(np.clip(linear, 0, 1) @ np.transpose(to_cones)) @ np.transpose(to_lab)


NORMAL = np.eye(3)
# Machado, Oliveira & Fernandes (2009), severity 1.
GREEN_BLIND = np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]])
RED_BLIND = np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]])


@pytest.mark.parametrize("eyes", [NORMAL, GREEN_BLIND, RED_BLIND])
def test_class_colours_can_be_told_apart_by_all_eyes(eyes):
    srgb = class_colours(np.arange(20))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = oklab(linear @ eyes.T)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2) + 9 * np.eye(20)
    assert apart.min() > 0.08  # tab20 reaches 0.007 for red-blind eyes
    if eyes is NORMAL:
        assert np.abs(seen[::2, 0] - seen[1::2, 0]).min() > 0.25  # pairs in grey


@pytest.mark.parametrize("eyes", [NORMAL, GREEN_BLIND, RED_BLIND])
def test_right_and_wrong_can_be_told_apart_by_all_eyes(eyes):
    right, wrong = (oklab(light(colour) @ eyes.T) for colour in (RIGHT, WRONG))
    assert np.linalg.norm(right - wrong) > 0.2  # a usual green and red: 0.04 for green-blind eyes


@pytest.mark.parametrize("ground", ["#ffffff", "#111111", "#212121"])
@pytest.mark.parametrize("colour", [RIGHT, WRONG])
def test_right_and_wrong_stand_out_from_light_and_dark_pages(colour, ground):
    """Contrast of WCAG 2.1, success criterion 1.4.11: at least 3 to 1."""
    dark, bright = sorted(float(light(c) @ [0.2126, 0.7152, 0.0722]) for c in (colour, ground))
    assert (bright + 0.05) / (dark + 0.05) >= 3


def light(colour: str) -> np.ndarray:
    """The linear red, green and blue of a colour in hex."""
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def test_few_colours_keep_the_strongest_place_of_a_pale_map_and_the_white_around_it():
    """A palette that follows the frequent colours alone would paint the rare ones as their pale neighbours."""
    chance = np.random.default_rng(0)
    picture = chance.integers(150, 247, (220, 220, 3), dtype=np.uint8)
    picture[:60] = 255
    picture[100:104, 100:104] = (179, 88, 6)
    stream = BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    small = quantize_png(stream)
    assert len(small) < stream.tell()
    again = decoded(small)[:, :, :3].astype(int)
    assert (again[:56] == 255).all()
    assert np.abs(again[100:104, 100:104].mean((0, 1)) - (179, 88, 6)).max() < 12


def test_a_plain_picture_keeps_every_colour():
    ramp = np.repeat(np.arange(255, dtype=np.uint8)[:, None, None], 3, axis=2).repeat(20, axis=1)
    stream = BytesIO()
    Image.fromarray(ramp).save(stream, "PNG")
    assert np.array_equal(decoded(quantize_png(stream))[:, :, :3], ramp)
