"""Kernel analysis: the precision of predicting the class against the complexity of the function of a representation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.features._validation import checked_labels, checked_vectors

COMPLEXITIES = tuple(float(10 ** (k / 2)) for k in range(-4, 9))
QUANTILES = (0.05, 0.2, 0.5, 0.8)


@dataclass(frozen=True, eq=False)
class KernelCurve:
    """Result of `kernel_analysis` for L complexities.

    Attributes
    ----------
    complexity
        The L values 1 / lambda.
    precision
        L: 1 for a perfect prediction of each picture left out, 0 for one that uses only the class frequencies; below 0 where the
        function overfits.
    """

    complexity: tuple[float, ...]
    precision: Tensor

    @property
    def area(self) -> float:
        """The mean precision over the complexities: one number for the curve."""
        return float(self.precision.mean())


def kernel_analysis(
    features: Tensor,
    labels: Tensor | Sequence[int],
    *,
    complexities: Sequence[float] = COMPLEXITIES,
    quantiles: Sequence[float] = QUANTILES,
) -> KernelCurve:
    """Kernel analysis: whether a smooth function of the representation suffices to predict the class, or only a complex one.

    With a Gaussian kernel K[i, j] = exp(-|x_i - x_j|^2 / (2 s^2)) and the classes as columns of zeros and ones minus their mean (Y),
    ridge regression predicts each picture from all others. With G = (K + lambda I)^-1 the error of picture i, left out, is

        e_i = (G Y)_i / G_ii,        precision = 1 - sum |e_i|^2 / sum |y_i|^2,

    the best over the widths s. A large lambda allows only simple functions: complexity is 1 / lambda. A good representation is
    precise at low complexity; unlike a linear classifier, the kernel can also use classes that are not linearly separable.

    Parameters
    ----------
    features
        N x D; compare populations with equal D. Features are not normalised, so their scale matters.
    labels
        N class indices.
    complexities
        Values of 1 / lambda.
    quantiles
        The widths s, as quantiles of the distances between pictures.

    Returns
    -------
    KernelCurve

    Raises
    ------
    ValueError
        If there is a single class, all pictures are equal, or a complexity is not above 0.

    References
    ----------
    Montavon, Braun & Mueller (2011), Kernel analysis of deep networks; Cadieu and others (2014), who use the leave-one-out form.
    Lecture L, "Human vs machine".

    Example
    -------
    >>> features = torch.cat([torch.randn(20, 3) + 4, torch.randn(20, 3) - 4])
    >>> kernel_analysis(features, [0] * 20 + [1] * 20).precision.max() > 0.9
    tensor(True)
    """
    features = checked_vectors(features, min_rows=3).double()
    labels = checked_labels(labels, len(features))
    if len(labels.unique()) < 2:
        raise ValueError("the labels hold one class only, so there is nothing to tell apart.")
    if min(complexities) <= 0:
        raise ValueError("complexities must be above 0; they are 1 / lambda.")
    targets = torch.nn.functional.one_hot(labels).double()
    targets = targets - targets.mean(0)
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    pair_distances = distances[torch.triu_indices(len(features), len(features), 1).unbind()]
    if not pair_distances.max() > 0:
        raise ValueError("all pictures have the same vector, so nothing can tell them apart.")
    precision = torch.full((len(complexities),), -torch.inf, dtype=torch.float64)
    for width in pair_distances.quantile(torch.tensor(quantiles, dtype=torch.float64)).clamp(min=1e-9):
        values, vectors = torch.linalg.eigh(torch.exp(-((distances / width) ** 2) / 2))
        rotated = vectors.T @ targets
        for index, complexity in enumerate(complexities):
            shrinkage = 1 / (values.clamp(min=0) + 1 / complexity)
            errors = (vectors * shrinkage) @ rotated / ((vectors**2) @ shrinkage)[:, None]
            precision[index] = torch.maximum(
                precision[index], 1 - errors.square().sum() / targets.square().sum()
            )
    return KernelCurve(tuple(complexities), precision)
