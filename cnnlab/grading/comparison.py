"""Comparison of a value with the expected one: structure, shape, kind of number, finiteness, tolerance.

Plain values only; nothing is executed. A torch tensor, a numpy array and a list are equal if they hold the same numbers. An integer is
accepted for a float, but not a float for an integer, and neither of them for a boolean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnlab.grading.answer_key import Tolerance
from cnnlab.grading.sandbox.wire_format import TensorSpec, UnknownValue

KINDS = {
    "b": "true or false",
    "i": "whole numbers",
    "u": "whole numbers",
    "f": "floats",
    "c": "complex numbers",
}


@dataclass(frozen=True)
class Difference:
    """Difference from the expected value; `kind` is nothing, type, keys, length, shape, dtype, finite or values."""

    kind: str
    message: str


def difference(value: Any, expected: Any, tolerance: Tolerance) -> Difference | None:
    """The first relevant difference, None if there is none. It reveals only the shape and the names of the expected value."""
    return _compare(plain(value), plain(expected), tolerance, "")


def plain(value: Any) -> Any:
    """Convert tensors and lists of numbers to arrays; other values are unchanged."""
    if isinstance(value, TensorSpec):
        return value.array
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        return value.detach().numpy()
    if isinstance(value, bool | int | float | np.generic):
        return np.asarray(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [plain(part) for part in value]
        arrays = parts and all(isinstance(part, np.ndarray) for part in parts)
        if arrays and len({(part.shape, _kind(part)) for part in parts}) == 1:
            return np.stack(parts)
        return parts
    return value


def _compare(value: Any, expected: Any, tolerance: Tolerance, path: str) -> Difference | None:
    where = f"{path}: " if path else ""
    if value is None:
        return Difference("nothing", f"{where}nothing came back; is there a `return`?")
    if isinstance(expected, np.ndarray):
        if not isinstance(value, np.ndarray):
            return Difference("type", f"{where}numbers are expected, {_type(value)} came")
        return _compare_arrays(value, expected, tolerance, where)
    if isinstance(expected, dict):
        if not isinstance(value, dict):
            return Difference("type", f"{where}a dictionary is expected, {_type(value)} came")
        if set(value) != set(expected):
            return Difference("keys", f"{where}the keys are not those that were asked for")
        parts = (_compare(value[key], expected[key], tolerance, f"{path}[{key!r}]") for key in expected)
        return next(filter(None, parts), None)
    if isinstance(expected, list):
        if not isinstance(value, list | np.ndarray):
            return Difference("type", f"{where}a list is expected, {_type(value)} came")
        if len(value) != len(expected):
            return Difference("length", f"{where}{len(expected)} values are expected, {len(value)} came")
        pairs = enumerate(zip(value, expected, strict=True))
        parts = (
            _compare(plain(item), expected_item, tolerance, f"{path}[{number}]")
            for number, (item, expected_item) in pairs
        )
        return next(filter(None, parts), None)
    if type(value) is not type(expected):
        return Difference("type", f"{where}{_type(expected)} is expected, {_type(value)} came")
    return None if value == expected else Difference("values", f"{where}the value is another")


def _compare_arrays(
    value: np.ndarray, expected: np.ndarray, tolerance: Tolerance, where: str
) -> Difference | None:
    if value.shape != expected.shape:
        shapes = f"the shape is {_shape(value)}, expected is {_shape(expected)}"
        return Difference("shape", f"{where}{shapes}")
    kind, expected_kind = _kind(value), _kind(expected)
    if kind != expected_kind and not (expected_kind == "f" and kind == "i"):
        return Difference("dtype", f"{where}{KINDS[expected_kind]} are expected, {KINDS[kind]} came")
    if expected_kind in "bi":
        return (
            None if np.array_equal(value, expected) else Difference("values", f"{where}the values are others")
        )
    if not np.array_equal(np.isfinite(value), np.isfinite(expected)):
        return Difference(
            "finite", f"{where}some values are not finite (nan or inf): is something divided by zero?"
        )
    return (
        None if close(value, expected, tolerance) else Difference("values", f"{where}the values are others")
    )


def close(value: np.ndarray, expected: np.ndarray, tolerance: Tolerance) -> bool:
    """Whether every number, up to the allowed outliers, is within the tolerance of the reference, computed in float64."""
    exact = np.complex128 if "c" in value.dtype.kind + expected.dtype.kind else np.float64
    with np.errstate(all="ignore"):
        near = np.isclose(
            value.astype(exact),
            expected.astype(exact),
            rtol=tolerance.relative,
            atol=tolerance.absolute,
            equal_nan=True,
        )
    return int(near.size - near.sum()) <= tolerance.outlier_fraction * near.size


def _kind(array: np.ndarray) -> str:
    return "i" if array.dtype.kind in "iu" else array.dtype.kind


def _shape(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape)) or "a single number"


def _type(value: Any) -> str:
    if isinstance(value, UnknownValue):
        return f"a {value.type}"
    names = {np.ndarray: "numbers", dict: "a dictionary", list: "a list", str: "text"}
    return names.get(type(value), f"a {type(value).__name__}")
