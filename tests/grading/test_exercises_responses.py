"""The exercises of notebook 03 accept right answers and tell plausible mistakes apart."""

from __future__ import annotations

from collections import Counter
from math import comb

import pytest

from cnnlab.grading.exercises.responses import EXERCISES


def peaks(maps, unit):
    return maps[:, unit].amax((1, 2))


RIGHT = {
    "03.strongest": [
        lambda maps, unit, k: peaks(maps, unit).argsort(descending=True)[:k],
        lambda maps, unit, k: maps[:, unit].flatten(1).max(1).values.topk(k).indices.tolist(),
    ],
    "03.agreement": [
        lambda labels: sum(comb(n, 2) for n in Counter(labels).values()) / comb(len(labels), 2),
        lambda labels: (
            sum(a == b for i, a in enumerate(labels) for b in labels[:i])
            / (len(labels) * (len(labels) - 1) / 2)
        ),
    ],
}
WRONG = {
    "03.strongest": {
        "mean over all places": lambda maps, unit, k: maps[:, unit].mean((1, 2)).argsort(descending=True)[:k],
        "sort descending": lambda maps, unit, k: peaks(maps, unit).argsort()[:k],
        "strongest must come first": lambda maps, unit, k: peaks(maps, unit).topk(k).indices.sort().values,
        "4 pictures were asked for": lambda maps, unit, k: [peaks(maps, unit).argmax()],
        "largest value over all places": lambda maps, unit, k: range(k),
    },
    "03.agreement": {
        "no pair with itself": lambda labels: sum(n * n for n in Counter(labels).values()) / len(labels) ** 2,
        "commonest label": lambda labels: max(Counter(labels).values()) / len(labels),
        "divide by": lambda labels: sum(comb(n, 2) for n in Counter(labels).values()),
        "write down": lambda labels: 0.123,
    },
}


@pytest.mark.parametrize(("question", "answer"), [(q, a) for q, answers in RIGHT.items() for a in answers])
def test_right_answers_pass_however_they_are_written(question, answer):
    assert EXERCISES[question](answer) is None


@pytest.mark.parametrize(
    ("question", "hint", "answer"), [(q, h, a) for q, answers in WRONG.items() for h, a in answers.items()]
)
def test_a_wrong_answer_gets_the_hint_that_fits(question, hint, answer):
    assert hint in EXERCISES[question](answer)


@pytest.mark.parametrize("question", EXERCISES)
def test_an_empty_stub_is_not_attempted(question):
    with pytest.raises(NotImplementedError):
        EXERCISES[question](lambda *_: None)
