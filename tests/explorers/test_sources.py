"""Where pictures come from."""

from __future__ import annotations

import re

import pytest
import torch
from PIL import Image

import cnnlab
from cnnlab import world
from cnnlab.explorers.sources import Photo, Rendered, as_source, special_fields


def evaluated(code: str) -> torch.Tensor:
    names = {"world": world, "cnnlab": cnnlab}
    exec(code, names)
    return names["image"]


@pytest.mark.parametrize("size", [96, 224])
@pytest.mark.parametrize(
    "recipe",
    [
        world.sample(7, shape="sheep", scene="meadow"),
        world.sample(5),
        world.sample(9, shape="cup", texture="elephant", others=("bird",)),
        world.sample(2, style="drawn", flip=True, light=1.1, cover=0.5),
    ],
)
def test_code_of_a_rendered_picture_draws_it_again(recipe, size):
    source = Rendered(recipe)
    assert torch.equal(evaluated(source.code(size)), source.image(size))


def test_code_names_only_what_chance_would_not_have_drawn():
    assert special_fields(world.sample(4)) == {}
    assert special_fields(world.sample(4, cover=0.25)) == {"cover": 0.25}
    plain = Rendered(world.sample(7, shape="sheep", scene="meadow")).code(96)
    assert plain.startswith('picture = world.render(7, shape="sheep", scene="meadow")\n')


def test_mask_and_picture_belong_together():
    source = Rendered(world.sample(7, shape="sheep"))
    large, small = source.mask(384), source.mask(96)
    assert large.shape == (384, 384)
    assert small.float().mean() == pytest.approx(large.float().mean().item(), abs=0.02)


def test_a_photo_has_no_mask(tmp_path):
    file = tmp_path / "grey.png"
    Image.new("L", (30, 60), 128).save(file)
    photo = Photo("grey.png", file.read_bytes())
    assert photo.image(50).shape == (3, 50, 50)
    assert photo.mask(50) is None


def test_every_way_to_name_a_picture(sheep, tmp_path):
    assert as_source(sheep) == as_source(sheep.recipe) == Rendered(sheep.recipe)
    assert as_source(5) == Rendered(world.sample(5))
    assert as_source(tmp_path / "x.png") == Photo(str(tmp_path / "x.png"), str(tmp_path / "x.png"))
    assert as_source(b"bytes") == Photo("photo", b"bytes")


@pytest.mark.parametrize("wrong", [None, 3.5, True, torch.zeros(3, 9, 9)])
def test_anything_else_is_refused(wrong):
    with pytest.raises(TypeError, match=re.escape("picture must be a seed, a recipe, a picture")):
        as_source(wrong)
