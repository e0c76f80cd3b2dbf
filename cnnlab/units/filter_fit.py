"""Is a filter an edge, a blob, or noise? The better of a Gabor function and a blob of colour, for each filter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab._validation import fraction
from cnnlab.units.blob import Blobs, fit_blob
from cnnlab.units.gabor import Gabors, fit_gabor


@dataclass(frozen=True, eq=False)
class FilterFit:
    """Outcome of `fit_filters`, for N filters.

    Attributes
    ----------
    r2
        N, the share of the filter's variance that the better of both explains.
    pattern_r2
        N, the share of its variance over positions alone, to which a constant colour contributes nothing.
    is_gabor
        N booleans: whether that is the Gabor function.
    reconstruction
        N x C x k x k, by the better of both.
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
        """The share of filters with an r2 of `min_r2` this much.

        Example
        -------
        >>> fit_filters(torch.randn(20, 3, 11, 11)).share(0.7)
        0.0
        """
        return float((self.r2 >= fraction(min_r2, "at_least")).double().mean())


def fit_filters(filters: Tensor) -> FilterFit:
    """Which share of the filters is an oriented edge or a blob of colour, rather than noise?

    Each filter is fitted by a Gabor function (`fit_gabor`) and by a smooth spot of colour (`fit_blob`); the one
    with the larger r2 counts. Both have a constant colour beneath, which explains a part of many trained filters;
    `pattern_r2` says what is left without it. Networks before training, like white noise, stay below 0.15 in
    3 x 11 x 11 filters, so an r2 of 0.7 says that something was learned.

    Parameters
    ----------
    filters
        N x C x k x k, or one C x k x k, with k of at least 5, such as `filters(model)`.

    Returns
    -------
    Explained
        r2 and reconstruction of the better of both, and both fits; `fraction_explained(0.7)` counts.

    Raises
    ------
    TypeError, ValueError
        If the filters are no float tensor, not square, smaller than 5 x 5 or not finite.

    References
    ----------
    Lecture B, "Visualize Filters/Kernels".

    Example
    -------
    >>> from cnnlab.units import blob_pattern
    >>> explained = fit_filters(blob_pattern(11).expand(3, 11, 11))
    >>> explained.share(0.7), explained.is_gabor
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
