"""Deletion and insertion: the score while pixels are removed, or added, in the order of a map.

The metrics of `cnnlab.attribution.localisation_metrics` measure whether a map lies on the object; these two measure whether it lies on
what the network uses, and need no mask. Both use images unlike any in training, which is their weakness.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.attribution.occluder import Fill, fill_image
from cnnlab.attribution.targets import Target, parse_target, resolve_target, target_scores
from cnnlab.networks.forward import as_pixels, without_gradients


@dataclass(frozen=True, eq=False)
class DeletionInsertion:
    """Result of `deletion_insertion`; without the axis N for a single image.

    Attributes
    ----------
    share
        S + 1 floats from 0 to 1: the share of the pixels that is removed, or added, at each step.
    deletion
        N x (S + 1) floats: probability of the class while the most relevant pixels are removed first.
    insertion
        N x (S + 1) floats: probability of the class while the most relevant pixels are added first.
    """

    share: Tensor
    deletion: Tensor
    insertion: Tensor

    @property
    def deletion_area(self) -> Tensor:
        """N: the area under the deletion curve, in [0, 1]; small if the map marks what the network needs."""
        return torch.trapezoid(self.deletion, self.share)

    @property
    def insertion_area(self) -> Tensor:
        """N: the area under the insertion curve, in [0, 1]; large if the map marks what suffices."""
        return torch.trapezoid(self.insertion, self.share)


def deletion_insertion(
    model: nn.Module,
    images: Tensor,
    relevance: Tensor,
    target: Target = None,
    *,
    steps: int = 50,
    deletion_fill: Fill = "grey",
    insertion_start: Fill = "blur",
    batch_size: int = 32,
    seed: int = 0,
    progress: bool = False,
) -> DeletionInsertion:
    """Deletion and insertion curves: the score as the map's strongest pixels are removed, or added first.

        deletion(k/S)  = p(class | x with its k/S most relevant pixels hidden)
        insertion(k/S) = p(class | blurred x with its k/S most relevant pixels put back)

    The area under either curve is one number for a map: low for deletion and high for insertion is good. A random map is the
    baseline; compare on the same images.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    relevance
        N x H x W (or H x W), larger is more relevant; NaN (not measured) comes last. Equal pixels are in random order.
    target
        Class index or name, None for the class predicted for the whole image; one for all, or a list with one for each.
    steps
        S; each step changes the same share of the pixels.
    deletion_fill, insertion_start
        The replacement of deleted pixels, and the image into which pixels are inserted; see `fill_image`.
    batch_size
        Images in one forward pass.
    seed
        Seed of noise as a fill, and of the order of equal pixels.
    progress
        Show a progress bar.

    Returns
    -------
    DeletionInsertion
        Both curves and the areas under them, on the CPU.

    Raises
    ------
    ValueError
        If the relevance does not fit the images, a number is below 1, or a class or fill is unknown.

    References
    ----------
    Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, section 4.3. A
    complement to the occlusion of lectures S, L and B.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5))
    >>> deletion_insertion(model, torch.rand(3, 8, 8), torch.rand(8, 8), target=2, steps=4).deletion.shape
    torch.Size([5])
    """
    batch, single = image_batch(images)
    if relevance.shape != (*images.shape[:-3], *images.shape[-2:]):
        raise ValueError(
            "relevance must have the axes of the pictures without their channels, but came as"
            f" {tuple(relevance.shape)} for {tuple(images.shape)}; channel_max gives one number for each pixel."
        )
    batch = as_pixels(model, batch)
    steps, batch_size = positive_int(steps, "steps"), positive_int(batch_size, "batch_size")
    score_target = resolve_target(
        model, batch, parse_target(len(batch), target, None, None, "probability"), batch_size
    )
    fills = [
        torch.stack([fill_image(image, fill, seed) for image in batch])
        for fill in (deletion_fill, insertion_start)
    ]
    ranks = _ranks(relevance.detach().cpu().reshape(len(batch), -1), seed).view(
        len(batch), 1, *batch.shape[2:]
    )
    ranks = ranks.to(batch.device)
    counts = (torch.arange(steps + 1) * ranks[0].numel() / steps).round().to(ranks)
    curves = torch.empty(2, len(batch) * (steps + 1), dtype=batch.dtype)
    pairs = torch.arange(curves.shape[1])
    with without_gradients(model):
        for chunk in tqdm(pairs.split(batch_size), desc="pixels moved", disable=not progress):
            index, step = chunk // (steps + 1), chunk % (steps + 1)
            changed = ranks[index] < counts[step].view(-1, 1, 1, 1)  # chunk x 1 x H x W
            deleted = torch.where(changed, fills[0][index], batch[index])
            inserted = torch.where(changed, batch[index], fills[1][index])
            for curve, pictures in zip(curves, (deleted, inserted), strict=True):
                curve[chunk] = target_scores(model, pictures, score_target.for_pictures(index.tolist()))[
                    0
                ].cpu()
    deletion, insertion = curves.view(2, len(batch), steps + 1)
    share = counts.cpu() / ranks[0].numel()
    if single:
        return DeletionInsertion(share, deletion[0], insertion[0])
    return DeletionInsertion(share, deletion, insertion)


def _ranks(relevance: Tensor, seed: int) -> Tensor:
    """N x HW: the rank of each pixel in the order of falling relevance, with equal pixels in random order."""
    # In row order, equal pixels would all be taken from the top left, and a map of blocks would become a map of rows.
    shuffled = torch.randperm(relevance.shape[1], generator=torch.Generator().manual_seed(seed))
    values = relevance.nan_to_num(nan=-torch.inf)[:, shuffled]
    order = shuffled[values.argsort(dim=1, descending=True, stable=True)]
    return torch.empty_like(order).scatter_(1, order, torch.arange(order.shape[1]).expand_as(order))
