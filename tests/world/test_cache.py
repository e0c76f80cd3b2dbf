"""The cache serves what the world draws now: its key is a checksum of that, and a damaged file is made again."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from cnnlab.world import NAMES, STYLES, TEXTURES, cache, dataset, instances, textures
from cnnlab.world.surfaces import SURFACES


def test_the_key_of_the_cache_is_a_checksum_of_what_the_world_draws(empty_cache):
    """It changes when textures, pictures, maps or lists of recipes do, and only then; the last line says the new one."""
    digest = hashlib.sha256()
    for texture in TEXTURES:
        digest.update(textures.drawn(texture).tobytes())
    seen = {category: set() for category in NAMES}
    surfaces = {"texture": "any", "others": ("sheep", "car")}
    for data in (
        *(dataset("train", n=60, seed=3, style=style, progress=False) for style in STYLES),
        dataset("validation", n=20, bias={"sheep": "meadow", "goat": ("rocks", "snow")}, progress=False),
        *(dataset("test", n=20, size=size, progress=False, **surfaces) for size in (33, 96, 224)),
        *(dataset("test", n=1, size=64, texture=name, progress=False) for name in SURFACES),
        instances("test", objects=3, views=3, progress=False),
    ):
        digest.update(json.dumps([recipe.as_dict() for recipe in data.recipes]).encode())
        digest.update(np.ascontiguousarray(data.images).tobytes())
        for category in (*NAMES, "instance"):
            maps = data.maps(category)
            digest.update(maps.numpy().tobytes())
            if category in seen:
                seen[category] |= set(maps.unique().tolist())
    for category, names in NAMES.items():
        assert seen[category] | {0} == set(range(len(names))), f"not every {category} is in the checksum"
    assert digest.hexdigest()[:16] == cache.PICTURES


@pytest.mark.parametrize("harm", [b"", b"no archive", None])
def test_an_array_is_made_once_and_again_when_its_file_is_damaged(empty_cache, harm):
    made = []

    def make() -> np.ndarray:
        made.append(1)
        return np.arange(6, dtype=np.uint8)

    for _ in range(2):
        assert np.array_equal(cache.kept("some/thing", make), np.arange(6))
    assert len(made) == 1
    [file] = (empty_cache / "some").iterdir()
    content = file.read_bytes()
    flipped = content.replace(bytes(range(6)), bytes(range(1, 7)))
    file.write_bytes(flipped if harm is None else harm)
    for _ in range(2):
        assert np.array_equal(cache.kept("some/thing", make), np.arange(6))
    assert len(made) == 2 and file.read_bytes() == content


def test_without_a_place_to_write_it_is_made_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("not a folder")
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "a file"))
    assert np.array_equal(cache.kept("some/thing", lambda: np.ones(2)), np.ones(2))
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]
