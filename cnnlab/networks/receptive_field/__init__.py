"""Receptive fields: the pixels of the image that a unit can see at all.

A unit at position i of a layer with kernel k, stride s, padding p and dilation d reads the positions
i s - p, i s - p + d, ..., i s - p + (k - 1) d of the layer before. Traced down to the image this gives the
field: its size grows by (k - 1) d times the stride so far, its stride is the product of all strides. Where
branches meet (residual and dense networks) the field is the smallest box around the fields of all branches.

For how a field is traced through the operations of a network see `cnnlab.networks.receptive_field.tracer`. Which part of its field a
unit uses is another question: see `cnnlab.networks.receptive_field.effective` and `cnnlab.attribution`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from cnnlab._validation import whole_number
from cnnlab.networks.activations import this_thread_only
from cnnlab.networks.layer_names import resolve_layer
from cnnlab.networks.receptive_field.algebra import Axis, Field
from cnnlab.networks.receptive_field.tracer import FieldTracer, input_shape, trace_fields


class UnknownReceptiveField(ValueError):
    """The receptive field of a layer is unknown: an operation before it cannot be traced; `reason` says which."""

    def __init__(self, layer: str, reason: str):
        super().__init__(layer, reason)
        self.layer, self.reason = layer, reason

    def __str__(self) -> str:
        return f'the receptive field of "{self.layer}" is not known: {self.reason}.'


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of every unit of a layer, in pixels of the image; all pairs are (vertical, horizontal).

    Attributes
    ----------
    size
        Height and width of the field where no border clips it; it can be larger than the image.
    stride
        How far the field moves from one unit to the next; 0 for a layer without positions (fully connected).
    offset
        First row and column of the field of unit (0, 0); negative where the field extends beyond the border.
    positions
        Rows and columns of units in the layer; (1, 1) for a layer without positions.
    picture
        Height and width of the images for which all this holds.
    """

    size: tuple[int, int]
    stride: tuple[float, float]
    offset: tuple[int, int]
    positions: tuple[int, int]
    picture: tuple[int, int]
    _axes: tuple[Axis, Axis] = field(repr=False, compare=False)

    def box(
        self, row: int = 0, column: int = 0, height: int | None = None, width: int | None = None
    ) -> tuple[int, int, int, int]:
        """The field of the unit at (row, column) as (top, left, bottom, right), clipped at the borders of the image.

        Bottom and right are the first row and column outside, so `image[:, top:bottom, left:right]` is what the
        unit sees; (0, 0, 0, 0) if it sees only padding. `height` and `width`, where given, must be those
        of `picture`: in an image of another size the same unit has another box.

        Raises
        ------
        ValueError
            If the layer has no such unit, or the size of the image is not the one for which the field was computed.
        """
        requested = (height or self.picture[0], width or self.picture[1])
        if requested != self.picture:
            raise ValueError(
                f"this receptive field holds for pictures of {self.picture[0]} x {self.picture[1]}, not"
                f" {requested[0]} x {requested[1]}; call receptive_field(model, layer, input_size={requested})."
            )
        row = whole_number(row, "row", maximum=self.positions[0] - 1)
        column = whole_number(column, "column", maximum=self.positions[1] - 1)
        (top, bottom), (left, right) = self._axes[0].interval(row), self._axes[1].interval(column)
        if bottom == 0 or right == 0:  # the unit reads only padding
            return 0, 0, 0, 0
        return top, left, bottom, right


def receptive_field(
    model: nn.Module, layer: str, input_size: int | Sequence[int] | None = None
) -> ReceptiveField:
    """Receptive field of the units of `layer`: size, stride and offset of their fields, exact to the pixel.

    Holds for chains, residual and dense networks, with padding, dilation, pooling and upsampling. The box of a
    unit is the smallest that contains every pixel with a path to the unit: the support of the gradient with
    respect to the image, when no path is switched off. A unit of a fully connected layer sees all that the
    layer before it sees; flattening keeps the fields and positions of the units.

    Parameters
    ----------
    model
        Any network; it runs once on a blank image, in eval mode, and is left unchanged.
    layer
        One of `layer_names(model)`; where it runs several times, its last run counts.
    input_size
        n (3 x n x n), (H, W) or (C, H, W); None takes the network's own `input_size`.

    Raises
    ------
    UnknownReceptiveField
        If the path to the layer contains an operation that cannot be traced (attention, a flip, a bicubic resize), or the output
        of the layer does not depend on the image.
    ValueError
        If there is no such layer, or the network cannot take such an image.
        An `UnknownReceptiveField` is a ValueError, too.

    References
    ----------
    Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning. Araujo, Norris & Sim (2019),
    Computing receptive fields of convolutional neural networks, Distill, equations 1 to 4.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet, receptive_field
    >>> field = receptive_field(MiniAlexNet(["cat", "dog"]), "conv2")
    >>> field.size, field.stride, field.box(0, 0)
    ((30, 30), (4, 4), (0, 0, 17, 17))
    """
    traced = receptive_fields(model, layer, input_size)[layer]
    if isinstance(traced, UnknownReceptiveField):
        raise traced
    return traced


def receptive_fields(
    model: nn.Module, layers: str | Sequence[str], input_size: int | Sequence[int] | None = None
) -> dict[str, ReceptiveField | UnknownReceptiveField]:
    """Receptive fields of several layers from one run of the network; arguments and errors as in `receptive_field`.

    An unknown field is returned as an `UnknownReceptiveField`, whose `reason` says why, so that the others are still available.

    Example
    -------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(2), nn.Softmax(2))
    >>> fields = receptive_fields(model, ["0", "2"], 8)
    >>> fields["0"].size, fields["2"].reason
    ((3, 3), 'the operation "_softmax" is not followed behind flattening')
    """
    names = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
    shape = input_shape(model, input_size)
    follower, run = trace_fields(model, shape)
    found: dict[str, ReceptiveField | UnknownReceptiveField] = {}
    handles = []
    try:
        for name in names:
            hook = this_thread_only(_note_field(found, name, follower, shape))
            handles.append(resolve_layer(model, name).register_forward_hook(hook))
        run()
    finally:
        for handle in handles:
            handle.remove()
    for name in names:
        if name not in found:
            raise ValueError(f'layer "{name}" does not run in eval mode; see layer_names(model).')
    return {name: found[name] for name in names}


def _note_field(
    found: dict[str, ReceptiveField | UnknownReceptiveField],
    name: str,
    follower: FieldTracer,
    shape: tuple[int, int, int],
):
    def hook(_module: nn.Module, _inputs: tuple, output: object) -> None:
        if not isinstance(output, Tensor):
            found[name] = UnknownReceptiveField(name, f"it gives a {type(output).__name__}, not one tensor")
            return
        seen = follower.field_of(output)
        if isinstance(seen, Field):
            found[name] = to_receptive_field(seen, shape)
        else:
            found[name] = UnknownReceptiveField(name, seen or "what it gives does not depend on the picture")

    return hook


def to_receptive_field(traced: Field, shape: Sequence[int]) -> ReceptiveField:
    """The public `ReceptiveField` of a field traced from an image of `shape` (C, H, W)."""
    (height, top, down), (width, left, right) = traced.rows.geometry(), traced.columns.geometry()
    return ReceptiveField(
        size=(height, width),
        stride=(down, right),
        offset=(top, left),
        positions=(len(traced.rows), len(traced.columns)),
        picture=(shape[-2], shape[-1]),
        _axes=(traced.rows, traced.columns),
    )
