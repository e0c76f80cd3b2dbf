"""The exercises of notebook 04 accept right answers and tell plausible mistakes apart."""

from __future__ import annotations

import pytest
import torch

from cnnlab.grading.exercises.last_layer import EXERCISES


def distance(features, query):
    return (features - features[query]).norm(dim=1)


def without(order, query, k):
    return [row for row in order.tolist() if row != query][:k]


RIGHT = {
    "04.nearest": [
        lambda f, q, k: distance(f, q).argsort()[1 : k + 1],
        lambda f, q, k: without(torch.cdist(f[q : q + 1], f)[0].argsort(), q, k),
    ],
    "04.precision": [
        lambda n, y: (y[n] == y[:, None]).float().mean(),
        lambda n, y: sum(int(y[j] == y[i]) for i, row in enumerate(n.tolist()) for j in row) / n.numel(),
    ],
}
WRONG = {
    "04.nearest": {
        "its own nearest": lambda f, q, k: distance(f, q).argsort()[:k],
        "farthest": lambda f, q, k: distance(f, q).argsort(descending=True)[:k],
        "scalar product": lambda f, q, k: without((f @ f[q]).argsort(descending=True), q, k),
        "angle": lambda f, q, k: without((f @ f[q] / f.norm(dim=1)).argsort(descending=True), q, k),
        "5 neighbours were asked for": lambda f, q, k: [0],
        "subtract": lambda f, q, k: range(k),
    },
    "04.precision": {
        "any neighbour": lambda n, y: (y[n] == y[:, None]).any(1).float().mean(),
        "first neighbour only": lambda n, y: (y[n[:, 0]] == y).float().mean(),
        "this counts": lambda n, y: (y[n] == y[:, None]).sum(),
        "by hand": lambda n, y: 0.123,
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
