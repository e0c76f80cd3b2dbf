"""Feature extraction: the vector of a layer for each picture.

For what the vectors are used for see the other modules of `cnnlab.features`; for what single units mean,
`cnnlab.units`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, one_of, positive_int
from cnnlab.networks.activations import activations
from cnnlab.networks.data_loading import picture_batches, picture_count

PIXELS = "pixels"
"""The name of the layer before all layers: the image itself."""

POOLS = ("mean", "max", "sum", "centred", "regional")


def extract_features(
    model: nn.Module | None,
    pictures: Any,
    layer: str,
    pool: str | None = None,
    *,
    batch_size: int = 16,
    progress: bool = False,
) -> Tensor:
    """Feature vectors: the activations of a layer, pooled, one vector for each picture.

    Parameters
    ----------
    model
        Any network for images N x 3 x H x W in [0, 1]; it runs in eval mode and is left unchanged. None is allowed
        for the layer "pixels".
    pictures
        A tensor N x 3 x H x W in [0, 1], a data set such as `cnnlab.world.dataset("validation")`, or anything with a
        length that yields (picture, label).
    layer
        A name of `layer_names(model)`, or "pixels": the image itself, as a baseline.
    pool
        Pooling of maps: None keeps every number (units x rows x columns); "mean", "max" and "sum" give one for each unit, and so do
        "centred", a sum with a larger weight at the centre, and "regional", sums of maxima (`pool_maps`). Layers whose output is a
        vector are not pooled.
    batch_size
        Images in one forward pass; only vectors are kept.

    Returns
    -------
    Tensor
        N x D floats on the CPU; D for a single image without the first axis.

    Raises
    ------
    ValueError
        If layer or pool are not known, or there are no pictures.
    TypeError
        If `pictures` is neither a tensor nor a data set.

    References
    ----------
    Lecture S, "Last Layer" (fc7); lecture B, "Visualize the Representation Space"; lecture L, neural codes by Babenko,
    Slesarev, Chigorin & Lempitsky (2014).

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model, pictures = MiniAlexNet(["cat", "dog"]), torch.rand(4, 3, 96, 96)
    >>> extract_features(model, pictures, "fc7").shape, extract_features(model, pictures, "conv5", "sum").shape
    (torch.Size([4, 192]), torch.Size([4, 128]))
    """
    if pool is not None:
        one_of(pool, POOLS, "pool")
    if model is None and layer != PIXELS:
        raise ValueError(f'without a model there is only the layer "{PIXELS}", not "{layer}".')
    count, done, vectors = picture_count(pictures), 0, torch.empty(0)
    with tqdm(total=count, desc=f"features of {layer}", disable=not progress or None) as bar:
        for images in picture_batches(pictures, batch_size):
            if layer == PIXELS:
                outputs = images
            else:
                outputs = activations(model, images, layer, batch_size=len(images))[layer]
            rows = pool_maps(outputs, pool)
            if not done:  # now their length is known: in place, large vectors are written once
                vectors = torch.empty(count, rows.shape[1], dtype=rows.dtype)
            vectors[done : done + len(rows)] = rows
            done += len(rows)
            bar.update(len(images))
    return vectors[0] if isinstance(pictures, Tensor) and pictures.dim() == 3 else vectors


def pool_maps(maps: Tensor, pool: str | None = "sum") -> Tensor:
    """Pooling of maps to one number for each unit, or none: N x C x h x w becomes N x C, or N x (C h w) for None.

    "sum" is the pooling of SPoC,

        psi(x) = sum over p, q of Phi(x)[p, q],

    and "centred" its weighted form, with exp(-(distance from the centre)^2 / (2 sigma^2)) at each position and sigma a
    third of the distance from the centre to the nearest border: the subject of a photograph is mostly at the centre.
    "regional" is R-MAC without its whitening: the maxima of 1, 4 and 9 overlapping square regions, each vector scaled to length 1,
    summed. Vectors N x C are not changed.

    References
    ----------
    Babenko & Lempitsky (2015), Aggregating local deep features for image retrieval, section 3.2; Tolias, Sicre & Jegou (2016),
    Particular object retrieval with integral max-pooling of CNN activations, section 3.3; lecture L, "Compact descriptors".

    Example
    -------
    >>> pool_maps(torch.ones(2, 5, 3, 3), "sum")[0]
    tensor([9., 9., 9., 9., 9.])
    """
    if pool is not None:
        one_of(pool, POOLS, "pool")
    if pool is None or maps.dim() == 2:
        return maps.flatten(1)
    if maps.dim() != 4:
        raise ValueError(f"maps must have the axes N x C x h x w or N x C, but came as {tuple(maps.shape)}.")
    if pool == "max":
        return maps.amax((2, 3))
    if pool == "mean":
        return maps.mean((2, 3))
    if pool == "regional":
        maxima = torch.stack([region.amax((2, 3)) for region in _square_regions(maps)])
        return torch.nn.functional.normalize(maxima, dim=2).sum(0)
    return (
        (maps * _centre_prior(*maps.shape[2:]).to(maps)).sum((2, 3))
        if pool == "centred"
        else maps.sum((2, 3))
    )


def hog(images: Tensor, cell: int = 16) -> Tensor:
    """HOG, histograms of oriented gradients: the hand-made features that were usual before learned ones.

    In each square of cell x cell pixels, the gradients of the grey picture vote for one of nine orientations with their
    magnitude; blocks of 3 x 3 histograms are normalised together. Nothing is learned. By scikit-image.

    Parameters
    ----------
    images
        N x 3 x H x W in [0, 1], or one image.
    cell
        Side of a cell in pixels; at least three must fit each way.

    Returns
    -------
    Tensor
        N x D floats with D = (H // cell - 2) (W // cell - 2) * 81; D for one image.

    Raises
    ------
    ValueError
        If the images are not in [0, 1], or have less than 3 x 3 cells.

    References
    ----------
    Dalal & Triggs (2005), Histograms of oriented gradients for human detection; lecture B, "Visualize the Representation Space".

    Example
    -------
    >>> hog(torch.rand(2, 3, 64, 64)).shape
    torch.Size([2, 324])
    """
    batch, is_single = image_batch(images)
    if min(batch.shape[2:]) < 3 * positive_int(cell, "cell"):
        raise ValueError(
            f"images of {batch.shape[2]} x {batch.shape[3]} have less than 3 x 3 cells of {cell} pixels."
        )
    from skimage.feature import hog as histograms

    grey = batch.float().mean(1).cpu().numpy()
    vectors = [histograms(image, pixels_per_cell=(cell, cell)) for image in grey]
    vectors = torch.from_numpy(np.stack(vectors)).float()
    return vectors[0] if is_single else vectors


def _square_regions(maps: Tensor) -> Iterator[Tensor]:
    """Squares of three sizes, 2 / (scale + 1) of the shorter side: scale x scale of them, evenly spaced."""
    height, width = maps.shape[2:]
    for scale in (1, 2, 3):
        side = max(1, 2 * min(height, width) // (scale + 1))
        places = torch.linspace(0, 1, scale) if scale > 1 else torch.tensor([0.5])
        tops, lefts = ((places * (length - side)).round().int().tolist() for length in (height, width))
        for top, left in itertools.product(tops, lefts):
            yield maps[:, :, top : top + side, left : left + side]


def _centre_prior(height: int, width: int) -> Tensor:
    sigma = min(height, width) / 2 / 3
    rows, columns = (torch.arange(side) - (side - 1) / 2 for side in (height, width))
    return torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * sigma**2))
