"""The part explorer without a browser: both pictures, both bars, and a game that hides what it should."""

from __future__ import annotations

import pytest
import torch
from explorers.contract import ran
from explorers.small_network import Small
from PIL import Image

from cnnlab import attribution, world
from cnnlab.explorers import PartExplorer
from cnnlab.explorers import parts as module
from cnnlab.explorers.render import parts as render


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    """Large pictures take long to draw."""
    monkeypatch.setattr(module, "SHOWN", 96)


@pytest.fixture
def explorer():
    return PartExplorer(Small())


def test_it_shows_the_truth_of_the_technique(explorer):
    found = attribution.true_importance(explorer.model, explorer.recipe, pairs=False)
    assert explorer.error is None and found.target == explorer.target
    assert torch.allclose(explorer.truth.falls(found.target), found.leave_one_out, atol=1e-6)
    relevance, claimed = explorer._claims()
    picture = world.render(explorer.recipe, size=explorer.side)
    assert torch.equal(claimed, attribution.part_claims(relevance, picture))
    assert torch.equal(explorer._pictures()[0], world.render(explorer.recipe, size=96).image)
    explorer.part.value = "horn"
    assert torch.equal(explorer._pictures()[1], world.render(explorer.recipe, size=96, without="horn").image)
    assert "Without the horn" in explorer._finding.value


def test_a_seed_is_a_picture_and_what_is_not_rendered_is_refused():
    explorer = PartExplorer(Small(), picture=3)
    assert explorer.recipe == world.sample(3)
    for picture in (torch.rand(3, 9, 9), Image.new("RGB", (9, 9)), "coffee"):
        with pytest.raises(
            TypeError, match="known of rendered pictures alone, not of a pho?|picture of your own"
        ):
            PartExplorer(Small(), picture=picture)


def test_parts_follow_the_object_and_stay_where_both_have_them(explorer):
    explorer.part.value = "eye"
    explorer.shape.value = "bird"
    assert explorer.part.options == world.parts_of("bird") and explorer.part.value == "eye"
    explorer.shape.value = "cup"
    assert explorer.error is None and explorer.part.value == "rim"


def test_hidden_names_stand_nowhere_until_the_guess(explorer):
    explorer.hide.value = True
    said = (explorer.describe(), explorer.code(), explorer.status.value, explorer._finding.value)
    assert not any(name in words for name in render.OFFERED for words in said)
    labels = [label for label, _ in explorer.method.options]
    assert labels == [f"method {letter}" for letter in "ABCDEFGHI"] and not explorer.table.rows
    explorer.guess.value = labels[3]
    assert {row[0].split(": ")[1] for row in explorer.table.rows} == set(render.OFFERED)
    scores = [float(row[1]) for row in explorer.table.rows]
    assert scores == sorted(scores)
    liars = [row[0].split(": ")[0] for row in explorer.table.rows if float(row[1]) == scores[0]]
    assert ("Right" in explorer.status.value) == (labels[3] in liars)
    for label in labels:
        explorer.guess.value = label
        assert ("Right" in explorer.status.value) == (label in liars), "equal ones are all right"
    explorer.hide.value = False
    assert [label for label, _ in explorer.method.options] == list(render.OFFERED)
    assert not explorer.table.rows and explorer.guess.disabled


def test_methods_that_a_network_does_not_answer_are_not_offered():
    """Without a ReLU there is no rule to change, without maps no CAM; the game goes on with the others."""
    smooth = Small()
    smooth.relu1, smooth.relu2 = torch.nn.GELU(), torch.nn.GELU()
    explorer = PartExplorer(smooth)
    offered = [name for name, _ in explorer.method.options]
    assert offered == [
        name for name in render.OFFERED if name not in ("deconvnet", "guided backprop", "guided Grad-CAM")
    ]
    explorer.hide.value = True
    explorer.guess.value = explorer.guess.options[1]
    assert explorer.error is None and len(explorer.table.rows) == len(offered)
    flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 5))
    flat.input_size = 32
    explorer = PartExplorer(flat)
    assert explorer.error is None and explorer.method.value == "saliency"
    assert [name for name, _ in explorer.method.options] == ["saliency", "SmoothGrad", "integrated gradients"]


def test_where_no_part_counts_no_method_lies():
    blind = Small()
    with torch.no_grad():
        blind.fc.weight.zero_()
    explorer = PartExplorer(blind)
    assert "has no truth to agree with" in explorer._finding.value
    explorer.hide.value = True
    explorer.guess.value = explorer.guess.options[1]
    assert "no method can lie" in str(explorer.error) and not explorer.table.rows


def test_the_agreement_is_the_rank_correlation():
    falls = torch.tensor([1.0, 3.0, 2.0])
    assert render.agreement(torch.tensor([10.0, 30.0, 20.0]), falls) == pytest.approx(1)
    assert render.agreement(-falls, falls) == pytest.approx(-1)
    assert render.rank(falls, 1) == 1 and render.rank(falls, 0) == 3
    assert render.shares(torch.tensor([-4.0, 2.0])).tolist() == [-1, 0.5]
    assert sorted(name for _, name in render.letters(render.OFFERED, 5)) == sorted(render.OFFERED)


def test_the_shown_code_gives_both_numbers(explorer):
    explorer.part.value = "horn"
    names, said = ran(explorer)
    falls = explorer.truth.falls(explorer.target)
    assert torch.allclose(names["truth"].leave_one_out, falls, atol=1e-5)
    index = world.parts_of("goat").index("horn")
    assert float(said.split()[-1]) == pytest.approx(float(explorer._claims()[1][index]), abs=1e-6)
