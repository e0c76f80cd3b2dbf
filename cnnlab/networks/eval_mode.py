"""Eval mode and frozen parameters inside a `with` block; everything is restored afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def eval_mode(model: nn.Module, *, frozen: bool = False) -> Iterator[nn.Module]:
    """Eval mode: `model` without dropout and with stored batch-normalisation statistics, restored after the block.

    With `frozen=True` the parameters also require no gradient inside, so a backward pass computes gradients of the image only
    and costs less. The mode of every module and the flag of every parameter are restored, also after an exception.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet, eval_mode
    >>> model = MiniAlexNet(["cat", "dog"])
    >>> with eval_mode(model):
    ...     print(model.training)
    False
    >>> model.training
    True
    """
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    # Only what differs is set: a module's attributes are slow to set, and most networks are in eval mode already.
    try:
        if any(mode for _, mode in modes):
            model.eval()
        if frozen:
            for parameter, flag in flags:
                if flag:
                    parameter.requires_grad_(False)
        yield model
    finally:
        for module, mode in modes:
            if module.training != mode:
                module.training = mode
        for parameter, flag in flags:
            if parameter.requires_grad != flag:
                parameter.requires_grad_(flag)


def match_device_dtype(model: nn.Module, images: Tensor) -> Tensor:
    """`images` on the device and in the float type of the model's parameters."""
    first = next(model.parameters(), images)
    return images.to(device=first.device, dtype=first.dtype)


def training_logits(output: Any) -> Tensor:
    """The logits of a network in training mode: its output, or the first of several tensors (GoogLeNet adds its auxiliary heads')."""
    return output[0] if isinstance(output, tuple) else output
