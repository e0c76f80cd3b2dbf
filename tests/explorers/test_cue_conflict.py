"""The cue conflict explorer without a browser: both networks are asked about every skin."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from explorers.contract import ran
from torch import nn

from cnnlab.explorers import CueConflictExplorer
from cnnlab.explorers.render import cue_conflict as rendering
from cnnlab.robustness import cue_conflict
from cnnlab.world import OBJECTS, render


class Fixed(nn.Module):
    """Always gives the same answer."""

    input_size = 96

    def __init__(self, answer: str, names=OBJECTS):
        super().__init__()
        self.name, self.class_names = f"says_{answer}", names
        self.logits = nn.Parameter(torch.zeros(len(names)))
        self.logits.data[names.index(answer)] = 4.0

    def forward(self, images):
        return self.logits + 0 * images.mean((1, 2, 3))[:, None]


@pytest.fixture
def explorer():
    picture = render(3, shape="teapot", scene="room", clutter=0, cover=0.0)
    return CueConflictExplorer(Fixed("teapot").eval(), Fixed("fish").eval(), picture)


def test_a_saved_notebook_shows_each_picture_large(explorer):
    figure = explorer.preview()
    figure.draw_without_rendering()
    widths = [axis.images[0].get_window_extent().width for axis in figure.axes if axis.images]
    assert len(widths) == len(OBJECTS) and min(widths) >= 150


def test_words_keep_off_one_another_and_the_edge(explorer):
    figure = explorer.preview()
    figure.suptitle(explorer.preview_title(), fontsize=9)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for axis in figure.axes for text in (axis.title, *axis.texts)]
    assert len(boxes) == 3 * len(OBJECTS)
    assert min(box.y0 for box in boxes) >= 0
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_every_skin_is_drawn_and_asked_about(explorer):
    assert explorer.error is None and set(explorer.results) == set(OBJECTS)
    expected = cue_conflict("teapot", "fish", seed=3, scene="room").image
    assert torch.equal(explorer.results["fish"].image, expected)
    assert len(explorer.grid.captions) == len(OBJECTS)
    assert "shape of a teapot in the texture of a fish" in explorer.describe()
    said = [
        f"{name} says {word}"
        for name, word in zip(("says_teapot", "says_fish (yours)"), ("teapot", "fish"), strict=True)
    ]
    assert explorer.grid.captions[OBJECTS.index("wolf")] == f"in the skin of wolf: {', '.join(said)}"
    assert explorer.grid.labels == list(OBJECTS)


def test_answers_are_counted_by_cue(explorer):
    names = explorer._classes[0]
    assert rendering.count_cues(explorer.results, 0, names, "teapot") == {
        "shape": 19,
        "texture": 0,
        "neither": 0,
    }
    assert rendering.count_cues(explorer.results, 1, names, "teapot") == {
        "shape": 0,
        "texture": 1,
        "neither": 18,
    }
    assert "19 by shape" in explorer._findings[0].value and "1 by texture" in explorer._findings[1].value


def test_what_an_answer_goes_by():
    names = ("sheep", "car", "cup")
    says_car = torch.tensor([0.1, 0.8, 0.1])
    assert rendering.followed_cue(says_car, names, "car", "cup") == "shape"
    assert rendering.followed_cue(says_car, names, "cup", "car") == "texture"
    assert rendering.followed_cue(says_car, names, "sheep", "cup") == "neither"
    assert rendering.followed_cue(says_car, names, "car", "car") == "no conflict"


def test_a_small_picture_chooses_its_skin(explorer):
    assert explorer.texture.value != OBJECTS[2]
    explorer.grid.selected = 2
    assert explorer.texture.value == OBJECTS[2]


def test_the_second_network_can_be_changed(explorer):
    explorer.second_network.value = explorer.network.value
    assert explorer.error is None
    assert "19 by shape" in explorer._findings[1].value


def test_the_code_repeats_the_answer(explorer):
    names, said = ran(explorer)
    assert torch.equal(names["image"], explorer.results["fish"].image) and said.startswith("teapot ")


def test_a_network_of_other_classes_is_refused():
    with pytest.raises(ValueError, match="does not know the 20 classes"):
        CueConflictExplorer(Fixed("sheep", ("sheep", "goat")).eval(), Fixed("fish").eval())


def test_a_photo_has_no_other_skin():
    with pytest.raises(ValueError, match="a photo cannot be drawn again"):
        CueConflictExplorer(Fixed("teapot").eval(), Fixed("fish").eval(), b"\x89PNG")
