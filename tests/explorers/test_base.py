"""What every explorer inherits: errors in place, pickers, names."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest
import torch

from cnnlab import explorers
from cnnlab.explorers import Explorer, base
from cnnlab.explorers.controls import slider


class Plain(Explorer):
    """The smallest explorer: counts how often it was refreshed."""

    title = "Plain"
    question = "Does it <live>?"

    def __init__(self, model, picture=None):
        super().__init__(model, picture)
        self.refreshed = 0
        self.layout({"More": {"level": slider("Level", 1, 0, 9, name="Level")}}, centre=[])
        self.show()
        self.on_change(self.divide, self.level)

    def refresh(self):
        self.refreshed += 1

    def divide(self):
        self.quotient = 6 // self.level.value

    def code(self):
        return f"image of {self.image_picker.source.description}"

    def describe(self):
        return "plain"

    def static_preview(self):
        return b"png"


@pytest.fixture
def explorer(detector):
    return Plain(detector)


def test_an_error_is_shown_in_place_and_goes_with_the_next_success(explorer):
    explorer.level.value = 0
    assert isinstance(explorer.error, ZeroDivisionError)
    assert "ZeroDivisionError" in explorer._alert.value
    assert explorer._alert.layout.display == ""
    explorer.level.value = 3
    assert explorer.error is None
    assert explorer.quotient == 2
    assert explorer._alert.layout.display == "none"


def test_errors_speak_without_their_kind_if_they_are_meant_for_the_reader(explorer):
    explorer.fail(ValueError("a < b"))
    assert explorer._alert.value == "a &lt; b"
    explorer.fail(KeyError("no such thing"))
    assert explorer._alert.value == "no such thing"


def test_work_within_work_fails_as_a_whole(explorer):
    def outer():
        explorer.level.value = 0  # fails in its own callback

    explorer.run_safely(outer)
    assert isinstance(explorer.error, ZeroDivisionError)


def test_wrong_arguments_are_raised_where_the_cell_shows_them(detector):
    with pytest.raises(TypeError, match="picture must be"):
        Plain(detector, picture=3.7)
    with pytest.raises(ValueError, match="network 'mini_alexnt' is not known"):
        Plain("mini_alexnt")


def test_class_scene_and_seed_change_the_picture(explorer):
    for control, value in ((explorer.shape, "cup"), (explorer.scene, "snow"), (explorer.seed, 12)):
        before = explorer.image
        control.value = value
        assert not torch.equal(before, explorer.image)
    recipe = explorer.image_picker.source.recipe
    assert (recipe.shape, recipe.scene, recipe.seed) == ("cup", "snow", 12)
    assert explorer.refreshed == 4
    assert "cup, scene snow, seed 12" in explorer._code.code


def test_another_one_keeps_class_and_scene(explorer):
    before = explorer.image_picker.source.recipe
    explorer.another_button.click()
    after = explorer.image_picker.source.recipe
    assert (after.shape, after.scene) == (before.shape, before.scene)
    assert after.seed != before.seed


@pytest.mark.parametrize("picture", [7, "chelsea", torch.rand(3, 60, 80)])
def test_the_picture_follows_the_size_of_another_network(detector, picture):
    large = type(detector)().eval()
    large.input_size = 224
    explorer = Plain(detector, picture)
    explorer.network.options = [*explorer.network.options, ("large", large)]
    before = explorer.image_picker.source
    explorer.network.value = large
    assert explorer.error is None and explorer.image.shape == (3, 224, 224)
    assert explorer.image_picker.source == before


def test_a_network_of_imagenet_begins_with_a_photograph(detector):
    detector.class_names = ("tabby", "tiger cat", "hen")
    explorer = Plain(detector)
    assert explorer.photograph.value == "chelsea" and explorer.image_picker.kind.value == "photograph"
    explorer.photograph.value = "coffee"
    assert "Coffee, Rachel Michetti, CC0" in explorer._code.code and explorer.error is None


def test_what_the_given_recipe_fixes_stays_fixed(detector, sheep):
    from cnnlab import world

    explorer = Plain(detector, world.render(sheep.recipe, cover=1.0, style="drawn"))
    explorer.scene.value = "desert"
    explorer.another_button.click()
    assert (explorer.image_picker.source.recipe.cover, explorer.image_picker.source.recipe.style) == (
        1.0,
        "drawn",
    )


def test_a_photo_comes_and_goes(explorer, tmp_path):
    from PIL import Image

    file = tmp_path / "red.png"
    Image.new("RGB", (40, 20), "red").save(file)
    explorer.photo_upload.set_state(
        {"upload": {"name": "red.png", "content": memoryview(file.read_bytes()), "turn": 1}}
    )
    assert torch.allclose(explorer.image[0], torch.ones(96, 96))
    assert explorer.photo_upload.photo_name == "red.png"
    assert explorer.image_picker.kind.value == "own"
    explorer.photo_upload.set_state({"upload": {"turn": 2}})
    assert explorer.photo_upload.photo_name == ""
    assert "sheep" in explorer.image_picker.source.description
    assert explorer.image_picker.kind.value == "rendered"


def test_a_network_that_does_not_load_is_reported_and_the_old_one_stays(explorer, monkeypatch):
    def fails(name):
        raise ConnectionError(f"{name} is not here and cannot be fetched.")

    monkeypatch.setattr(base, "load", fails)
    explorer.network.options = [*explorer.network.options, ("far", "far")]
    old = explorer.network.value
    explorer.network.value = "far"
    assert explorer.network.value is old
    assert explorer.model is old
    assert "far is not here" in explorer._alert.value


def test_picker_offers_what_loads_at_once_and_the_network_that_is_given(explorer, detector):
    labels = [label for label, _value in explorer.network.options]
    assert labels[0] == "detector (yours)"
    assert "mini_alexnet" in labels
    explorer.network.value = "mini_alexnet"
    assert explorer.error is None
    assert explorer.model.name == "mini_alexnet"
    assert explorer.network_name == "mini_alexnet"


def test_title_and_question_are_text_not_markup(explorer):
    html = explorer.widget.children[1].value
    assert "Does it &lt;live&gt;?" in html


def _assigned(kind: type) -> set[str]:
    """The private attributes that a class's own methods set on `self`."""
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind))))
    stored = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    return {node.attr for node in stored if getattr(node.value, "id", "") == "self" and node.attr[0] == "_"}


@pytest.mark.parametrize("name", [name for name in explorers.__all__ if name.endswith("Explorer")])
def test_no_explorer_overwrites_a_private_attribute_of_its_parent(name):
    kind = getattr(explorers, name)
    for parent in kind.__mro__[1:]:
        if parent.__module__.startswith("cnnlab"):
            assert not _assigned(kind) & _assigned(parent), f"{name} overwrites what {parent.__name__} keeps"
