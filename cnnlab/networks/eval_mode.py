"""Eval mode inside a `with` block, restored afterwards; and what a technique asks of any network: its device, its float type."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

_lock = threading.RLock()
_users: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""The modules that were set to eval mode here and are to be set back, with the number of blocks that use them now."""


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[nn.Module]:
    """Eval mode: `model` without dropout and with stored batch-normalisation statistics, restored after the block.

    The mode of every module is restored, also after an exception. Blocks may overlap, in one thread or in several: the first sets
    the modes, the last sets them back.

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
    held = _enter(model)
    try:
        yield model
    finally:
        _leave(held)


def _enter(model: nn.Module) -> list[nn.Module]:
    """Set eval mode; the modules that are to be set back."""
    with _lock:
        # Only what differs is set: a module's attributes are slow to set, and most networks are in eval mode already.
        held = [module for module in model.modules() if module.training or module in _users]
        for module in held:
            _users[module] = _users.get(module, 0) + 1
        if any(module.training for module in held):
            model.eval()
        return held


def _leave(held: list[nn.Module]) -> None:
    with _lock:
        for module in held:
            _users[module] -= 1
            if not _users[module]:
                del _users[module]
                module.training = True


def uncompiled(model: nn.Module) -> nn.Module:
    """The network inside of `torch.compile(model)`, whose layers can be recorded; any other network itself."""
    return getattr(model, "_orig_mod", model)


def model_device_dtype(model: nn.Module, otherwise: Tensor) -> tuple[torch.device, torch.dtype]:
    """The device and the float type of a network's weights; of `otherwise` for a network without parameters.

    They are those of the first parameter with two axes or more: a scalar before it, such as a temperature, may be of another type.

    Raises
    ------
    ValueError
        If the network has lazy modules that have not seen a picture yet.
    """
    parameters = [p for p in model.parameters() if p.is_floating_point()]
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in parameters):
        raise ValueError(
            "the network has lazy modules without weights; pass one batch of pictures through it first, as in `model(images)`."
        )
    first = next((p for p in parameters if p.dim() > 1), parameters[0] if parameters else otherwise)
    return first.device, first.dtype


def match_device_dtype(model: nn.Module, images: Tensor) -> Tensor:
    """`images` on the device and in the float type of the model's weights."""
    device, dtype = model_device_dtype(model, images)
    return images.to(device=device, dtype=dtype)


def training_logits(output: Any) -> Tensor:
    """The logits of a network in training mode: its output, or the first of several tensors (GoogLeNet adds its auxiliary heads')."""
    return output[0] if isinstance(output, tuple) else output
