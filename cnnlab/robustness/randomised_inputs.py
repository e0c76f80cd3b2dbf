"""Pictures from which nothing can be learnt but themselves: their pixels shuffled, shuffled anew in each, or drawn by chance.

With random labels (`cnnlab.world.Dataset.with_random_labels`) these are the inputs of Zhang et al. (2017). A network that fits them
shows how much it can store, not what it has understood.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab._validation import image_batch, whole_number


def shuffled_pixels(images: Tensor, *, seed: int = 0) -> Tensor:
    """One permutation of the places, the same for all pictures: what is at a place still means something, its neighbours do not.

    Parameters
    ----------
    images
        N x 3 x H x W in [0, 1], or one picture 3 x H x W. A pixel's three colours stay together.
    seed
        Another seed is another permutation. Training and test pictures need the same one.

    Returns
    -------
    Tensor
        Of the same shape, with the same pixels at other places.

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
    """Another permutation of the places for each picture: only how much there is of each colour is left.

    Parameters, result and source are those of `shuffled_pixels`; pictures of different seeds share no permutation.

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
    """Noise in place of the pictures: each value normal, with the mean and the deviation that its colour has in all of them.

    Values beyond [0, 1] are clipped. Nothing of a picture is left, and yet each is unlike every other. Parameters, result and
    source are those of `shuffled_pixels`.

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
