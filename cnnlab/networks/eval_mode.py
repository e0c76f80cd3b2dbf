"""Eval mode inside a `with` block, restored afterwards; and what a technique asks of any network: its device, its float type."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.lazy import LazyModuleMixin

LAZY = "the network has lazy modules without weights; pass one batch of pictures through it first, as in `model(images)`."
WITHOUT_LAYERS = (
    "this network is one graph ({kind}), in which layers can neither be read nor changed; give the network that it was"
    " made from."
)
BATCH_STATISTICS = (
    "the network has batch normalisation without running statistics (track_running_stats=False): what it says of a picture depends on"
    " the other pictures in the batch, also in eval mode. Give pictures one at a time, or train it with running statistics."
)

_lock = threading.RLock()
_users: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""The modules that were set to eval mode here and are to be set back, with the number of blocks that use them now."""


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[nn.Module]:
    """Eval mode: `model` without dropout and with stored batch-normalisation statistics, restored after the block.

    The mode of every module is restored, also after an exception. Blocks may overlap, in one thread or in several: the first sets
    the modes, the last sets them back. Warns once of a network whose batch normalisation has no stored statistics.

    Raises
    ------
    ValueError
        If the network has lazy modules that have not seen a picture yet.

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
    modules = list(model.modules())
    _check(model, modules)
    with _lock:
        # Only what differs is set: a module's attributes are slow to set, and most networks are in eval mode already.
        held = [module for module in modules if _trains(module) or module in _users]
        for module in held:
            _users[module] = _users.get(module, 0) + 1
        if any(map(_trains, held)):
            set_eval(model)
        return held


def _trains(module: nn.Module) -> bool:
    return getattr(module, "training", False)  # a module of torch.jit.freeze has no mode


_checked: WeakSet[nn.Module] = WeakSet()
"""The networks whose batch normalisation has been looked at."""


def _check(model: nn.Module, modules: list[nn.Module]) -> None:
    """Raise a ValueError for lazy modules; warn once of batch normalisation without running statistics."""
    _require_weights(modules)
    if model not in _checked:
        _checked.add(model)
        norms = (m for m in modules if isinstance(m, nn.modules.batchnorm._BatchNorm))
        if any(norm.running_mean is None for norm in norms):
            warnings.warn(BATCH_STATISTICS, stacklevel=2)


def set_eval(model: nn.Module) -> None:
    """`model.eval()`, for good; also where an exported network is inside, which stays in the mode in which it was exported."""
    try:
        model.eval()
    except NotImplementedError:
        for module in model.modules():
            module.training = False


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


def layered(model: nn.Module) -> nn.Module:
    """The network with the layers of `model`: the one inside of `torch.compile(model)`, else `model` itself.

    Raises
    ------
    ValueError
        If it has lost its layers (torch.jit.script, torch.jit.trace, torch.export), or some have no weights yet (lazy modules).
    """
    model = uncompiled(model)
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(WITHOUT_LAYERS.format(kind="torch.jit"))
    if isinstance(model, fx.GraphModule) and {
        node.target for node in model.graph.nodes if node.op == "call_module"
    } <= {"_guards_fn"}:  # which checks sizes in an exported network
        raise ValueError(WITHOUT_LAYERS.format(kind="torch.export or torch.fx"))
    _require_weights(model.modules())
    return model


def _require_weights(modules: Iterable[nn.Module]) -> None:
    if any(isinstance(module, LazyModuleMixin) and module.has_uninitialized_params() for module in modules):
        raise ValueError(LAZY)


def input_side(model: nn.Module) -> int | None:
    """Side of the square pictures of a network, which it says as `input_size`: n, (n, n) or (3, n, n); None if it does not say."""
    size = getattr(model, "input_size", None)
    sides = set(size[-2:]) if isinstance(size, Sequence) and len(size) in (2, 3) else {size}
    side = sides.pop()
    return side if isinstance(side, int) and not sides else None


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
        raise ValueError(LAZY)
    first = next((p for p in parameters if p.dim() > 1), parameters[0] if parameters else otherwise)
    return first.device, first.dtype


def match_device_dtype(model: nn.Module, images: Tensor) -> Tensor:
    """`images` on the device and in the float type of the model's weights."""
    device, dtype = model_device_dtype(model, images)
    return images.to(device=device, dtype=dtype)
