"""The score that a technique explains: for each image one number, a class score or a unit of a layer.

Gradient techniques differ in how they go back from such a score to the pixels, not in how it is chosen. It is parsed, checked and
selected from the output here, once. For the way back see `cnnlab.attribution.saliency`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cnnlab._validation import one_of, plain, target_index, whole_number
from cnnlab.networks.activations import record_activations
from cnnlab.networks.forward import class_logits, without_gradients

Target: TypeAlias = "int | str | None | Sequence[int | str | None] | Tensor"
"""A class by index or name, None for the predicted one; one for all images, or a list with one for each."""

Unit: TypeAlias = "int | tuple[int, ...]"
"""A channel, at the position of its largest activation; or (channel, row, column), a unit at its position."""

SCORES = ("logit", "probability")


@dataclass(frozen=True)
class ScoreTarget:
    """Score target: for each image one number from the output of `layer` (None: the network's logits).

    `targets` has one entry for each image: a class, or a unit. `score` says whether a class score is the logit or the probability.
    """

    layer: str | None
    score: str
    targets: tuple[int | str | None | tuple[int, ...], ...]

    def for_pictures(self, numbers: Iterable[int]) -> ScoreTarget:
        """The score targets of some of the images, in the given order; an image may occur several times."""
        return replace(self, targets=tuple(self.targets[number] for number in numbers))


def parse_target(
    pictures: int, target: Target, layer: str | None, unit: Unit | None, score: str = "logit"
) -> ScoreTarget:
    """Parse the target arguments of a technique, for this number of images.

    Raises
    ------
    ValueError
        If both a class and a unit are named, a layer without a unit or a unit without a layer, a probability of a unit, or if there
        is not one target for each image.
    """
    one_of(score, SCORES, "score")
    if (layer is None) != (unit is None):
        raise ValueError(
            'a unit is named by its layer and its channel, as in layer="conv5", unit=17 (or unit=(17, row, column)),'
            f" but layer={layer!r} and unit={unit!r} came."
        )
    if layer is not None:
        if target is not None or score != "logit":
            raise ValueError(
                "ask for a class (target, score) or for a unit (layer, unit), not for both at once."
            )
        unit = plain(unit)
        return ScoreTarget(layer, score, (tuple(unit) if isinstance(unit, Sequence) else unit,) * pictures)
    target = plain(target)
    if isinstance(target, Sequence) and not isinstance(target, str):
        if len(target) != pictures:
            raise ValueError(
                f"{len(target)} targets came for {pictures} pictures; give one for each, or one for all."
            )
        return ScoreTarget(None, score, tuple(target))
    return ScoreTarget(None, score, (target,) * pictures)


def target_scores(
    model: nn.Module, pictures: Tensor, score_target: ScoreTarget, extra_layers: Sequence[str] = ()
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """One forward pass: the target scores (N), their indices in the output (N x axes), and the activations of `extra_layers`.

    The model runs in its current mode; the caller sets eval mode and gradients.
    """
    layers = [*([score_target.layer] if score_target.layer else []), *extra_layers]
    with record_activations(model, layers) if layers else nullcontext({}) as recorded:
        logits = class_logits(model, pictures)
    for name in layers:
        if name not in recorded:
            raise ValueError(f'layer "{name}" does not run in eval mode; see layer_names(model).')
    if score_target.layer:
        values = recorded[score_target.layer]
    else:
        values = logits if score_target.score == "logit" else logits.softmax(1)
    names = getattr(model, "class_names", None)
    indices = torch.tensor(
        [
            _score_index(score_target, target, values[n].detach(), names)
            for n, target in enumerate(score_target.targets)
        ]
    )
    return values[(torch.arange(len(values)), *indices.T)], indices, recorded


def resolve_target(
    model: nn.Module, pictures: Tensor, score_target: ScoreTarget, batch_size: int
) -> ScoreTarget:
    """The score target with the predicted class, or the position of a channel's largest activation, filled in.

    Techniques that use changed images (noise, mixtures) need it, so that the target is the same throughout. A forward pass is made
    only if something is to be filled in.
    """
    is_unresolved = (
        isinstance(score_target.targets[0], int) if score_target.layer else None in score_target.targets
    )
    if not is_unresolved:
        return score_target
    targets = []
    with without_gradients(model):
        for part in torch.arange(len(pictures)).split(batch_size):
            _, indices, _ = target_scores(model, pictures[part], score_target.for_pictures(part.tolist()))
            targets += [tuple(index) if score_target.layer else index[0] for index in indices.tolist()]
    return replace(score_target, targets=tuple(targets))


def _score_index(
    score_target: ScoreTarget, target, values: Tensor, class_names: Sequence[str] | None
) -> tuple[int, ...]:
    """The index of the target score among `values` (for one image: C, or C x H x W)."""
    if not score_target.layer:
        return (target_index(target, class_names, values),)
    shape = " x ".join(str(length) for length in values.shape)
    layer_description = f'layer "{score_target.layer}" ({shape})'
    if isinstance(target, tuple):
        if len(target) != values.dim():
            raise ValueError(
                f"unit must name {values.dim()} numbers for {layer_description}, but got {target}."
            )
        return tuple(
            whole_number(index, f"unit, axis {axis} of {layer_description},", maximum=length - 1)
            for axis, (index, length) in enumerate(zip(target, values.shape, strict=True))
        )
    channel = whole_number(target, f"unit (a channel of {layer_description})", maximum=len(values) - 1)
    position = torch.unravel_index(values[channel].argmax(), values.shape[1:])
    return channel, *(int(index) for index in position)
