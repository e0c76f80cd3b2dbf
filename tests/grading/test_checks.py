"""Exercises accept right answers written in several ways, and tell plausible mistakes apart."""

from __future__ import annotations

import math

import pytest
import torch

from cnnlab.grading import check, claim
from cnnlab.grading.exercises import EXERCISES, occlusion


def said(capsys) -> str:
    return capsys.readouterr().out.strip()


def mine(model, image, target, *, colour=0.5, clone=True, read=lambda p, t: p.softmax(-1)[t]):
    result = torch.empty(4, 4)
    for row in range(4):
        for column in range(4):
            covered = image.clone() if clone else image
            covered[:, row * 24 : row * 24 + 24, column * 24 : column * 24 + 24] = colour
            with torch.no_grad():
                result[row, column] = read(model(covered[None])[0], target)
    return result


def batched(model, image, target):
    copies = image.repeat(16, 1, 1, 1)
    for number, copy in enumerate(copies):
        row, column = divmod(number, 4)
        copy[:, row * 24 :, column * 24 :][:, :24, :24] = 0.5
    return model(copies).softmax(dim=1)[:, target].reshape(4, 4)


RIGHT = {
    "05.positions": [
        lambda n, s, t: math.ceil((n - s) / t) + 1,
        lambda n, s, t: len({*range(0, n - s + 1, t), n - s}),
    ],
    "05.occlusion_map": [mine, batched],
    "05.hit": [lambda r, m: m.flatten()[r.argmax()], lambda r, m: bool((m & (r == r.max())).any())],
}
WRONG = {
    "05.positions": {
        "needs one more": lambda n, s, t: (n - s) // t + 1,
        "own size matters": lambda n, s, t: n // t,
        "on paper": lambda n, s, t: n - s + 1,
    },
    "05.occlusion_map": {
        "take the softmax": lambda *a: mine(*a, read=lambda p, t: p[t]),
        "transposed": lambda *a: mine(*a).T,
        "the drop": lambda m, i, t: m(i[None]).softmax(-1)[0, t] - mine(m, i, t),
        "is black": lambda *a: mine(*a, colour=0.0),
        "has changed": lambda *a: mine(*a, clone=False),
        "4 x 4": lambda *a: mine(*a)[:3],
        "by hand": lambda *a: mine(*a) * 0.9,
        "not list": lambda *a: mine(*a).tolist(),
        "stopped with ZeroDivisionError": lambda *a: 1 / 0,
    },
    "05.hit": {
        "depend on the mask": lambda r, m: True,
        "has a sign": lambda r, m: m.flatten()[r.abs().argmax()],
    },
}


def test_every_exercise_has_right_and_wrong_answers_here():
    assert set(RIGHT) == set(WRONG) == set(occlusion.EXERCISES)
    assert all(len(answers) >= 2 for answers in (*RIGHT.values(), *WRONG.values()))


@pytest.mark.parametrize(("question", "answer"), [(q, a) for q, answers in RIGHT.items() for a in answers])
def test_right_answers_pass_however_they_are_written(question, answer, capsys):
    check(question, answer)
    assert said(capsys) == f"{question}: passed"


@pytest.mark.parametrize(
    ("question", "hint", "answer"), [(q, h, a) for q, answers in WRONG.items() for h, a in answers.items()]
)
def test_a_wrong_answer_gets_the_hint_that_fits(question, hint, answer, capsys):
    check(question, answer)
    line = said(capsys)
    assert line.startswith(f"{question}: not yet - ") and hint in line


VALUES = {"07.suspects", "19.unpooled"}
"""Exercises whose answer is a value; that of all others is a function."""


@pytest.mark.parametrize(
    ("question", "stub"),
    [
        (question, stub if question in VALUES else lambda *_, stub=stub: stub)
        for question in EXERCISES
        for stub in (None, ...)
    ],
)
def test_an_empty_stub_is_not_attempted(question, stub, capsys):
    check(question, stub)
    assert said(capsys) == f"{question}: not attempted"


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
