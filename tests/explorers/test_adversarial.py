"""The adversarial explorer without a browser: what it shows is what the attacks give, and every control changes it."""

from __future__ import annotations

import pytest
import torch
from explorers.contract import ran
from torch import nn

from cnnlab import robustness
from cnnlab.explorers import AdversarialExplorer, adversarial
from cnnlab.explorers.render import adversarial as rendering


class Small(nn.Sequential):
    """Two convolutions and a linear layer with weights of a seed of its own; it counts its forward passes."""

    name = "small"
    class_names = ("sheep", "goat", "neither")
    input_size = 24

    def __init__(self):
        super().__init__()
        chance = torch.Generator().manual_seed(3)
        self.conv1, self.relu1 = nn.Conv2d(3, 5, 5, 2), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(5, 4, 3), nn.ReLU()
        self.flat, self.fc = nn.Flatten(), nn.Linear(4 * 64, 3)
        self.asked = 0
        for parameter in self.parameters():
            fan = parameter[0].numel() if parameter.dim() > 1 else 8
            parameter.data = torch.randn(parameter.shape, generator=chance) * (2 / fan) ** 0.5

    def forward(self, images):
        self.asked += 1
        return super().forward(images)


@pytest.fixture
def explorer(monkeypatch):
    monkeypatch.setattr(adversarial, "DEBOUNCE_SECONDS", 0.0)
    return AdversarialExplorer(Small().eval())


def test_it_opens_with_fgsm_away_from_the_answer(explorer):
    assert explorer.error is None
    expected = robustness.fgsm(explorer.model, explorer.image, epsilon=4 / 255)
    assert torch.allclose(explorer.adversarial_image, expected, atol=1e-6)
    assert explorer.grid.tiles["count"] == 3 and "x 16" in explorer.grid.labels[2]
    assert explorer.grid.labels[0].startswith("as it is: ")
    assert explorer.chart.png and "by epsilon" in explorer.chart.alt
    assert "FGSM, away from its answer, with epsilon 4 of 255" in explorer.describe()


@pytest.mark.parametrize("epsilon", [0.5, 1, 4, 16])
def test_the_first_change_is_shown_so_that_it_can_be_seen(detector, bright, epsilon):
    explorer = AdversarialExplorer(detector, bright, epsilon=epsilon)
    assert 0.1 <= explorer.amplification.value * epsilon / 255 <= 0.5


def test_steps_change_what_pgd_finds_and_the_gain_what_is_shown(explorer):
    assert explorer.steps.disabled
    explorer.attack.value = "PGD, whole length"
    before = explorer.adversarial_image
    explorer.steps.value = 2
    assert not explorer.steps.disabled and not torch.equal(explorer.adversarial_image, before)
    shown, attacked = explorer.grid.tiles["png"], explorer.adversarial_image
    explorer.amplification.value = 3
    assert explorer.grid.tiles["png"] != shown and torch.equal(explorer.adversarial_image, attacked)


def test_another_epsilon_is_one_forward_pass_and_no_gradient(explorer, monkeypatch):
    monkeypatch.setattr(rendering, "loss_gradient", None)  # asked for once, before
    before = explorer.model.asked
    explorer.epsilon.value = 5
    assert explorer.error is None and explorer.model.asked == before + 1


@pytest.mark.parametrize("attack", rendering.ATTACKS)
@pytest.mark.parametrize("target", [None, 2])
def test_the_code_makes_the_same_picture(explorer, attack, target):
    explorer.attack.value, explorer.target.value, explorer.epsilon.value = attack, target, 7.5
    names, _said = ran(explorer)
    assert torch.allclose(names["attacked"], explorer.adversarial_image, atol=1e-6)
    assert torch.allclose(names["now"], explorer._attacked_probability, atol=1e-5)


def test_the_flip_turns_the_answer_and_the_button_goes_there(explorer):
    explorer.target.value = 2
    assert 0 < explorer.flip_epsilon < rendering.MAX_EPSILON, "this picture is one that can be turned"
    sign = rendering.direction(explorer.state)
    said = [
        int(
            explorer.model(
                rendering.step_along(explorer.image, sign, explorer.flip_epsilon + shift)[None]
            ).argmax()
        )
        for shift in (0.01, -0.1)
    ]
    before = int(explorer._clean_probability.argmax())
    assert said[0] != before and said[1] == before
    explorer.flip_button.click()
    assert explorer.epsilon.value >= explorer.flip_epsilon > explorer.epsilon.value - 0.25
    assert int(explorer._attacked_probability.argmax()) != before
    assert f"{explorer.flip_epsilon:.2f}" in explorer._flip_text.value


def test_pgd_flips_no_later_than_fgsm(explorer):
    first = explorer.flip_epsilon
    explorer.attack.value = "PGD, every pixel"
    assert explorer.error is None and explorer.flip_epsilon <= first + 0.25


def test_what_holds_says_so():
    push = rendering.State(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), None, torch.full((3, 2, 2), 0.5))
    for parameter in push.model.parameters():
        nn.init.zeros_(parameter)
    assert rendering.flip_along(push, torch.ones(3, 2, 2)) == float("inf")
    assert list(rendering.bisect_flip(push, 0)) == [float("inf")]


def test_a_preview_is_the_change_in_proportion():
    image, change = torch.full((3, 2, 2), 0.5), torch.full((3, 2, 2), 0.2)
    assert torch.allclose(rendering.rescale_change(image, change, 0.5), torch.full((3, 2, 2), 0.6))
    assert torch.allclose(rendering.rescale_change(image, change, 9), torch.ones(3, 2, 2))


def test_an_error_is_told_in_place_and_the_last_picture_stays(explorer, monkeypatch):
    def fail(*_):
        raise ValueError("no gradient today")

    before = explorer.adversarial_image
    monkeypatch.setattr(rendering, "direction", fail)
    explorer.target.value = 1
    assert "no gradient today" in explorer._alert.value and torch.equal(explorer.adversarial_image, before)


def test_a_whole_epsilon_leaves_the_steps_between():
    explorer = AdversarialExplorer("mini_alexnet", 7, epsilon=1)
    explorer.epsilon.value = 1.25
    assert explorer.state.epsilon == 1.25
