"""Which axis of a layer's output holds the channels: the second, except in networks that move it, as transformers do.

`channels_second` gives any layer's output with channels second. A network with layer normalisation or attention, or whose `forward` moves
axes by name, is followed while it runs: `ChannelFollower` knows the axis behind each convolution (second) and fully connected layer
(last), and takes it through what permutes, reshapes and combines tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from threading import local

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from cnnlab.networks.operation_watcher import OperationWatcher, tensors_in

MOVES_CHANNELS = (nn.LayerNorm, nn.MultiheadAttention)
"""A network that has such a module may keep its channels on the last axis."""
LOST = -1
"""The axis after an operation that mixes channels with positions, such as a reshape across both."""

_LAST = {"addmm", "mm", "linear"}  # a fully connected layer: what it gives lies on the last axis
_MATRICES = {"bmm", "baddbmm", "matmul"}  # of pairs of positions, not of channels
_MOVES = {"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t"}
_RESHAPES = {
    "view",
    "_unsafe_view",
    "reshape",
    "_reshape_alias",
    "flatten",
    "unflatten",
    "view_as",
    "reshape_as",
}

ELSE = "choose a layer that gives maps, such as the whole block"
_running = local()


class ChannelFollower(OperationWatcher):
    """Inside its `with` block, keeps the axis of the channels of every tensor computed by a convolution, or from one."""

    def __init__(self, lost: int = LOST):
        super().__init__()
        self._lost = lost
        self._axes: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._sides: tuple[int, int] | None = None

    def axis_of(self, tensor: Tensor) -> int | None:
        """The axis, or None for what no convolution or fully connected layer has touched; `lost` where it is not known."""
        axis = self._axes.get(tensor)
        return self._lost if axis == LOST else axis

    def has_shape_of_picture(self, maps: Tensor) -> bool:
        """Whether the last two axes can be rows and columns of the picture: their strides differ by less than two."""
        if self._sides is None or 1 in maps.shape[2:]:
            return True
        down, across = (side / length for side, length in zip(self._sides, maps.shape[2:], strict=True))
        return max(down, across) < 2 * min(down, across)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.rstrip("_")
        sources = [value for value in tensors_in(args) if value in self._axes]
        for result in tensors_in(output):
            if "convolution" in name or name in ("conv1d", "conv2d", "conv3d"):
                self._axes[result] = 1
                self._sides = self._sides or tuple(args[0].shape[2:])
            elif name in _LAST and (len(sources) < 2 or name == "addmm"):
                self._axes[result] = result.dim() - 1
            elif sources:
                source = next((one for one in sources if self._axes[one] != LOST), sources[0])
                self._axes[result] = _axis_after(func, args, source, self._axes[source], result)
        return output


def _axis_after(func: Callable, args: tuple, source: Tensor, axis: int, result: Tensor) -> int:
    """The axis of the channels in the result of an operation on `source`, whose channels lie on `axis`."""
    name = func.overloadpacket.__name__.rstrip("_")
    if axis == LOST or name in _MATRICES or name in _LAST or "attention" in name:
        return LOST
    rank = source.dim()
    if name in _MOVES:  # on a tensor without data, whose axes are told apart by their lengths
        sizes = torch.empty(list(range(2, rank + 2)), device="meta")
        return list(func(sizes, *args[1:]).shape).index(axis + 2)
    if name in _RESHAPES:
        before, size = prod(source.shape[:axis]), source.shape[axis]
        same = (
            place
            for place, n in enumerate(result.shape)
            if n == size and prod(result.shape[:place]) == before
        )
        return next(same, LOST)
    if name == "unsqueeze":
        return axis + (args[1] % (rank + 1) <= axis)
    if name in ("select", "squeeze") and len(args) > 1 and isinstance(args[1], int) and result.dim() < rank:
        dim = args[1] % rank
        return LOST if dim == axis else axis - (dim < axis)
    if result.dim() < rank and name in ("mean", "sum", "amax", "amin") and len(args) > 1:
        dims = {dim % rank for dim in ([args[1]] if isinstance(args[1], int) else args[1])}
        return LOST if axis in dims else axis - sum(dim < axis for dim in dims)
    # The rest (arithmetic, normalisation, pooling, padding, slices ...) leaves the axes where they are, counted from the last.
    place = axis + result.dim() - rank
    return (
        place if result.dim() == rank or (place > 0 and result.shape[place] == source.shape[axis]) else LOST
    )


@contextmanager
def following_channels(model: nn.Module) -> Iterator[None]:
    """Know, in this thread, the axis of the channels of all that `model` computes inside the block.

    Costs nothing for a network that moves no axes, whose channels are taken to be second. So are those of a network without
    `MOVES_CHANNELS` where they are lost: what it mixes are channels with channels, as in ShuffleNet.
    """
    mixes_positions = any(isinstance(module, MOVES_CHANNELS) for module in model.modules())
    if getattr(_running, "follower", None) or not (mixes_positions or any(map(_permutes, model.modules()))):
        yield
        return
    with ChannelFollower(lost=LOST if mixes_positions else 1) as _running.follower:
        try:
            yield
        finally:
            _running.follower = None


def _permutes(module: nn.Module) -> bool:
    """Whether the module's own `forward` names an operation that moves axes."""
    code = getattr(type(module).forward, "__code__", None)  # a scripted module has none
    return code is not None and not _MOVES.isdisjoint(code.co_names)


def channels_second(module: nn.Module, name: str, output: Tensor) -> tuple[Tensor, int]:
    """A layer's output, inside `following_channels`, as N x C x ... (a view), and the axis on which its channels were.

    Raises
    ------
    ValueError
        If the axis is not known, as for the weights of attention, which belong to pairs of positions; or if the other two of four axes
        are no rows and columns of the picture, as where a network cuts it into windows.
    """
    follower: ChannelFollower | None = getattr(_running, "follower", None)
    axis = follower.axis_of(output) if follower else None
    if output.dim() < 3:
        return output, 1
    if axis is None:  # no convolution so far, or the network is not followed
        axis = output.dim() - 1 if isinstance(module, nn.Linear) else 1
    shape = " x ".join(map(str, output.shape))
    if axis == LOST:
        raise ValueError(
            f'layer "{name}" gives {shape}, and which axis holds its channels is not known; {ELSE}.'
        )
    values = output.movedim(axis, 1)
    if follower and values.dim() == 4 and not follower.has_shape_of_picture(values):
        raise ValueError(
            f'layer "{name}" gives {shape}, in which rows and columns of the picture are mixed; {ELSE}.'
        )
    return values, axis


def back_to_axis(values: Tensor, axis: int) -> Tensor:
    """The inverse of `channels_second`."""
    return values if axis == 1 else values.movedim(1, axis)
