"""The fooling explorer without a browser: what is shown is what evolution and ascent give, generation by generation."""

from __future__ import annotations

import pytest
import torch
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
    assert explorer.grid.captions == ["goat"] and explorer.bars.entries[0]["name"] in Tiny.class_names


@pytest.mark.parametrize(
    ("control", "value"),
    [("target", None), ("method", "direct"), ("method", "gradient"), ("generations", 12)]
    + [("population", 48), ("random_seed", 1)],
)
def test_every_control_changes_the_pictures(explorer, control, value):
    before = shown(explorer)
    getattr(explorer, control).value = value
    assert explorer.error is None
    after = shown(explorer)
    assert after.shape != before.shape or not torch.equal(after, before)
    assert explorer.population.disabled == (explorer.method.value == "gradient")


def test_all_classes_stand_side_by_side_and_one_can_be_asked_about(explorer):
    explorer.target.value = None
    assert explorer.grid.captions == ["sheep", "goat", "wolf"] and explorer.grid.tiles["count"] == 3
    explorer.grid.selected = 2
    target = [entry["name"] for entry in explorer.bars.entries if entry["target"]]
    assert explorer.error is None and target == ["wolf"]


def test_the_slider_goes_back_over_the_generations(explorer):
    last = shown(explorer)
    explorer.player.scrubber.value = 0
    assert not torch.equal(shown(explorer), last)
    assert explorer.error is None


@pytest.mark.parametrize("method", ["cppn", "direct", "gradient"])
def test_the_code_makes_the_same_picture(explorer, method):
    explorer.method.value = method
    lines = [line for line in explorer.code().splitlines() if not line.startswith("model =")]
    names = {"model": explorer.model}
    exec("\n".join(lines), names)
    found = names["result"].images if method == "gradient" else names["generations"][-1].images
    assert torch.allclose(found, shown(explorer), atol=0.51 / 255)


def test_words_and_still_picture_are_stable(explorer):
    words = explorer.describe()
    assert "tiny says goat: formulas (CPPN), 4 generations" in words
    explorer.random_seed.value = 1
    explorer.random_seed.value = 0
    assert explorer.describe() == words
    assert explorer.static_preview().startswith(b"\x89PNG")


def test_a_network_that_came_as_an_object_is_not_its_own_judge(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "cnnlab.explorers.fooling.of_the_same_classes", lambda own, classes: asked.append(own) or []
    )
    FoolingExplorer(Tiny().eval(), target="goat", generations=4)
    assert set(asked) == {"tiny"}
