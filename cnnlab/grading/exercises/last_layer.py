"""Exercises of notebook 04, the last layer."""

import torch

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import randn, row_numbers


@exercise("04.nearest", read=row_numbers)
def nearest():
    """The row numbers of the k vectors nearest to row `query`, without the query itself: `answer(features, query, k)`."""
    features, query, k = randn(15, 6, seed=8) * torch.linspace(0.5, 4, 15)[:, None], 4, 5

    def others(score, descending=False):
        return [row for row in score.argsort(descending=descending).tolist() if row != query][:k]

    distance, product = (features - features[query]).norm(dim=1), features @ features[query]
    by_angle = others(product / features.norm(dim=1), True)
    mistakes = {
        "the query is its own nearest neighbour; leave it out": distance.argsort()[:k],
        "these are the farthest; sort ascending": distance.argsort(descending=True)[:k],
        "this sorts by the scalar product; long vectors win there, use the distance": others(product, True),
        "this sorts by the angle; here the Euclidean distance is asked for": by_angle,
    }

    def hint(rows):
        if len(rows) != k:
            return f"{k} neighbours were asked for, you give {len(rows)}"
        return "subtract the query from all rows, square, sum over the columns, sort"

    yield Case((features, query, k), others(distance), mistakes, hint)


@exercise("04.precision", relative=0, absolute=1e-6)
def precision():
    """Precision: the share of neighbours (N x k row numbers) with the label of their row: `answer(neighbours, labels)`."""
    labels = torch.tensor([0, 1, 0, 1, 2, 2])
    neighbours = torch.tensor([[2, 1, 4], [3, 0, 2], [0, 4, 5], [0, 1, 4], [5, 0, 1], [4, 3, 0]])
    for k in (3, 2):
        same = (labels[neighbours[:, :k]] == labels[:, None]).double()
        mistakes = {
            "this asks whether any neighbour is right; count the share of all of them": same.amax(1).mean(),
            "this looks at the first neighbour only": same[:, 0].mean(),
            "this counts; divide by the number of neighbours, N times k": same.sum(),
        }
        hint = f"for {k} neighbours of 6 rows you give {{result:.3f}}; count {6 * k} by hand"
        yield Case((neighbours[:, :k], labels), same.mean(), mistakes, hint)
