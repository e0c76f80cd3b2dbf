"""Retrieval: rank a whole collection by likeness to a query, and mark the ranking.

The codes come from `cnnlab.codes.features`; what is done to them before, from `cnnlab.codes.postprocessing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.codes.neighbours import squared_distances
from cnnlab.codes.vectors import checked_labels, checked_vectors


def average_precision(scores: Tensor, relevant: Tensor) -> float:
    """How early in a ranking do the relevant items come? 1 if all stand in front.

        AP = sum over relevant items of (relevant items up to its rank / its rank) / number of relevant items

    Items with equal scores have no order of their own; they share the last rank among them, as in scikit-learn.

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
    found = hits.cumsum(0)
    last = torch.searchsorted(-ranked, -ranked, right=True)  # the last rank among equal scores, from 1
    return float((hits * found[last - 1] / last).sum() / hits.sum())


@dataclass(frozen=True, eq=False)
class Retrieval:
    """Outcome of `mean_average_precision` for Q queries.

    Attributes
    ----------
    per_query
        Q average precisions; NaN for a query to which nothing in the collection is relevant.
    mean
        Their mean (mAP) over the queries that count.
    chance
        The mean share of the collection that is relevant: about what a random order reaches.
    excluded
        How many queries do not count.
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
    """How well does a search with these codes find what belongs together? The mean of `average_precision` over queries.

    The collection is ranked by Euclidean distance to the query; what has the query's label is relevant. Without
    queries of their own, each row of the collection is the query once, and is left out of its own ranking.

    Parameters
    ----------
    features, labels
        The collection: N x D and N whole numbers (class, or which object it is).
    queries, query_labels
        Q x D and Q, or None.

    Returns
    -------
    Retrieval
        mAP, the average precision of each query, and chance.

    Raises
    ------
    TypeError, ValueError
        If features are no vectors, labels are missing, or no query has anything to find.

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
    own = queries is None
    if own != (query_labels is None):
        raise ValueError("give queries and query_labels together, or neither.")
    asking = features if own else checked_vectors(queries, "queries")
    asked = labels if own else checked_labels(query_labels, len(asking), "query_labels")
    if asking.shape[1] != features.shape[1]:
        raise ValueError(
            f"queries have {asking.shape[1]} numbers a vector, the collection {features.shape[1]}."
        )
    per_query, shares = [], []
    others = torch.ones(len(features), dtype=torch.bool)
    for rows, squared in squared_distances(asking, features):
        for query, distances in zip(range(rows.start, rows.stop), squared.cpu(), strict=True):
            others[query if own else slice(0, 0)] = False
            relevant = (labels == asked[query])[others]
            shares.append(float(relevant.double().mean()) if len(relevant) else 0.0)
            per_query.append(average_precision(-distances[others], relevant) if relevant.any() else torch.nan)
            others[:] = True
    found = torch.tensor(per_query, dtype=torch.float64)
    counted = ~found.isnan()
    if not counted.any():
        raise ValueError("no query has anything relevant in the collection; are the labels right?")
    return Retrieval(
        per_query=found,
        mean=float(found[counted].mean()),
        chance=float(torch.tensor(shares)[counted].mean()),
        excluded=int((~counted).sum()),
    )
