"""Frames carry plain values there and back, refuse everything else, and never run anything."""

from __future__ import annotations

import json
import math
import pickle
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab.grading.sandbox.wire_format import (
    DTYPES,
    HEAD,
    FrameError,
    NetworkSpec,
    TensorSpec,
    UnknownValue,
    decode,
    encode,
)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda parts: (
        st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4) | st.tuples(parts, parts)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value):
    text = json.dumps(value)  # what UTF-8 cannot hold comes back changed, and is none of these
    if "\\ud8" not in text and "\\ud9" not in text and "\\udd" not in text:
        assert decode(encode(value)) == value


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_arrays_come_back_to_the_bit(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    back = decode(encode(array.transpose(2, 0, 1)))
    assert (
        back.dtype == array.dtype and np.array_equal(back, array.transpose(2, 0, 1)) and back.flags.writeable
    )


def test_big_endian_becomes_little():
    assert decode(encode(np.arange(3, dtype=">f8"))).tolist() == [0, 1, 2]


def test_tensors_and_networks_are_remembered():
    back = decode(
        encode(
            {
                "t": torch.ones(2, 2, requires_grad=True),
                "b": torch.ones(1, dtype=torch.bfloat16),
                "n": NetworkSpec("plain", 3),
            }
        )
    )
    assert isinstance(back["t"], TensorSpec) and back["t"].array.tolist() == [[1, 1], [1, 1]]
    assert back["b"].array.dtype == np.float32 and back["n"] == NetworkSpec("plain", 3)


def test_not_a_number_travels():
    back = decode(encode([math.nan, math.inf, -math.inf]))
    assert math.isnan(back[0]) and back[1:] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    "value",
    [
        object(),
        print,
        {1, 2},
        b"bytes",
        np.array([object()]),
        {1: 2},
        2**70,
        torch.nn.ReLU(),
        np.array(["a"]),
    ],
)
def test_what_is_not_on_the_list_travels_as_the_name_of_its_type(value):
    assert isinstance(decode(encode(value)), UnknownValue)


class Liar(int):
    """An int that answers every comparison with yes."""

    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def test_a_class_of_ones_own_does_not_travel():
    assert decode(encode(Liar(3))) == UnknownValue("Liar")


def frame(header: object, body: bytes = b"", *, magic=b"cnf1", lengths=None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<4sIQ", magic, *(lengths or (len(text), len(body)))) + text + body


ARRAY = {"k": "array", "dtype": "<f8", "shape": [2]}


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"cnf1",
        frame(1, magic=b"evil"),
        frame(1)[:-1],
        frame(1) + b"x",
        frame(b"{"),
        frame(b"NaN"),
        frame(b"1e999"),
        frame(b"[" * 5000),
        frame({"k": "pickle", "v": "x"}),
        frame([1]),
        frame({"k": "dict", "v": [["a"]]}),
        frame({"k": "dict", "v": [[1, 2]]}),
        frame(ARRAY, bytes(15)),
        frame(ARRAY, bytes(17)),
        frame(ARRAY | {"dtype": "|O"}, bytes(16)),
        frame(ARRAY | {"dtype": ">f8"}, bytes(16)),
        frame(ARRAY | {"dtype": "<f8,<f8"}, bytes(16)),
        frame(ARRAY | {"shape": [-2]}, bytes(16)),
        frame(ARRAY | {"shape": [True, 2]}, bytes(16)),
        frame(ARRAY | {"shape": [2**39, 2**39]}, bytes(16)),
        frame(ARRAY | {"shape": [2**39, 2**39, 0]}),
        frame(ARRAY | {"shape": [1] * 9}, bytes(8)),
        frame({"k": "network", "name": "plain", "seed": "1"}),
        frame(1, lengths=(2**31, 0)),
        frame(1, lengths=(1, 2**60)),
        pickle.dumps(print),
    ],
)
def test_bytes_that_are_no_frame_are_refused(bad):
    with pytest.raises(FrameError):
        decode(bad)


@given(st.binary(max_size=200))
def test_random_headers_are_refused_or_plain(header):
    try:
        value = decode(frame(header, b"12345678"))
    except FrameError:
        return
    pytest.fail(
        f"eight bytes belong to nothing, yet this came: {value!r}"
    )  # a random header never names an array


def test_a_value_that_is_too_large_is_refused_while_it_is_packed():
    with pytest.raises(FrameError, match="larger"):
        encode(np.zeros(1000), max_bytes=100)
    with pytest.raises(FrameError, match="parts"):
        encode([0] * 300_000)
    deep: list = []
    for _ in range(50):
        deep = [deep]
    with pytest.raises(FrameError, match="deep"):
        encode(deep)


def test_a_frame_says_its_lengths_before_anything_is_read():
    assert HEAD.size == 16
