"""Collections of single objects: the same thing in other places, and no thing in two splits."""

from __future__ import annotations

import pytest
import torch

from cnnlab import world
from cnnlab.world.instances import FIRST_SEED


@pytest.fixture(scope="module")
def collection():
    return world.instances("test", objects=22, views=3, progress=False)


def test_views_share_the_thing_and_change_the_rest(collection):
    for thing in range(22):
        views = [collection.recipes[3 * thing + view] for view in range(3)]
        assert len({(view.seed, view.shape) for view in views}) == 1, "build and paint hang on the seed"
        assert len({view.scene for view in views}) == 3, "no two views share a background"
        assert len({view.position for view in views}) == len({view.light for view in views}) == 3
        assert not any(view.clutter or view.cover or view.others for view in views)


def test_labels_name_things_and_classes(collection):
    assert len(collection) == 66 and len(collection.class_names) == 22
    assert collection.labels.tolist() == [i // 3 for i in range(66)]
    assert collection.class_names[0] == "sheep 1" and collection.class_names[20] == "sheep 2"
    assert collection.classes[60] == collection.classes[0] and collection.labels[60] != collection.labels[0]
    assert collection[4][1] == 1


def test_pictures_are_those_of_the_recipes(collection):
    drawn = world.render(collection.recipes[7])
    assert torch.equal((drawn.image * 255).round().byte(), collection.images[7])
    assert torch.equal(collection.masks()[7], drawn.instance == 1)


def test_two_things_of_a_class_differ_more_than_the_brush(collection):
    """Seen in the same place and light, two sheep are not the same sheep, and one sheep is."""
    first, second = collection.recipes[0], collection.recipes[60]
    place = {"scene": "meadow", "position": (0.5, 0.6), "scale": 0.3, "flip": False, "light": 1.0}
    same = world.render(first, **place)
    assert torch.equal(same.image, world.render(collection.recipes[1], **place).image)
    assert float((same.image - world.render(second, **place).image).abs().mean()) > 0.02


def test_splits_and_data_sets_share_no_seed(collection):
    seeds = {
        split: {world.instances(split, 5, 2, progress=False).recipes[i].seed for i in range(10)}
        for split in ("train", "test")
    }
    assert not seeds["train"] & seeds["test"]
    assert min(seeds["train"]) >= FIRST_SEED > world.dataset("test", n=20, progress=False).recipes[19].seed


def test_bad_collections_are_refused():
    with pytest.raises(ValueError, match="views"):
        world.instances("test", 3, 11)
    with pytest.raises(ValueError, match="split"):
        world.instances("tests", 3, 2)
    with pytest.raises(IndexError, match="collection of 66"):
        world.instances("test", 22, 3, progress=False).recipes[66]
