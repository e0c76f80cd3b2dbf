"""Tiles of a sheet: they come back from the atlas as they went in."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.explorers.charts import Chart
from cnnlab.explorers.image_grid import (
    ImageGrid,
    correctness_frame,
    image_tiles,
    map_tiles,
    tile_frame,
)


def cut(tiles: dict, tile: int) -> np.ndarray:
    atlas = np.asarray(Image.open(BytesIO(tiles["png"])).convert("RGBA"))
    top, left = tile // tiles["columns"] * tiles["height"], tile % tiles["columns"] * tiles["width"]
    return atlas[top : top + tiles["height"], left : left + tiles["width"]]


@pytest.mark.parametrize("count", [1, 2, 5, 9, 96])
def test_pictures_come_back(count):
    pictures = torch.rand(count, 3, 6, 4, generator=torch.Generator().manual_seed(count))
    tiles = image_tiles(pictures)
    assert (tiles["count"], tiles["height"], tiles["width"]) == (count, 6, 4)
    for tile, picture in enumerate(pictures):
        seen = torch.from_numpy(cut(tiles, tile)[..., :3].copy()).permute(2, 0, 1) / 255
        assert (seen - picture).abs().max() <= 0.5 / 255 + 1e-6


def test_maps_share_one_range_of_colours_and_nothing_is_clear():
    maps = torch.zeros(3, 2, 2)
    maps[1], maps[2, 0, 0] = 1.0, float("nan")
    tiles = map_tiles(maps, "gray", 0, 2)
    assert cut(tiles, 0)[0, 0].tolist() == [0, 0, 0, 255]
    assert abs(int(cut(tiles, 1)[0, 0, 0]) - 127) <= 1
    assert cut(tiles, 2)[0, 0, 3] == 0 and cut(tiles, 2)[1, 1, 3] == 255


def test_traits_hold_what_they_are_given():
    sheet = ImageGrid(tiles=map_tiles(torch.rand(4, 3, 3)), captions=list("abcd"), columns=2)
    sheet.selected = 3
    assert sheet.captions[sheet.selected] == "d"
    chart = Chart()
    chart.show(b"\x89PNG", "a curve that rises")
    assert chart.png == b"\x89PNG" and chart.alt == "a curve that rises"


def test_a_frame_lies_within_its_tile_and_only_what_is_wrong_is_dashed():
    assert tile_frame(2, 6, 9, "#ffffff") == {"tile": 2, "box": [1, 1, 4, 7], "colour": "#ffffff"}
    right, wrong = correctness_frame(0, 6, 9, True), correctness_frame(0, 6, 9, False)
    assert right["box"] == wrong["box"] == [1, 1, 4, 7] and right["colour"] != wrong["colour"]
    assert wrong["dashed"] and "dashed" not in right
