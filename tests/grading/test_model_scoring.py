"""A training is measured on what stayed with the grader: the answer never gets it, the measure is right, and cannot be fooled."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sample_class import cell, marks

from cnnlab.grading import probes, public_tests
from cnnlab.grading.answer_key import Case, Measure, NetworkSpec, Question
from cnnlab.grading.model_scoring import MEASURES, failed_measure
from cnnlab.grading.sandbox import probe_networks
from cnnlab.grading.sandbox.wire_format import decode, encode

NET = NetworkSpec("plain", 3)


def inputs(count: int = 30) -> dict:
    """Pictures, and as labels what the network itself says, but for every third."""
    images = torch.rand(count, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    labels = probe_networks.build(NET)(images).argmax(1)
    labels[::3] = (labels[::3] + 1) % 5
    return {"model": NET, "epsilon": 0.02, "test_images": images, "test_labels": labels}


def weights(change=lambda value: value) -> dict:
    """The network's own weights as they come out of the runner."""
    return decode(
        encode({name: change(value) for name, value in probe_networks.build(NET).state_dict().items()})
    )


def test_shares_are_counted():
    given = inputs()
    assert MEASURES["right answers"](weights(), given) == pytest.approx(2 / 3)
    right = given["test_labels"].numpy()
    assert MEASURES["right predictions"](right, given) == 1
    assert MEASURES["right predictions"](np.where(np.arange(30) < 12, right, 9), given) == pytest.approx(0.4)


def test_masks_are_counted_over_all_pictures_class_by_class():
    truth = np.array([[[0, 0, 1], [0, 1, 1]], [[0, 0, 0], [0, 0, 0]]])
    answers = np.array([[[0, 0, 1], [0, 0, 1]], [[0, 0, 0], [0, 0, 2]]])
    both, either = (
        np.array([8, 2]),
        np.array([10, 3]),
    )  # class 2 is not there: it is wrong, and has no share of its own
    assert MEASURES["mean IoU"](answers, {"test_labels": truth}) == pytest.approx((both / either).mean())
    assert MEASURES["mean IoU"](truth, {"test_labels": torch.from_numpy(truth)}) == 1
    few = (Measure("mean IoU", 0.5, "look again"),)
    assert "the shape is 2 x 2 x 3 x 1" in failed_measure(answers[..., None], {"test_labels": truth}, few)
    assert (
        failed_measure(answers * 0 + 2, {"test_labels": truth}, few)
        == "mean IoU: 0%, asked for are 50%; look again"
    )


def test_the_linear_rule_is_the_graders_own_product():
    codes = np.random.default_rng(0).normal(size=(50, 4))
    weight, bias = np.random.default_rng(1).normal(size=(3, 4)), np.array([0.1, -0.2, 0.0])
    labels = np.array([max(range(3), key=lambda c: float(code @ weight[c] + bias[c])) for code in codes])
    given = {"test_codes": codes, "test_labels": labels}
    assert MEASURES["right answers of the linear rule"]({"weight": weight, "bias": bias}, given) == 1
    assert MEASURES["right answers of the linear rule"]({"weight": -weight, "bias": -bias}, given) < 0.2


def test_under_attack_less_is_right_and_huge_weights_do_not_hide():
    given = inputs()
    attacked = MEASURES["right answers under attack"](weights(), given)
    assert attacked < MEASURES["right answers"](weights(), given)
    last = weights(
        lambda value: value * 1e6 if value.shape[0] == 5 else value
    )  # the softmax has no slope left
    assert MEASURES["right answers under attack"](last, given) == attacked


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing came back"),
        (7, "a dictionary is expected"),
        ({}, "the keys"),
        (weights(lambda value: value[:1]), "shape"),
        (weights(lambda value: value * torch.nan), "finite"),
        (weights(lambda value: value * 1e30), "not finite"),
        (weights(lambda value: value * 0), "same answer to everything"),
        (weights(), "right answers: 67%, asked for are 90%; train longer"),
    ],
)
def test_what_falls_short_is_told(value, words):
    assert words in failed_measure(value, inputs(), (Measure("right answers", 0.9, "train longer"),))


def test_what_reaches_enough_has_no_hint():
    assert failed_measure(weights(), inputs(), (Measure("right answers", 0.6, "train longer"),)) is None


def drawn(draw) -> dict:
    return {
        "count": 4,
        "test_labels": draw.integers(5, size=40),
    }


QUESTION = Question(
    "q",
    "q",
    "guess",
    (
        Case(
            "c",
            drawn,
            2,
            public=True,
            withheld=("test_labels",),
            measures=(Measure("right predictions", 0.9, "look closer"),),
        ),
    ),
    lambda count: np.zeros(40, int),
)


def test_what_is_kept_never_goes_to_the_runner():
    assert list(probes.request(b"secret", "tiny", QUESTION, "anna").cases[0]) == ["count"]
    assert set(probes.draw(b"secret", "tiny", QUESTION, QUESTION.cases[0], "anna")) == {
        "count",
        "test_labels",
    }


def test_the_public_case_measures_too(tmp_path):
    path = tmp_path / "checks.json"
    assignment = type("A", (), {"name": "tiny", "title": "t", "questions": (QUESTION,), "written": ()})
    public_tests.write_checks(assignment, path)
    (question,) = public_tests.read_checks(path)
    labels = probes.draw(probes.PUBLIC, "tiny", QUESTION, QUESTION.cases[0], public_tests.PUBLIC_STUDENT)[
        "test_labels"
    ]
    assert public_tests.first_hint(question, {"guess": lambda count: labels}) is None
    assert "look closer" in public_tests.first_hint(question, {"guess": lambda count: labels * 0})
    assert "stopped" in public_tests.first_hint(question, {"guess": lambda count, test_labels: labels})


def test_a_submission_is_measured_on_its_own_draw(tmp_path, runner):
    import nbformat

    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.scoring import grade_submission
    from cnnlab.grading.submissions import Submission, SubmittedCell

    instructor = tmp_path / "tiny" / "instructor"
    instructor.mkdir(parents=True)
    (instructor / "key.py").write_text(KEY, encoding="utf-8")
    stub = "# question: q1\n### BEGIN SOLUTION\ndef guess(codes): return codes.argmax(1)\n### END SOLUTION"
    cells = [
        cell(stub, marks("q1", solution=True)),
        cell("pass", marks("q1-test", grade=True, locked=True, points=3)),
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    nbformat.write(nbformat.from_dict(json.loads(json.dumps(book))), instructor / "source.ipynb")
    assignment = load_assignment(tmp_path / "tiny")
    reached = {}
    for body in ("codes.argmax(1)", "codes.argmin(1)", "codes"):
        source = f"# question: q1\ndef guess(codes): return {body}"
        submission = Submission((SubmittedCell(1, "q1", source),), "tiny")
        result = grade_submission(assignment, "anna", submission, runner=runner, secret=b"s")
        reached[body] = (result.points, result.questions[0].cases[0].hint)
    assert reached["codes.argmax(1)"] == (3, "")
    assert reached["codes.argmin(1)"][0] == 0 and "the largest" in reached["codes.argmin(1)"][1]
    assert reached["codes"][0] == 0 and "shape" in reached["codes"][1]


KEY = """
from cnnlab.grading.answer_key import Case, Measure, Question

ASSIGNMENT, TITLE = "tiny", "t"


def drawn(draw):
    codes = draw.normal(size=(20, 3))
    return {"codes": codes, "test_labels": codes.argmax(1)}


ENOUGH = (Measure("right predictions", 0.9, "the largest"),)
QUESTIONS = (
    Question("q1", "t", "guess", (Case("c", drawn, 3, public=True, withheld=("test_labels",), measures=ENOUGH),), None),
)
"""
