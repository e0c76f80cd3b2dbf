"""What the experiments on attacks and fooling measure, on tiny networks in the place of the shipped ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.experiments import attacks, fooling
from cnnlab.robustness import linear_classifier, pgd, robust_accuracy


class Bright(nn.Module):
    """Two classes: darker or brighter than half. A change of epsilon moves the mean by epsilon."""

    name, class_names, input_size = "bright", ("dark", "bright"), 8

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(50.0))

    def forward(self, images):
        seen = self.scale * (images.mean((1, 2, 3)) - 0.5)
        return torch.stack([-seen, seen], 1)


@pytest.fixture
def tiny(monkeypatch):
    """Pictures whose mean lies 2, 5 or 40 steps of 255 above or below the middle."""
    distances = torch.tensor([-40, -5, -2, 2, 5, 40]) / 255
    pictures = (0.5 + distances).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).clone()
    monkeypatch.setattr(attacks, "load", lambda name: Bright().eval())
    monkeypatch.setattr(attacks, "_pictures", lambda count: (pictures, (distances > 0).long()))
    attacks._adversarial_images.cache_clear()
    yield pictures
    attacks._adversarial_images.cache_clear()


def test_accuracy_falls_by_the_pictures_within_reach(tiny):
    found = attacks.measure_attack(network="bright", epsilon=4, pictures=6, steps=3)
    assert found == {"clean": 1.0, "noise": 1.0, "fgsm": pytest.approx(4 / 6), "pgd": pytest.approx(4 / 6)}
    assert attacks.measure_attack(network="bright", epsilon=8, pictures=6, steps=3)["fgsm"] == pytest.approx(
        2 / 6
    )


def test_a_network_like_the_surrogate_is_fooled_like_it(tiny):
    sizes = {"epsilon": 8, "pictures": 6, "steps": 3}
    found = attacks.measure_transfer(surrogate="bright", victim="other", **sizes)
    assert found == {"fooled": pytest.approx(4 / 6), "counted": 6}


def test_an_attacker_who_knows_the_defence_does_at_least_as_well(tiny, monkeypatch):
    monkeypatch.setitem(attacks.DEFENCES, "noise", lambda: attacks.NoiseDefence(Bright().eval(), 0.05, 4))
    sizes = {"defence": "noise", "epsilon": 8, "pictures": 6, "steps": 3}
    found = {who: attacks.measure_defence(attacker=who, **sizes)["accuracy"] for who in attacks.ATTACKERS}
    assert found["nobody"] >= found["unaware"] >= found["aware"]
    direct = robust_accuracy(Bright(), [attacks._pictures(6)], lambda m, x, y: pgd(m, x, y, epsilon=8 / 255))
    none = attacks.measure_defence(defence="none", attacker="aware", epsilon=8, pictures=6, steps=3)
    assert none["accuracy"] == direct.accuracy and none["low"] < none["accuracy"] < none["high"]
    with pytest.raises(ValueError, match="attacker"):
        attacks.measure_defence(defence="none", attacker="everybody", epsilon=8, pictures=6, steps=3)


def small_classifier():
    """Three classes of colour."""
    chance = torch.Generator().manual_seed(2)
    labels = torch.arange(24) % 3
    images = (0.3 + 0.4 * torch.eye(3)[labels][:, :, None, None]).expand(-1, -1, 8, 8) + 0.02 * torch.randn(
        24, 3, 8, 8, generator=chance
    )
    return linear_classifier(images, labels, ["red", "green", "blue"]), images.clamp(0, 1), labels


def test_the_class_of_nothing_is_added_and_the_old_answers_stay():
    model, images, labels = small_classifier()
    stripes = torch.zeros(6, 3, 8, 8)
    stripes[..., ::2] = 1
    with_nothing = fooling.with_fooling_class(model, stripes, images, labels, epochs=12, learning_rate=0.05)
    assert with_nothing.class_names == ("red", "green", "blue", "nothing")
    assert model.class_names == ("red", "green", "blue"), "the model is left alone"
    assert (with_nothing(stripes).argmax(1) == 3).all()
    assert (with_nothing(images).argmax(1) == labels).all()
    again = fooling.with_fooling_class(with_nothing, stripes, images, labels, epochs=1)
    assert again.class_names == with_nothing.class_names and again.name == with_nothing.name


def test_each_round_breeds_against_the_network_of_that_round(monkeypatch):
    model, images, labels = small_classifier()

    class Data:
        pass

    data = Data()
    data.images, data.labels = (images * 255).byte(), labels
    monkeypatch.setattr(fooling, "load", lambda name: model)
    monkeypatch.setattr(fooling, "dataset", lambda split, **_: data)
    for cached in (fooling.network_after_round, fooling.evolve):
        cached.cache_clear()
    sizes = {"generations": 6, "population": 8, "pictures": 12, "epochs": 2}
    first = fooling.measure_retraining(rounds=0, seed=0, **sizes)
    second = fooling.measure_retraining(rounds=1, seed=0, **sizes)
    assert 0 <= first["confidence"] <= 1 and first["queries"] == 7 * 8 and "caught" not in first
    assert 0 <= second["caught"] <= 1 and set(second) == {*first, "caught"}
    amount = fooling.RoundSizes(**sizes)
    network, pictures = fooling.network_after_round(1, 0, amount), fooling.evolve(1, 0, amount)[-1]
    assert [one.generation for one in fooling.evolve(0, 0, amount)] == [2, 6]
    assert torch.allclose(
        network(pictures.images).softmax(1)[:, :3].diagonal(), pictures.probabilities, atol=1e-4
    )
    assert pictures.targets.tolist() == [0, 1, 2], "nobody breeds for nothing"
    for cached in (fooling.network_after_round, fooling.evolve):
        cached.cache_clear()


def test_the_other_network_is_asked_about_sure_images_alone(monkeypatch):
    """Both networks know colours, at any size; the other one calls green red, and no image is blue enough."""
    own = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 3))
    other = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 3))
    for network in (own, other):
        network[2].weight.data, network[2].bias.data = 20 * torch.eye(3), torch.tensor([0.0, 0.0, -30.0])
    other[2].weight.data[1] = 0
    monkeypatch.setattr(fooling, "load", {"squeezenet": own.eval(), "efficientnet_lite0": other.eval()}.get)
    sizes = {"generations": 20, "population": 24, "size": 16}
    result = fooling.measure_evolution(network="squeezenet", encoding="cppn", seed=0, **sizes)
    assert result["sure"] == pytest.approx(2 / 3) and result["queries"] == 21 * 24
    assert result["enlarged"] == 1 and result["other"] == 0.5 and result["median"] > 0.9
    never = fooling.measure_evolution(network="squeezenet", encoding="direct", seed=0, **sizes)
    assert never["sure"] == 0 and "other" not in never
