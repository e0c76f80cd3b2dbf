"""Dirty regions: where a change of some pixels shows in a layer's maps, and which inputs are needed to compute that part alone.

Two kinds of layers are simple. Pointwise layers (ReLU, batch normalisation, sums and concatenations of maps ...) change
where their input does. Layers that slide a kernel over the map (convolution and pooling)
change wherever a kernel touches the change: with kernel k, dilation d, stride s and padding p, position o reads the inputs

    o * s - p,  o * s - p + d,  ...,  o * s - p + d * (k - 1)

so inputs a to b - 1 are read by the positions from ceil((a + p - d * (k - 1)) / s) to floor((b - 1 + p) / s). Any other layer may
read the whole map, and is computed in full. See `cnnlab._incremental.engine`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx.node import Node

from cnnlab._incremental.tracing import Recording
from cnnlab._incremental.windows import Interval, Windows
from cnnlab._incremental.winograd import Winograd
from cnnlab.networks.imagenet_architectures import pad_same


@dataclass(frozen=True)
class Axis:
    """A kernel along one axis of a map: its extent, d * (k - 1) + 1, its stride, and the padding before the map."""

    span: int
    stride: int
    padding: int

    def affected_outputs(self, inputs: Interval, total: int) -> Interval:
        """The interval of the `total` outputs that read one of these inputs, at least one output long."""
        start, stop = inputs
        first = max(0, -((self.span - 1 - self.padding - start) // self.stride))
        last = min(total - 1, (stop - 1 + self.padding) // self.stride)
        first = min(first, total - 1)
        return first, max(first, last) + 1

    def inputs_of(self, starts: list[int], length: int) -> tuple[list[int], int]:
        """Starts and length of the input intervals that `length` outputs from each start read."""
        begins = [start * self.stride - self.padding for start in starts]
        return begins, (length - 1) * self.stride + self.span


@dataclass(frozen=True)
class SlidingKernel:
    """A layer that slides a kernel over maps: its two axes, the layer without any padding, and the padded maps."""

    rows: Axis
    columns: Axis
    run: Callable[[Tensor], Tensor]
    maps: Tensor

    @property
    def padding(self) -> tuple[int, int]:
        """Rows above and columns before the map."""
        return self.rows.padding, self.columns.padding

    def inputs_of(self, windows: Windows) -> Windows:
        """The windows of the inputs that the kernel reads for these windows of its outputs."""
        tops, height = self.rows.inputs_of(windows.tops, windows.height)
        lefts, width = self.columns.inputs_of(windows.lefts, windows.width)
        return Windows(tops, lefts, height, width)


def as_sliding_kernel(recording: Recording, step: Node) -> SlidingKernel | None:
    """The step as a kernel that slides over the result of one other step; None if it is something else."""
    values, sources = recording.values, recording.affected.intersection(step.all_input_nodes)
    if len(sources) != 1 or not all(_is_map(values[node]) for node in (step, *sources)):
        return None
    args, kwargs = recording.arguments(step, values.__getitem__)
    if step.op == "call_function" and step.target in _FUNCTIONS:
        return _FUNCTIONS[step.target](values[step], *args, **kwargs)
    layer = recording.layer(step)
    if type(layer) is nn.Conv2d and layer.padding_mode == "zeros":
        options = layer.stride, layer.padding, layer.dilation, layer.groups
        return _convolution(values[step], *args, layer.weight, layer.bias, *options)
    if type(layer) is Winograd:
        axes = _axes(layer.kernel, 1, layer.padding)
        return SlidingKernel(*axes, layer.slide, _pad_maps(*args, axes, values[step]))
    if type(layer) is nn.MaxPool2d:
        return _max_pool(values[step], *args, layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    if type(layer) is nn.AvgPool2d:
        options = layer.ceil_mode, layer.count_include_pad, layer.divisor_override
        return _average_pool(values[step], *args, layer.kernel_size, layer.stride, layer.padding, *options)
    if type(layer) in (nn.ZeroPad2d, nn.ConstantPad2d):
        return _pad(values[step], *args, layer.padding, value=layer.value)
    return None


def _convolution(result, maps, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> SlidingKernel:
    if padding == "same":
        padding = [d * (k - 1) // 2 for d, k in zip(_pair(dilation), weight.shape[2:], strict=True)]
    axes = _axes(weight.shape[2:], stride, 0 if padding == "valid" else padding, dilation)
    maps = _pad_maps(maps, axes, result)
    return SlidingKernel(
        *axes, lambda piece: F.conv2d(piece, weight, bias, stride, 0, dilation, groups), maps
    )


def _max_pool(
    result, maps, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
) -> SlidingKernel:
    stride = stride or kernel_size
    axes = _axes(kernel_size, stride, padding, dilation)
    maps = _pad_maps(maps, axes, result, -torch.inf)
    return SlidingKernel(*axes, lambda piece: F.max_pool2d(piece, kernel_size, stride, 0, dilation), maps)


def _average_pool(
    result,
    maps,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
) -> SlidingKernel | None:
    stride = stride or kernel_size
    axes = _axes(kernel_size, stride, padding)
    for axis, length, inputs in zip(axes, result.shape[-2:], maps.shape[-2:], strict=True):
        beyond = (length - 1) * axis.stride + axis.span > inputs + 2 * axis.padding
        if divisor_override is None and (beyond or (axis.padding and not count_include_pad)):
            return None  # windows at the border are divided by another number
    maps = _pad_maps(maps, axes, result)
    return SlidingKernel(
        *axes, lambda piece: F.avg_pool2d(piece, kernel_size, stride, divisor_override=divisor_override), maps
    )


def _pad(result, maps, pad, mode="constant", value=None) -> SlidingKernel | None:
    """Padding with a constant, as a kernel of 1 x 1 that slides over the maps; negative padding cuts them."""
    if mode != "constant" or len(pad) > 4:
        return None
    left, _, top, _ = (*pad, 0, 0)[:4]
    return _constant_pad(result, maps, top, left, value or 0.0)


def _pad_same(result, maps, kernel, stride) -> SlidingKernel:
    rows, columns = (after - before for after, before in zip(result.shape[-2:], maps.shape[-2:], strict=True))
    return _constant_pad(result, maps, rows // 2, columns // 2)


def _constant_pad(result: Tensor, maps: Tensor, top: int, left: int, value: float = 0.0) -> SlidingKernel:
    axes = Axis(1, 1, top), Axis(1, 1, left)
    run = (
        (lambda piece: piece) if top or left else torch.clone
    )  # only then can the padded map be the result of another step
    return SlidingKernel(*axes, run, _pad_maps(maps, axes, result, value))


def _pad_maps(maps: Tensor, axes: tuple[Axis, Axis], result: Tensor, outside: float = 0.0) -> Tensor:
    """The maps with the padding that the kernel reads to compute `result`."""
    sides = []
    for axis, dim in zip(axes[::-1], (-1, -2), strict=True):
        beyond = (result.shape[dim] - 1) * axis.stride + axis.span - axis.padding - maps.shape[dim]
        sides += [axis.padding, max(0, beyond)]
    return F.pad(maps, sides, value=outside) if any(sides) else maps


def _axes(kernel, stride, padding, dilation=1) -> tuple[Axis, Axis]:
    options = zip(*(_pair(option) for option in (kernel, stride, padding, dilation)), strict=True)
    rows, columns = (Axis(d * (k - 1) + 1, s, p) for k, s, p, d in options)
    return rows, columns


def _pair(option: Any) -> tuple[int, int]:
    """Rows and columns, from one number for both, or from two."""
    first, last = (option, option) if isinstance(option, int) else (option[0], option[-1])
    return int(first), int(last)


_FUNCTIONS = {
    F.conv2d: _convolution,
    F.max_pool2d: _max_pool,
    torch.max_pool2d: _max_pool,
    F.avg_pool2d: _average_pool,
    F.pad: _pad,
    pad_same: _pad_same,
}


def is_pointwise(recording: Recording, step: Node) -> bool:
    """Whether the step is pointwise: it treats each position of its maps separately."""
    values, affected = recording.values, recording.affected
    maps = [values[node] for node in (step, *affected.intersection(step.all_input_nodes))]
    constants = [values[node] for node in step.all_input_nodes if node not in affected]
    if not all(_is_map(value) and value.shape[-2:] == maps[0].shape[-2:] for value in maps):
        return False
    layer = recording.layer(step)
    if type(layer) is nn.BatchNorm2d:
        return layer.running_mean is not None
    if layer is not None:
        return type(layer) in _POINTWISE_LAYERS
    args, kwargs = recording.arguments(step, values.__getitem__)
    if step.target in (torch.cat, torch.concat):
        return not constants and [*args[1:], *kwargs.values()] in ([1], [-3])
    if step.target is F.batch_norm:
        return not kwargs.get("training", args[5] if len(args) > 5 else False)
    if step.target is operator.getitem:  # some of the channels
        index = args[1] if isinstance(args[1], tuple) else (0,)
        return isinstance(index[0], slice) and index[0] == slice(None) and len(index) <= args[0].dim() - 2
    if step.target in (torch.unsqueeze, "unsqueeze"):
        return [*args[1:], *kwargs.values()] == [1]
    return step.target in _POINTWISE and all(_is_same_everywhere(value) for value in constants)


_POINTWISE_LAYERS = {
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid),
    *(nn.Identity, nn.Dropout, nn.Dropout2d),
}
_NAMES = {
    *("add", "sub", "mul", "div", "truediv", "neg", "pow", "abs", "exp", "sqrt", "clamp", "sigmoid", "tanh"),
    *("relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "hardtanh"),
    *("hardswish", "hardsigmoid", "dropout", "dropout2d", "contiguous", "clone", "float"),
}
_NAMES |= {f"{name}_" for name in _NAMES}
_POINTWISE = _NAMES | {vars(place)[name] for place in (torch, F) for name in _NAMES & vars(place).keys()}
_POINTWISE |= {getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "neg", "pow")}
_POINTWISE |= {getattr(operator, name) for name in ("iadd", "isub", "imul", "itruediv")}


def _is_map(value: Any) -> bool:
    """Whether this is a result for one image whose last two axes are rows and columns."""
    return isinstance(value, Tensor) and value.dim() >= 3 and len(value) == 1


def _is_same_everywhere(value: Any) -> bool:
    """Whether this number or tensor is the same at every position of a map."""
    return not isinstance(value, Tensor) or value.numel() == 1 or value.shape[-2:] == (1, 1)
