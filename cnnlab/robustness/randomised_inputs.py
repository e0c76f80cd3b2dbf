"""Randomised inputs: shuffled, random and Gaussian pixels, images without structure that can only be memorised.

With random labels (`cnnlab.world.Dataset.with_random_labels`) these are the inputs of Zhang et al. (2017). A network that fits them
shows how much it can memorise, not what it has learned.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab._validation import image_batch, whole_number


def shuffled_pixels(images: Tensor, *, seed: int = 0) -> Tensor:
    """Shuffled pixels: one permutation of the positions for all images; a position keeps its meaning, but not its neighbours.

    Parameters
    ----------
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W. The three colours of a pixel stay together.
    seed
        Another seed is another permutation. Training and test images need the same one.

    Returns
    -------
    Tensor
        Of the same shape, with the same pixels at other positions.

    References
    ----------
    Zhang, Bengio, Hardt, Recht & Vinyals, "Understanding Deep Learning Requires Rethinking Generalization", ICLR 2017, section 2.1.
    Lecture L, "ConvNets can learn anything".

    Example
    -------
    >>> pictures = torch.rand(2, 3, 8, 8)
    >>> torch.equal(shuffled_pixels(pictures).flatten(2).sort().values, pictures.flatten(2).sort().values)
    True
    """
    batch, single = image_batch(images)
    permutation = torch.randperm(batch.shape[-2] * batch.shape[-1], generator=_generator(seed))
    shuffled = batch.flatten(2)[:, :, permutation.to(batch.device)].view(batch.shape)
    return shuffled[0] if single else shuffled


def random_pixels(images: Tensor, *, seed: int = 0) -> Tensor:
    """Random pixels: a different permutation of the positions for each image; only the colour histogram is left.

    Parameters, result and source are those of `shuffled_pixels`; images of different seeds share no permutation.

    Example
    -------
    >>> random_pixels(torch.rand(2, 3, 8, 8)).shape
    torch.Size([2, 3, 8, 8])
    """
    batch, single = image_batch(images)
    count, _, height, width = batch.shape
    permutation = (
        torch.rand(count, 1, height * width, generator=_generator(seed)).argsort(-1).to(batch.device)
    )
    shuffled = batch.flatten(2).gather(2, permutation.expand(-1, batch.shape[1], -1)).view(batch.shape)
    return shuffled[0] if single else shuffled


def gaussian_pixels(images: Tensor, *, seed: int = 0) -> Tensor:
    """Gaussian pixels: noise instead of the images, with the mean and the standard deviation of each colour over all of them.

    Values beyond [0, 1] are clipped. Nothing of an image is left, and yet all are different. Parameters, result and source are those
    of `shuffled_pixels`.

    Example
    -------
    >>> gaussian_pixels(torch.rand(2, 3, 8, 8)).shape
    torch.Size([2, 3, 8, 8])
    """
    batch, single = image_batch(images)
    deviation, mean = torch.std_mean(batch, dim=(0, 2, 3), keepdim=True, correction=0)
    noise = torch.randn(batch.shape, generator=_generator(seed)).to(batch)
    pixels = (mean + deviation * noise).clamp(0, 1)
    return pixels[0] if single else pixels


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(whole_number(seed, "seed"))
