"""What does the network lose without a unit? Silence it, and see which class falls.

That a unit fires where wheels are (`cnnlab.units.dissection`) does not say that anyone listens. Here the unit is switched off
for a while, and the answers are counted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import positive_int, whole_number
from cnnlab.networks.activations import eval_mode, resolve_layer
from cnnlab.networks.data_loading import picture_batches
from cnnlab.networks.eval_mode import match_device_dtype


@contextmanager
def ablate(
    model: nn.Module, layer: str, units: int | Sequence[int], factor: float = 0.0
) -> Iterator[nn.Module]:
    """Multiply what some units of `layer` give by `factor`, for as long as the `with` block lasts; 0 silences them.

    Silence a unit behind its ReLU ("relu5"): there 0 means that it does not fire. In front of batch normalisation
    ("conv5") 0 is a value like others, and the unit may fire all the time.

    Parameters
    ----------
    model
        Any network; its weights are not touched, and behind the block it is as it was found.
    layer
        One of `layer_names(model)` that gives N x U x h x w or N x U.
    units
        One channel or several.
    factor
        0 silences, 1 changes nothing, 2 makes louder, -1 turns the sign.

    Raises
    ------
    ValueError
        If there is no such layer; in the forward pass, if there is no such unit.
    TypeError
        In the forward pass, if the layer gives something else than one tensor.

    References
    ----------
    Zhou, Sun, Bau & Torralba (2018), Revisiting the importance of individual units in CNNs via ablation. Lecture L asks of
    representations, "Are they useful?".

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model, images = MiniAlexNet(["cat", "dog"]).eval(), torch.rand(1, 3, 96, 96)
    >>> with ablate(model, "relu7", range(192)):
    ...     bool((model(images) == model.fc8.bias).all())
    True
    """
    module = resolve_layer(model, layer)
    channels = [units] if hasattr(units, "__index__") else list(units)

    def scale(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor):
            raise TypeError(
                f'layer "{layer}" gives a {type(output).__name__}, not one tensor; choose a layer inside it.'
            )
        factors = output.new_ones(output.shape[1])
        factors[[whole_number(unit, "unit", maximum=len(factors) - 1) for unit in channels]] = factor
        return output * factors.view(-1, *[1] * (output.dim() - 2))

    handle = module.register_forward_hook(scale)
    try:
        yield model
    finally:
        handle.remove()


@dataclass(frozen=True, eq=False)
class AblationResult:
    """Outcome of `ablate_each`, for U units (or groups of units) and C classes.

    Attributes
    ----------
    units
        U tuples of channel numbers: those that were silent together.
    before
        C, accuracy on the pictures of each class with all units; NaN for a class without pictures.
    after
        U x C, accuracy with the unit silenced.
    change
        U x C, after - before; the most negative class of a row is the one that needs the unit.
    overall_change
        U, change of the accuracy over all pictures.
    logit_change
        U x C, change of the logit of class c, mean over the pictures of class c: it moves long before an answer turns.
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
    batch_size: int = 100,
    progress: bool = False,
) -> AblationResult:
    """Which class needs which unit? Accuracy of each class with one unit (or group of units) after the other silenced.

        change[k, c] = accuracy on class c without unit k - accuracy on class c

    One pass over the pictures for each unit, and one with all of them. Differences of less than about
    1 / sqrt(pictures of the class) can be accidents of the pictures.

    Parameters
    ----------
    model, layer, factor
        As for `ablate`; the network gives N x C logits.
    dataset
        Pictures with `labels`, such as `cnnlab.world.dataset("validation")`.
    units
        Channels of the layer; a sequence among them is a group that is silenced as one.

    Returns
    -------
    Silenced
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
    positive_int(batch_size, "batch_size")
    labels = torch.as_tensor(dataset.labels)

    if not len(units):
        raise ValueError("units is empty; give at least one unit or group of units to silence.")
    groups = [(int(unit),) if hasattr(unit, "__index__") else tuple(map(int, unit)) for unit in units]

    def measure() -> tuple[Tensor, Tensor]:
        """C accuracies, and C mean logits of the right class."""
        with eval_mode(model), torch.inference_mode():
            outputs = [
                model(match_device_dtype(model, images)) for images in picture_batches(dataset, batch_size)
            ]
        logits = torch.cat(outputs).cpu().double()
        true_logits = logits.gather(1, labels[:, None])[:, 0]
        columns = torch.stack(
            [(logits.argmax(1) == labels).double(), true_logits, torch.ones_like(true_logits)]
        )
        sums = torch.zeros(3, logits.shape[1], dtype=torch.float64).index_add_(1, labels, columns)
        return sums[0] / sums[2], sums[1] / sums[2]

    before, logit_before = measure()
    results = []
    for group in tqdm(groups, desc="silenced units", disable=not progress or None):
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
