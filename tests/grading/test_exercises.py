"""Exercises of the notebooks: right answers pass however they are written, each mistake gets the hint that fits, stubs are no answers."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import exercise_answers
import pytest

from cnnlab.grading import check
from cnnlab.grading.exercises import EXERCISES, exercise
from cnnlab.grading.mystery_models import KINDS

SUBJECTS = [
    importlib.import_module(f"exercise_answers.{found.name}")
    for found in pkgutil.iter_modules(exercise_answers.__path__)
]
RIGHT = {question: answers for subject in SUBJECTS for question, answers in subject.RIGHT.items()}
WRONG = {question: answers for subject in SUBJECTS for question, answers in subject.WRONG.items()}
STUBS = {question: [lambda *_: None, lambda *_: ...] for question in RIGHT}
STUBS |= {
    question: stubs for subject in SUBJECTS for question, stubs in getattr(subject, "STUBS", {}).items()
}


def printed(capsys) -> str:
    return capsys.readouterr().out.strip()


def test_every_exercise_has_right_and_wrong_answers():
    assert set(RIGHT) == set(WRONG) == set(STUBS) == set(EXERCISES)
    assert len(EXERCISES) == sum(len(subject.RIGHT) for subject in SUBJECTS), "an exercise is answered twice"
    assert all(len(answers) >= 2 for answers in (*RIGHT.values(), *WRONG.values()))


@pytest.mark.parametrize(("question", "answer"), [(q, a) for q, answers in RIGHT.items() for a in answers])
def test_right_answers_pass_however_they_are_written(question, answer, capsys):
    check(question, answer)
    assert printed(capsys) == f"{question}: passed"


@pytest.mark.parametrize(
    ("question", "hint", "answer"), [(q, h, a) for q, answers in WRONG.items() for h, a in answers.items()]
)
def test_a_wrong_answer_gets_the_hint_that_fits(question, hint, answer, capsys):
    check(question, answer)
    line = printed(capsys)
    assert line.startswith(f"{question}: not yet - ") and hint in line
    assert ("your code stopped with" in line) == hint.endswith("Error"), (
        "a hint, not what an error happens to say"
    )


@pytest.mark.parametrize(("question", "stub"), [(q, stub) for q, stubs in STUBS.items() for stub in stubs])
def test_an_empty_stub_is_not_attempted(question, stub, capsys):
    check(question, stub)
    assert printed(capsys) == f"{question}: not attempted"


def test_each_kind_of_suspect_occurs_once():
    assert sorted(KINDS.values()) == ["honest", "meadow", "snow"]


def test_the_example_of_an_exercise_holds():
    result = doctest.testmod(exercise)
    assert result.attempted == 3
    assert result.failed == 0


def test_an_answer_is_judged_on_the_arguments_as_they_were():
    @exercise.exercise("00.sum")
    def total():
        numbers = [1, 2, 4]
        yield exercise.Case((numbers,), sum(numbers), {"this counts": len(numbers)}, "you give {result}")

    def emptying(numbers):
        result = sum(numbers)
        numbers.clear()
        return result

    assert total(emptying) is None
    assert total(len) == "this counts"
    assert total(max) == "you give 4"
