"""One picture with one occluder: the pure half of the occlusion explorer."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import replace

import pytest
import torch
from explorers.contract import noise

import cnnlab
from cnnlab import world
from cnnlab.explorers import image_sources
from cnnlab.explorers.render import occlusion


@pytest.fixture
def state(detector, bright):
    source = image_sources.RenderedSource(world.sample(7))
    return occlusion.State(detector, source, bright, box=(48, 24, 24), fill="black")


def test_only_the_window_is_covered(state):
    answer = occlusion.render(state)
    assert (answer.occluded_image[:, 24:48, 48:72] == 0).all()
    outside = torch.ones(96, 96, dtype=torch.bool)
    outside[24:48, 48:72] = False
    assert torch.equal(answer.occluded_image[:, outside], state.image[:, outside])


def test_probabilities_are_the_softmax_of_the_known_logits(state):
    answer = occlusion.render(state)
    assert torch.allclose(answer.clean_probability, torch.tensor([40.0, 6.0, -9.0]).softmax(0))
    assert torch.allclose(answer.occluded_probability, torch.tensor([0.0, 6.0, -9.0]).softmax(0))


def test_half_covered_square_gives_half_the_logit(state):
    answer = occlusion.render(replace(state, box=(60, 24, 24)))
    assert torch.allclose(answer.occluded_probability, torch.tensor([20.0, 6.0, -9.0]).softmax(0))


def test_given_uncovered_probabilities_are_not_computed_again(state):
    calls = []
    state.model.register_forward_hook(lambda *_: calls.append(1))
    occlusion.render(state, clean_probability=torch.tensor([0.5, 0.4, 0.1]))
    assert len(calls) == 1


def test_target_is_the_class_predicted_on_the_uncovered_picture_unless_said(state):
    assert occlusion.render(state).target == 0
    assert occlusion.render(replace(state, target="never")).target == 2
    assert occlusion.render(replace(state, target=1)).target == 1


def test_a_new_winner_is_named(state):
    answer = occlusion.render(state)
    assert answer.flipped
    assert answer.summary == "square has become rest (1.00)"
    assert occlusion.render(replace(state, box=(0, 60, 24))).summary == "the network still says square"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"box": (0, 0, 200)}, "occluder of 200 pixels is larger than the picture"),
        ({"box": (90, 0, 24)}, "leaves the 96 x 96 picture"),
        ({"stride": 0}, "stride must be a whole number of at least 1, but got 0"),
        ({"target": "squire"}, "'squire' is not known. Did you mean \"square\""),
        ({"target": 3}, "between 0 and 2, but got 3"),
        ({"fill": "gray-ish"}, "fill 'gray-ish' is not known"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(state, change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        occlusion.render(replace(state, **change))


def test_the_network_is_left_as_it_was(state):
    state.model.train()
    occlusion.render(state)
    assert state.model.training


def test_a_network_without_names_numbers_its_classes():
    assert occlusion.class_names(torch.nn.Identity(), 3) == ("class 0", "class 1", "class 2")


def shown_number(code: str, monkeypatch, folder) -> float:
    monkeypatch.chdir(folder)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, "shown code", "exec"), {})
    return float(said.getvalue().splitlines()[0].split()[-1])


@pytest.mark.parametrize(
    ("recipe", "fill", "box"),
    [
        (world.sample(7, shape="sheep", scene="meadow"), "grey", (30, 20, 24)),
        (world.sample(3, cover=1.0, others=("goat",), position=(0.4, 0.5)), "blur", (0, 0, 40)),
        (world.sample(11, style="camera"), "noise", (60, 61, 17)),
    ],
)
def test_shown_code_gives_the_same_number(recipe, fill, box, monkeypatch, tmp_path):
    model = cnnlab.load("mini_alexnet")
    source = image_sources.RenderedSource(recipe)
    state = occlusion.State(model, source, source.image(96), box, fill=fill, stride=24)
    answer = occlusion.render(state)
    code = occlusion.code(state, answer, "mini_alexnet", whole_map=True)
    assert shown_number(code, monkeypatch, tmp_path) == pytest.approx(
        float(answer.occluded_probability[answer.target]), abs=1e-5
    )


def test_shown_code_for_a_photo_gives_the_same_number(monkeypatch, tmp_path):
    file = tmp_path / "it's mine.png"
    noise(200, 120).save(file)
    model, source = cnnlab.load("mini_alexnet"), image_sources.PhotoSource(file.name, file.read_bytes())
    state = occlusion.State(model, source, source.image(96), (10, 10, 30))
    answer = occlusion.render(state)
    code = occlusion.code(state, answer, "mini_alexnet")
    assert shown_number(code, monkeypatch, tmp_path) == pytest.approx(
        float(answer.occluded_probability[answer.target]), abs=1e-5
    )


def test_description_has_no_measured_digits(state):
    words = occlusion.summary(state, occlusion.render(state), "detector")
    assert words == occlusion.summary(state, occlusion.render(state), "detector")
    assert "Uncovered it says square, covered rest." in words
    assert not re.search(r"\d\.\d", words)
