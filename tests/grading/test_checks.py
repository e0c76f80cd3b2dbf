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
    ("measured", "bounds", "said_of_it"),
    [
        (0.9, {"above": 0.5}, "holds: it is so (measured 0.9, claimed above 0.5)"),
        (0.5, {"above": 0.5}, "does not hold: it is so (measured 0.5, claimed above 0.5)"),
        (
            0.2,
            {"above": 0.1, "below": 0.3},
            "holds: it is so (measured 0.2, claimed above 0.1 and below 0.3)",
        ),
        (0.4, {"below": 0.3}, "does not hold: it is so (measured 0.4, claimed below 0.3)"),
        (math.nan, {"below": 1}, "does not hold: it is so (measured nan, claimed below 1)"),
        (-0.0, {"below": 0.1}, "holds: it is so (measured 0, claimed below 0.1)"),
        (3, {"above": 0}, "holds: it is so (measured 3, claimed above 0)"),
        (0.70004, {"above": 0.7}, "holds: it is so (measured 0.70004, claimed above 0.7)"),
        (1.23456e-7, {"below": 1e-5}, "holds: it is so (measured 1.23e-07, claimed below 1e-05)"),
    ],
)
def test_a_claim_holds_strictly_within_its_bounds_and_says_the_numbers(measured, bounds, said_of_it, capsys):
    claim("it is so", measured, **bounds)
    assert said(capsys) == said_of_it


def test_a_claim_without_a_bound_is_refused():
    with pytest.raises(ValueError, match="bound"):
        claim("anything", 1.0)
