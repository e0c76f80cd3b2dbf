"""Fully convolutional networks: fully connected layers as convolutions, so that a classifier slides over larger images.

A fully connected layer that reads C maps of H x W multiplies them with one weight each, as a kernel of H x W does at its
only position. For a larger image, the same kernel has several positions, each with a prediction of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from cnnlab.networks.eval_mode import layered, match_device_dtype
from cnnlab.networks.forward import forward
from cnnlab.networks.operation_watcher import GraphTracer
from cnnlab.networks.receptive_field.tracer import input_shape

_POOLS = (nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveMaxPool2d)
_POINTWISE = (nn.Dropout, nn.Identity, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU)
_POINTWISE_FUNCTIONS = ("relu", "relu_", "relu6", "hardswish", "silu", "gelu", "dropout")


@torch.inference_mode(False)
def to_convolutional(model: nn.Module, input_size: int | Sequence[int] | None = None) -> nn.Module:
    """Convert fully connected layers to convolutions: the same network, which then takes larger images.

    A layer of M neurons that reads C x H x W maps becomes M kernels of C x H x W; one that reads a vector of D numbers becomes M
    kernels of D x 1 x 1. Flattening is dropped. A pooling with a single output position becomes a window of that size with
    stride 1, and an adaptive pooling becomes the window that it is for `input_size`, so that a larger image gives more
    positions instead of larger windows.

    For images of `input_size` the output equals the network's own, up to rounding. In a larger image each output position
    sees one crop of it; its prediction is that of the network for this crop, except where padding adds zeros at the border of
    the crop (nowhere in a network without padding), and where gates (squeeze-and-excitation) average over the whole image.

    Parameters
    ----------
    model
        A network that torch.fx can trace, with convolutions, then a head of pooling, flattening and fully connected layers: the kit's
        classifiers, most of torchvision's. It is left unchanged; the weights are copied.
    input_size
        n (3 x n x n), (H, W) or (C, H, W) for which the network was built; None takes its own `input_size`.

    Returns
    -------
    nn.Module
        In eval mode; maps N x C x H x W to logits N x classes x rows x columns.

    Raises
    ------
    ValueError
        If the network cannot be traced, or values are rearranged in a way that loses the positions (reshaping other than
        flattening, an unknown operation behind fully connected layers).

    References
    ----------
    Long, Shelhamer & Darrell (2015), Fully convolutional networks for semantic segmentation, section 3.1. Lecture K,
    "Converting FC layers to conv layers", "Inputting larger images".

    Example
    -------
    >>> from cnnlab.networks import MiniVGG
    >>> model = MiniVGG(["cat", "dog"]).eval()
    >>> to_convolutional(model)(torch.rand(1, 3, 160, 128)).shape
    torch.Size([1, 2, 3, 2])
    """
    shape = input_shape(model, input_size)
    network = copy.deepcopy(layered(model)).eval()
    try:
        traced = fx.GraphModule(network, GraphTracer().trace(network))
        with torch.no_grad():
            ShapeProp(traced).propagate(match_device_dtype(network, torch.zeros(1, *shape)))
    except Exception as error:
        raise ValueError(
            f"this network cannot be followed for pictures of {' x '.join(map(str, shape))}: {error}"
        ) from error
    modules = dict(traced.named_modules())
    chain = _chain(traced.graph)
    map_shapes: dict[fx.Node, tuple[int, int, int]] = {}  # vectors, and the maps C x H x W that replace them
    for node in list(traced.graph.nodes):
        if node.op in ("placeholder", "get_attr", "output"):
            continue
        before, module = node.all_input_nodes[0], modules.get(str(node.target))
        if _is_flattening(node, module):
            map_shapes[node] = map_shapes.get(before) or tuple(_shape(before)[1:])
            node.replace_all_uses_with(before)
            map_shapes[before] = map_shapes[node]
            traced.graph.erase_node(node)
        elif isinstance(module, nn.Linear):
            maps = map_shapes.get(before, (module.in_features, 1, 1))
            traced.set_submodule(str(node.target), _as_convolution(module, maps))
            map_shapes[node] = (module.out_features, 1, 1)
        elif before in map_shapes:
            if not (isinstance(module, _POINTWISE) or _name(node) in _POINTWISE_FUNCTIONS):
                raise ValueError(f'the operation "{_name(node)}" behind flattening has no place in a map.')
            map_shapes[node] = map_shapes[before]
        elif isinstance(module, _POOLS) and node in chain:
            traced.set_submodule(
                str(node.target), _sliding_pool(module, _shape(before)[2:], _shape(node)[2:])
            )
        elif _name(node) == "adaptive_avg_pool2d" and node in chain:
            _pool_by(node, _sliding_pool(nn.AdaptiveAvgPool2d(1), _shape(before)[2:], _shape(node)[2:]))
        elif _name(node) == "mean" and node in chain and _is_over_positions(node):
            _pool_by(node, _sliding_pool(nn.AdaptiveAvgPool2d(1), _shape(before)[2:], (1, 1)))
            map_shapes[node] = (_shape(node)[1], 1, 1)
        elif _name(node) in ("view", "reshape", "mean") and not _keeps_positions(node):
            raise ValueError(
                f'the operation "{_name(node)}" leaves no places; use nn.Flatten and pooling layers instead.'
            )
    traced.graph.lint()
    traced.recompile()
    for name in ("class_names", "input_size"):
        if hasattr(model, name):
            setattr(traced, name, getattr(model, name))
    traced.name = f"{getattr(model, 'name', type(model).__name__)}_convolutional"
    return traced


def _chain(graph: fx.Graph) -> set[fx.Node]:
    """The nodes from the last junction of branches to the output. Pooling elsewhere belongs to a branch, or to a gate."""
    (node,) = next(iter(reversed(graph.nodes))).all_input_nodes
    chain = {node}
    while len(node.all_input_nodes) == 1:
        (node,) = node.all_input_nodes
        chain.add(node)
    return chain


def _pool_by(node: fx.Node, window: nn.AvgPool2d) -> None:
    """Let the node average over a sliding window."""
    node.op, node.target, node.kwargs = "call_function", F.avg_pool2d, {}
    node.args = (node.all_input_nodes[0], window.kernel_size, window.stride)


def _is_over_positions(node: fx.Node) -> bool:
    """Whether a mean is taken over rows and columns, which are dropped."""
    maps, averaged = _shape(node.all_input_nodes[0]), _shape(node)
    return len(maps) == 4 and averaged == maps[:2]


def _keeps_positions(node: fx.Node) -> bool:
    """Whether a mean is over channels, or a gate's over all positions, or a view only regroups channels in maps of any size."""
    if _name(node) == "mean":
        before, after = _shape(node.all_input_nodes[0]), _shape(node)
        return len(after) == 4 and after[2:] in (before[2:], (1, 1))
    sizes = node.args[1:]
    return len(sizes) >= 4 and all(isinstance(size, fx.Node) for size in sizes[-2:])


def _as_convolution(layer: nn.Linear, maps: tuple[int, int, int]) -> nn.Conv2d:
    inputs, height, width = maps
    # Without initial weights, which would use up random numbers of torch's global generator.
    convolution = nn.utils.skip_init(
        nn.Conv2d,
        inputs,
        layer.out_features,
        (height, width),
        bias=layer.bias is not None,
        dtype=layer.weight.dtype,
        device=layer.weight.device,
    )
    with torch.no_grad():
        convolution.weight.copy_(layer.weight.view_as(convolution.weight))
        if layer.bias is not None:
            convolution.bias.copy_(layer.bias)
    return convolution.eval()


def _sliding_pool(pool: nn.Module, before: Sequence[int], after: Sequence[int]) -> nn.Module:
    """The pooling as a window of fixed size, with stride 1 where it has a single output position."""
    adaptive = isinstance(pool, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d)
    single = tuple(after) == (1, 1)
    if not (adaptive or single):
        return pool
    if not adaptive:
        sliding = copy.copy(pool)
        sliding.stride = 1
        return sliding
    if any(n % o for n, o in zip(before, after, strict=True)):
        raise ValueError(
            f"an adaptive pooling from {before[0]} x {before[1]} to {after[0]} x {after[1]} places has windows of"
            " several sizes, so it cannot slide; choose an input_size where it divides evenly."
        )
    window = tuple(n // o for n, o in zip(before, after, strict=True))
    kind = nn.AvgPool2d if isinstance(pool, nn.AdaptiveAvgPool2d) else nn.MaxPool2d
    return kind(window, 1 if single else window)


def _is_flattening(node: fx.Node, module: nn.Module | None) -> bool:
    if isinstance(module, nn.Flatten):
        return (module.start_dim, module.end_dim) == (1, -1)
    if module is None and _name(node) == "flatten":
        arguments = [*node.args[1:], *node.kwargs.values()]
        return arguments in ([1], [1, -1])
    return False


def _name(node: fx.Node) -> str:
    return str(getattr(node.target, "__name__", node.target))


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["tensor_meta"].shape)


def sliding_probabilities(model: nn.Module, images: Tensor) -> Tensor:
    """Class probabilities N x classes x rows x columns of a network made by `to_convolutional`: a softmax at each position."""
    with torch.inference_mode():
        return forward(model, images).softmax(1)
