"""Nearest neighbours against brute force and scikit-learn, and the share of them that is of the same class."""

from __future__ import annotations

import pytest
import torch
from sklearn.neighbors import NearestNeighbors

import cnnlab
from cnnlab.features import extract_features, l2, neighbours, precision_at_k, precision_curve


def test_neighbours_are_those_of_scikit_learn(vectors):
    result = neighbours(vectors, k=7)
    distance, index = NearestNeighbors(n_neighbors=8).fit(vectors.numpy()).kneighbors(vectors.numpy())
    assert torch.equal(result.index, torch.from_numpy(index[:, 1:]))
    assert torch.allclose(result.distance, torch.from_numpy(distance[:, 1:]))


def test_new_vectors_may_be_in_the_collection_as_well(vectors):
    result = neighbours(vectors, vectors[:4], k=60)
    assert result.index[:, 0].tolist() == [0, 1, 2, 3] and result.distance[:, 0].max() < 1e-6
    assert all(sorted(row) == list(range(60)) for row in result.index.tolist())
    single = neighbours(vectors, vectors[2], k=3)
    assert torch.equal(single.index, result.index[2, :3])


def test_rows_leave_themselves_out(vectors):
    every = neighbours(vectors, k=5)
    assert not (every.index == torch.arange(60)[:, None]).any()
    for query in (9, torch.tensor(9)):
        assert torch.equal(neighbours(vectors, query, k=5).index, every.index[9])
    assert torch.equal(neighbours(vectors, [3, 9], k=5).index, every.index[[3, 9]])


def test_a_collection_of_more_than_one_block_is_asked_block_by_block():
    collection = torch.rand(1203, 2)
    result = neighbours(collection, k=3)
    exact = torch.cdist(collection.double(), collection.double()).fill_diagonal_(torch.inf)
    assert torch.equal(result.index, exact.topk(3, largest=False).indices)


def test_far_from_zero_distances_are_still_right():
    """The squares of large numbers would drown small distances in float32."""
    collection = torch.rand(50, 3)
    near, far = neighbours(collection, k=4), neighbours(collection + 1000, k=4)
    assert torch.allclose(near.distance, far.distance, rtol=0.02)


def test_a_vector_is_exactly_0_away_from_its_equal_in_the_collection():
    collection = torch.randn(50, 4096, generator=torch.Generator().manual_seed(0)) + 30
    found = neighbours(collection, query=collection[3], k=2)
    assert found.index[0] == 3
    assert found.distance[0] == 0


def test_the_earlier_of_equals_comes_first():
    assert neighbours(torch.zeros(5, 2), 2, k=4).index.tolist() == [0, 1, 3, 4]


def test_the_angle_is_the_distance_of_vectors_of_length_one(vectors):
    cosine = l2(vectors) @ l2(vectors).T
    expected = cosine.fill_diagonal_(-2).topk(3).indices
    assert torch.equal(neighbours(l2(vectors), k=3).index, expected)


def test_precision_is_the_share_of_neighbours_with_the_same_label(vectors, labels):
    result = precision_at_k(vectors, labels, k=4)
    table = torch.cdist(vectors, vectors).fill_diagonal_(torch.inf)
    for row in range(60):
        nearest = sorted(range(60), key=lambda other: float(table[row, other]))[:4]
        assert float(result.per_query[row]) == sum(int(labels[n] == labels[row]) for n in nearest) / 4
    assert result.rate == pytest.approx(float(result.per_query.mean()))
    assert result.chance == pytest.approx(19 / 59)
    assert result.chance < result.interval[0] < result.rate < result.interval[1] <= 1


def test_random_labels_reach_chance():
    generator = torch.Generator().manual_seed(4)
    result = precision_at_k(
        torch.randn(600, 5, generator=generator), torch.randint(4, (600,), generator=generator), k=5
    )
    assert abs(result.rate - result.chance) < 0.03


def test_the_curve_is_precision_for_each_k(vectors, labels):
    curve = precision_curve(vectors, labels, max_k=9)
    assert curve.tolist() == pytest.approx([precision_at_k(vectors, labels, k).rate for k in range(1, 10)])


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda v: neighbours(v, k=60), ValueError, "k .neighbours. must be a whole number between 1 and 59"),
        (lambda v: neighbours(v, 60), ValueError, "query .a row. must be a whole number between 0 and 59"),
        (
            lambda v: neighbours(v, torch.zeros(3)),
            ValueError,
            "query has 3 numbers a vector, the collection 8",
        ),
        (lambda v: neighbours(v.view(60, 2, 4)), ValueError, "must have the axes N x D"),
        (lambda v: neighbours(v.long()), TypeError, "must be a float tensor"),
        (lambda v: neighbours(v * torch.inf), ValueError, "not finite"),
        (lambda v: precision_at_k(v, [0, 1]), ValueError, "labels must be 60 numbers"),
        (lambda v: precision_at_k(v, v[:, 0]), TypeError, "labels must be whole numbers"),
    ],
)
def test_bad_questions_are_refused(vectors, ask, error, message):
    with pytest.raises(error, match=message):
        ask(vectors)


def test_deeper_layers_know_more_of_the_class():
    """CURRICULUM, notebook 04: pixels < conv < fc."""
    model, data = cnnlab.load("mini_alexnet"), cnnlab.world.dataset("validation", n=200, progress=False)
    pixels, conv, fc = (
        precision_at_k(extract_features(model, data, layer), data.labels, k=5)
        for layer in ("pixels", "conv5", "fc7")
    )
    assert pixels.interval[1] < conv.interval[0] and conv.interval[1] < fc.interval[0]
    assert fc.rate > 0.85
