"""Patches of photographs: where they are cut, that they are what stands there, and that they can be had again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.world import Labelled, Photograph, Photographs, photographs
from cnnlab.world.crops import crop_boxes


@pytest.fixture
def ramps(tmp_path) -> Photographs:
    """Two photographs whose colours tell the place: red is the column, green the row."""
    made = []
    for name, (width, height) in {"wide": (200, 100), "tall": (80, 240)}.items():
        rows, columns = np.mgrid[:height, :width]
        pixels = np.stack([columns, rows, np.zeros_like(rows)], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        made.append(Photograph(name, tmp_path / f"{name}.png", name, class_name=name))
    return Photographs(made)


def test_a_patch_shows_what_stands_in_its_box(ramps):
    patches = ramps.crops(size=16, per_photo=30)
    assert isinstance(patches, Labelled) and patches.photographs is ramps
    assert patches.images.shape == (60, 3, 16, 16) and patches.images.dtype == torch.uint8
    means = patches.images.float().mean((2, 3))
    for (photo, left, top, side), (red, green, _), label in zip(
        patches.boxes.tolist(), means, patches.labels, strict=True
    ):
        assert red == pytest.approx(left + (side - 1) / 2, abs=1.0)
        assert green == pytest.approx(top + (side - 1) / 2, abs=1.0)
        assert int(label) == photo and patches.class_names[photo] == ramps[photo].name


def test_a_square_photograph_at_scale_one_is_itself():
    """Of 512 x 512 there is one square of this side: what `image` gives, which is scaled in one step."""
    astronaut = photographs()[["astronaut"]]
    patches = astronaut.crops(size=64, scales=[1.0], per_photo=20)
    assert patches.boxes.tolist() == [[0, 0, 0, 512]]
    difference = (patches.images[0].float() / 255 - astronaut[0].image(64)).abs()
    assert difference.max() < 0.02 and difference.mean() < 0.002


def test_boxes_lie_in_the_photograph_and_differ(ramps):
    boxes = ramps.crops(size=4, scales=(1.0, 0.5, 0.1), per_photo=80).boxes
    for number, (width, height) in enumerate([(200, 100), (80, 240)]):
        mine = boxes[boxes[:, 0] == number, 1:]
        assert len(mine) == 80 == len(mine.unique(dim=0))
        assert (mine >= torch.tensor([0, 0, 1])).all()
        assert (mine[:, 0] + mine[:, 2] <= width).all() and (mine[:, 1] + mine[:, 2] <= height).all()
        assert mine[:, 2].unique().tolist() == [8, 40, 80] if number else [10, 50, 100]


def test_small_patches_are_more_numerous_as_more_of_them_fit():
    boxes = crop_boxes(1000, 1000, [0.5, 0.25, 0.125], 210, np.random.default_rng(0))
    sides, counts = np.unique(boxes[:, 2], return_counts=True)
    assert sides.tolist() == [125, 250, 500] and counts.tolist() == [160, 40, 10]  # 16 : 4 : 1


def test_places_are_spread_over_the_photograph():
    """Left edges are uniform: their mean has a standard error of 900 / sqrt(12 * 2000), which is 6."""
    boxes = crop_boxes(1000, 700, [1 / 7], 2000, np.random.default_rng(0))
    assert boxes[:, 0].mean() == pytest.approx(450, abs=24) and boxes[:, 1].mean() == pytest.approx(
        300, abs=16
    )
    assert boxes[:, 0].max() > 890 and boxes[:, 0].min() < 10


def test_the_seed_and_the_name_alone_decide_on_the_places(ramps):
    first, again = ramps.crops(size=8, per_photo=9), ramps.crops(size=8, per_photo=9)
    assert torch.equal(first.images, again.images) and torch.equal(first.boxes, again.boxes)
    alone = ramps[["tall"]].crops(size=8, per_photo=9)
    assert torch.equal(alone.boxes[:, 1:], first.boxes[9:, 1:]) and torch.equal(
        alone.images, first.images[9:]
    )
    assert not torch.equal(ramps.crops(size=8, per_photo=9, seed=1).boxes, first.boxes)


def test_many_photographs_give_fewer_patches_each(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "one.png")
    many = Photographs(Photograph(str(n), tmp_path / "one.png", "") for n in range(1000))
    assert (
        len(many[:10].crops(size=2, scales=[0.4]).images) == 10 * 36
    )  # all places of a square of 4 in 9 x 9
    assert len(many.crops(size=2, scales=[0.4], progress=False)) == 4000


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"scales": [0.5, 0]}, "above 0 and at most 1"),
        ({"scales": []}, "above 0 and at most 1"),
        ({"scales": [1.5]}, "each of scales must lie between 0 and 1"),
        ({"per_photo": 0}, "per_photo must be a whole number of at least 1"),
        ({"size": 0}, "size must be a whole number of at least 1"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_what_cannot_be_cut_is_told(options, says):
    with pytest.raises(ValueError, match=says):
        photographs()[["china"]].crops(**options)
