"""The picture picker: three kinds of pictures, what each control chooses, and what happens to a choice that fails."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from traitlets import TraitError

import cnnlab
from cnnlab.explorers import image_picker
from cnnlab.explorers.image_picker import ImagePicker
from cnnlab.explorers.thumbnails import THUMB, Thumbnails, thumbnail_atlas
from cnnlab.world import Photographs


class Heard(list):
    """What a picker has said, in order."""

    def picker(self, picture: object = 7) -> ImagePicker:
        return ImagePicker(picture, lambda: self.append("changed"), self.append)


@pytest.fixture
def heard():
    return Heard()


def visible(picker: ImagePicker) -> list[str]:
    return [name for name, panel in picker._panels.items() if panel.layout.display != "none"]


@pytest.mark.parametrize(
    ("picture", "kind"), [(7, "rendered"), ("coffee", "photograph"), (torch.rand(3, 20, 20), "own")]
)
def test_the_switch_stands_on_the_kind_that_is_given(heard, picture, kind):
    picker = heard.picker(picture)
    assert picker.kind.value == picker.source.kind == kind and visible(picker) == [kind]
    assert heard == []


def test_a_thumbnail_chooses_its_photograph(heard):
    picker = heard.picker()
    picker.thumbnails.set_state({"value": "coffee"})
    assert heard == ["changed"]
    assert torch.equal(picker.source.image(50), cnnlab.photographs()["coffee"].image(50))
    assert picker.kind.value == "photograph" and visible(picker) == ["photograph"]


def test_each_kind_remembers_what_was_chosen(heard):
    picker = heard.picker(7)
    rendered = picker.source
    picker.kind.set_state({"value": "photograph"})
    assert picker.source.name == picker.thumbnails.value == cnnlab.photographs().names[0]
    picker.thumbnails.value = "china"
    picker.kind.value = "rendered"
    assert picker.source == rendered
    picker.kind.value = "photograph"
    assert picker.source.name == "china"
    assert heard == ["changed"] * 4


def test_own_photo_shows_nothing_else_before_a_photo_comes(heard):
    picker = heard.picker("coffee")
    before = picker.source
    picker.kind.value = "own"
    assert visible(picker) == ["own"] and picker.source is before and heard == []
    picker.kind.value = "photograph"
    assert visible(picker) == ["photograph"] and heard == []
    picker.kind.value = "own"
    picker.kind.value = "rendered"
    assert picker.source.kind == "rendered" and heard == ["changed"]


def test_a_photo_that_goes_leaves_what_was_there_before(heard):
    picker = heard.picker("coffee")
    picker.seed.value = 5
    picker.thumbnails.value = "china"
    Image.new("RGB", (9, 9), "red").save(stream := io.BytesIO(), "PNG")
    picker.photo_upload.upload = {"name": "red.png", "content": stream.getvalue(), "turn": 1}
    assert (picker.kind.value, picker.photo_upload.photo_name) == ("own", "red.png")
    picker.photo_upload.upload = {"turn": 2}
    assert picker.source.name == "china" and picker.photo_upload.photo_name == ""
    picker.kind.value = "own"
    assert picker.source.name == "china", "the photo is gone"


def test_rendered_controls_lead_away_from_a_photograph(heard):
    picker = heard.picker("coffee")
    picker.seed.value = 12
    assert picker.source.recipe.seed == 12 and visible(picker) == ["rendered"]


def test_a_photograph_whose_file_is_gone_is_reported_and_the_picture_stays(heard, monkeypatch):
    known = cnnlab.photographs()
    gone = dataclasses.replace(known["coffee"], path=Path("gone.png"))
    monkeypatch.setattr(image_picker, "installed_photographs", lambda: Photographs([known["chelsea"], gone]))
    picker = heard.picker("chelsea")
    picker.thumbnails.value = "coffee"
    assert [type(one) for one in heard] == [FileNotFoundError] and "gone.png" in str(heard[0])
    assert picker.source.name == picker.thumbnails.value == "chelsea"


def test_without_an_installed_photograph_two_kinds_are_left(heard, monkeypatch):
    monkeypatch.setattr(image_picker, "installed_photographs", lambda: Photographs([]))
    assert [value for value, _word in heard.picker().kind.options] == ["rendered", "own"]


def test_thumbnails_say_name_content_class_and_credit(heard):
    shown = heard.picker("chelsea").thumbnails
    place = shown.names.index("chelsea")
    assert "cat" in shown.descriptions[place] and "ImageNet class: tabby" in shown.descriptions[place]
    assert shown.captions[place] == "Chelsea, Stefan van der Walt, CC0"
    assert len(shown.names) == len(shown.descriptions) == len(shown.captions) == shown.atlas["count"]


def test_thumbnails_are_read_when_they_are_seen(heard):
    picker = heard.picker(7)
    assert picker.thumbnails.atlas == {}
    picker.kind.value = "photograph"
    assert picker.thumbnails.atlas["count"] == len(cnnlab.photographs())


def test_the_sheet_has_each_picture_in_its_place():
    shades = [torch.full((3, THUMB, THUMB), shade) for shade in (0.1, 0.3, 0.5, 0.7, 0.9)]
    sheet = thumbnail_atlas(shades)
    whole = np.asarray(Image.open(io.BytesIO(sheet["jpeg"])).convert("L")) / 255
    middles = whole[THUMB // 2 :: THUMB, THUMB // 2 :: THUMB].ravel()
    assert sheet["columns"] == 3 and middles[:5] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9], abs=0.01)


def test_what_is_not_offered_cannot_be_chosen(heard):
    picker = heard.picker()
    with pytest.raises(TraitError, match='"choclate" is not among the pictures: chelsea'):
        picker.thumbnails.value = "choclate"
    with pytest.raises(TraitError, match="photograph, rendered, own"):
        picker.kind.value = "drawn"
    assert Thumbnails().value == ""
