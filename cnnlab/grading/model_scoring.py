"""Scores of trained models on pictures that only the grader has: accuracy, accuracy under attack, mean IoU of masks.

A training has no single right outcome, so nothing is compared with a reference. The answer returns plain predictions or
weights; the grader loads weights into a network and evaluates it. The test data are inputs of the case
that are withheld from the answer: `test_images` or `test_codes`, `test_labels`, and for attacks `epsilon` in values of [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnnlab.grading.answer_key import Measure, Tolerance
from cnnlab.grading.comparison import difference, plain
from cnnlab.grading.sandbox import probe_networks

PGD_STEPS = 10  # steps of the attack


def failed_measure(value: Any, inputs: dict[str, Any], measures: tuple[Measure, ...]) -> str | None:
    """The hint for the first measure below its required value, with the value reached; None if all reach it."""
    for measure in measures:
        try:
            share = MEASURES[measure.name](value, inputs)
        except InvalidAnswer as error:
            return str(error)
        if not share >= measure.minimum:
            return f"{measure.name}: {share:.0%}, asked for are {measure.minimum:.0%}; {measure.hint}"
    return None


class InvalidAnswer(ValueError):
    """The returned value cannot be scored; the message explains it to the student."""


def predictions(value: Any, inputs: dict[str, Any]) -> float:
    """Accuracy of N class indices."""
    labels = plain(inputs["test_labels"])
    predicted = _checked_array(value, labels, "")
    return float((predicted == labels).mean())


def masks(value: Any, inputs: dict[str, Any]) -> float:
    """Mean IoU of N x H x W class indices, over the classes that occur; all pictures are counted together."""
    labels = plain(inputs["test_labels"])
    predicted = _checked_array(value, labels, "")
    shares = []
    for number in np.unique(labels):
        predicted_mask, true_mask = predicted == number, labels == number
        shares.append((predicted_mask & true_mask).sum() / (predicted_mask | true_mask).sum())
    return float(np.mean(shares))


def linear(value: Any, inputs: dict[str, Any]) -> float:
    """Accuracy of a linear classifier {"weight": C x D, "bias": C} on N x D features."""
    codes, labels = plain(inputs["test_codes"]).astype(np.float64), plain(inputs["test_labels"])
    parts = _parts(
        value,
        {"weight": np.zeros((int(labels.max()) + 1, codes.shape[1])), "bias": np.zeros(labels.max() + 1)},
    )
    logits = codes @ parts["weight"].astype(np.float64).T + parts["bias"]
    return float((logits.argmax(1) == labels).mean())


def network(value: Any, inputs: dict[str, Any]) -> float:
    """Accuracy of the case's `model` with these weights, a dictionary such as `state_dict()` returns."""
    images, labels = _pictures(inputs)
    return _accuracy(_load_weights(value, inputs["model"], images), images, labels)


def network_under_attack(value: Any, inputs: dict[str, Any]) -> float:
    """Accuracy of that network on pictures changed by ten steps of PGD, by at most `epsilon`."""
    from cnnlab.robustness import pgd

    images, labels = _pictures(inputs)
    model = _load_weights(value, inputs["model"], images)
    try:
        attacked = pgd(model, images, labels, epsilon=inputs["epsilon"], steps=PGD_STEPS)
    except RuntimeError:
        raise InvalidAnswer("with these weights the network gives numbers that are not finite") from None
    return _accuracy(model, attacked, labels)


MEASURES: dict[str, Callable[[Any, dict[str, Any]], float]] = {
    "right predictions": predictions,
    "mean IoU": masks,
    "right answers of the linear rule": linear,
    "right answers": network,
    "right answers under attack": network_under_attack,
}


def _parts(value: Any, expected: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a dictionary, after a check of names, shapes, dtypes, and finiteness."""
    if not isinstance(value, dict) or set(value) != set(expected):
        diff = difference(value, expected, Tolerance())
        raise InvalidAnswer(diff.message)
    return {name: _checked_array(value[name], part, f"[{name!r}]: ") for name, part in expected.items()}


def _checked_array(value: Any, expected: Any, path: str) -> np.ndarray:
    """The array, if it differs from the expected one in its values alone."""
    diff = difference(value, expected, Tolerance())
    if diff is not None and diff.kind != "values":
        raise InvalidAnswer(f"{path}{diff.message}")
    return plain(value)


def _pictures(inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    return tuple(torch.from_numpy(plain(inputs[key]).copy()) for key in ("test_images", "test_labels"))


class _UnitLogits(nn.Module):
    """A network whose logits are rescaled to a common size.

    Its predictions are unchanged, and very large weights, which would saturate the softmax, cannot mask the gradient from an attack.
    """

    def __init__(self, model: nn.Module, images: Tensor) -> None:
        super().__init__()
        self.model, self.size = model, 1.0
        with torch.inference_mode():
            size = float(model(images).std())
        if not (np.isfinite(size) and size > 0):
            raise InvalidAnswer(
                "with these weights the network gives the same answer to everything, or numbers that are not finite"
            )
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images) / self.size


def _load_weights(value: Any, described: probe_networks.NetworkSpec, images: Tensor) -> nn.Module:
    model = probe_networks.build(described)
    state = model.state_dict()
    parts = _parts(value, {name: part.numpy() for name, part in state.items()})
    model.load_state_dict({name: torch.tensor(part).to(state[name]) for name, part in parts.items()})
    return _UnitLogits(model, images).eval()


def _accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.inference_mode():
        return float((model(images).argmax(1) == labels).double().mean())
