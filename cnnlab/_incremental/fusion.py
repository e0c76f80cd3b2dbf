"""Fusion: fewer passes over the maps of a traced network, with the same result up to rounding.

In eval mode batch normalisation multiplies each channel by a number and adds another. Both can be folded into the weights of the
convolution before it:

    g (w * x + b - m) / s + c = (g w / s) * x + g (b - m) / s + c        with s = sqrt(variance + eps)

(Jacob et al., "Quantization and Training of Neural Networks", CVPR 2018, equation 14), and the normalisation costs nothing. A ReLU
after a convolution writes over its result instead of into new memory, which for large maps takes longer to get than to fill.
Only the copy of the network that `cnnlab._incremental.tracing` makes is changed.
"""

from __future__ import annotations

from collections import Counter

import torch
from torch import fx, nn
from torch.fx.node import Node
from torch.nn.utils.fusion import fuse_conv_bn_eval

_OVERWRITING = {nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.Hardswish}


def fuse(modules: nn.Module, graph: fx.Graph) -> None:
    """Fold batch normalisations into convolutions, and let the activations after them write over their results."""
    uses = Counter(node.target for node in graph.nodes if node.op == "call_module")
    uses.update(node.target.rpartition(".")[0] for node in graph.nodes if node.op == "get_attr")
    for node in list(graph.nodes):
        source = _convolution_before(modules, node)
        if source is None:
            continue
        layer = modules.get_submodule(node.target)
        if type(layer) is nn.BatchNorm2d and layer.running_mean is not None and uses[source.target] == 1:
            folded = fuse_conv_bn_eval(modules.get_submodule(source.target), layer)
            folded.weight.data = folded.weight.data.contiguous(memory_format=torch.channels_last)
            modules.set_submodule(source.target, folded.requires_grad_(False))
            node.replace_all_uses_with(source)
            graph.erase_node(node)
        elif type(layer) in _OVERWRITING:
            modules.add_module(f"fused_{node.name}", _in_place(layer))  # the layer may be called elsewhere
            node.target = f"fused_{node.name}"


def _convolution_before(modules: nn.Module, node: Node) -> Node | None:
    """The convolution whose result goes into this layer, and nowhere else."""
    if node.op != "call_module" or len(node.args) != 1 or node.kwargs or not isinstance(node.args[0], Node):
        return None
    source = node.args[0]
    if source.op != "call_module" or len(source.users) != 1:
        return None
    return source if type(modules.get_submodule(source.target)) is nn.Conv2d else None


def _in_place(layer: nn.Module) -> nn.Module:
    """The activation, which has no weights, as one that writes over its input."""
    twin = type(layer).__new__(type(layer))
    twin.__dict__.update(layer.__dict__, inplace=True)
    return twin
