"""Tracing: a network as a list of steps, each with its result for one image.

`record_steps` runs a network once on a proxy that records the operations (`torch.fx`), and then once more on a real
image, step by step, keeping every intermediate result. With both, only what changes when the image
does needs to be recomputed; see `cnnlab._incremental.engine`.

The network itself is not changed: a copy of its modules that shares its weights is traced. In that copy, layers are fused
(`cnnlab._incremental.fusion`), and convolutions that `cnnlab._incremental.winograd` computes faster are replaced.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import Node, map_arg
from torch.nn.modules import module as every_module

from cnnlab._incremental.fusion import fuse
from cnnlab._incremental.winograd import Winograd, is_supported
from cnnlab.networks.operation_watcher import GraphTracer


class Untraceable(Exception):
    """The network cannot be converted to a list of steps; the message says why."""


@dataclass(frozen=True, eq=False)
class Recording:
    """The steps of a network in the order in which they run, from `picture` to the one that returns the `output`.

    `values` holds the result of each step for the recorded image, `affected` the steps whose result depends on the image.
    """

    modules: nn.Module
    picture: Node
    steps: list[Node]
    output: Node
    values: dict[Node, Any]
    affected: set[Node]

    def layer(self, step: Node) -> nn.Module | None:
        """The layer that is called in this step, None where it is a function or a method."""
        return self.modules.get_submodule(step.target) if step.op == "call_module" else None

    def arguments(self, step: Node, result: Callable[[Node], Any]) -> tuple[tuple, dict[str, Any]]:
        """The arguments of a step, where `result` returns the results of the steps before it."""
        return map_arg(step.args, result), map_arg(step.kwargs, result)

    def run(self, step: Node, result: Callable[[Node], Any]) -> Any:
        """The result of one step, where `result` returns the results of the steps before it."""
        args, kwargs = self.arguments(step, result)
        match step.op:
            case "call_module":
                return self.modules.get_submodule(step.target)(*args, **kwargs)
            case "call_method":
                return getattr(args[0], step.target)(*args[1:], **kwargs)
            case "get_attr":
                module, _, name = step.target.rpartition(".")
                return getattr(self.modules.get_submodule(module), name)
        return step.target(*args, **kwargs)


def record_steps(model: nn.Module, image: Tensor, filters: dict[nn.Parameter, Tensor]) -> Recording:
    """The steps of `model` in eval mode, with their results for `image` (3 x H x W).

    `filters` are channels-last copies of its parameters with four axes; missing ones are made.

    Raises
    ------
    Untraceable
        If the control flow of the model depends on values, it has hooks, changes itself while it runs, or writes into its tensors in
        a way that the order of the steps does not show.
    """
    modules, graph = _trace(model, filters)
    picture, *steps, output = graph.nodes
    recording = Recording(modules, picture, steps, output, {}, {picture})
    with torch.inference_mode(False), torch.no_grad():
        recording.values[picture] = image.unsqueeze(0).clone(memory_format=torch.channels_last)
        blocks = {picture: picture}  # for each step, the first one whose result shares its memory
        for step in steps:
            _record(recording, step, blocks)
    return recording


def _trace(model: nn.Module, filters: dict[nn.Parameter, Tensor]) -> tuple[nn.Module, fx.Graph]:
    """A copy of the model in eval mode, its filters with channels last, and the graph of its steps."""
    hooks = [every_module._global_forward_hooks, every_module._global_forward_pre_hooks]
    for module in model.modules():
        hooks += [module._forward_hooks, module._forward_pre_hooks]
    if any(hooks):
        raise Untraceable("the model has hooks")
    shared = {}
    for weight in model.parameters():
        layout = torch.channels_last if weight.dim() == 4 else torch.preserve_format
        value = filters[weight] if weight in filters else weight.detach().contiguous(memory_format=layout)
        shared[id(weight)] = nn.Parameter(value, requires_grad=False)
    try:
        # As the only layer of a Sequential, so that further arguments of its forward keep their defaults.
        twin = nn.Sequential(copy.deepcopy(model, shared)).eval()
        before = [dict(vars(module)) for module in twin.modules()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = GraphTracer().trace(twin)
    except Exception as error:  # a forward that receives a proxy may raise anything
        raise Untraceable(f"the model cannot be traced: {error}") from error
    for old_vars, module in zip(before, twin.modules(), strict=True):
        new_vars = vars(module)
        if any(
            new_vars[name] is not old_vars.get(name)
            for name in new_vars
            if not name.startswith("_tensor_constant")
        ):
            raise Untraceable("the model changes itself while it runs")
    fuse(twin, graph)
    for node in graph.nodes:
        if node.op == "call_method" and node.target == "view":
            node.target = "reshape"  # the same, for any memory layout
        if node.op == "call_module" and is_supported(layer := twin.get_submodule(node.target)):
            twin.set_submodule(node.target, Winograd(layer))
    return twin, graph


def _record(recording: Recording, step: Node, blocks: dict[Node, Node]) -> None:
    """Run `step` on copies of the results before it, so that those are not changed even if it writes into them."""
    copies = {node: _copy(recording.values[node]) for node in step.all_input_nodes}
    tensors = {node: (value, value._version) for node, value in copies.items() if isinstance(value, Tensor)}
    value = recording.values[step] = recording.run(step, copies.__getitem__)
    if not recording.affected.isdisjoint(copies):
        recording.affected.add(step)
    shared = [blocks[node] for node, (copied, _) in tensors.items() if _same_block(value, copied)]
    blocks[step] = shared[0] if shared else step
    for node, (copied, version) in tensors.items():
        if copied._version != version:  # node's result has been overwritten
            is_alias = _same_block(value, copied) and value.shape == copied.shape
            if not is_alias or node not in recording.affected:
                raise Untraceable(f"{step} writes into a tensor that it does not give out")
            _rename(recording, node, step, blocks)


def _rename(recording: Recording, old: Node, new: Node, blocks: dict[Node, Node]) -> None:
    """Let the steps after `new`, which has overwritten the result of `old`, use the output of `new`."""
    skipped = {*blocks, new}
    for node, block in blocks.items():
        if block is blocks[old] and node not in (old, new) and not skipped.issuperset(node.users):
            raise Untraceable(f"{new} writes into a tensor that {node} shows as well")
    old.replace_all_uses_with(new, lambda user: user not in skipped)


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _same_block(value: Any, other: Tensor) -> bool:
    """Whether both share the same memory."""
    if not isinstance(value, Tensor):
        return False
    return value.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
