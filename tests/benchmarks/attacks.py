"""Attacks beside torchattacks', timed in one run: `python tests/benchmarks/attacks.py`.

mini_alexnet with random Kaiming weights; what the numbers say does not depend on training. Both run in turn, and the ratio of their
fastest runs counts: absolute times depend on the machine, the ratio hardly. The pictures of FGSM and PGD are compared as well, so a
fast wrong answer does not pass. One-pixel searches differ by chance and end when they succeed, so their time is divided by the pictures
that the network was asked about. Some three minutes on two cores.

Wanted: FGSM and PGD take at most 1.1 times as long as torchattacks', one-pixel is at least 1.5 times as fast a question.
"""

from __future__ import annotations

import sys

import torch
import torchattacks
from timing import timed
from torch import Tensor, nn

from cnnlab.networks.architectures import MiniAlexNet
from cnnlab.robustness import fgsm, one_pixel, pgd

SIDE, CLASSES = 96, 20
EPSILON, STEPS, STEP_SIZE = 8 / 255, 10, 2 / 255
POPULATION, GENERATIONS = 50, 3
SLOWEST, ONE_PIXEL = 1 / 1.1, 1.5


def lively(model: nn.Module, images: Tensor) -> nn.Module:
    """The model with random weights through which signals get, and answers that are neither equal nor saturated."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.div_(model.eval()(images).std() / 3)
    return model.eval()


class Counting(nn.Module):
    """The network, and how many pictures it was asked about."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.pictures = model, 0

    def forward(self, images: Tensor) -> Tensor:
        self.pictures += len(images)
        return self.model(images)


class SameOrder(nn.Module):
    """The network, which sees pictures in the order in memory that the kit gives it: a gradient near zero may have the other sign else."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images.contiguous(memory_format=self.model.memory_format))


def in_turn(ours, theirs, rounds: int) -> tuple[float, float, object, object]:
    """The fastest run of each, and what the last runs gave."""
    own, other = [], []
    for _ in range(rounds):
        seconds, mine = timed(ours)
        own.append(seconds)
        seconds, its = timed(theirs)
        other.append(seconds)
    return min(own), min(other), mine, its


def gradients(model: nn.Module, images: Tensor, labels: Tensor, rounds: int = 6) -> list[bool]:
    """FGSM and PGD: a line each, and whether it is quick enough and the same."""
    same = SameOrder(model)
    pairs = {
        "FGSM": (
            lambda: fgsm(model, images, labels, epsilon=EPSILON),
            lambda: torchattacks.FGSM(same, eps=EPSILON)(images, labels),
        ),
        "PGD": (
            lambda: pgd(
                model, images, labels, epsilon=EPSILON, steps=STEPS, step_size=STEP_SIZE, random_start=False
            ),
            lambda: torchattacks.PGD(same, eps=EPSILON, alpha=STEP_SIZE, steps=STEPS, random_start=False)(
                images, labels
            ),
        ),
    }
    passed = []
    for name, (ours, theirs) in pairs.items():
        own, other, mine, its = in_turn(ours, theirs, rounds)
        apart = float((mine - its).abs().gt(1e-5).float().mean())
        passed.append(other / own >= SLOWEST and apart < 1e-3)
        print(
            f"{name:10} {len(images)} pictures: cnnlab {own:6.3f} s, torchattacks {other:6.3f} s, ratio {other / own:.2f};"
            f" {apart:.1e} of the values differ",
            flush=True,
        )
    return passed


def one_pixels(model: nn.Module, images: Tensor, labels: Tensor, rounds: int = 3) -> list[bool]:
    """One pixel, per question: the search of each may end when it likes, so time is divided by the pictures asked about."""
    counting = Counting(
        model
    )  # for torchattacks' alone; ours counts by itself, without the pictures that are not questions

    def ours(image: Tensor, label: int) -> tuple[float, int]:
        seconds, found = timed(
            lambda: one_pixel(model, image, label, population=POPULATION, generations=GENERATIONS)
        )
        return seconds / found.queries, found.queries

    def theirs(image: Tensor, label: Tensor) -> tuple[float, int]:
        counting.pictures = 0
        seconds, _ = timed(lambda: attack(image[None], label[None]))
        return seconds / counting.pictures, counting.pictures

    attack = torchattacks.OnePixel(counting, pixels=1, steps=GENERATIONS, popsize=POPULATION, inf_batch=64)
    own, other = [], []
    for _ in range(rounds):
        for image, label in zip(images, labels, strict=True):
            own.append(ours(image, int(label)))
            other.append(theirs(image, label))
    mine, its = min(own)[0], min(other)[0]
    print(
        f"one pixel  cnnlab {mine * 1e3:.2f} ms a question ({sum(n for _, n in own)} asked), torchattacks {its * 1e3:.2f} ms"
        f" ({sum(n for _, n in other)} asked), ratio {its / mine:.2f}",
        flush=True,
    )
    return [its / mine >= ONE_PIXEL]


def main() -> None:
    """Time all three; exits with 0 if all are as quick as wanted."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    torch.manual_seed(0)
    images = torch.rand(32, 3, SIDE, SIDE)
    model = lively(MiniAlexNet([f"class {i}" for i in range(CLASSES)]), images)
    with torch.inference_mode():
        labels = model(images).argmax(1)
    passed = gradients(model, images, labels.clone()) + one_pixels(model, images[:3], labels[:3].clone())
    sys.exit(0 if all(passed) else "slower than wanted, or not the same pictures")


if __name__ == "__main__":
    main()
