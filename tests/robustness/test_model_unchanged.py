"""Whatever is done to a network, it comes back as it was: also when its forward pass raises."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from cnnlab import robustness as r

SMALL = {"generations": 1, "population": 5}
ATTACKS = {
    "loss_gradient": r.loss_gradient,
    "fgsm": r.fgsm,
    "pgd": partial(r.pgd, steps=2),
    "flip_epsilon": partial(r.minimal_epsilon, grid_points=2),
    "penalty_attack": lambda m, x: r.penalty_attack(m, x, 1, steps=2, rounds=1),
    "one_pixel": lambda m, x: r.one_pixel(m, x[0], **SMALL),
    "query_attack": partial(r.query_attack, queries=2),
    "transfer_attack": lambda m, x: r.transfer_attack(m, m, x),
    "robust_accuracy": lambda m, x: r.robust_accuracy(m, [(x, torch.zeros(2, dtype=torch.long))], r.fgsm),
    "corruption_errors": lambda m, x: r.corruption_errors(
        m, [(x, torch.zeros(2, dtype=torch.long))], kinds=["fog"]
    ),
    "shape_bias": lambda m, x: r.shape_bias(
        m, r.CueConflicts(x, torch.tensor([0, 1]), torch.tensor([1, 0]), ("a", "b"))
    ),
    "adversarial_training": lambda m, x: r.adversarial_training(m, x, torch.tensor([0, 1]), steps=1),
    "evolve_fooling": lambda m, x: list(r.evolve_fooling(m, 0, size=12, **SMALL)),
    "JpegDefence": lambda m, x: r.fgsm(r.JpegDefence(m), x),
    "NoiseDefence": lambda m, x: r.fgsm(r.NoiseDefence(m), x),
}


class Crowded(nn.Module):
    """Small, with all that could be lost: mixed modes, an in-place ReLU, frozen weights, gradients, hooks of others."""

    def __init__(self):
        super().__init__()
        self.broken = None
        self.conv, self.norm, self.relu = (
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
        )
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(4, 2)

    def forward(self, images):
        maps = self.drop(self.relu(self.norm(self.conv(images))))
        if self.broken:
            raise self.broken
        return self.head(maps.mean((2, 3)))


@pytest.fixture
def model():
    network = Crowded().train()
    network(torch.rand(2, 3, 12, 12)).sum().backward()
    network.norm.eval()
    network.conv.weight.requires_grad_(False)
    network.relu.register_forward_hook(lambda *_: None)
    return network


def state(model):
    modules = [
        (
            module.training,
            [list(hooks) for name, hooks in sorted(vars(module).items()) if name.endswith("_hooks")],
        )
        for module in model.modules()
    ]
    parameters = [
        (id(p), p.requires_grad, p.tolist(), None if p.grad is None else p.grad.tolist())
        for p in model.parameters()
    ]
    return modules, parameters, [b.tolist() for b in model.buffers()], torch.get_rng_state().tolist()


@pytest.mark.parametrize("broken", [None, RuntimeError("broken"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("attack", ATTACKS)
def test_the_model_is_left_alone(model, attack, broken):
    model.broken = broken
    images = torch.rand(2, 3, 12, 12).requires_grad_()
    mine, before = images.detach().clone(), state(model)
    if broken:
        with pytest.raises(type(broken)):
            ATTACKS[attack](model, images)
    else:
        ATTACKS[attack](model, images)
    assert state(model) == before
    assert torch.equal(images, mine) and images.grad is None and images.requires_grad
