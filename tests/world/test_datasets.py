"""Splits: balanced, disjoint, kept on disk without ever being half there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch

from cnnlab.world import OBJECTS, SCENES, dataset, datasets, split_cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "cache"))
    split_cache.checksum_ok.cache_clear()
    return tmp_path / "cache" / "splits"


def test_pictures_labels_and_maps_belong_together():
    data = dataset("validation", n=44)
    assert data.images.shape == (44, 3, 96, 96) and data.images.dtype == torch.uint8
    assert data.class_names == OBJECTS and len(data) == 44
    picture = data.picture(23)
    assert picture.label == OBJECTS[data.labels[23]]
    assert torch.equal((picture.image * 255).round().to(torch.uint8), data.images[23])
    assert torch.equal(picture.mask(), data.masks()[23])
    for category in ("object", "part", "scene", "material", "texture", "colour", "instance"):
        assert torch.equal(data.maps(category)[23], getattr(picture, category)), category
    image, label = data[23]
    assert torch.equal(image, picture.image) and label == data.labels[23]


def test_classes_are_balanced_and_scenes_are_the_labels_of_the_other_task():
    data = dataset("train", n=60)
    assert torch.bincount(data.labels).tolist() == [3] * 20
    scenes = dataset("train", task="scene", n=60)
    assert scenes.class_names == SCENES and torch.equal(scenes.images, data.images)
    assert [SCENES[label] for label in scenes.labels] == [recipe.scene for recipe in data.recipes]


def test_splits_and_seeds_share_no_picture_and_a_small_split_begins_the_large():
    seeds = [
        {recipe.seed for recipe in dataset(split, n=20, seed=seed).recipes}
        for split in datasets.SPLITS
        for seed in (0, 1)
    ]
    assert sum(map(len, seeds)) == len(set.union(*seeds))
    small, large = dataset("test", n=20), dataset("test", n=40)
    assert torch.equal(small.images, large.images[:20])


def test_backgrounds_can_be_tied_to_classes_and_fields_fixed():
    data = dataset(
        "train", n=12, classes=("sheep", "goat"), bias={"sheep": "meadow", "goat": "rocks"}, style="drawn"
    )
    assert data.class_names == ("sheep", "goat")
    assert {(r.shape, r.scene, r.style) for r in data.recipes} == {
        ("sheep", "meadow", "drawn"),
        ("goat", "rocks", "drawn"),
    }
    with pytest.raises(ValueError, match="class in bias"):
        dataset("train", n=2, bias={"dragon": "meadow"})
    data = dataset("train", n=8, classes=("wolf", "husky"), bias={"wolf": "snow", "husky": ("lake", "sky")})
    assert [r.scene for r in data.recipes] == ["snow", "lake", "snow", "sky"] * 2


def test_a_split_is_drawn_once(own_cache, monkeypatch):
    first = dataset("test", n=20)
    monkeypatch.setattr(split_cache, "render_all", lambda *_: pytest.fail("drawn again"))
    again = dataset("test", n=20)
    assert torch.equal(first.images, again.images)
    assert [path.name for path in own_cache.iterdir()] == [again.recipes.key(96)]


def test_many_pictures_drawn_in_parallel_are_the_same_as_one_by_one(monkeypatch):
    monkeypatch.setattr(split_cache, "BLOCK", 4)  # ten blocks are many
    data = dataset("test", n=41)
    for index in (0, 3, 4, 40):
        assert torch.equal((data.picture(index).image * 255).round().to(torch.uint8), data.images[index])


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_split_is_noticed_and_drawn_again(own_cache, damage):
    before = dataset("test", n=20).images.clone()
    file = next(own_cache.glob("*/images.npy"))
    content = bytearray(file.read_bytes())
    content[5000] ^= 255
    {
        "flip": lambda: file.write_bytes(content),
        "cut": lambda: file.write_bytes(content[:4000]),
        "remove": file.unlink,
    }[damage]()
    split_cache.checksum_ok.cache_clear()
    with pytest.warns(UserWarning, match="damaged"):
        after = dataset("test", n=20)
    assert torch.equal(before, after.images)
    assert torch.equal(dataset("test", n=20).images, before)


def test_an_interrupted_drawing_leaves_nothing_behind(own_cache, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(split_cache, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dataset("test", n=20)
    assert list(own_cache.iterdir()) == []


def test_two_threads_draw_the_same_split_at_once(own_cache, monkeypatch):
    """As a cell and an explorer beside it may: both have it, and a warning would be an error."""
    render, both = split_cache.render_all, Barrier(2)

    def wait_and_render(*arguments):
        both.wait(timeout=30)
        return render(*arguments)

    monkeypatch.setattr(split_cache, "render_all", wait_and_render)
    with ThreadPoolExecutor(2) as threads:
        drawn = [threads.submit(dataset, "test", n=3, progress=False) for _ in range(2)]
        one, other = (future.result() for future in drawn)
    assert torch.equal(one.images, other.images)
    assert [path.name for path in own_cache.iterdir()] == [one.recipes.key(96)]


def test_what_a_killed_run_left_is_swept_away(own_cache):
    dead = own_cache / "abc.part-999999999"
    dead.mkdir(parents=True)
    dataset("test", n=20)
    assert not dead.exists()


def test_without_a_writable_cache_pictures_are_kept_in_memory(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("CNNLAB_CACHE", str(blocked))
    with pytest.warns(UserWarning, match="CNNLAB_CACHE"):
        data = dataset("test", n=20)
    assert torch.equal((data.picture(3).image * 255).round().to(torch.uint8), data.images[3])


def test_writing_into_a_split_does_not_change_the_file():
    data = dataset("test", n=20)
    data.images[0] = 0
    assert dataset("test", n=20).images[0].max() > 0


def test_a_changed_recipe_has_another_key():
    keys = {
        dataset("test", n=20, **fields).recipes.key(96)
        for fields in ({}, {"style": "drawn"}, {"clutter": 0}, {"seed": 1})
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"split": "exam"}, "train, validation, test"),
        ({"split": "test", "task": "part"}, "object, scene"),
        ({"split": "test", "n": 0}, "number of pictures"),
        ({"split": "test", "classes": ("dragon",)}, "sheep"),
        ({"split": "test", "n": 3, "weather": "rain"}, "field of a recipe"),
    ],
)
def test_bad_requests_say_what_can_be_had(arguments, says):
    with pytest.raises(ValueError, match=says):
        dataset(**arguments)


def test_an_index_beyond_the_split_is_an_index_error():
    data = dataset("test", n=20)
    with pytest.raises(IndexError):
        data.recipes[20]
    assert data.recipes[-1] == data.recipes[19]
    assert np.array_equal(sum(1 for _ in data), 20)


def test_random_labels_are_drawn_once_for_the_share_that_is_asked_for():
    data = dataset("train", n=200, size=16, progress=False)
    half = data.with_random_labels(0.5, seed=3)
    assert torch.equal(half.images, data.images) and torch.equal(data.labels, torch.arange(200) % 20)
    assert 0.35 < (half.labels != data.labels).double().mean() < 0.6
    assert torch.equal(half.labels, data.with_random_labels(0.5, seed=3).labels)
    assert torch.equal(data.with_random_labels(0.0).labels, data.labels)
    with pytest.raises(ValueError, match="share"):
        data.with_random_labels(1.5)


def test_any_texture_is_that_of_a_class_drawn_by_chance():
    own, any_ = (dataset("train", n=300, size=16, texture=name, progress=False) for name in ("own", "any"))
    textures = [recipe.texture for recipe in any_.recipes]
    assert set(textures) == set(OBJECTS)
    assert all(a.replace(texture="own") == b for a, b in zip(any_.recipes, own.recipes, strict=True))
