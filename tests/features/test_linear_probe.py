"""Linear probes against scikit-learn called directly."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from cnnlab.features import linear_probe


@pytest.mark.parametrize(
    ("kind", "classifier"),
    [
        ("logistic", LogisticRegression(C=2 / 8, max_iter=2000)),
        ("svm", LinearSVC(C=2 / 8, dual="auto", random_state=0)),
    ],
)
def test_a_probe_is_the_classifier_of_scikit_learn_on_scaled_vectors(vectors, labels, kind, classifier):
    train, test = vectors[:40], vectors[40:]
    result = linear_probe(train, labels[:40], test, labels[40:], kind=kind, strength=2.0)
    mean, deviation = train.mean(0), train.std(0, correction=0)
    classifier.fit(((train - mean) / deviation).numpy(), labels[:40].numpy())
    expected = torch.from_numpy(classifier.predict(((test - mean) / deviation).numpy()))
    assert torch.equal(result.predicted, expected)
    assert result.accuracy == pytest.approx(float((expected == labels[40:]).double().mean()))
    assert result.train_accuracy >= result.accuracy > result.chance


def test_nothing_is_read_off_noise():
    generator = torch.Generator().manual_seed(8)
    noise = torch.randn(400, 10, generator=generator)
    labels = torch.randint(2, (400,), generator=generator)
    result = linear_probe(noise[:200], labels[:200], noise[200:], labels[200:])
    assert result.interval[0] < 0.5 < result.interval[1] and result.train_accuracy > 0.5


def test_the_interval_is_that_of_wilson(vectors, labels):
    result = linear_probe(vectors[:40], labels[:40], vectors[40:], labels[40:])
    low, high = result.interval
    for end in (low, high):  # its ends are the shares from which the outcome is 1.96 standard errors away
        assert abs(result.accuracy - end) == pytest.approx(1.96 * (end * (1 - end) / 20) ** 0.5, rel=1e-6)


def test_chance_is_the_most_frequent_class(vectors):
    labels = torch.tensor([0] * 30 + [1] * 10 + [1] * 15 + [0] * 5)
    assert linear_probe(vectors[:40], labels[:40], vectors[40:], labels[40:]).chance == 0.25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": torch.zeros(60, dtype=torch.long)}, "one class only"),
        ({"test_features": torch.zeros(60, 3).double()}, "training vectors have 8 numbers, test vectors 3"),
        ({"test_labels": [1]}, "test_labels must be 60 numbers"),
        ({"kind": "tree"}, "kind 'tree' is not known"),
        ({"strength": 0}, "strength must be above 0"),
    ],
)
def test_bad_probes_are_refused(vectors, labels, change, message):
    given = {"features": vectors, "labels": labels, "test_features": vectors, "test_labels": labels}
    with pytest.raises(ValueError, match=message):
        linear_probe(**{**given, **change})
