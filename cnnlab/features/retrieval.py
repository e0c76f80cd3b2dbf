"""Image retrieval: rank a collection by similarity to a query, and score the ranking by average precision.

For the feature vectors see `cnnlab.features.extract_features`, for their normalisation `cnnlab.features.postprocessing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.features._validation import checked_labels, checked_vectors
from cnnlab.features.nearest_neighbours import squared_distances


def average_precision(scores: Tensor, relevant: Tensor) -> float:
    """Average precision of a ranking: 1 if all relevant items come first.

        AP = sum over relevant items of (relevant items up to its rank / its rank) / number of relevant items

    Items with equal scores have no defined order; they share the last rank among them, as in scikit-learn.

    Parameters
    ----------
    scores
        N numbers; the largest is ranked first (for distances, give -distance).
    relevant
        N booleans.

    Raises
    ------
    TypeError, ValueError
        If lengths differ, relevant is not boolean, a score is not a number, or nothing is relevant.

    References
    ----------
    Manning, Raghavan & Schutze (2008), Introduction to information retrieval, section 8.4; lecture L quotes it for Oxford
    Buildings and INRIA Holidays.

    Example
    -------
    >>> average_precision(torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([True, False, True, False]))
    0.8333333333333333
    """
    scores, relevant = torch.as_tensor(scores), torch.as_tensor(relevant)
    if relevant.dtype != torch.bool:
        raise TypeError(f"relevant must be boolean, but came as {relevant.dtype}.")
    if scores.dim() != 1 or scores.shape != relevant.shape:
        raise ValueError(
            f"scores and relevant must be N numbers each, but came as {tuple(scores.shape)} and {tuple(relevant.shape)}."
        )
    if scores.isnan().any():
        raise ValueError("scores hold values that are not numbers.")
    if not relevant.any():
        raise ValueError("nothing is relevant, so there is nothing to find.")
    ranked, order = scores.sort(descending=True)
    hits = relevant[order].double()
    relevant_so_far = hits.cumsum(0)
    last_rank = torch.searchsorted(-ranked, -ranked, right=True)  # the last rank among equal scores, from 1
    return float((hits * relevant_so_far[last_rank - 1] / last_rank).sum() / hits.sum())


@dataclass(frozen=True, eq=False)
class Retrieval:
    """Result of `mean_average_precision` for Q queries.

    Attributes
    ----------
    per_query
        Q average precisions; NaN for a query with no relevant item in the collection.
    mean
        Their mean (mAP) over the other queries.
    chance
        The mean share of the collection that is relevant: approximately the score of a random order.
    excluded
        Number of queries without a relevant item.
    """

    per_query: Tensor
    mean: float
    chance: float
    excluded: int


def mean_average_precision(
    features: Tensor,
    labels: Tensor | Sequence[int],
    queries: Tensor | None = None,
    query_labels: Tensor | Sequence[int] | None = None,
) -> Retrieval:
    """Mean average precision (mAP): `average_precision`, averaged over queries.

    The collection is ranked by Euclidean distance to the query; rows with the query's label are relevant. Without separate
    queries, each row of the collection is the query once, and is left out of its own ranking.

    Parameters
    ----------
    features, labels
        The collection: N x D and N whole numbers (class, or which object it is).
    queries, query_labels
        Q x D and Q, or None.

    Returns
    -------
    Retrieval
        mAP, the average precision of each query, and the chance level.

    Raises
    ------
    TypeError, ValueError
        If features are not vectors, labels are missing, or no query has a relevant item.

    References
    ----------
    Babenko, Slesarev, Chigorin & Lempitsky (2014), Neural codes for image retrieval, section 3; lecture L, "Retrieving
    same objects/buildings".

    Example
    -------
    >>> mean_average_precision(torch.tensor([[0.0], [1.0], [5.0], [6.0]]), [0, 0, 1, 1]).mean
    1.0
    """
    features = checked_vectors(features)
    labels = checked_labels(labels, len(features))
    leave_one_out = queries is None
    if leave_one_out != (query_labels is None):
        raise ValueError("give queries and query_labels together, or neither.")
    query_vectors = features if leave_one_out else checked_vectors(queries, "queries")
    query_classes = (
        labels if leave_one_out else checked_labels(query_labels, len(query_vectors), "query_labels")
    )
    if query_vectors.shape[1] != features.shape[1]:
        raise ValueError(
            f"queries have {query_vectors.shape[1]} numbers a vector, the collection {features.shape[1]}."
        )
    per_query, chance_levels = [], []
    candidates = torch.ones(len(features), dtype=torch.bool)
    for rows, squared in squared_distances(query_vectors, features):
        for query, distances in zip(range(rows.start, rows.stop), squared.cpu(), strict=True):
            candidates[query if leave_one_out else slice(0, 0)] = False
            relevant = (labels == query_classes[query])[candidates]
            chance_levels.append(float(relevant.double().mean()) if len(relevant) else 0.0)
            per_query.append(
                average_precision(-distances[candidates], relevant) if relevant.any() else torch.nan
            )
            candidates[:] = True
    precisions = torch.tensor(per_query, dtype=torch.float64)
    counted = ~precisions.isnan()
    if not counted.any():
        raise ValueError("no query has anything relevant in the collection; are the labels right?")
    return Retrieval(
        per_query=precisions,
        mean=float(precisions[counted].mean()),
        chance=float(torch.tensor(chance_levels)[counted].mean()),
        excluded=int((~counted).sum()),
    )
