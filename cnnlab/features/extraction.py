"""Feature extraction: the vector of a layer for each picture.

For what the vectors are used for see the other modules of `cnnlab.features`; for what single units mean,
`cnnlab.units`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, one_of, positive_int
from cnnlab.networks.activations import activations
from cnnlab.networks.data_loading import picture_batches, picture_count

PIXELS = "pixels"
"""The name of the layer before all layers: the image itself."""

POOLS = ("mean", "max", "sum", "centred")


def extract_features(
    model: nn.Module | None,
    pictures: Any,
    layer: str,
    pool: str | None = None,
    *,
    batch_size: int = 50,
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
        Pooling of maps: None keeps every number (units x rows x columns); "mean", "max" and "sum" give one for each
        unit, and so does "centred", a sum with a larger weight at the centre (`pool_maps`). Layers whose output is a vector are
        not pooled.
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
    parts = []
    with tqdm(
        total=picture_count(pictures), desc=f"features of {layer}", disable=not progress or None
    ) as bar:
        for images in picture_batches(pictures, batch_size):
            if layer == PIXELS:
                outputs = images
            else:
                outputs = activations(model, images, layer, batch_size=len(images))[layer]
            parts.append(pool_maps(outputs, pool).cpu().clone())
            bar.update(len(images))
    vectors = torch.cat(parts)
    return vectors[0] if isinstance(pictures, Tensor) and pictures.dim() == 3 else vectors


def pool_maps(maps: Tensor, pool: str | None = "sum") -> Tensor:
    """Pooling of maps to one number for each unit, or none: N x C x h x w becomes N x C, or N x (C h w) for None.

    "sum" is the pooling of SPoC,

        psi(x) = sum over p, q of Phi(x)[p, q],

    and "centred" its weighted form, with exp(-(distance from the centre)^2 / (2 sigma^2)) at each position and sigma a
    third of the distance from the centre to the nearest border: the subject of a photograph is mostly at the centre.
    Vectors N x C are not changed.

    References
    ----------
    Babenko & Lempitsky (2015), Aggregating local deep features for image retrieval, section 3.2; lecture L, "Compact
    descriptors".

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
    return (
        (maps * _centre_prior(*maps.shape[2:]).to(maps)).sum((2, 3))
        if pool == "centred"
        else maps.sum((2, 3))
    )


def _centre_prior(height: int, width: int) -> Tensor:
    sigma = min(height, width) / 2 / 3
    rows, columns = (torch.arange(side) - (side - 1) / 2 for side in (height, width))
    return torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * sigma**2))


def hog_features(images: Tensor, cell: int = 16, orientations: int = 9) -> Tensor:
    """HOG, histograms of oriented gradients: hand-made features, a baseline for learned ones.

    The gradient at each pixel (of the colour in which it is largest) votes with its size for its orientation, between 0 and 180
    degrees, in the histogram of its cell. Histograms of 2 x 2 cells together are scaled to length 1; blocks overlap by one cell.

    Parameters
    ----------
    images
        N x 3 x H x W in [0, 1], or one image.
    cell
        Side of a cell in pixels; at least two must fit each way.
    orientations
        Bins of a histogram.

    Returns
    -------
    Tensor
        N x D floats with D = (H // cell - 1) (W // cell - 1) * 4 * orientations; D for one image.

    Raises
    ------
    ValueError
        If the images are not in [0, 1], or have less than 2 x 2 cells.

    References
    ----------
    Dalal & Triggs (2005), Histograms of oriented gradients for human detection; by scikit-image. Lecture B, on features
    designed by hand and learned features.

    Example
    -------
    >>> hog_features(torch.rand(2, 3, 96, 96)).shape
    torch.Size([2, 900])
    """
    batch, is_single = image_batch(images)
    if min(batch.shape[2:]) < 2 * positive_int(cell, "cell"):
        raise ValueError(
            f"images of {batch.shape[2]} x {batch.shape[3]} have less than 2 x 2 cells of {cell} pixels."
        )
    from skimage.feature import hog

    options = {"orientations": orientations, "pixels_per_cell": (cell, cell), "cells_per_block": (2, 2)}
    rows = [hog(image.permute(1, 2, 0).cpu().numpy(), channel_axis=2, **options) for image in batch]
    vectors = torch.stack([torch.from_numpy(row).float() for row in rows])
    return vectors[0] if is_single else vectors
