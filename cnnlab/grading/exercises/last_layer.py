"""The exercises of notebook 04, the last layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def nearest(answer: Callable[[Tensor, int, int], Tensor]) -> str | None:
    """`answer(features, query, k)`: the rows of the k vectors nearest to row `query`, without the query itself."""
    features = (
        torch.randn(15, 6, generator=torch.Generator().manual_seed(8)) * torch.linspace(0.5, 4, 15)[:, None]
    )
    query, k = 4, 5
    result = torch.as_tensor(require_attempt(answer(features.clone(), query, k))).flatten().long().tolist()
    distance = (features - features[query]).square().sum(1).sqrt()
    order = distance.argsort().tolist()
    expected = [row for row in order if row != query][:k]
    if result == expected:
        return None
    similarity = features @ features[query]
    cosine = similarity / features.norm(dim=1)
    mistakes = {
        "the query is its own nearest neighbour; leave it out": order[:k],
        "these are the farthest; sort ascending": order[::-1][:k],
        "this sorts by the scalar product; long vectors win there, use the distance": [
            row for row in similarity.argsort(descending=True).tolist() if row != query
        ][:k],
        "this sorts by the angle; here the Euclidean distance is asked for": [
            row for row in cosine.argsort(descending=True).tolist() if row != query
        ][:k],
    }
    for hint, wrong in mistakes.items():
        if result == wrong:
            return hint
    if len(result) != k:
        return f"{k} neighbours were asked for, you give {len(result)}"
    return "subtract the query from all rows, square, sum over the columns, sort"


def precision(answer: Callable[[Tensor, Tensor], float]) -> str | None:
    """`answer(neighbours, labels)`: the share of neighbours (N x k row numbers) that have the label of their row, of N labels."""
    labels = torch.tensor([0, 1, 0, 1, 2, 2])
    neighbours = torch.tensor([[2, 1, 4], [3, 0, 2], [0, 4, 5], [0, 1, 4], [5, 0, 1], [4, 3, 0]])
    for count in (3, 2):
        chosen = neighbours[:, :count]
        same = labels[chosen] == labels[:, None]
        result = float(require_attempt(answer(chosen.clone(), labels.clone())))
        if abs(result - float(same.float().mean())) < 1e-6:
            continue
        if abs(result - float(same.any(1).float().mean())) < 1e-6:
            return "this asks whether any neighbour is right; count the share of all of them"
        if abs(result - float(same[:, 0].float().mean())) < 1e-6:
            return "this looks at the first neighbour only"
        if abs(result - float(same.sum())) < 1e-6:
            return "this counts; divide by the number of neighbours, N times k"
        return f"for {count} neighbours of 6 rows you give {result:.3f}; count {6 * count} by hand"
    return None


EXERCISES: dict[str, Exercise] = {
    "04.nearest": nearest,
    "04.precision": precision,
}
