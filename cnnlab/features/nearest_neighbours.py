"""Nearest neighbours in feature space, and precision@k.

They can be compared between layers, and with the raw pixels. For ranking the whole collection instead of the first few, as a
search engine does, see `cnnlab.features.retrieval`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab._validation import whole_number
from cnnlab.features._validation import checked_labels, checked_vectors

_CHUNK = 500


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest rows for each of Q queries, nearest first.

    Attributes
    ----------
    index
        Q x k row numbers in the collection.
    distance
        Q x k Euclidean distances.
    """

    index: Tensor
    distance: Tensor


def neighbours(features: Tensor, query: int | Sequence[int] | Tensor | None = None, k: int = 5) -> Neighbours:
    """Nearest neighbours: the vectors of a collection that are closest to each query, by Euclidean distance.

    A query that is a row of the collection is not its own neighbour. For the angle instead of the
    distance, normalise all vectors to length 1 first (`cnnlab.features.l2`): the order is then the same.

    Parameters
    ----------
    features
        N x D, the collection.
    query
        None for all rows; a row number or several; or new vectors, D or Q x D floats, that are not in the collection.
    k
        Number of neighbours; less than N, or up to N for new vectors. Where distances tie, the earlier row wins.

    Returns
    -------
    Neighbours
        index and distance, Q x k; k numbers for a single row number or vector.

    Raises
    ------
    TypeError, ValueError
        If features are not vectors, a row does not exist, lengths differ, or k is too large.

    References
    ----------
    Krizhevsky, Sutskever & Hinton (2012), figure 4; lecture S, "Last Layer: Nearest Neighbors"; lecture L, retrieval with
    neural codes.

    Example
    -------
    >>> collection = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    >>> neighbours(collection, 2, k=2).index
    tensor([1, 0])
    """
    features = checked_vectors(features)
    is_vector = isinstance(query, Tensor) and query.dtype.is_floating_point
    single = not is_vector and hasattr(query, "__index__") and getattr(query, "ndim", 0) == 0
    if is_vector:
        vectors, query_rows = query.detach(), None
        single = vectors.dim() == 1
        vectors = checked_vectors(vectors.unsqueeze(0) if single else vectors, "query")
        if vectors.shape[1] != features.shape[1]:
            raise ValueError(
                f"query has {vectors.shape[1]} numbers a vector, the collection {features.shape[1]}."
            )
    else:
        requested = range(len(features)) if query is None else [query] if single else query
        query_rows = torch.tensor(
            [whole_number(row, "query (a row)", maximum=len(features) - 1) for row in requested]
        )
        vectors = features if query is None else features[query_rows]
    k = whole_number(k, "k (neighbours)", minimum=1, maximum=len(features) - (query_rows is not None))
    index, distance = [], []
    for rows, squared in squared_distances(vectors, features):
        if query_rows is not None:
            squared[torch.arange(len(squared)), query_rows[rows]] = torch.inf
        order = squared.sort(dim=1, stable=True).indices[:, :k]
        index.append(order)
        # By subtraction, which keeps what `squared_distances` loses to rounding: equal vectors are 0 apart.
        pairs = zip(vectors[rows], order, strict=True)
        distance.append(torch.stack([(features[near] - vector).norm(dim=1) for vector, near in pairs]))
    columns = torch.cat(index).cpu(), torch.cat(distance).cpu()
    return Neighbours(*(column[0] if single else column for column in columns))


def squared_distances(vectors: Tensor, features: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared Euclidean distances of Q vectors to N others, some hundred rows at a time: (rows, their distances)."""
    # Distances do not change under a shift; about the mean, less precision is lost in the subtraction.
    mean = features.mean(0)
    centred = features - mean
    lengths = torch.linalg.vector_norm(centred, dim=1).square()
    for start in range(0, len(vectors), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(vectors)))
        chunk = vectors[rows] - mean
        squared = chunk.square().sum(1, keepdim=True) + lengths - 2 * chunk @ centred.T
        yield rows, squared.clamp_(min=0)


@dataclass(frozen=True, eq=False)
class Precision:
    """Result of `precision_at_k` for N vectors.

    Attributes
    ----------
    per_query
        N, the share of each row's neighbours with the same label.
    rate
        Their mean.
    interval
        95 % interval of the rate over the choice of queries (normal).
    chance
        The share of pairs of rows with the same label: the expected rate of random neighbours.
    """

    per_query: Tensor
    rate: float
    interval: tuple[float, float]
    chance: float


def precision_at_k(features: Tensor, labels: Tensor | Sequence[int], k: int = 5) -> Precision:
    """Precision@k: the share of the k nearest neighbours that show the same class.

        precision@k = mean over rows i of |{j among the k nearest to i: label_j = label_i}| / k

    with row i itself left out. Nothing is trained: this measures the distances of a layer alone.

    Parameters
    ----------
    features
        N x D.
    labels
        N class indices.
    k
        Number of neighbours, less than N.

    Returns
    -------
    Precision
        rate, chance level, and the share for each row.

    Raises
    ------
    TypeError, ValueError
        If features are not vectors, there is not one label for each, or k is too large.

    References
    ----------
    Lecture S, "Last Layer: Nearest Neighbors", where it is done by eye.

    Example
    -------
    >>> precision_at_k(torch.tensor([[0.0], [1.0], [5.0], [6.0]]), [0, 0, 1, 1], k=1).rate
    1.0
    """
    features = checked_vectors(features, min_rows=2)
    labels = checked_labels(labels, len(features))
    same = labels[neighbours(features, k=k).index] == labels[:, None]
    per_query = same.double().mean(1)
    rate = float(per_query.mean())
    spread = 1.96 * float(per_query.std()) / len(per_query) ** 0.5
    counts = labels.unique(return_counts=True)[1].double()
    return Precision(
        per_query=per_query,
        rate=rate,
        interval=(max(0.0, rate - spread), min(1.0, rate + spread)),
        chance=float((counts * (counts - 1)).sum() / (len(labels) * (len(labels) - 1))),
    )


def precision_curve(features: Tensor, labels: Tensor | Sequence[int], max_k: int = 20) -> Tensor:
    """Precision@k for k = 1 to `max_k`: as many numbers.

    Example
    -------
    >>> precision_curve(torch.tensor([[0.0], [1.0], [5.0], [6.0]]), [0, 0, 1, 1], max_k=3)
    tensor([1.0000, 0.5000, 0.3333], dtype=torch.float64)
    """
    features = checked_vectors(features, min_rows=2)
    labels = checked_labels(labels, len(features))
    same = labels[neighbours(features, k=max_k).index] == labels[:, None]
    return (same.double().cumsum(1) / torch.arange(1, same.shape[1] + 1)).mean(0)
