"""Attacks on one picture for the adversarial explorer; without any widget.

Epsilon is always in steps of 1/255.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnnlab.explorers.image_sources import ImageSource
from cnnlab.explorers.snippet import arguments, class_literal, load_line, snippet
from cnnlab.networks.forward import probabilities
from cnnlab.robustness import bisect_epsilon, fgsm, loss_gradient, minimal_epsilon, pgd, random_signs

ATTACKS = ("FGSM", "PGD, every pixel", "PGD, whole length", "random signs")
SINGLE_DIRECTION = ("FGSM", "random signs")
"""Attacks with the same direction for every epsilon: the signs are computed once, and each epsilon takes one forward pass."""
MAX_EPSILON = 32


@dataclass(frozen=True, eq=False)
class State:
    """Settings of the adversarial explorer. `target` is the class of a targeted attack; None leads away from the network's prediction."""

    model: nn.Module
    source: ImageSource
    image: Tensor
    attack: str = "FGSM"
    target: int | None = None
    epsilon: float = 4.0
    steps: int = 10

    @property
    def single_direction(self) -> bool:
        return self.attack in SINGLE_DIRECTION

    @property
    def options(self) -> dict[str, object]:
        """The arguments of the attack."""
        if self.attack == "random signs":
            return {"epsilon": self.epsilon / 255}
        aim = {"targeted": self.target is not None}
        if self.attack == "FGSM":
            return {"epsilon": self.epsilon / 255} | aim
        if self.attack == "PGD, every pixel":
            return {"epsilon": self.epsilon / 255, "steps": self.steps} | aim
        radius = self.epsilon / 255 * self.image.numel() ** 0.5
        return {"epsilon": radius, "norm": "l2", "steps": self.steps} | aim


def render(state: State) -> Tensor:
    """The attacked picture, 3 x H x W."""
    technique = {"FGSM": fgsm, "random signs": random_signs}.get(state.attack, pgd)
    return technique(state.model, state.image, state.target, **state.options).detach().cpu()


def direction(state: State) -> Tensor:
    """The signs, 3 x H x W, of the direction of a one-step attack."""
    if state.attack == "random signs":
        return random_signs(state.model, torch.full_like(state.image, 0.5), epsilon=0.5) * 2 - 1
    uphill = loss_gradient(state.model, state.image, state.target).cpu().sign()
    return uphill if state.target is None else -uphill


def step_along(image: Tensor, sign: Tensor, epsilon: float) -> Tensor:
    """The picture, epsilon steps of 1/255 along the signs: the result of a one-step attack, without another query."""
    return (image + epsilon / 255 * sign).clamp(0, 1)


def rescale_change(image: Tensor, change: Tensor, factor: float) -> Tensor:
    """Preview of another epsilon: the perturbation found for one, rescaled."""
    return (image + factor * change).clamp(0, 1)


def probabilities_along(state: State, sign: Tensor, n_epsilons: int = 17) -> tuple[Tensor, Tensor]:
    """`n_epsilons` epsilons from 0 to the largest, and the n_epsilons x C probabilities at them."""
    epsilons = torch.linspace(0, MAX_EPSILON, n_epsilons)
    pictures = torch.stack([step_along(state.image, sign, float(epsilon)) for epsilon in epsilons])
    return epsilons, probabilities(state.model, pictures)


def flip_along(state: State, sign: Tensor) -> float:
    """The smallest epsilon along the signs at which the prediction changes; infinity if there is none up to the largest."""
    result = minimal_epsilon(state.model, state.image, gradient=sign, max_epsilon=MAX_EPSILON / 255)
    return float(result.epsilon) * 255


def bisect_flip(state: State, clean_class: int, tolerance: float = 0.25) -> Iterator[float | None]:
    """`flip_along` for an attack that must be run again for each epsilon: yields None during the search, the epsilon at last."""

    def flips(epsilon: float) -> bool:
        attacked = render(replace(state, epsilon=epsilon))
        return int(probabilities(state.model, attacked).argmax()) != clean_class

    return bisect_epsilon(flips, MAX_EPSILON, tolerance)


def code(state: State, network: str, names: tuple[str, ...]) -> str:
    """The lines of code that make the attacked picture without the explorer."""
    call = {"FGSM": "fgsm", "random signs": "random_signs"}.get(state.attack, "pgd")
    target = class_literal(None if state.attack == "random signs" else state.target, names, network)
    options = {name: value for name, value in state.options.items() if name not in ("epsilon", "targeted")}
    radius = f"{state.epsilon:g} / 255" + (" * image.numel() ** 0.5" if "norm" in options else "")
    options |= {"targeted": True} if target != "None" else {}
    rest = f", {arguments(options)}" if options else ""
    return snippet(
        load_line(network),
        state.source.code(state.image.shape[-1]),
        f"attacked = robustness.{call}(model, image, {target}, epsilon={radius}{rest})",
        "with torch.inference_mode():",
        "    clean, now = model(torch.stack([image, attacked])).softmax(1)",
        "figures.attack_figure(image[None], attacked[None], clean[None], now[None], model.class_names)",
    )


def summary(state: State, network: str, names: tuple[str, ...], before: int, after: int) -> str:
    """What is shown, without measured numbers."""
    aim = f"towards {names[state.target]}" if state.target is not None else "away from its answer"
    return (
        f"{network} looks at a picture ({state.source.description}) under the attack {state.attack},"
        f" {aim}, with epsilon {state.epsilon:g} of 255. As it is the answer is {names[before]}, attacked {names[after]}."
    )
