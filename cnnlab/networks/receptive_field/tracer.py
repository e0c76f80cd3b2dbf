"""Receptive-field tracer: follows receptive fields through a network while it runs.

`FieldTracer` intercepts every tensor operation of a forward pass, whether it comes from a module or a function, and
keeps for each tensor which pixels its units see; rows and columns are its last two axes. For the rules of single
operations see `cnnlab.networks.receptive_field.rules`. An operation without a rule gives a sentence instead of a field,
so no field is reported that was not traced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from cnnlab._validation import positive_int
from cnnlab.networks.eval_mode import eval_mode, layered, match_device_dtype
from cnnlab.networks.operation_watcher import OperationWatcher, tensors_in
from cnnlab.networks.receptive_field.algebra import Axis, Field
from cnnlab.networks.receptive_field.rules import FieldOrReason, propagate_field

CREATES_NEW = {
    "empty_like",
    "full_like",
    "new_empty",
    "new_full",
    "new_ones",
    "new_zeros",
    "ones_like",
    "zeros_like",
}


class FieldTracer(OperationWatcher):
    """Inside its `with` block, keeps the field of every tensor that is computed from `picture` (1 x C x H x W)."""

    def __init__(self, picture: Tensor):
        super().__init__()
        self._fields = WeakTensorKeyDictionary()
        self._fields[picture] = Field(Axis.identity(picture.shape[-2]), Axis.identity(picture.shape[-1]))
        self._failure: str | None = None

    def field_of(self, tensor: Tensor) -> FieldOrReason | None:
        """The field of the tensor's units, a sentence why it is unknown, or None if it does not depend on the image."""
        field = self._fields.get(tensor)
        if field is None:
            return None
        if self._failure:
            return self._failure
        if isinstance(field, Field) and field.kind == "whole" and tensor.dim() > 2:
            return field.expand(*tensor.shape[-2:])
        return field

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        arguments = {a.name: a.default_value for a in func._schema.arguments}
        arguments |= dict(zip(arguments, args, strict=False)) | kwargs
        traced_inputs = [t for value in arguments.values() for t in tensors_in(value) if t in self._fields]
        sources = [(tuple(t.shape), self._fields[t]) for t in traced_inputs]
        name = func.overloadpacket.__name__.rstrip("_")
        if sources and _writes_to_view(func, arguments):
            self._failure = f'"{name}" writes into a part of a tensor'
        output = func(*args, **kwargs)
        if sources and name not in CREATES_NEW:
            pointwise = torch.Tag.pointwise in func.tags
            for result in tensors_in(output):
                self._fields[result] = propagate_field(
                    name, pointwise, arguments, sources, tuple(result.shape)
                )
        return output


def input_shape(model: nn.Module, input_size: int | Sequence[int] | None) -> tuple[int, int, int]:
    """(C, H, W) from n (3 x n x n), (H, W), (C, H, W), or for None from the network's own `input_size`."""
    size = getattr(model, "input_size", None) if input_size is None else input_size
    if size is None:
        raise ValueError(
            "this network does not tell its input_size; give input_size as n, (H, W) or (C, H, W)."
        )
    sides = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(sides) not in (2, 3):
        raise ValueError(f"input_size must be n, (H, W) or (C, H, W), but got {size!r}.")
    channels, height, width = (3, *sides) if len(sides) == 2 else sides
    return tuple(positive_int(n, "each number of input_size") for n in (channels, height, width))


def trace_fields(model: nn.Module, shape: tuple[int, int, int]) -> tuple[FieldTracer, Any]:
    """A tracer for a blank image of that shape, and a function that runs the model on it, in eval mode.

    Calling the function raises a ValueError if the network cannot take such an image.
    """
    model = layered(model)
    blank = match_device_dtype(model, torch.zeros(1, *shape))
    tracer = FieldTracer(blank)

    def run_model() -> None:
        try:
            with eval_mode(model), torch.inference_mode(False), torch.no_grad(), tracer:
                model(blank)
        except RuntimeError as error:
            network = getattr(model, "name", type(model).__name__)
            size = " x ".join(str(n) for n in shape)
            raise ValueError(f"{network} cannot take a picture of {size}: {error}") from error

    return tracer, run_model


def _writes_to_view(func, arguments: dict[str, Any]) -> bool:
    """Whether the operation changes a tensor that is a view of a larger one, whose field would become outdated."""
    written = [
        arguments[a.name]
        for a in func._schema.arguments
        if a.alias_info is not None and a.alias_info.is_write
    ]
    targets = [t for value in written for t in tensors_in(value)]
    return any(t.untyped_storage().nbytes() > t.numel() * t.element_size() for t in targets)
