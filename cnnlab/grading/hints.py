"""Hints for wrong values: first for the question's known mistakes, then for general ones.

A hint never contains the expected value.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from cnnlab.grading.answer_key import Question, Tolerance
from cnnlab.grading.comparison import Difference, close, difference, plain
from cnnlab.grading.sandbox import probe_networks

LOOSE = Tolerance(relative=1e-3, absolute=1e-4)


def hint(question: Question, inputs: dict[str, Any], value: Any, expected: Any, diff: Difference) -> str:
    """The hint for a `value` that differs from the `expected` one by `diff`."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _hint(question, inputs, value, expected, diff)


def _hint(question: Question, inputs: dict[str, Any], value: Any, expected: Any, diff: Difference) -> str:
    for mistake in question.mistakes:
        try:
            wrong = mistake.answer(**probe_networks.materialize(inputs))
        except Exception:  # this mistake is impossible on these inputs
            continue
        if difference(value, wrong, question.tolerance) is None:
            return mistake.hint
    if diff.kind in ("nothing", "type", "keys", "length", "dtype", "finite"):
        return diff.message
    array, expected_array = plain(value), plain(expected)
    if isinstance(array, np.ndarray) and isinstance(expected_array, np.ndarray):
        return _general_hint(array, expected_array) or (
            diff.message if diff.kind == "shape" else question.default_hint
        )
    return question.default_hint if diff.kind == "values" else diff.message


def _general_hint(value: np.ndarray, expected: np.ndarray) -> str | None:
    """The hint for a mistake that is visible from the two arrays alone."""
    if value.ndim >= 2 and value.ndim == expected.ndim and _same(np.swapaxes(value, -1, -2), expected):
        return "rows and columns are swapped"
    if (
        value.size == expected.size
        and value.shape != expected.shape
        and _same(value.ravel(), expected.ravel())
    ):
        return f"the values are right, their shape {value.shape} is not"
    if value.shape != expected.shape or value.dtype.kind not in "fiu" or not value.size:
        return None
    value, expected = value.astype(float), expected.astype(float)
    if not (np.isfinite(value).all() and np.isfinite(expected).all()):
        return None
    if not value.any():
        return "all values are zero"
    if _same(-value, expected):
        return "the sign is the wrong way round"
    if value.ndim and _same(np.flip(value, 0), expected):
        return "the order is the wrong way round"
    if value.ndim and value.size > 2 and _same(np.sort(value, None), np.sort(expected, None)):
        return "the values are right, their places are not"
    exponential = np.exp(value - value.max(-1, keepdims=True)) if value.ndim else value
    if value.ndim and _same(exponential / exponential.sum(-1, keepdims=True), expected):
        return "these are logits; probabilities are asked for"
    if value.size > 2 and np.ptp(value) > 0:
        scaled = value / np.abs(value).max()  # so that no square is too small or too large for a float
        spread = scaled - scaled.mean()
        factor = (spread * (expected - expected.mean())).sum() / (spread**2).sum()
        offset = expected.mean() - factor * scaled.mean()
        if _same(factor * scaled + offset, expected):
            constant = abs(offset) < 1e-3 * max(1e-12, np.ptp(expected))
            return (
                "the values are right up to a constant factor"
                if constant
                else "scale and offset are not right"
            )
    return None


def _same(value: np.ndarray, expected: np.ndarray) -> bool:
    return value.shape == expected.shape and close(value, expected, LOOSE)
