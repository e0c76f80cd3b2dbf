"""A recipe is a plain value, and one aspect of it can be changed alone."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from cnnlab.world import OBJECTS, SCENES, STYLES, Recipe, sample


def test_the_same_seed_gives_the_same_recipe_and_another_seed_another():
    assert sample(12) == sample(12)
    assert sample(12) != sample(13)


def test_a_fixed_field_leaves_the_others_as_they_are():
    free, fixed = sample(5).as_dict(), sample(5, scene="room").as_dict()
    assert fixed.pop("scene") == "room"
    free.pop("scene")
    assert fixed == free


def test_a_recipe_survives_json():
    recipe = sample(9, others=("cup", "car"))
    values = json.loads(json.dumps(recipe.as_dict()))
    again = Recipe(**values)
    assert again.replace(seed=9) == recipe


def test_classes_and_scenes_are_drawn_evenly():
    recipes = [sample(seed) for seed in range(4000)]
    for names, field in ((OBJECTS, "shape"), (SCENES, "scene")):
        counts = Counter(getattr(recipe, field) for recipe in recipes)
        expected = 4000 / len(names)
        # Chi-squared over its mean: 1 for even draws; 2 is beyond the 99.5 % point for 9 and for 19 degrees of freedom.
        assert sum((counts[name] - expected) ** 2 / expected for name in names) / (len(names) - 1) < 2.6


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("shape", "shep", 'Did you mean "sheep"'),
        ("scene", "moon", "meadow, rocks"),
        ("texture", "velvet", "wool"),
        ("style", "painted", ", ".join(STYLES)),
        ("others", ("sheep", "dragon"), "dragon"),
        ("position", (5, 5), "inside the picture"),
        ("position", 3, "pair"),
        ("scale", 0, "between 0.02"),
        ("light", 0, "between 0.1"),
        ("clutter", 99, "between 0 and 20"),
        ("cover", 2, "between 0 and 1"),
        ("seed", -1, "seed"),
    ],
)
def test_what_has_no_picture_is_refused(field, value, says):
    with pytest.raises((ValueError, TypeError), match=says):
        sample(0).replace(**{field: value})


def test_an_unknown_field_lists_the_fields():
    with pytest.raises(ValueError, match="seed, shape, texture"):
        sample(0).replace(colour="red")
