"""What a picture shall do to a network, said as a number that grows: objectives, and how they add up.

An objective names the layers that it looks at and turns what flows out of them into one number for each picture. Two objectives
add up with `+`, a number in front weighs one: `logit("sheep") + 0.1 * layer_norm("conv3")`. What keeps a picture natural is not
said here but in `regularisers` and `random_transforms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab._validation import target_index, whole_number

LOGITS = "logits"
"""Stands for the network's own answer, N x C, among the layers of an objective."""

Outputs = dict[str, Tensor]
Targets = int | str | Sequence[int | str]


@dataclass(frozen=True, eq=False)
class Objective:
    """What is maximised.

    Fields
    ------
    layers
        The layers that it looks at; `LOGITS` for the network's answer.
    score
        (model, outputs of the layers) -> N numbers, one for each picture; larger is better.
    count
        How many pictures it wants, one for each target; 1 if all pictures have the same.
    """

    layers: tuple[str, ...]
    score: Callable[[nn.Module, Outputs], Tensor]
    count: int = 1

    def __add__(self, other: Objective) -> Objective:
        if self.count != other.count and 1 not in (self.count, other.count):
            raise ValueError(
                f"objectives of {self.count} and of {other.count} targets do not add up; give both as many, or one of them one."
            )
        return Objective(
            tuple(dict.fromkeys(self.layers + other.layers)),
            lambda model, outputs: self.score(model, outputs) + other.score(model, outputs),
            max(self.count, other.count),
        )

    def __mul__(self, weight: float) -> Objective:
        return Objective(self.layers, lambda model, outputs: weight * self.score(model, outputs), self.count)

    __rmul__ = __mul__

    def __sub__(self, other: Objective) -> Objective:
        return self + -1.0 * other


def logit(target: Targets | None = None) -> Objective:
    """The score of a class before the softmax, `model(x)[target]`; several targets are one for each picture, None is all classes.

    The softmax would also grow by making all other classes less likely; the logit grows by showing this class alone.

    Simonyan, Vedaldi & Zisserman (2014), section 2. Lectures K, "Gradient Ascent on the Scores", and L, "Maximum impulses".
    """

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        logits = outputs[LOGITS]
        names = getattr(model, "class_names", None)
        indices = torch.tensor([target_index(name, names, logits[0]) for name in _as_list(target)])
        return _select(logits, indices)

    return Objective((LOGITS,), score, len(_as_list(target)))


def channel(layer: str, number: int | Sequence[int]) -> Objective:
    """The mean of a channel's map over all positions: a pattern all over the picture. Several numbers are one for each picture.

    Lecture N, "Activation Maximization: Features".
    """

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        maps = outputs[layer].flatten(2).mean(2) if outputs[layer].dim() > 2 else outputs[layer]  # N x C
        return _select(maps, _channel_indices(number, maps.shape[1], layer))

    return Objective((layer,), score, len(_as_list(number)))


def unit(
    layer: str, number: int | Sequence[int], row: int | None = None, column: int | None = None
) -> Objective:
    """One unit: a channel at one position (the middle unless said), or one neuron of a fully connected layer."""

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        maps = outputs[layer]
        if maps.dim() > 2:
            height, width = maps.shape[2:]
            y = whole_number(height // 2 if row is None else row, f'row in "{layer}"', maximum=height - 1)
            x = whole_number(
                width // 2 if column is None else column, f'column in "{layer}"', maximum=width - 1
            )
            maps = maps[:, :, y, x]
        return _select(maps, _channel_indices(number, maps.shape[1], layer))

    return Objective((layer,), score, len(_as_list(number)))


def layer_norm(layer: str) -> Objective:
    """The length of all that flows out of a layer, `|Phi_k(x)|`: whatever the layer sees already, more of it. Lecture L, DeepDream."""
    return Objective((layer,), lambda model, outputs: outputs[layer].flatten(1).norm(dim=1))


def direction(layer: str, weights: Tensor) -> Objective:
    """A mix of channels, `sum over t of w_t Phi(x)^t`, averaged over positions. Szegedy et al. (2014); lecture L, "Meaningful units"."""

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        maps = outputs[layer].flatten(2).mean(2) if outputs[layer].dim() > 2 else outputs[layer]
        return maps @ weights.to(maps)

    return Objective((layer,), score)


def _as_list(target: Targets | None) -> Sequence[int | str | None]:
    return [target] if target is None or isinstance(target, int | str) else list(target)


def _channel_indices(number: int | Sequence[int], channels: int, layer: str) -> Tensor:
    what = f'number of a channel in "{layer}" ({channels} channels)'
    return torch.tensor([whole_number(index, what, maximum=channels - 1) for index in _as_list(number)])


def _select(values: Tensor, indices: Tensor) -> Tensor:
    """N numbers of N x C: the first rows for the first of the wanted, and so on, as many rows for each."""
    indices = indices.to(values.device).repeat_interleave(len(values) // len(indices))
    return values.gather(1, indices[:, None])[:, 0]
