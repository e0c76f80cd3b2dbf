"""Representational similarity: RDMs and CKA, to compare layers, networks and brains.

Two layers have units that do not correspond, and a brain has no such layers; but for all of them one can measure which of the same
N pictures are represented alike. Only these N x N tables are compared, never single units.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab._validation import one_of
from cnnlab.features._validation import checked_vectors


def rdm(features: Tensor, metric: str = "correlation") -> Tensor:
    """Representational dissimilarity matrix (RDM): the dissimilarity of the feature vectors of each pair of pictures.

        rdm[i, j] = 1 - correlation of row i and row j        (or ||row i - row j||^2 / D for "euclidean")

    Parameters
    ----------
    features
        N x D, one row for each picture.
    metric
        "correlation" (0 for the same pattern, 1 for unrelated, 2 for opposite ones) or "euclidean".

    Returns
    -------
    Tensor
        N x N in float64, symmetric, with zeros on the diagonal.

    Raises
    ------
    TypeError, ValueError
        If features are not vectors, the metric is not known, or a row is constant, so that its correlation is undefined.

    References
    ----------
    Kriegeskorte, Mur & Bandettini (2008), Representational similarity analysis. Lecture L, "Human vs machine".

    Example
    -------
    >>> rdm(torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).round(decimals=6)
    tensor([[0., 2.],
            [2., 0.]], dtype=torch.float64)
    """
    features = checked_vectors(features, min_rows=2).cpu().double()
    one_of(metric, ("correlation", "euclidean"), "metric")
    if metric == "euclidean":
        table = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist").square()
        return table / features.shape[1]
    centred = features - features.mean(1, keepdim=True)
    lengths = centred.norm(dim=1, keepdim=True)
    constant = (lengths[:, 0] <= 1e-12 * features.norm(dim=1)).nonzero()[:, 0]
    if len(constant):
        raise ValueError(
            f"row {int(constant[0])} is one number throughout, so it has no correlation; take another layer, or in code metric='euclidean'."
        )
    unit_rows = centred / lengths
    table = (1 - unit_rows @ unit_rows.T).clamp(min=0)
    return table.fill_diagonal_(0)


def compare_rdms(first: Tensor, second: Tensor, method: str = "spearman") -> float:
    """Compare RDMs: the correlation over pairs i < j, which measures whether two representations agree on which pictures are alike.

    Parameters
    ----------
    first, second
        N x N, as returned by `rdm`, of the same pictures in the same order.
    method
        "spearman" compares only the order of the pairs, "pearson" measures a linear relation.

    Returns
    -------
    float
        1 for the same order, about 0 for unrelated representations.

    Raises
    ------
    ValueError
        If the matrices do not fit together, have fewer than 3 rows, or one is constant.

    References
    ----------
    Kriegeskorte, Mur & Bandettini (2008); lecture L, "Human vs machine".

    Example
    -------
    >>> table = rdm(torch.randn(6, 10))
    >>> round(compare_rdms(table, table**2), 6)
    1.0
    """
    one_of(method, ("spearman", "pearson"), "method")
    if first.dim() != 2 or first.shape != second.shape or first.shape[0] != first.shape[1] or len(first) < 3:
        raise ValueError(
            "both matrices must be N x N with N of at least 3, of the same pictures, but came as"
            f" {tuple(first.shape)} and {tuple(second.shape)}."
        )
    upper_triangle = torch.triu_indices(len(first), len(first), 1).unbind()
    pairs = torch.stack([first[upper_triangle].double().cpu(), second[upper_triangle].double().cpu()])
    if method == "spearman":
        from scipy.stats import rankdata

        pairs = torch.from_numpy(rankdata(pairs.numpy(), axis=1))
    pairs = pairs - pairs.mean(1, keepdim=True)
    lengths = pairs.norm(dim=1)
    if not lengths.all():
        raise ValueError("one matrix has the same value for all pairs, so there is no order to compare.")
    return float(pairs[0] @ pairs[1] / lengths.prod())


def cka(first: Tensor, second: Tensor, *, debiased: bool = False) -> float:
    """Linear centred kernel alignment (CKA): the similarity of two representations, up to rotation and scale.

        CKA(X, Y) = ||Y' X||_F^2 / (||X' X||_F ||Y' Y||_F)        columns centred

    It is 1 if one is a rotated, scaled and shifted copy of the other, and does not change when units are permuted. With
    fewer pictures than units, even unrelated representations have values well above 0; `debiased` corrects this.

    Parameters
    ----------
    first, second
        N x D and N x E, of the same pictures in the same order.
    debiased
        Use the unbiased estimate of the three products; it needs at least four pictures, and can be a little negative.

    Returns
    -------
    float
        In [0, 1], unless debiased.

    Raises
    ------
    TypeError, ValueError
        If these are not vectors, their numbers differ, or one does not vary.

    References
    ----------
    Kornblith, Norouzi, Lee & Hinton (2019), Similarity of neural network representations revisited, equations 4 and 5;
    Song, Smola, Gretton, Bedo & Borgwardt (2012), equation 5, for the unbiased estimate.

    Example
    -------
    >>> features = torch.randn(20, 5)
    >>> round(cka(features, 3 * features.flip(1) + 1), 6)
    1.0
    """
    min_rows = 4 if debiased else 2
    rows = checked_vectors(first, "first", min_rows), checked_vectors(second, "second", min_rows)
    if len(first) != len(second):
        raise ValueError(f"both must be of the same pictures, but there are {len(first)} and {len(second)}.")
    grams = []
    for vectors in rows:
        centred = vectors.cpu().double() - vectors.cpu().double().mean(0)
        grams.append(centred @ centred.T)
    inner_product = _unbiased_inner_product if debiased else lambda a, b: (a * b).sum()
    scale = inner_product(grams[0], grams[0]) * inner_product(grams[1], grams[1])
    if not scale > 0:
        raise ValueError("one of the representations does not vary from picture to picture.")
    return float(inner_product(grams[0], grams[1]) / scale.sqrt())


def _unbiased_inner_product(first: Tensor, second: Tensor) -> Tensor:
    n = len(first)
    off_diagonal = 1 - torch.eye(n, dtype=first.dtype)
    first, second = first * off_diagonal, second * off_diagonal
    trace = (first * second).sum()
    means = first.sum() * second.sum() / ((n - 1) * (n - 2))
    rows = 2 / (n - 2) * (first.sum(0) @ second.sum(0))
    return (trace + means - rows) / (n * (n - 3))
