"""Pictures agree with their maps, and one aspect changes without the others."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlab.world import CLUTTER, NAMES, OBJECTS, SCENES, STYLES, index_of, render
from cnnlab.world.renderer import colour_names, majority

CATEGORIES = tuple(NAMES)


def widen(mask: torch.Tensor, pixels: int) -> torch.Tensor:
    return F.max_pool2d(mask.float()[None, None], 2 * pixels + 1, 1, pixels)[0, 0].bool()


def inside(mask: torch.Tensor, pixels: int) -> torch.Tensor:
    return ~widen(~mask, pixels)


@pytest.mark.parametrize("shape", OBJECTS)
def test_every_class_is_seen_where_its_map_says(shape):
    picture = render(3, shape=shape, clutter=0, cover=0.0)
    mask = picture.mask()
    assert picture.image.shape == (3, 96, 96) and picture.image.min() >= 0 and picture.image.max() <= 1
    assert 0.02 < mask.float().mean() < 0.5
    assert torch.equal(mask, picture.mask("object", shape))
    assert set(picture.object.unique().tolist()) == {0, index_of("object", shape)}


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_fills_what_no_thing_covers(scene):
    picture = render(4, scene=scene)
    assert torch.equal(picture.mask("scene", scene), picture.instance == 0)
    assert set(picture.scene.unique().tolist()) <= {0, index_of("scene", scene)}


@pytest.mark.parametrize("seed", range(8))
def test_categories_agree_with_each_other(seed):
    picture = render(seed, others=("cup",))
    thing = picture.instance > 0
    assert torch.equal(picture.object > 0, thing)
    assert torch.equal(picture.scene == 0, thing)
    assert not (picture.part > 0)[~thing].any()
    for category in ("material", "texture", "colour"):
        assert (getattr(picture, category) > 0).all(), category
    for category in CATEGORIES:
        assert int(getattr(picture, category).max()) < len(NAMES[category])


@pytest.mark.parametrize("shape", ["goat", "sailing boat", "teapot"])
def test_the_picture_differs_from_the_empty_scene_just_where_the_mask_is(shape):
    # In the sky nothing casts a shadow, so an object changes its own pixels and, by averaging, those that its edge cuts.
    picture = render(11, shape=shape, scene="sky", clutter=0, cover=0.0)
    empty = render(picture.recipe, shape="none")
    changed = (picture.image != empty.image).any(dim=0)
    mask = picture.mask()
    # What is thinner than half a pixel, like the tip of a mast, loses the vote about its pixel but leaves a trace in its colour.
    assert not changed[~widen(mask, 2)].any()
    assert (picture.image - empty.image)[:, ~widen(mask, 1)].abs().max() < 0.1
    assert changed[inside(mask, 1)].float().mean() > 0.97
    assert empty.box == (0, 0, 0, 0) and not empty.mask().any()


def test_another_scene_leaves_the_object_as_it_is():
    meadow = render(21, shape="sheep", scene="meadow", cover=0.0, clutter=0)
    rocks = render(meadow.recipe, scene="rocks")
    assert torch.equal(meadow.mask(), rocks.mask())
    # Away from its rim the object keeps every pixel, but for slits between its parts where the scene shines through.
    same = (meadow.image == rocks.image).all(dim=0)
    assert same[inside(meadow.mask(), 1)].float().mean() > 0.995
    assert (meadow.image != rocks.image).any(dim=0)[~meadow.mask()].float().mean() > 0.9


def test_another_texture_leaves_the_shape_as_it_is():
    own = render(21, shape="elephant", scene="room")
    woolly = render(own.recipe, texture="sheep")
    assert torch.equal(own.mask(), woolly.mask()) and torch.equal(own.part, woolly.part)
    assert woolly.mask("texture", "curly").sum() > 0.5 * own.mask().sum()
    assert not own.mask("texture", "curly").any()
    assert woolly.label == "elephant"


def test_moved_flipped_and_repeated():
    left = render(2, shape="car", position=(0.35, 0.5), scale=0.25, flip=False, clutter=0, cover=0.0)
    right = render(left.recipe, position=(0.65, 0.5))
    assert abs(right.box[1] - left.box[1] - 0.3 * 96) <= 1 and right.box[0] == left.box[0]
    mirrored = render(left.recipe, flip=True)
    assert not torch.equal(mirrored.mask(), left.mask())
    two = render(left.recipe, others=("car", "duck"))
    assert two.mask("object", "car").sum() > two.mask().sum() and two.mask("object", "duck").any()


def test_clutter_and_cover_stand_where_the_maps_say():
    picture = render(6, clutter=6, cover=0.0)
    assert any(picture.mask("object", name).any() for name in CLUTTER)
    free = torch.stack([render(seed, cover=0.0, clutter=0).mask().sum() for seed in range(60)]).float()
    covered = torch.stack([render(seed, cover=1.0, clutter=0).mask().sum() for seed in range(60)]).float()
    share = 1 - covered / free
    assert (share >= 0).all() and 0.05 < share.mean() < 0.35 and share.max() < 0.7


@pytest.mark.parametrize("style", STYLES)
def test_a_style_changes_the_picture_and_not_the_truth(style):
    rendered, other = render(8), render(8, style=style)
    for category in ("object", "part", "scene", "material", "texture", "instance"):
        assert torch.equal(getattr(rendered, category), getattr(other, category))
    assert (style == "rendered") == torch.equal(rendered.image, other.image)
    assert torch.equal(other.image, render(8, style=style).image)


def test_line_art_is_ink_on_light_paper():
    image = render(8, style="drawn").image
    assert image.mean() > 0.6 and image.median() > 0.8
    assert (image.max(dim=0).values < 0.4).float().mean() > 0.02


def test_a_larger_picture_shows_the_same():
    for seed in range(30, 40):
        small, large = render(seed), render(seed, size=288)
        assert large.image.shape == (3, 288, 288)
        shrunk = F.avg_pool2d(large.mask().float()[None], 3)[0] > 0.5
        elsewhere = (shrunk != small.mask()) & (inside(small.mask(), 1) | ~widen(small.mask(), 1))
        assert (
            elsewhere.sum() < 0.01 * small.mask().sum()
        )  # all but a hundredth of what differs lies on the rim
        means = F.avg_pool2d(large.image[None], 3)[0]
        assert (means - small.image).abs().mean() < 0.05


def test_the_box_is_the_smallest_around_the_mask():
    picture = render(17)
    top, left, bottom, right = picture.box
    rows, columns = np.nonzero(picture.mask().numpy())
    assert (top, left, bottom, right) == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)


def test_majority_is_the_most_frequent_value_of_each_block():
    regions = np.random.default_rng(0).integers(0, 4, (200, 200), dtype=np.uint8)
    voted = majority(regions)
    for row, column in np.ndindex(voted.shape):
        block = regions[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].ravel().tolist()
        counts = Counter(block)
        most = max(counts.values())
        assert counts[voted[row, column]] == most
        if counts[block[0]] == most:
            assert voted[row, column] == block[0]


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        *(
            ((255, 0, 0), "red"),
            ((255, 140, 0), "orange"),
            ((255, 235, 0), "yellow"),
            ((0, 160, 40), "green"),
            ((20, 60, 220), "blue"),
        ),
        *(
            ((130, 30, 200), "purple"),
            ((255, 120, 190), "pink"),
            ((110, 60, 20), "brown"),
            ((5, 5, 5), "black"),
            ((128, 128, 128), "grey"),
        ),
        ((250, 250, 250), "white"),
    ],
)
def test_colours_have_their_common_names(rgb, name):
    assert NAMES["colour"][colour_names(np.array([[rgb]], dtype=np.uint8))[0, 0]] == name


def test_a_mask_by_name_lists_what_can_be_named():
    picture = render(1)
    with pytest.raises(ValueError, match="wheel"):
        picture.mask("part", "weel")
    with pytest.raises(ValueError, match="object, part, scene"):
        picture.mask("shape", "sheep")
    with pytest.raises(ValueError, match="meadow"):
        picture.mask("scene")


@pytest.mark.parametrize("size", [0, 8, 5000, 96.0])
def test_a_size_that_cannot_be_drawn_is_refused(size):
    with pytest.raises((ValueError, TypeError), match="size"):
        render(1, size=size)
