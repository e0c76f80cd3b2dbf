"""Values are right however they are written, wrong ones say how, and no hint holds the answer."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab.grading.answer_key import Case, Mistake, Question, Tolerance
from cnnlab.grading.comparison import difference
from cnnlab.grading.hints import hint
from cnnlab.grading.sandbox.wire_format import TensorSpec, UnknownValue
from cnnlab.grading.thumbnails import thumbnail

CLOSE = Tolerance()
EXAMPLES = int(os.environ.get("CNNLAB_FUZZ", 300))
MAP = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (MAP.astype(np.float32), MAP),
        (TensorSpec(MAP), MAP),
        (MAP.tolist(), MAP),
        (MAP, torch.from_numpy(MAP)),
        (3, 3.0),
        (np.int64(3), 3),
        ((1, 2), [1, 2]),
        ([[1, 2, 3]], np.array([[1, 2, 3]])),
        ({"a": TensorSpec(MAP)}, {"a": MAP}),
        (MAP * (1 + 5e-5), MAP),
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0])),
        (True, np.bool_(True)),
        ("sheep", "sheep"),
    ],
)
def test_the_same_numbers_are_right_in_every_dress(value, expected):
    assert difference(value, expected, CLOSE) is None


@pytest.mark.parametrize(
    ("value", "expected", "kind"),
    [
        (None, MAP, "nothing"),
        ("text", MAP, "type"),
        (UnknownValue("function"), MAP, "type"),
        (MAP.T, MAP, "shape"),
        (1.0, 1, "dtype"),
        (1, True, "dtype"),
        (True, 1, "dtype"),
        (np.array([1, np.nan]), np.array([1.0, 2.0]), "finite"),
        (np.array([1, np.inf]), np.array([1.0, 2.0]), "finite"),
        (MAP * (1 + 3e-4), MAP, "values"),
        ([1, 2], [1, 3], "values"),
        ({"a": 1}, {"b": 1}, "keys"),
        ({"a": 1, "b": 2}, {"a": 1}, "keys"),
        ([1, "a"], [1, "a", 3], "length"),
        ("goat", "sheep", "values"),
    ],
)
def test_a_difference_says_of_what_kind_it_is(value, expected, kind):
    assert difference(value, expected, CLOSE).kind == kind


QUESTION = Question(
    "q",
    "q",
    "f",
    (Case("c", lambda draw: {}, 1),),
    lambda values: values,
    (Mistake("squared", lambda values: values**2),),
)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (MAP**2, "squared"),
        (-MAP, "sign"),
        (MAP.T.copy(), "rows and columns"),
        (MAP[::-1], "order"),
        (MAP.ravel(), "shape"),
        (MAP * 5, "constant factor"),
        (MAP * 5 + 1, "scale and offset"),
        (MAP * 0, "zero"),
        (MAP[:, [1, 2, 0]], "places"),
        (MAP**1.5, "by hand"),
        (MAP.astype(int) > 2, "true or false"),
        (None, "return"),
    ],
)
def test_a_hint_fits_the_mistake_and_never_holds_the_answer(wrong, said):
    found = difference(wrong, MAP, CLOSE)
    text = hint(QUESTION, {"values": MAP}, wrong, MAP, found)
    assert said in text
    assert not any(number in text for number in ("16", "32", "8."))


def test_logits_in_the_place_of_probabilities_are_told():
    logits = np.array([[1.0, -2.0, 0.5], [3.0, 0.0, 1.0]])
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert "logits" in hint(QUESTION, {"values": MAP}, logits, expected, difference(logits, expected, CLOSE))


ODD = st.sampled_from(
    [
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        1e-320,
        1e-310,
        2.2e-308,
        1e-45,
        1e-38,
        1e-160,
        1.0,
        3.0,
        1e160,
        1e300,
        1.7e308,
    ]
) | st.integers(0, 2**64 - 1).map(
    lambda bits: float(np.uint64(bits).view(np.float64))
)  # as in memory not initialised
SHAPES = st.sampled_from([(), (0,), (1,), (3,), (2, 3), (3, 3), (3, 4, 4), (2, 3, 4, 4), (0, 3)])
TYPES = st.sampled_from(["f4", "f8", "f2", "c16", "i8", "u8", "i1", "?"])


@st.composite
def odd_arrays(draw):
    shape = draw(SHAPES)
    count = int(np.prod(shape))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            np.array(draw(st.lists(ODD, min_size=count, max_size=count)), float)
            .reshape(shape)
            .astype(draw(TYPES))
        )


@settings(max_examples=EXAMPLES, deadline=None)
@given(odd_arrays(), odd_arrays(), st.integers(0, 3))
def test_fuzzed_floats_are_compared_hinted_at_and_drawn_without_trouble(value, expected, n_inputs):
    """Tiny, huge, subnormal and uninitialised numbers are honest mistakes: no `SVD did not converge`, no warning, no overflow."""
    question = Question(
        "q1",
        "x",
        "f",
        (Case("one", lambda draw: {}, 1),),
        lambda: expected,
        (Mistake("twice", lambda: expected * 2),),
    )
    diff = difference(value, expected, CLOSE)
    assert diff is None or hint(question, {}, value, expected, diff)
    with np.errstate(all="ignore"):
        assert isinstance(thumbnail(value, n_inputs), bytes)
