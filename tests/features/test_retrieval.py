"""Average precision against scikit-learn, a worked example, and rankings made by hand."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import average_precision_score

from cnnlab.features import average_precision, mean_average_precision


def test_a_worked_example():
    """Relevant at ranks 1, 3 and 6 of 7: (1/1 + 2/3 + 3/6) / 3."""
    scores = torch.tensor([9.0, 8, 7, 6, 5, 4, 3])
    relevant = torch.tensor([True, False, True, False, False, True, False])
    assert average_precision(scores, relevant) == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)


def test_the_order_of_the_items_does_not_matter():
    scores, relevant = torch.rand(20), torch.rand(20) < 0.3
    order = torch.randperm(20)
    assert average_precision(scores, relevant) == pytest.approx(
        average_precision(scores[order], relevant[order])
    )


@pytest.mark.parametrize("steps", [None, 4, 1])
def test_average_precision_is_that_of_scikit_learn_also_with_ties(steps):
    generator = torch.Generator().manual_seed(6)
    for _ in range(20):
        scores = torch.rand(40, generator=generator)
        if steps:
            scores = (scores * steps).floor()
        relevant = torch.rand(40, generator=generator) < 0.25
        relevant[7] = True
        expected = average_precision_score(relevant.numpy(), scores.numpy())
        assert average_precision(scores, relevant) == pytest.approx(expected)


def test_perfect_and_worst_rankings():
    relevant = torch.tensor([True] * 3 + [False] * 7)
    best = torch.arange(10, 0, -1).float()
    assert average_precision(best, relevant) == 1
    assert average_precision(-best, relevant) == pytest.approx((1 / 8 + 2 / 9 + 3 / 10) / 3)


def test_map_ranks_the_others_by_distance(vectors, labels):
    result = mean_average_precision(vectors, labels)
    table = torch.cdist(vectors, vectors)
    for query in range(0, 60, 7):
        others = [i for i in range(60) if i != query]
        expected = average_precision_score(
            (labels[others] == labels[query]).numpy(), -table[query, others].numpy()
        )
        assert float(result.per_query[query]) == pytest.approx(expected)
    assert result.mean == pytest.approx(float(result.per_query.mean()))
    assert (
        result.chance == pytest.approx(19 / 59) and result.mean > result.chance + 0.1 and result.excluded == 0
    )


def test_queries_of_their_own_are_ranked_against_the_whole_collection(vectors, labels):
    result = mean_average_precision(vectors[:50], labels[:50], vectors[50:], labels[50:])
    table = torch.cdist(vectors[50:], vectors[:50])
    for query in range(10):
        expected = average_precision_score((labels[:50] == labels[50 + query]).numpy(), -table[query].numpy())
        assert float(result.per_query[query]) == pytest.approx(expected)


def test_a_query_without_anything_to_find_does_not_count(vectors):
    labels = torch.arange(60) % 3
    labels[5] = 77
    result = mean_average_precision(vectors, labels)
    assert result.excluded == 1 and math.isnan(result.per_query[5]) and math.isfinite(result.mean)
    with pytest.raises(ValueError, match="no query has anything relevant"):
        mean_average_precision(vectors, torch.arange(60))


@pytest.mark.parametrize(
    ("scores", "relevant", "error", "message"),
    [
        (torch.rand(3), torch.ones(3), TypeError, "relevant must be boolean"),
        (torch.rand(3), torch.ones(4, dtype=torch.bool), ValueError, "must be N numbers each"),
        (torch.rand(3), torch.zeros(3, dtype=torch.bool), ValueError, "nothing is relevant"),
        (torch.full((3,), torch.nan), torch.ones(3, dtype=torch.bool), ValueError, "not numbers"),
    ],
)
def test_bad_rankings_are_refused(scores, relevant, error, message):
    with pytest.raises(error, match=message):
        average_precision(scores, relevant)


def test_queries_come_with_labels(vectors, labels):
    with pytest.raises(ValueError, match="queries and query_labels together"):
        mean_average_precision(vectors, labels, vectors)
    with pytest.raises(ValueError, match="queries have 3 numbers a vector"):
        mean_average_precision(vectors, labels, vectors[:, :3], labels)
