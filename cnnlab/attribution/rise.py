"""RISE: cover the picture at random, many times, and average the covers by the score that they leave.

Like occlusion (`cnnlab.attribution.occlusion`) it takes the network as a black box; its covers are soft, random and many at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import fraction, image_batch, positive_int
from cnnlab.attribution.targets import Target, parse_target, resolve_target, target_scores
from cnnlab.networks.forward import as_pixels, without_gradients


def rise(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    masks: int = 1000,
    cells: int = 7,
    keep: float = 0.5,
    batch_size: int = 32,
    seed: int = 0,
    progress: bool = False,
) -> Tensor:
    """RISE: for each pixel the mean probability of the class over random masks, of those that show the pixel.

        S(pixel) = 1 / (keep * M) * sum over m of p(class | x * mask_m) * mask_m(pixel)

    A mask is a grid of cells x cells zeros and ones, enlarged bilinearly to a little more than the picture and cropped at random.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    target
        Class index or name, None for the class predicted for the whole image; one for all, or a list with one for each.
    masks
        M; the same masks for all images. The authors take 4000 for VGG and 8000 for ResNet.
    cells, keep
        Cells along a side of the grid, and the probability that one is open.
    batch_size
        Images in one forward pass.
    seed
        Seed of the masks.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        N x H x W floats in [0, 1] or a little above; without N for a single image.

    Raises
    ------
    ValueError, TypeError
        If the images leave [0, 1], the class is not known, or a number is out of range.

    References
    ----------
    Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, section 3.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 5))
    >>> rise(model, torch.rand(3, 16, 16), target=2, masks=8).shape
    torch.Size([16, 16])
    """
    batch, single = image_batch(images)
    batch, batch_size = as_pixels(model, batch), positive_int(batch_size, "batch_size")
    score_target = parse_target(len(batch), target, None, None, "probability")
    score_target = resolve_target(model, batch, score_target, batch_size)
    masks, cells = positive_int(masks, "masks"), positive_int(cells, "cells")
    if not fraction(keep, "keep"):
        raise ValueError("keep is 0, so every mask is closed and no pixel is ever shown; 0.5 is usual.")
    generator = torch.Generator().manual_seed(seed)
    grids = torch.rand(masks, 1, cells, cells, generator=generator) < keep
    steps = [-(-side // cells) for side in batch.shape[2:]]
    shifts = torch.stack([torch.randint(step, (masks,), generator=generator) for step in steps], 1)
    total = torch.zeros(len(batch), *batch.shape[2:], dtype=batch.dtype, device=batch.device)
    with without_gradients(model):
        for chunk in tqdm(torch.arange(masks).split(batch_size), desc="masks", disable=not progress):
            covers = _covers(grids[chunk].float(), steps, shifts[chunk], batch.shape[2:]).to(batch)
            for n, image in enumerate(batch):
                shown = score_target.for_pictures([n] * len(chunk))
                scores = target_scores(model, image * covers[:, None], shown)[0]
                total[n] += torch.einsum("m,mhw->hw", scores, covers)
    total = total.clone() / (keep * masks)
    return total[0] if single else total


def _covers(grids: Tensor, steps: list[int], shifts: Tensor, sides: Sequence[int]) -> Tensor:
    """M x H x W floats in [0, 1]: the grids enlarged by one cell more than the picture, and cropped."""
    enlarged = [step * (grids.shape[2] + 1) for step in steps]
    large = F.interpolate(grids, enlarged, mode="bilinear", align_corners=False)[:, 0]
    corners = zip(large, shifts.tolist(), strict=True)
    return torch.stack([mask[top : top + sides[0], left : left + sides[1]] for mask, (top, left) in corners])
