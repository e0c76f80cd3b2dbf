"""The fooling explorer without a browser: what is shown is what evolution and ascent give, generation by generation."""

from __future__ import annotations

import pytest
import torch
from explorers.contract import ran
from explorers.small_network import Small
from torch import nn

from cnnlab.explorers import FoolingExplorer
from cnnlab.robustness import evolve_fooling


class Tiny(nn.Module):
    """Three classes of pictures of 16 x 16, from weights of a seed."""

    name, class_names, input_size = "tiny", ("sheep", "goat", "wolf"), 16

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Linear(4, 3)
        chance = torch.Generator().manual_seed(0)
        for parameter in self.parameters():
            nn.init.normal_(parameter, generator=chance)

    def forward(self, images):
        seen = self.relu(self.conv(images)).mean((2, 3))
        return (
            -(seen[:, None] - self.head.weight.abs()).square().sum(2)
        )  # nearest kind wins; black pleases nobody


@pytest.fixture
def explorer():
    return FoolingExplorer(Tiny().eval(), target="goat", generations=4)


def shown(explorer) -> torch.Tensor:
    return explorer.player.frames[explorer.player.current_step].images


def test_it_opens_with_the_champion_of_the_last_generation(explorer):
    assert explorer.error is None
    steps = list(evolve_fooling(explorer.model, "goat", generations=4, population=24, confidence=1))
    assert torch.allclose(shown(explorer), steps[-1].images, atol=0.51 / 255)
    curve = explorer.player.metric_history("confidence")
    assert curve == pytest.approx([float(one.probabilities.mean()) for one in steps])
    assert curve == sorted(curve) and explorer.player.scrubber.value == 4
    assert "tiny says goat: formulas (CPPN), 4 generations" in explorer.describe()
    assert explorer.grid.captions == ["goat"] and explorer.bars.entries[0]["name"] in Tiny.class_names


def test_all_classes_stand_side_by_side_and_one_can_be_asked_about(explorer):
    explorer.target.value = None
    assert explorer.grid.captions == ["sheep", "goat", "wolf"] and explorer.grid.tiles["count"] == 3
    explorer.grid.selected = 2
    target = [entry["name"] for entry in explorer.bars.entries if entry["target"]]
    assert explorer.error is None and target == ["wolf"]


@pytest.mark.parametrize("method", ["cppn", "direct", "gradient"])
def test_the_code_makes_the_same_picture(explorer, method):
    explorer.method.value = method
    assert explorer.population.disabled == (method == "gradient")
    names, _said = ran(explorer)
    found = names["result"].images if method == "gradient" else names["generations"][-1].images
    assert torch.allclose(found, shown(explorer), atol=0.51 / 255)


def test_a_network_that_came_as_an_object_is_not_its_own_judge(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "cnnlab.explorers.fooling.of_the_same_classes", lambda own, classes: asked.append(own) or []
    )
    FoolingExplorer(Tiny().eval(), target="goat", generations=4)
    assert set(asked) == {"tiny"}


def test_among_many_classes_it_opens_with_the_one_that_chance_comes_nearest_to():
    model = Small(class_names=[f"class {number}" for number in range(30)])
    first = next(evolve_fooling(model, generations=0, population=24, confidence=1)).probabilities
    explorer = FoolingExplorer(model, generations=4)
    assert explorer.target.value == int(first.argmax())
    assert explorer.player.metric_history("confidence")[0] == pytest.approx(float(first.max()))
    assert FoolingExplorer(model, target=3, generations=4).target.value == 3

    explorer.target.value = 7
    explorer.refresh_quietly()
    assert explorer.target.value == 7, "a choice stays"
    explorer.model = Small(class_names=[f"other {number}" for number in range(30)], seed=2)
    explorer.refresh_quietly()
    other = next(evolve_fooling(explorer.model, generations=0, population=24, confidence=1)).probabilities
    assert explorer.target.value == int(other.argmax()), "an index means another class in another network"


def test_where_no_other_network_has_the_classes_nobody_else_is_asked(explorer):
    assert explorer.second_network.disabled and explorer.bars.series_names == ["tiny"]
    assert {entry["before"] for entry in explorer.bars.entries} == {None}
