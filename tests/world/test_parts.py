"""A part of an object can be taken away or replaced, and nothing else in the picture changes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlab.world import OBJECTS, STYLES, Recipe, index_of, parts_of, render, sample
from cnnlab.world.drawing import draw, painted
from cnnlab.world.renderer import LABELS

MAPS = ("object", "part", "scene", "material", "texture", "instance")


def widen(mask: torch.Tensor, pixels: int) -> torch.Tensor:
    return F.max_pool2d(mask.float()[None, None], 2 * pixels + 1, 1, pixels)[0, 0].bool()


def changed(first, second) -> torch.Tensor:
    return (first.image != second.image).any(dim=0)


def touched(recipe: Recipe, part: str) -> torch.Tensor:
    """Where any of the 2 x 2 points of a pixel shows the part: its colour is their mean, its label their majority."""
    canvas = painted(recipe, 96)
    rows = torch.tensor(canvas.labels)
    is_part = (rows[:, LABELS.index("part")] == index_of("part", part)) & (
        rows[:, LABELS.index("instance")] == 1
    )
    points = is_part[torch.from_numpy(np.array(canvas.canvas)).long()]
    return F.max_pool2d(points[None].float(), 2)[0].bool()


@pytest.mark.parametrize("shape", OBJECTS)
def test_every_part_goes_alone(shape):
    whole = render(31, shape=shape, cover=0.0, clutter=2, others=("cup",))
    for part in parts_of(shape):
        less = render(whole.recipe, without=part)
        elsewhere = ~touched(whole.recipe, part)
        assert not changed(whole, less)[elsewhere].any(), part
        for name in (*MAPS, "colour"):
            assert torch.equal(getattr(whole, name)[elsewhere], getattr(less, name)[elsewhere]), (part, name)
        assert not (less.mask("part", part) & less.mask()).any()
        assert less.recipe.without == (part,) and less.label == shape


def test_what_was_behind_appears():
    goat = sample(7, shape="goat", scene="meadow", clutter=0, cover=0.0)
    whole, bald = render(goat, size=192), render(goat, size=192, without=("beard", "eye"))
    beard, eye = whole.mask("part", "beard"), whole.mask("part", "eye")
    assert beard.any() and eye.any()
    assert set(bald.part[eye].tolist()) == {index_of("part", "head")}, "the eye lies on the head"
    empty = render(goat, size=192, shape="none")
    free = beard & (bald.instance == 0)
    assert free.any() and torch.equal(bald.scene[free], empty.scene[free])


def test_without_all_parts_only_the_shadow_is_left():
    sheep = sample(3, shape="sheep", clutter=0, cover=0.0)
    for scene in ("sky", "meadow"):
        none = render(sheep, scene=scene, without=parts_of("sheep"))
        empty = render(sheep, scene=scene, shape="none")
        assert none.box == (0, 0, 0, 0)
        for name in MAPS:
            assert torch.equal(getattr(none, name), getattr(empty, name))
        assert torch.equal(none.image, empty.image) == (scene == "sky"), "nothing casts a shadow in the sky"


@pytest.mark.parametrize("style", STYLES)
def test_a_style_shows_the_same_parts(style):
    whole, less = (
        render(8, shape="rhinoceros", cover=0.0, without=without) for without in ((), ("horn", "head"))
    )
    styled = render(less.recipe, style=style)
    assert torch.equal(styled.part, less.part) and not torch.equal(whole.part, less.part)


def test_another_surface_changes_the_part_alone():
    house = sample(5, shape="house", clutter=0, cover=0.0)
    plain, thatched = render(house), render(house, replace={"roof": "wool"})
    assert torch.equal(plain.part, thatched.part) and torch.equal(plain.mask(), thatched.mask())
    roof = plain.mask("part", "roof") & plain.mask()
    assert torch.equal(thatched.mask("texture", "curly"), roof)
    assert not (changed(plain, thatched) & ~widen(roof, 1)).any()
    assert changed(plain, thatched)[roof].float().mean() > 0.99


def test_a_part_of_another_class_takes_the_place():
    goat = sample(7, shape="goat", scene="sky", clutter=0, cover=0.0)
    own, other = render(goat, size=192), render(goat, size=192, replace={"beard": ("elephant", "trunk")})
    assert other.mask("part", "trunk").any() and not other.mask("part", "beard").any()
    assert set(other.object[other.mask()].tolist()) == {index_of("object", "goat")}
    beard, trunk = own.mask("part", "beard"), other.mask("part", "trunk")
    assert not (trunk & ~widen(beard, 24)).any(), "it stays near the box of the beard"
    assert not (changed(own, other) & ~widen(beard | trunk, 2)).any()


def test_replacements_do_not_change_each_other():
    car = sample(6, shape="car", clutter=0, cover=0.0)
    both = render(car, replace={"wheel": "wool", "window": "stripes"})
    wheels, windows = render(car, replace={"wheel": "wool"}), render(car, replace={"window": "stripes"})
    window, wheel = (
        both.mask("part", name) & ~widen(~both.mask("part", name), 1) for name in ("window", "wheel")
    )
    assert torch.equal(both.image[:, window], windows.image[:, window]) and window.any()
    assert torch.equal(both.image[:, wheel], wheels.image[:, wheel]) and wheel.any()


def test_a_recipe_with_parts_survives_json():
    recipe = sample(7, shape="goat", without=["horn"], replaced={"ear": ("elephant", "ear"), "leg": "wool"})
    again = Recipe(**json.loads(json.dumps(recipe.as_dict()))).replace(seed=7)
    assert again == recipe and hash(again) == hash(recipe)
    assert "without" not in sample(7).as_dict(), "a picture without edits is described as before"
    for one, two in zip(draw(again), draw(recipe), strict=True):
        assert (one == two).all()


def test_parts_are_named_once_and_in_the_order_of_the_object():
    assert sample(7, shape="goat", without=("horn", "leg", "horn")).without == ("leg", "horn")
    assert parts_of("none") == ()


@pytest.mark.parametrize(
    ("shape", "fields", "says"),
    [
        ("sheep", {"without": ("horn",)}, "leg, foot, tail, body, ear, head, eye, muzzle"),
        ("sheep", {"without": "heads"}, 'Did you mean "head"'),
        ("none", {"without": "head"}, "no parts"),
        ("sheep", {"replaced": {"horn": "wool"}}, "leg, foot, tail"),
        ("sheep", {"replaced": {"head": "velvet"}}, "wool"),
        ("sheep", {"replaced": {"head": ("sheepdog", "head")}}, "goat"),
        ("sheep", {"replaced": {"head": ("goat", "wheel")}}, "beard"),
        ("sheep", {"replaced": "head"}, "must map parts"),
        ("sheep", {"replaced": {"head": 5}}, "replaced by a surface, .* but got 5"),
        ("sheep", {"without": 5}, "must name one part or several, .* but got 5"),
        ("sheep", {"replaced": {"head": ("goat", "head", "eye")}}, "class, part"),
    ],
)
def test_parts_that_are_not_there_are_refused(shape, fields, says):
    with pytest.raises((ValueError, TypeError), match=says):
        sample(0, shape=shape).replace(**fields)
