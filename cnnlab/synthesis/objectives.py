"""Objectives of gradient ascent: what is maximised in an optimised image, and how objectives add up.

An objective names its layers and turns their activations into one number for each image. Two objectives add up with `+`, and a
factor weighs one: `logit("sheep") + 0.1 * layer_norm("conv3")`. Natural-image priors are not objectives; see `regularisers` and
`random_transforms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab._validation import one_or_several, target_index, whole_number

LOGITS = "logits"
"""Stands for the network's output, N x C, among the layers of an objective."""

Outputs = dict[str, Tensor]
Targets = int | str | Sequence[int | str]


@dataclass(frozen=True, eq=False)
class Objective:
    """An objective of gradient ascent: the layers that it reads and the score to maximise.

    Fields
    ------
    layers
        The layers whose activations it reads; `LOGITS` for the network's output.
    score
        (model, activations of the layers) -> N numbers, one for each image; larger is better.
    count
        Number of images, one for each target; 1 if all images share the target.
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
    """Logit of a class: the score before the softmax, `model(x)[target]`; one image for each of several targets, None is all classes.

    The softmax could also grow by making all other classes less likely; the logit grows only with evidence for its own class.

    Simonyan, Vedaldi & Zisserman (2014), section 2. Lectures K, "Gradient Ascent on the Scores", and L, "Maximum impulses".
    """

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        logits = outputs[LOGITS]
        names = getattr(model, "class_names", None)
        indices = torch.tensor([target_index(name, names, logits[0]) for name in one_or_several(target)])
        return _select(logits, indices)

    return Objective((LOGITS,), score, len(one_or_several(target)))


def channel(layer: str, number: int | Sequence[int]) -> Objective:
    """Channel objective: the mean of a channel over all positions. Several numbers are one for each image.

    Lecture N, "Activation Maximization: Features".
    """

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        maps = outputs[layer].flatten(2).mean(2) if outputs[layer].dim() > 2 else outputs[layer]  # N x C
        return _select(maps, _channel_indices(number, maps.shape[1], layer))

    return Objective((layer,), score, len(one_or_several(number)))


def unit(
    layer: str, number: int | Sequence[int], row: int | None = None, column: int | None = None
) -> Objective:
    """Unit objective: a channel at one position (the centre by default), or one neuron of a fully connected layer."""

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

    return Objective((layer,), score, len(one_or_several(number)))


def layer_norm(layer: str) -> Objective:
    """DeepDream objective: the norm of all activations of a layer, `|Phi_k(x)|`. Lecture L, DeepDream."""
    return Objective((layer,), lambda model, outputs: outputs[layer].flatten(1).norm(dim=1))


def direction(layer: str, weights: Tensor) -> Objective:
    """Direction objective: `sum over t of w_t Phi(x)^t`, averaged over positions. Szegedy et al. (2014); lecture L, "Meaningful units"."""

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        maps = outputs[layer].flatten(2).mean(2) if outputs[layer].dim() > 2 else outputs[layer]
        return maps @ weights.to(maps)

    return Objective((layer,), score)


def _channel_indices(number: int | Sequence[int], channels: int, layer: str) -> Tensor:
    what = f'number of a channel in "{layer}" ({channels} channels)'
    return torch.tensor([whole_number(index, what, maximum=channels - 1) for index in one_or_several(number)])


def _select(values: Tensor, indices: Tensor) -> Tensor:
    """N numbers of N x C: the first rows for the first index, and so on, the same number of rows for each."""
    indices = indices.to(values.device).repeat_interleave(len(values) // len(indices))
    return values.gather(1, indices[:, None])[:, 0]
