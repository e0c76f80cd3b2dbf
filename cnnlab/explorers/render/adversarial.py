"""One picture pushed towards another answer: what the adversarial explorer asks and what the network says, without any widget.

Epsilon is in the 255 steps of a stored picture throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnnlab.explorers.parts import load_line
from cnnlab.explorers.sources import Source
from cnnlab.networks.layers import evaluating, like_parameters
from cnnlab.robustness import fgsm, flip_epsilon, loss_gradient, pgd, sign_noise

ATTACKS = ("FGSM", "PGD, every pixel", "PGD, whole length", "coin tosses")
STRAIGHT = ("FGSM", "coin tosses")
"""Attacks that go one way whatever epsilon: their signs are found once, and each epsilon is then one forward pass."""
LARGEST = 32


@dataclass(frozen=True, eq=False)
class Push:
    """Everything that the explorer's controls say. `target` is the class to go to; None goes away from the network's answer."""

    model: nn.Module
    source: Source
    image: Tensor
    attack: str = "FGSM"
    target: int | None = None
    epsilon: float = 4.0
    steps: int = 10

    @property
    def straight(self) -> bool:
        return self.attack in STRAIGHT

    @property
    def options(self) -> dict[str, object]:
        """The arguments of the attack."""
        if self.attack == "coin tosses":
            return {"epsilon": self.epsilon / 255}
        aim = {"targeted": self.target is not None}
        if self.attack == "FGSM":
            return {"epsilon": self.epsilon / 255} | aim
        if self.attack == "PGD, every pixel":
            return {"epsilon": self.epsilon / 255, "steps": self.steps} | aim
        radius = self.epsilon / 255 * self.image.numel() ** 0.5
        return {"epsilon": radius, "norm": "l2", "steps": self.steps} | aim


def attacked(push: Push) -> Tensor:
    """The attacked picture, 3 x H x W, by the technique itself."""
    technique = {"FGSM": fgsm, "coin tosses": sign_noise}.get(push.attack, pgd)
    return technique(push.model, push.image, push.target, **push.options).detach().cpu()


def direction(push: Push) -> Tensor:
    """3 x H x W signs along which a straight attack goes."""
    if push.attack == "coin tosses":
        return sign_noise(push.model, torch.full_like(push.image, 0.5), epsilon=0.5) * 2 - 1
    uphill = loss_gradient(push.model, push.image, push.target).cpu().sign()
    return uphill if push.target is None else -uphill


def along(image: Tensor, sign: Tensor, epsilon: float) -> Tensor:
    """The picture, epsilon steps of 255 along the signs: what a straight attack gives, without asking the network again."""
    return (image + epsilon / 255 * sign).clamp(0, 1)


def rescaled(image: Tensor, change: Tensor, factor: float) -> Tensor:
    """A preview of another epsilon: the change that was found for one, made smaller or larger."""
    return (image + factor * change).clamp(0, 1)


def answers_along(push: Push, sign: Tensor, marks: int = 17) -> tuple[Tensor, Tensor]:
    """`marks` epsilons from 0 to the largest, and marks x C probabilities there."""
    epsilons = torch.linspace(0, LARGEST, marks)
    pictures = torch.stack([along(push.image, sign, float(epsilon)) for epsilon in epsilons])
    with evaluating(push.model), torch.inference_mode():
        return epsilons, push.model(like_parameters(push.model, pictures)).softmax(1).cpu()


def straight_flip(push: Push, sign: Tensor) -> float:
    """The smallest epsilon along the signs at which the answer is another; infinity if there is none up to the largest."""
    found = flip_epsilon(push.model, push.image, gradient=sign, largest=LARGEST / 255)
    return float(found.epsilon) * 255


def bisected_flip(push: Push, answer: int, tolerance: float = 0.25) -> Iterator[float | None]:
    """The same for an attack that must be run anew for each epsilon: None while it is looked for, the epsilon at last.

    Bisection takes it that an answer which is turned stays turned when epsilon grows.
    """
    low, high = 0.0, float(LARGEST)
    if not _turned(replace(push, epsilon=high), answer):
        yield float("inf")
        return
    while high - low > tolerance:
        yield None
        middle = (low + high) / 2
        turned = _turned(replace(push, epsilon=middle), answer)
        low, high = (low, middle) if turned else (middle, high)
    yield high


def code(push: Push, network: str, names: tuple[str, ...]) -> str:
    """The lines that make the attacked picture without the explorer."""
    picture = push.source.code(push.image.shape[-1])
    rooms = "figures, robustness, world" if "world." in picture else "figures, robustness"
    call = {"FGSM": "fgsm", "coin tosses": "sign_noise"}.get(push.attack, "pgd")
    goal = push.target is not None and push.attack != "coin tosses"
    unique = bool(network) and goal and names.count(names[push.target]) == 1
    target = "None" if not goal else f'"{names[push.target]}"' if unique else str(push.target)
    said = {name: value for name, value in push.options.items() if name not in ("epsilon", "targeted")}
    radius = f"{push.epsilon:g} / 255" + (" * image.numel() ** 0.5" if "norm" in said else "")
    options = [f"epsilon={radius}", *(f"{name}={value!r}".replace("'", '"') for name, value in said.items())]
    options += ["targeted=True"] if goal else []
    lines = [
        "import torch",
        "import cnnlab",
        f"from cnnlab import {rooms}",
        "",
        load_line(network),
        picture,
        f"attacked = robustness.{call}(model, image, {target}, {', '.join(options)})",
        "with torch.inference_mode():",
        "    clean, now = model(torch.stack([image, attacked])).softmax(1)",
        "figures.attack_figure(image[None], attacked[None], clean[None], now[None], model.class_names)",
    ]
    return "\n".join(lines)


def describe(push: Push, called: str, names: tuple[str, ...], before: int, after: int) -> str:
    """What is shown, in words and without measured digits."""
    aim = f"towards {names[push.target]}" if push.target is not None else "away from its answer"
    return (
        f"Adversarial explorer. {called} looks at a picture ({push.source.words}) under the attack {push.attack},"
        f" {aim}, with epsilon {push.epsilon:g} of 255. As it is the answer is {names[before]}, attacked {names[after]}."
        " Run the cell to change epsilon, attack and target."
    )


def _turned(push: Push, answer: int) -> bool:
    with evaluating(push.model), torch.inference_mode():
        return int(push.model(like_parameters(push.model, attacked(push))[None]).argmax()) != answer
