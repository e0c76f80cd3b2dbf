"""Wire format of values: frames of four magic bytes, two lengths, a JSON header, and raw little-endian buffers.

Nothing in a frame is ever executed. The allowed values are None, booleans, numbers, text, lists, tuples, dictionaries
with text as keys, and arrays of the dtypes in `DTYPES`. A torch tensor is sent as an array marked as a tensor; a network
is sent as its name and seed. Anything else is sent as the name of its type, for use in a hint.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC = b"cnf1"
HEAD = struct.Struct("<4sIQ")  # magic, length of the header, length of all buffers
DTYPES = {
    *("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8"),
    *("<f2", "<f4", "<f8", "<c8", "<c16"),
}
MAX_HEADER = 4 * 2**20
MAX_BYTES = 256 * 2**20
MAX_ITEMS = 200_000
MAX_DEPTH = 12
MAX_AXES = 8


class FrameError(ValueError):
    """Bytes that are not a frame, or a value larger than a frame may be."""


@dataclass(frozen=True)
class NetworkSpec:
    """A network by name and seed: a network of the kit, or one of `cnnlab.grading.sandbox.probe_networks`."""

    name: str
    seed: int = 0


@dataclass(frozen=True)
class UnknownValue:
    """A value that cannot be sent; only the name of its type is."""

    type: str


@dataclass(frozen=True, eq=False)
class TensorSpec:
    """An array that is, or will become, a torch tensor."""

    array: np.ndarray


def encode(value: Any, max_bytes: int = MAX_BYTES) -> bytes:
    """`value` as one frame; a FrameError if it is larger than `max_bytes` bytes."""
    buffers: list[bytes] = []
    header = json.dumps(_to_json(value, buffers, _Budget(max_bytes)), allow_nan=False).encode()
    if len(header) > MAX_HEADER:
        raise FrameError(f"the value has {len(header)} bytes of description, {MAX_HEADER} are allowed")
    return b"".join((HEAD.pack(MAGIC, len(header), sum(map(len, buffers))), header, *buffers))


def lengths(start: bytes, max_bytes: int = MAX_BYTES) -> tuple[int, int]:
    """Lengths of header and buffers, from the first `HEAD.size` bytes of a frame; too long a frame is refused before it is read."""
    magic, header, body = HEAD.unpack(start)
    if magic != MAGIC:
        raise FrameError("these bytes are no frame")
    if header > MAX_HEADER or body > max_bytes:
        raise FrameError(f"a frame of {header + body} bytes is more than is allowed")
    return header, body


def decode(frame: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """Decode the value in `frame`. Arrays are new; tensors are `TensorSpec`, networks `NetworkSpec`, the rest plain values."""
    if len(frame) < HEAD.size:
        raise FrameError("the frame is cut off")
    header, body = lengths(frame[: HEAD.size], max_bytes)
    if len(frame) != HEAD.size + header + body:
        raise FrameError("the frame is cut off, or goes on after its end")
    try:
        tree = json.loads(frame[HEAD.size : HEAD.size + header], parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the header is no JSON: {error}") from None
    reader = _Reader(memoryview(frame)[HEAD.size + header :])
    value = reader.value(tree, 0)
    if reader.position != body:
        raise FrameError("the frame holds bytes that belong to nothing")
    return value


class _Budget:
    """The remaining numbers of bytes and items."""

    def __init__(self, size: int):
        self.size, self.items = size, MAX_ITEMS

    def spend(self, size: int = 0) -> None:
        self.size -= size
        self.items -= 1
        if self.size < 0:
            raise FrameError("the value is larger than is allowed")
        if self.items < 0:
            raise FrameError(f"the value has more than {MAX_ITEMS} parts")


def _to_json(value: Any, buffers: list[bytes], budget: _Budget, depth: int = 0) -> Any:
    budget.spend()
    if depth > MAX_DEPTH:
        raise FrameError(f"the value is nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool):
        return value
    if type(value) is int:
        return value if abs(value) < 2**63 else {"k": "unknown", "type": "int of more than 64 bits"}
    if type(value) is float:
        return value if math.isfinite(value) else {"k": "float", "v": repr(value)}
    if type(value) is str:
        budget.spend(len(value))
        return value.encode("utf-8", "replace").decode()
    if type(value) is UnknownValue:
        return {"k": "unknown", "type": value.type}
    if isinstance(value, NetworkSpec):
        return {"k": "network", "name": value.name, "seed": value.seed}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {"k": kind, "v": [_to_json(part, buffers, budget, depth + 1) for part in value]}
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            return {"k": "unknown", "type": "dict whose keys are not text"}
        parts = [[key, _to_json(part, buffers, budget, depth + 1)] for key, part in value.items()]
        return {"k": "dict", "v": parts}
    return _array(value, buffers, budget)


def _array(value: Any, buffers: list[bytes], budget: _Budget) -> dict[str, Any]:
    kind = "array"
    torch = sys.modules.get("torch")
    if isinstance(value, TensorSpec):
        kind, value = "tensor", value.array
    elif torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu().resolve_conj().resolve_neg()
        value = value.to_dense() if value.layout != torch.strided else value
        value = value.float() if value.dtype == torch.bfloat16 else value
        kind, value = "tensor", value.numpy()
    if not isinstance(value, np.ndarray | np.generic):
        return {"k": "unknown", "type": type(value).__name__[:80]}
    array = np.asarray(value)
    if array.dtype.newbyteorder("<").str not in DTYPES:
        return {"k": "unknown", "type": f"array of {array.dtype}"[:80]}
    budget.spend(array.nbytes)
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    buffers.append(little.tobytes())
    return {"k": kind, "dtype": little.dtype.str, "shape": list(array.shape)}


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


class _Reader:
    """Reader of the value that a header describes; it trusts nothing in it."""

    def __init__(self, body: memoryview):
        self.body, self.position, self.items = body, 0, 0

    def value(self, tree: Any, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise FrameError("the value is too deep, or has too many parts")
        if tree is None or isinstance(tree, bool | int | str):
            return tree
        if isinstance(tree, float):
            if not math.isfinite(tree):
                raise FrameError("a number is out of range")
            return tree
        kind = tree.get("k") if isinstance(tree, dict) else None
        if kind == "float" and tree.get("v") in ("nan", "inf", "-inf"):
            return float(tree["v"])
        if kind in ("list", "tuple") and isinstance(tree.get("v"), list):
            parts = [self.value(part, depth + 1) for part in tree["v"]]
            return parts if kind == "list" else tuple(parts)
        if kind == "dict" and isinstance(tree.get("v"), list):
            return dict(self._pair(part, depth) for part in tree["v"])
        if kind in ("array", "tensor"):
            array = self._array(tree)
            return TensorSpec(array) if kind == "tensor" else array
        if kind == "network" and isinstance(tree.get("name"), str) and type(tree.get("seed")) is int:
            return NetworkSpec(tree["name"], tree["seed"])
        if kind == "unknown" and isinstance(tree.get("type"), str):
            return UnknownValue(tree["type"][:80])
        raise FrameError("the header describes something that is not allowed")

    def _pair(self, part: Any, depth: int) -> tuple[str, Any]:
        if not (isinstance(part, list) and len(part) == 2 and isinstance(part[0], str)):
            raise FrameError("a dictionary in the header is malformed")
        return part[0], self.value(part[1], depth + 1)

    def _array(self, tree: dict) -> np.ndarray:
        dtype, shape = tree.get("dtype"), tree.get("shape")
        if not isinstance(dtype, str) or dtype not in DTYPES or not isinstance(shape, list):
            raise FrameError("an array has a dtype or a shape that is not allowed")
        if len(shape) > MAX_AXES or not all(type(side) is int and 0 <= side < 2**40 for side in shape):
            raise FrameError("an array has a shape that is not allowed")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > len(self.body) - self.position:
            raise FrameError("an array is longer than its frame")
        part = self.body[self.position : self.position + size]
        self.position += size
        try:
            return np.frombuffer(part, np.dtype(dtype)).reshape(shape).copy()
        except ValueError as error:  # not numbers, or axes that are together longer than any array
            raise FrameError(f"an array has a shape that is not allowed: {error}") from None
