"""Ablation: switch units off and measure the accuracy that each class loses.

That a unit is active where wheels are (`cnnlab.units.dissection`) does not show that later layers use it. Here the unit is
switched off for a while, and accuracy is measured again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import one_or_several, whole_number
from cnnlab.networks.activations import resolve_layer
from cnnlab.networks.channel_axis import back_to_axis, channels_second, following_channels
from cnnlab.networks.data_loading import picture_batches
from cnnlab.networks.forward import class_logits, without_gradients


@contextmanager
def ablate(
    model: nn.Module, layer: str, units: int | Sequence[int], factor: float = 0.0
) -> Iterator[nn.Module]:
    """Ablation: multiply the activation of some units of `layer` by `factor` inside the `with` block; 0 switches them off.

    Ablate a unit behind its ReLU ("relu5"): there 0 means that it is inactive. In front of batch normalisation ("conv5") 0 is a
    value like others, and the unit may still be active everywhere.

    Parameters
    ----------
    model
        Any network; its weights are not changed, and after the block it is as before.
    layer
        One of `layer_names(model)` with output N x U x h x w or N x U.
    units
        One channel or several.
    factor
        0 switches off, 1 changes nothing, 2 doubles, -1 flips the sign.

    Raises
    ------
    ValueError
        If there is no such layer; in the forward pass, if there is no such unit.
    TypeError
        In the forward pass, if the output of the layer is not a single tensor.

    References
    ----------
    Zhou, Sun, Bau & Torralba (2018), Revisiting the importance of individual units in CNNs via ablation. Lecture L, on
    representations: "Are they useful?".

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model, images = MiniAlexNet(["cat", "dog"]).eval(), torch.rand(1, 3, 96, 96)
    >>> with ablate(model, "relu7", range(192)):
    ...     bool((model(images) == model.fc8.bias).all())
    True
    """
    module = resolve_layer(model, layer)
    channels = one_or_several(units)

    def scale(module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor):
            raise TypeError(
                f'layer "{layer}" gives a {type(output).__name__}, not one tensor; choose a layer inside it.'
            )
        values, axis = channels_second(module, layer, output)
        factors = values.new_ones(values.shape[1])
        factors[[whole_number(unit, "unit", maximum=len(factors) - 1) for unit in channels]] = factor
        return back_to_axis(values * factors.view(-1, *[1] * (values.dim() - 2)), axis)

    handle = module.register_forward_hook(scale)
    try:
        with following_channels(model):
            yield model
    finally:
        handle.remove()


@dataclass(frozen=True, eq=False)
class AblationResult:
    """Result of `ablate_each`, for U units (or groups of units) and C classes.

    Attributes
    ----------
    units
        U tuples of channel numbers: those that were ablated together.
    before
        C, accuracy on the images of each class with all units; NaN for a class without images.
    after
        U x C, accuracy with the unit ablated.
    change
        U x C, after - before; the most negative class of a row is the one that needs the unit.
    overall_change
        U, change of the accuracy over all images.
    logit_change
        U x C, change of the logit of class c, mean over the images of class c: it changes long before a prediction flips.
    """

    units: tuple[tuple[int, ...], ...]
    before: Tensor
    after: Tensor
    change: Tensor
    overall_change: Tensor
    logit_change: Tensor


def ablate_each(
    model: nn.Module,
    dataset: Any,
    layer: str,
    units: Sequence[int | Sequence[int]],
    *,
    factor: float = 0.0,
    batch_size: int | None = None,
    progress: bool = False,
) -> AblationResult:
    """Ablation of one unit (or group of units) at a time: the change in the accuracy of each class.

        change[k, c] = accuracy on class c without unit k - accuracy on class c

    One pass over the data set for each unit, and one with all units. Differences of less than about
    1 / sqrt(images of the class) can be due to chance.

    Parameters
    ----------
    model, layer, factor
        As for `ablate`; the network returns N x C logits.
    dataset
        Images with `labels`, such as `cnnlab.world.dataset("validation")`.
    units
        Channels of the layer; a sequence among them is a group that is ablated together.

    Returns
    -------
    AblationResult
        Accuracy by class, before and after, in float64.

    Raises
    ------
    ValueError
        If a layer or unit is not in the network, or no unit is given.

    References
    ----------
    Zhou, Sun, Bau & Torralba (2018), section 3.

    Example
    -------
    >>> from cnnlab import load, world
    >>> data = world.dataset("validation", n=200)  # doctest: +SKIP
    >>> ablate_each(load("mini_alexnet"), data, "relu5", [3, 17]).change.shape  # doctest: +SKIP
    torch.Size([2, 20])
    """
    labels = torch.as_tensor(dataset.labels)
    groups = [tuple(map(int, one_or_several(unit))) for unit in one_or_several(units)]
    if not groups:
        raise ValueError("units is empty; give at least one unit or group of units to ablate.")

    def measure() -> tuple[Tensor, Tensor]:
        """C accuracies, and C mean logits of the true class."""
        with without_gradients(model):
            outputs = [class_logits(model, images) for images in picture_batches(dataset, batch_size)]
        logits = torch.cat(outputs).cpu().double()
        true_logits = logits.gather(1, labels[:, None])[:, 0]
        columns = torch.stack(
            [(logits.argmax(1) == labels).double(), true_logits, torch.ones_like(true_logits)]
        )
        sums = torch.zeros(3, logits.shape[1], dtype=torch.float64).index_add_(1, labels, columns)
        return sums[0] / sums[2], sums[1] / sums[2]

    before, logit_before = measure()
    results = []
    for group in tqdm(groups, desc="ablated units", disable=not progress or None):
        with ablate(model, layer, group, factor):
            results.append(measure())
    after, logit_after = (torch.stack(part) for part in zip(*results, strict=True))
    shares = torch.bincount(labels, minlength=len(before)).double() / len(labels)
    change = after - before
    return AblationResult(
        units=tuple(groups),
        before=before,
        after=after,
        change=change,
        overall_change=(change.nan_to_num() * shares).sum(1),
        logit_change=logit_after - logit_before,
    )


def ablation_steps(
    model: nn.Module, images: Tensor, labels: Tensor, layer: str, unit: int, *, batch_size: int = 10
) -> Iterator[tuple[Tensor, Tensor]]:
    """The accuracy of each class with and without one unit, batch by batch: for an explorer that shows it as it comes.

    `images` are N x 3 x H x W in [0, 1], `labels` N indices of the network's classes. Each step yields (C, C) accuracies of the images so
    far, NaN for a class without images.
    """
    correct, totals = torch.zeros(0), torch.zeros(0)
    for start in range(0, len(images), batch_size):
        batch, truth = images[start : start + batch_size], labels[start : start + batch_size].cpu()
        with without_gradients(model):
            outputs = [class_logits(model, batch)]
            with ablate(model, layer, unit):
                outputs.append(class_logits(model, batch))
        if start == 0:
            correct, totals = torch.zeros(2, outputs[0].shape[1]), torch.zeros(outputs[0].shape[1])
        totals += truth.bincount(minlength=len(totals))
        for row, logits in zip(correct, outputs, strict=True):
            row += truth[logits.argmax(1).cpu() == truth].bincount(minlength=len(totals))
        yield correct[0] / totals, correct[1] / totals
