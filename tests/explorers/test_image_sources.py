"""Where pictures come from."""

from __future__ import annotations

import re

import pytest
import torch
from explorers.contract import noise
from PIL import Image
from torch.nn import functional as F

import cnnlab
from cnnlab import world
from cnnlab.explorers.image_sources import (
    PhotographSource,
    PhotoSource,
    RenderedSource,
    as_source,
    default_image,
    extra_fields,
)


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
    source = RenderedSource(recipe)
    assert torch.equal(evaluated(source.code(size)), source.image(size))


def test_code_names_only_what_chance_would_not_have_drawn():
    assert extra_fields(world.sample(4)) == {}
    assert extra_fields(world.sample(4, cover=0.25)) == {"cover": 0.25}
    plain = RenderedSource(world.sample(7, shape="sheep", scene="meadow")).code(96)
    assert plain.startswith('picture = world.render(7, shape="sheep", scene="meadow")\n')


def test_mask_and_picture_belong_together():
    source = RenderedSource(world.sample(7, shape="sheep"))
    large, small = source.mask(384), source.mask(96)
    assert large.shape == (384, 384)
    assert small.float().mean() == pytest.approx(large.float().mean().item(), abs=0.02)


def test_a_photo_has_no_mask(tmp_path):
    file = tmp_path / "grey.png"
    Image.new("L", (30, 60), 128).save(file)
    photo = PhotoSource("grey.png", file.read_bytes())
    assert photo.image(50).shape == (3, 50, 50)
    assert photo.mask(50) is None


def test_every_way_to_name_a_picture(sheep, tmp_path):
    assert as_source(sheep) == as_source(sheep.recipe) == RenderedSource(sheep.recipe)
    assert as_source(5) == RenderedSource(world.sample(5))
    assert as_source(tmp_path / "x.png") == PhotoSource(str(tmp_path / "x.png"), str(tmp_path / "x.png"))
    assert as_source(b"bytes") == PhotoSource("", b"bytes")
    assert as_source("coffee") == as_source(cnnlab.photographs()["coffee"])
    assert as_source(as_source("coffee")).name == "coffee"


@pytest.mark.parametrize("name", ["chelsea", "china", "brick"])
@pytest.mark.parametrize("size", [96, 224])
def test_a_photograph_is_known_by_its_name_and_its_code_reads_it_again(name, size):
    source, photograph = as_source(name), cnnlab.photographs()[name]
    assert torch.equal(source.image(size), photograph.image(size))
    assert torch.equal(evaluated(source.code(size)), source.image(size))
    assert source.mask(size) is None and source.kind == "photograph"
    assert photograph.credit in source.description, "it is shown with maker and licence"


def test_a_file_with_the_name_of_a_photograph_is_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(as_source("chelsea"), PhotographSource)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "chelsea", "PNG")
    source = as_source("chelsea")
    assert source == PhotoSource("chelsea", "chelsea")
    assert torch.equal(source.image(8)[0], torch.ones(8, 8))


@pytest.mark.parametrize(
    ("text", "near"),
    [("chelsee", "chelsea"), ("Coffe.png", "coffee"), ("xyzzy", "there are chelsea, coffee")],
)
def test_a_text_that_names_nothing_is_told_what_is_near(text, near):
    with pytest.raises(FileNotFoundError, match=f'there is no file "{text}".*{near}'):
        as_source(text)


def test_a_photograph_of_the_readers_own_folder_is_their_own(tmp_path):
    (tmp_path / "cats").mkdir()
    noise(40, 30).save(tmp_path / "cats" / "tom's.png")
    source = as_source(cnnlab.photographs(tmp_path)[0])
    assert (source.kind, source.description) == ("own", "photo cats/tom's")
    assert torch.equal(evaluated(source.code(20)), source.image(20))


def test_a_tensor_is_taken_as_it_is_or_its_middle_scaled():
    image = torch.rand(3, 40, 60)
    source = as_source(image)
    assert torch.equal(source.image(40), image[:, :, 10:50])
    half = F.interpolate(image[None, :, :, 10:50], size=(20, 20), mode="bicubic", antialias=True)[0]
    assert torch.allclose(source.image(20), half.clamp(0, 1))
    assert as_source(image[None]).image(40).shape == (3, 40, 40)
    assert (source.kind, source.mask(40)) == ("own", None)
    assert source.code(40).startswith("image = ...  #")
    assert source != as_source(image.clone()), "two pictures, however alike"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "HSV"])
def test_an_image_of_pillow_is_read_as_its_file_is(mode, tmp_path):
    image = Image.new(mode, (30, 20))
    source = as_source(image)
    image.convert("RGB" if mode in ("YCbCr", "HSV") else mode).save(
        tmp_path / "x.tif"
    )  # a file can hold the others
    assert torch.allclose(source.image(10), as_source(tmp_path / "x.tif").image(10), atol=0.02)
    assert source.description == "photo of your own" and source.code(10).startswith("image = ...")


def test_an_image_of_pillow_that_was_opened_is_its_file(tmp_path):
    noise(40, 30).save(tmp_path / "noise.png")
    with Image.open(tmp_path / "noise.png") as image:
        source = as_source(image)
    assert source == as_source(tmp_path / "noise.png")
    assert torch.equal(evaluated(source.code(16)), source.image(16))


def test_networks_that_know_a_photograph_see_it_first(sheep):
    assert default_image(("dog", "tabby"), sheep) == cnnlab.photographs()["chelsea"]
    assert default_image(("sheep", "goat"), sheep) is sheep
    assert default_image((), sheep) is sheep


@pytest.mark.parametrize("size", [(2, 9, 9), (2, 3, 9, 9), (3, 0, 9)])
def test_a_tensor_that_is_no_picture_is_refused(size):
    with pytest.raises(ValueError, match="picture"):
        as_source(torch.zeros(size))
    with pytest.raises(ValueError, match="picture must lie in"):
        as_source(torch.full((3, 9, 9), 2.0))


@pytest.mark.parametrize("wrong", [None, 3.5, True, [1, 2]])
def test_anything_else_is_refused(wrong):
    with pytest.raises(TypeError, match=re.escape("picture must be a seed, a recipe, a picture")):
        as_source(wrong)
