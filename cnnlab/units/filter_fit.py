"""Filter fit: a Gabor function or a colour blob for each filter, whichever explains more; the rest is noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab._validation import fraction
from cnnlab.units.blob import Blobs, fit_blob
from cnnlab.units.gabor import Gabors, fit_gabor


@dataclass(frozen=True, eq=False)
class FilterFit:
    """Result of `fit_filters`, for N filters.

    Attributes
    ----------
    r2
        N, the share of the filter's variance that the better fit explains.
    pattern_r2
        N, the share of its variance over positions alone, to which a constant colour contributes nothing.
    is_gabor
        N booleans: whether the better fit is the Gabor function.
    reconstruction
        N x C x k x k, by the better fit.
    gabor, blob
        Both fits with their parameters.
    """

    r2: Tensor
    pattern_r2: Tensor
    is_gabor: Tensor
    reconstruction: Tensor
    gabor: Gabors
    blob: Blobs

    def fraction_explained(self, min_r2: float = 0.7) -> float:
        """The share of filters with an r2 of at least `min_r2`.

        Example
        -------
        >>> fit_filters(torch.randn(20, 3, 11, 11)).fraction_explained(0.7)
        0.0
        """
        return float((self.r2 >= fraction(min_r2, "min_r2")).double().mean())


def fit_filters(filters: Tensor) -> FilterFit:
    """Filter fit: how much of each filter is an oriented edge or a colour blob, rather than noise.

    Each filter is fitted by a Gabor function (`fit_gabor`) and by a Gaussian colour spot (`fit_blob`); the fit with the larger r2
    counts. Both include a constant background colour, which explains a part of many trained filters; `pattern_r2` is the share
    without it. Untrained networks, like white noise, stay below 0.15 in 3 x 11 x 11 filters, so an r2 of 0.7 means that something
    was learned.

    Parameters
    ----------
    filters
        N x C x k x k, or one C x k x k, with k of at least 5, such as `filters(model)`.

    Returns
    -------
    FilterFit
        r2 and reconstruction of the better fit, and both fits; `fraction_explained(0.7)` counts the filters.

    Raises
    ------
    TypeError, ValueError
        If the filters are not a float tensor, not square, smaller than 5 x 5 or not finite.

    References
    ----------
    Lecture B, "Visualize Filters/Kernels".

    Example
    -------
    >>> from cnnlab.units import blob_pattern
    >>> fit = fit_filters(blob_pattern(11).expand(3, 11, 11))
    >>> fit.fraction_explained(0.7), fit.is_gabor
    (1.0, tensor([False]))
    """
    gabor, blob = fit_gabor(filters), fit_blob(filters)
    is_gabor = gabor.r2 > blob.r2
    return FilterFit(
        r2=torch.maximum(gabor.r2, blob.r2),
        pattern_r2=torch.maximum(gabor.pattern_r2, blob.pattern_r2),
        is_gabor=is_gabor,
        reconstruction=torch.where(is_gabor[:, None, None, None], gabor.reconstruction, blob.reconstruction),
        gabor=gabor,
        blob=blob,
    )
