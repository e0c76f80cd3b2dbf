"""What `check` and `claim` say besides the verdict of an exercise; the exercises themselves are in `test_exercises.py`."""

from __future__ import annotations

import math

import pytest

from cnnlab.grading import check, claim


def said(capsys) -> str:
    return capsys.readouterr().out.strip()


def test_an_unknown_question_lists_the_questions():
    with pytest.raises(ValueError, match=r"05\.positions"):
        check("05.position", len)


@pytest.mark.parametrize(
    ("measured", "bounds", "holds"),
    [
        (0.9, {"above": 0.5}, True),
        (0.5, {"above": 0.5}, False),
        (0.2, {"above": 0.1, "below": 0.3}, True),
        (0.4, {"below": 0.3}, False),
        (math.nan, {"below": 1}, False),
    ],
)
def test_a_claim_holds_strictly_within_its_bounds(measured, bounds, holds, capsys):
    claim("it is so", measured, **bounds)
    assert said(capsys) == ("holds: it is so" if holds else "does not hold: it is so")


def test_a_claim_without_a_bound_is_refused():
    with pytest.raises(ValueError, match="bound"):
        claim("anything", 1.0)
