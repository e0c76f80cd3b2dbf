"""Post-processing of features before they are compared: L2 normalisation, power law, PCA, whitening (as in SPoC).

For generic features, lecture L gives the sequence L2, PCA, whitening, L2, power; for compact codes, sum pooling,
PCA with whitening, L2:

    axes = pca(features_of_another_split, 64)
    codes = l2(axes.whiten(features))
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab._validation import whole_number
from cnnlab.features._validation import checked_vectors


def l2(features: Tensor) -> Tensor:
    """L2 normalisation: each vector scaled to length 1, so that only the angle counts; a zero vector is not changed.

        psi''(x) = psi'(x) / ||psi'(x)||

    References
    ----------
    Lecture L, "Compact descriptors" and "Deep features as generic representation".

    Example
    -------
    >>> l2(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    features = checked_vectors(features)
    return features / features.norm(dim=1, keepdim=True).clamp(min=torch.finfo(features.dtype).tiny)


def power(features: Tensor, alpha: float = 0.5) -> Tensor:
    """Power-law normalisation: x becomes sign(x) |x|^alpha, so that a few large values no longer dominate.

    References
    ----------
    Perronnin, Sanchez & Mensink (2010), section 3.2 (power normalisation, alpha = 0.5); Razavian, Azizpour, Sullivan &
    Carlsson (2014); lecture L.

    Example
    -------
    >>> power(torch.tensor([[4.0, -9.0]]))
    tensor([[ 2., -3.]])
    """
    features = checked_vectors(features)
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must be above 0 and at most 1, but got {alpha!r}.")
    return features.sign() * features.abs() ** alpha


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """Principal axes: the directions of largest variance, fitted by `pca` on one split and used on any.

    Attributes
    ----------
    mean
        D, the mean vector.
    axes
        d x D unit vectors, at right angles; the one with the largest variance first. The largest entry of each is positive.
    deviation
        d standard deviations along the axes (with N - 1).
    explained_variance_ratio
        d shares of the total variance; their sum is the share that d dimensions keep.
    """

    mean: Tensor
    axes: Tensor
    deviation: Tensor
    explained_variance_ratio: Tensor

    def project(self, features: Tensor, dimensions: int | None = None) -> Tensor:
        """Project to the first `dimensions` axes, M (psi - mean): N x d."""
        count = len(self.axes) if dimensions is None else self._valid_dimensions(dimensions)
        features = checked_vectors(features)
        if features.shape[1] != self.axes.shape[1]:
            raise ValueError(
                f"the axes were found for vectors of {self.axes.shape[1]} numbers, but these have {features.shape[1]}."
            )
        return (features - self.mean) @ self.axes[:count].T

    def whiten(self, features: Tensor, dimensions: int | None = None) -> Tensor:
        """Whiten: project and divide by the deviation of each axis, diag(s)^-1 M (psi - mean); all axes then count alike. N x d."""
        projected = self.project(features, dimensions)
        return projected / self.deviation[: projected.shape[1]]

    def _valid_dimensions(self, dimensions: int) -> int:
        return whole_number(dimensions, "dimensions", minimum=1, maximum=len(self.axes))


def pca(features: Tensor, dimensions: int | None = None) -> PrincipalAxes:
    """Principal component analysis: the axes along which the vectors of a split vary most.

    The axes m_i are the eigenvectors of the covariance of the vectors, and s_i the roots of its eigenvalues;

        psi'(x) = diag(s_1, ..., s_d)^-1 M (psi(x) - mean)

    is the whitened code. Fit the axes on one split and use them on another: axes fitted on the test pictures
    overestimate the result.

    Parameters
    ----------
    features
        N x D.
    dimensions
        Number of axes; None keeps all that vary, at most min(N - 1, D).

    Returns
    -------
    PrincipalAxes
        With `project` and `whiten`, in the float type of the features.

    Raises
    ------
    TypeError, ValueError
        If features are not vectors, all are equal, or there are fewer axes than requested.

    References
    ----------
    Babenko & Lempitsky (2015), equations 4 and 5; lecture L, "Compact descriptors"; lectures S and B, principal
    component analysis of fc7.

    Example
    -------
    >>> axes = pca(torch.randn(100, 20), 5)
    >>> axes.whiten(torch.randn(7, 20)).shape
    torch.Size([7, 5])
    """
    features = checked_vectors(features, min_rows=2)
    centred = features.to(torch.float64, copy=True)
    mean = centred.mean(0)
    centred -= mean
    count, width = centred.shape
    # The smaller of the two square matrices has the same eigenvalues (but zeros).
    is_wide = count <= width
    values, vectors = torch.linalg.eigh(centred @ centred.T if is_wide else centred.T @ centred)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    varying = int((values > 1e-10 * values[0]).sum()) if values[0] > 0 else 0
    max_dimensions = min(varying, count - 1)
    if max_dimensions == 0:
        raise ValueError("all vectors are equal, so there is no axis along which they vary.")
    selected = (
        max_dimensions
        if dimensions is None
        else whole_number(dimensions, "dimensions", minimum=1, maximum=max_dimensions)
    )
    axes = vectors[:, :selected].T
    axes = torch.nn.functional.normalize(axes @ centred if is_wide else axes, dim=1)
    axes *= axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    return PrincipalAxes(
        mean=mean.to(features),
        axes=axes.to(features),
        deviation=(values[:selected] / (count - 1)).sqrt().to(features),
        explained_variance_ratio=(values[:selected] / values.sum()).to(features),
    )
