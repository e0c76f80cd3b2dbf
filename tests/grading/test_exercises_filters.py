"""The exercises of notebook 02 accept right answers written in several ways, and tell plausible mistakes apart."""

from __future__ import annotations

import pytest
import torch

from cnnlab.grading import check
from cnnlab.grading.exercises.filters import EXERCISES


def r2(w, f):
    return 1 - ((w - f) ** 2).sum() / ((w - w.mean()) ** 2).sum()


RIGHT = {
    "02.filter_picture": [
        lambda w: 0.5 + w / (2 * w.abs().max()),
        lambda w: (w / w.abs().max() + 1) / 2,
    ],
    "02.explained": [
        r2,
        lambda w, f: float(1 - (w - f).square().mean() / w.var(unbiased=False)),
    ],
}
WRONG = {
    "02.filter_picture": {
        "zero is not grey": lambda w: (w - w.min()) / (w.max() - w.min()),
        "scale of its own": lambda w: 0.5 + w / (2 * w.abs().amax((1, 2), keepdim=True)),
        "leaves [0, 1]": lambda w: 0.5 + w / w.abs().max(),
        "leaves the sign out": lambda w: w.abs() / w.abs().max(),
        "before you clip": lambda w: (w + 0.5).clamp(0, 1),
        "3 x 5 x 5; yours": lambda w: (0.5 + w / (2 * w.abs().max())).permute(1, 2, 0)[:, :2],
        "have changed": lambda w: w.div_(2 * w.abs().max()).add_(0.5),
        "not list": lambda w: w.tolist(),
        "print both": lambda w: torch.zeros_like(w),
    },
    "02.explained": {
        "mean of the weights away": lambda w, f: 1 - ((w - f) ** 2).sum() / (w**2).sum(),
        "1 minus that": lambda w, f: ((w - f) ** 2).sum() / ((w - w.mean()) ** 2).sum(),
        "worse than the mean": lambda w, f: max(0.0, float(r2(w, f))),
        "you give": lambda w, f: torch.corrcoef(torch.stack([w.flatten(), f.flatten()]))[0, 1],
    },
}


def said(capsys) -> str:
    return capsys.readouterr().out.strip()


def test_every_exercise_has_right_and_wrong_answers_here():
    assert set(RIGHT) == set(WRONG) == set(EXERCISES)


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


@pytest.mark.parametrize("question", EXERCISES)
@pytest.mark.parametrize("stub", [lambda *_: None, lambda *_: ...])
def test_an_empty_stub_is_not_attempted(question, stub, capsys):
    check(question, stub)
    assert said(capsys) == f"{question}: not attempted"
