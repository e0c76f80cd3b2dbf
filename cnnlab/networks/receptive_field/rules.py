"""Receptive-field rules: the positions that an operation reads, for the operations of convolutional networks.

A rule takes the field of the input, the arguments of the operation by name, and the shapes of input and output; it
returns the field of the output, or a sentence that says why it is unknown. Pointwise operations (ReLU, batch
normalisation, addition) need no rule: the fields of all their inputs are united.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from cnnlab.networks.receptive_field.algebra import Axis, Field

FieldOrReason = Field | str
Shape = tuple[int, ...]
Arguments = dict[str, Any]

# They do not move rows and columns, though torch does not tag them as pointwise (or not in every version).
POINTWISE = {"_prelu_kernel", "_to_copy", "alias", "channel_shuffle", "detach", "hardswish", "native_dropout"}
VIEWS = ("view", "_unsafe_view", "_reshape_alias", "squeeze")
MATRIX_PRODUCTS = ("addmm", "mm", "linear")


def propagate_field(
    name: str,
    pointwise: bool,
    arguments: Arguments,
    sources: list[tuple[Shape, FieldOrReason]],
    output_shape: Shape,
) -> FieldOrReason:
    """The field behind one operation, from the (shape, field) of all inputs that depend on the image."""
    for _, field in sources:
        if isinstance(field, str):
            return field
    shape, field = sources[0]
    if pointwise or name in POINTWISE or all(f.kind == "whole" for _, f in sources):
        return reduce(Field.union, (f for _, f in sources))
    if field.kind == "flat":
        return _after_flatten(name, field, shape, output_shape)
    if name not in RULES:
        return f'there is no rule for the operation "{name}"'
    if name in ("cat", "stack"):
        field = reduce(Field.union, (f for _, f in sources))
    elif len(sources) > 1:
        return f'the weights of the operation "{name}" depend on the picture'
    return RULES[name](field, arguments, shape, output_shape)


def _after_flatten(name: str, field: Field, shape: Shape, output_shape: Shape) -> FieldOrReason:
    if name in MATRIX_PRODUCTS and len(shape) == 2:
        return field.collapse()
    if name in VIEWS and output_shape[-2:] == (len(field.rows), len(field.columns)):
        return Field(field.rows, field.columns)
    return f'the operation "{name}" is not followed behind flattening'


def _convolution(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    kernel = arguments["weight"].shape[2:]
    if len(kernel) != 2:
        return f"a convolution over {len(kernel)} axes is not followed"
    windows = _transposed_windows if arguments["transposed"] else _windows
    return windows(
        field, output_shape, kernel, arguments["stride"], arguments["padding"], arguments["dilation"]
    )


def _pool(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    kernel = arguments["kernel_size"]
    return _windows(
        field,
        output_shape,
        kernel,
        arguments["stride"] or kernel,
        arguments["padding"],
        arguments.get("dilation", 1),
    )


def _windows(
    field: Field, output_shape: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Field:
    def map_axis(axis: Axis, n: int, k: int, s: int, p: int, d: int) -> Axis:
        return axis.gather(np.arange(n)[:, None] * s - p + np.arange(k) * d, ratio=s)

    return _map_axes(map_axis, field, output_shape[-2:], kernel, stride, padding, dilation)


def _transposed_windows(
    field: Field, output_shape: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Field:
    """Position o of the output gets a contribution from every input j with o = j s - p + t d for a tap t of the kernel."""

    def map_axis(axis: Axis, n: int, k: int, s: int, p: int, d: int) -> Axis:
        reached = np.arange(n)[:, None] + p - np.arange(k) * d  # = j s, where there is such a j
        inputs = np.where(reached % s == 0, reached // s, np.iinfo(np.int64).min)
        return axis.gather(_without_gaps(inputs), ratio=Fraction(1, s))

    return _map_axes(map_axis, field, output_shape[-2:], kernel, stride, padding, dilation)


def _without_gaps(inputs: np.ndarray) -> np.ndarray:
    """Entries for "none" replaced by another entry of the same row; -1 where a row has no other."""
    none = np.iinfo(np.int64).min
    highest = inputs.max(axis=1, keepdims=True)
    return np.where(inputs == none, np.where(highest == none, -1, highest), inputs)


def _adaptive_pool(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    """Position i of n reads floor(i m / n) to ceil((i + 1) m / n) - 1 of m positions."""

    def map_axis(axis: Axis, n: int) -> Axis:
        m, i = len(axis), np.arange(n)[:, None]
        first, last = i * m // n, -(-(i + 1) * m // n) - 1
        return axis.gather(np.minimum(first + np.arange((last - first).max() + 1), last), Fraction(m, n))

    return _map_axes(map_axis, field, output_shape[-2:])


def _reduction(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    axes = {axis % len(shape) for axis in arguments.get("dim") or range(len(shape))}
    spatial_axes = {len(shape) - 2, len(shape) - 1}
    if not axes & spatial_axes:
        return field
    if not spatial_axes <= axes:
        return "the rows or the columns alone are averaged"
    pooled = _adaptive_pool(field, arguments, shape, (1, 1))
    return pooled if arguments.get("keepdim") else pooled.flatten()


def _view(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    return field if len(output_shape) > 2 and output_shape[-2:] == shape[-2:] else field.flatten()


def _preserve_positions(
    field: Field, arguments: Arguments, shape: Shape, output_shape: Shape
) -> FieldOrReason:
    """For operations on other axes than rows and columns: channels are split, joined, permuted, compared."""
    axes = [arguments[key] for key in ("dim", "dim0", "dim1") if key in arguments]
    ndim = max(len(shape), len(output_shape))
    untouched = all(axis % ndim < ndim - 2 for axis in axes)
    return (
        field
        if untouched and output_shape[-2:] == shape[-2:]
        else "rows or columns are taken apart or exchanged"
    )


def _permute(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    order = [axis % len(shape) for axis in arguments["dims"]]
    return field if order[-2:] == [len(shape) - 2, len(shape) - 1] else "rows and columns change their place"


def _flip(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    if all(axis % len(shape) < len(shape) - 2 for axis in arguments["dims"]):
        return field
    return "rows or columns are mirrored"


def _index(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    """Channels (or images) are selected by their indices, as in maps[:, [2, 1, 0]]."""
    chosen = arguments["indices"]
    if len(chosen) <= len(shape) - 2 and output_shape[-2:] == shape[-2:]:
        return field
    return "rows or columns are picked by numbers"


def _slice(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    along = arguments["dim"] % len(shape) - len(shape)
    if along < -2:
        return field
    start, stop, step = slice(arguments["start"], arguments["end"], arguments["step"]).indices(shape[along])
    indices = np.arange(start, stop, step)[:, None]
    if along == -2:
        return Field(field.rows.gather(indices, step), field.columns)
    return Field(field.rows, field.columns.gather(indices, step))


def _pad(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    left, _, top, _ = (*arguments["pad"], 0, 0)[:4]
    return _windows(field, output_shape, 1, 1, (top, left), 1)


def _upsample(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    """Nearest reads floor(i m / n); bilinear the two positions around (i + 1/2) m / n - 1/2, clamped at 0."""
    scales = arguments.get("scale_factors") or (arguments.get("scales_h"), arguments.get("scales_w"))
    for m, n, scale in zip(shape[-2:], output_shape[-2:], scales, strict=True):
        if scale is not None and m * scale != n:
            return f"an upsampling by {scale:g} does not fit {m} positions"

    def map_axis(axis: Axis, n: int) -> Axis:
        m, i = len(axis), np.arange(n)[:, None]
        if "align_corners" not in arguments:
            return axis.gather(i * m // n, Fraction(m, n))
        if arguments["align_corners"]:
            step, numerator, denominator = Fraction(m - 1, max(n - 1, 1)), i * (m - 1), max(n - 1, 1)
        else:
            step, numerator, denominator = Fraction(m, n), np.maximum((2 * i + 1) * m - n, 0), 2 * n
        low = numerator // denominator
        high = np.minimum(low + (numerator % denominator > 0), m - 1)
        return axis.gather(np.hstack([low, high]), step)

    return _map_axes(map_axis, field, output_shape[-2:])


def _batch_norm(field: Field, arguments: Arguments, shape: Shape, output_shape: Shape) -> FieldOrReason:
    return field.expand(*shape[-2:]) if arguments.get("training", False) else field


def _mix_all_positions(
    field: Field, arguments: Arguments, shape: Shape, output_shape: Shape
) -> FieldOrReason:
    return field.expand(*shape[-2:])


def _map_axes(map_axis: Callable[..., Axis], field: Field, *pairs: Any) -> Field:
    """`map_axis` for the rows with the first of each pair, for the columns with the last; a single number counts for both."""
    both = [tuple(p) if isinstance(p, Sequence) else (p, p) for p in pairs]
    return Field(
        map_axis(field.rows, *(int(p[0]) for p in both)), map_axis(field.columns, *(int(p[-1]) for p in both))
    )


RULES: dict[str, Callable[[Field, Arguments, Shape, Shape], FieldOrReason]] = {
    "convolution": _convolution,
    **dict.fromkeys(("max_pool2d_with_indices", "avg_pool2d"), _pool),
    **dict.fromkeys(("_adaptive_avg_pool2d", "adaptive_max_pool2d"), _adaptive_pool),
    **dict.fromkeys(("mean", "sum", "amax"), _reduction),
    **dict.fromkeys(VIEWS, _view),
    **dict.fromkeys(
        (
            "cat",
            "stack",
            "split",
            "split_with_sizes",
            "select",
            "index_select",
            "transpose",
            "unsqueeze",
            "_softmax",
            "_log_softmax",
        ),
        _preserve_positions,
    ),
    "permute": _permute,
    "flip": _flip,
    "index": _index,
    "slice": _slice,
    "constant_pad_nd": _pad,
    **dict.fromkeys(("upsample_nearest2d", "upsample_bilinear2d"), _upsample),
    **dict.fromkeys(
        (
            "native_batch_norm",
            "cudnn_batch_norm",
            "miopen_batch_norm",
            "_native_batch_norm_legit_no_training",
        ),
        _batch_norm,
    ),
    **dict.fromkeys(("native_group_norm", "_native_batch_norm_legit"), _mix_all_positions),
}
