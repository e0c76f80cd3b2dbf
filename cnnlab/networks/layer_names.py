"""Layer names: the names of a network's layers in the order in which they run, and the modules that they denote.

A layer's name is its path ("features.0", "layer1.0.conv2") or an alias from the network's `layer_aliases`
("conv1"), where it has such a table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import torch
from torch import nn

from cnnlab.networks.eval_mode import eval_mode, input_side, layered, match_device_dtype
from cnnlab.networks.operation_watcher import GraphTracer

MAX_NAMES_IN_MESSAGE = 60


def layer_names(model: nn.Module) -> list[str]:
    """Names of all layers that run, in the order in which they finish; a block follows its last part.

    A layer that runs several times is listed at its last run, which is also the run that `record_activations` keeps.
    If the network has an alias for a layer, the alias is listed.

    The order comes from one forward pass of a blank image if the network has an `input_size`, else from its
    traced graph (`torch.fx`). If neither works, layers are listed in the order of registration.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet, layer_names
    >>> layer_names(MiniAlexNet(["cat", "dog"]))[:4]
    ['normalise', 'conv1', 'norm1', 'relu1']
    """
    model = layered(model)
    paths_by_name = display_names(model)
    paths = _execution_order(model) or _traced_order(model) or _registration_order(model)
    last_runs = list(dict.fromkeys(reversed(paths)))[::-1]
    return [paths_by_name.get(path, path) for path in last_runs]


def resolve_layer(model: nn.Module, name: str) -> nn.Module:
    """The module with this `name` (an alias or a path) in `model`.

    Raises
    ------
    ValueError
        If there is no such layer; the message lists the existing layers.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet, resolve_layer
    >>> resolve_layer(MiniAlexNet(["cat", "dog"]), "fc8")
    Linear(in_features=192, out_features=2, bias=True)
    """
    model = layered(model)
    path = _aliases(model).get(name, name)
    module: nn.Module | None = model
    # Not `get_submodule`: it takes a property for a layer, and misses a layer that one hides.
    for part in path.split(".") if isinstance(path, str) else [path]:
        module = None if module is None else module._modules.get(part)
    if module is None:
        raise ValueError(_no_such_layer(model, name))
    return module


def display_names(model: nn.Module) -> dict[str, str]:
    """The display name of each path that has an alias; of several aliases, the first."""
    names: dict[str, str] = {}
    for alias, path in _aliases(model).items():
        names.setdefault(path, alias)
    return names


def _aliases(model: nn.Module) -> dict[str, str]:
    return getattr(model, "layer_aliases", {})


def _no_such_layer(model: nn.Module, name: str) -> str:
    network = getattr(model, "name", type(model).__name__)
    names = layer_names(model)
    close = difflib.get_close_matches(str(name), names, n=1)
    suggestion = f' Did you mean "{close[0]}"?' if close else ""
    # Deep networks have hundreds of layers: then the blocks are listed, as deep as fits into a message.
    levels = [[n for n in names if n.count(".") <= depth] for depth in range(8)]
    fitting = [level for level in levels if 0 < len(level) <= MAX_NAMES_IN_MESSAGE]
    listed = fitting[-1] if fitting else names[:MAX_NAMES_IN_MESSAGE]
    unlisted = len(names) - len(listed)
    more = f" and {unlisted} more inside these: see layer_names(model)" if unlisted else ""
    return f'layer "{name}" is not in {network}; it has {", ".join(listed)}{more}.{suggestion}'


def _execution_order(model: nn.Module) -> list[str]:
    """Paths in the order in which the modules finish on a blank image of the network's own input size."""
    size = input_side(model)
    if size is None:
        return []
    order: list[str] = []
    handles = []
    try:
        for path, module in model.named_modules():
            if path:
                handles.append(module.register_forward_hook(lambda *_, path=path: order.append(path)))
        with eval_mode(model), torch.inference_mode():
            model(match_device_dtype(model, torch.zeros(1, 3, size, size)))
    except Exception:  # the names of a network that cannot run may still be requested
        return []
    finally:
        for handle in handles:
            handle.remove()
    return order


class _OrderTracer(GraphTracer):
    """Traces a network without running it and records each module when its part of the graph is finished."""

    def __init__(self):
        super().__init__()
        self.order: list[str] = []

    def call_module(self, module, forward, args, kwargs):
        if self.is_elsewhere:
            return forward(*args, **kwargs)
        # `module.forward` skips the hooks that others registered: they expect tensors, not proxies.
        output = super().call_module(module, module.forward, args, kwargs)
        self.order.append(self.path_of_module(module))
        return output


def _traced_order(model: nn.Module) -> list[str]:
    tracer = _OrderTracer()
    try:
        with eval_mode(model):
            tracer.trace(model)
    except Exception:  # a forward pass with control flow that depends on values cannot be traced
        return []
    return tracer.order


def _registration_order(model: nn.Module) -> list[str]:
    """Paths of all modules that can run, parts before the block that they belong to."""

    def parts(module: nn.Module, path: str) -> Iterator[str]:
        for name, child in module.named_children():
            child_path = f"{path}.{name}" if path else name
            yield from parts(child, child_path)
            if (
                type(child).forward is not nn.Module.forward
            ):  # a ModuleList only holds layers; it has no forward of its own
                yield child_path

    return list(parts(model, ""))
