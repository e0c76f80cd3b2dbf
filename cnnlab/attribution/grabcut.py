"""GrabCut seeded with a saliency map: from the map to the outline of the object, by colour.

Saliency is a scatter of dots on the object, not its outline. The colours of the image can fill in the rest. To score the outline,
use `intersection_over_union` of `cnnlab.attribution.localisation_metrics`.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from cnnlab._validation import fraction, image_batch, whole_number


def grabcut(
    image: Tensor,
    saliency: Tensor,
    *,
    foreground: float = 0.95,
    background: float = 0.5,
    blur: float = 3.0,
    iterations: int = 3,
    largest: bool = True,
    seed: int = 0,
) -> Tensor:
    """GrabCut segmentation, weakly supervised: the region of the salient pixels, found by colour.

    Pixels with a saliency above the `foreground` quantile are marked as object, those below the `background` quantile
    as background, and both stay so. A mixture of colours is fitted to each; the pixels between the quantiles are assigned to one or
    the other so that the cut has the lowest cost, which is where the colours change:

        cut = argmin over masks m of sum over pixels p of D(x_p, m_p) + sum over neighbours p, q of V(x_p, x_q) [m_p != m_q]

    Parameters
    ----------
    image
        3 x H x W in [0, 1], or N x 3 x H x W.
    saliency
        H x W (or N x H x W), larger is more salient, as from `saliency`; for signed maps take `channel_max` first.
    foreground, background
        Quantiles of the saliency in [0, 1].
    blur
        Standard deviation in pixels of a Gaussian over the saliency, which merges dots into regions; 0 leaves it unchanged.
    iterations
        After the first cut, how often the colours are fitted to the cut and the cut to the colours.
    largest
        Keep only the largest connected component, as Simonyan et al. do.
    seed
        Seed of the initial colour mixtures (it sets OpenCV's own random state).

    Returns
    -------
    Tensor
        Bool H x W (N x H x W), True on the segment, on the CPU. Empty if the map is constant: there are no seeds.

    Raises
    ------
    TypeError, ValueError
        If image and map do not fit together, the map is not finite, or an option is out of range.

    References
    ----------
    Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014, section 3.2, with
    quantiles 0.95 and 0.3, no blur and a single cut;
    Rother, Kolmogorov & Blake, "GrabCut", SIGGRAPH 2004. Lecture S, "Saliency Maps: Segmentation without supervision".

    Example
    -------
    >>> image = torch.zeros(3, 32, 32)
    >>> image[:, 8:24, 8:24] = 1
    >>> int(grabcut(image, saliency=image[0], blur=0).sum())
    256
    """
    batch, single = image_batch(image, "image")
    maps = saliency.detach().cpu().double().reshape(-1, *saliency.shape[-2:])
    if maps.shape != (len(batch), *batch.shape[2:]) or saliency.dim() != image.dim() - 1:
        raise ValueError(
            "saliency must have the axes of the picture without its channels, but came as"
            f" {tuple(saliency.shape)} for a picture {tuple(image.shape)}."
        )
    if not maps.isfinite().all():
        raise ValueError("saliency must be finite, but holds NaN or infinity.")
    if not fraction(background, "background") <= fraction(foreground, "foreground"):
        raise ValueError(
            f"the background quantile {background:g} must not exceed the foreground's {foreground:g}."
        )
    if not blur >= 0:
        raise ValueError(f"blur must be 0 or more, but got {blur!r}.")
    segments = torch.zeros(maps.shape, dtype=torch.bool)
    for number, (picture, saliency_map) in enumerate(zip(batch.detach().cpu(), maps, strict=True)):
        seeds = _seeds(saliency_map, foreground, background, blur)
        if cv2.GC_FGD in seeds:
            segments[number] = _cut(picture, seeds, whole_number(iterations, "iterations"), largest, seed)
    return segments[0] if single else segments


def _seeds(saliency: Tensor, foreground: float, background: float, blur: float) -> np.ndarray:
    """H x W seeds for GrabCut: surely object, surely background, and undecided."""
    values = saliency.numpy()
    if blur:
        values = cv2.GaussianBlur(values, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
    low, high = np.quantile(values, [background, foreground])
    seeds = np.full(values.shape, cv2.GC_PR_BGD, dtype=np.uint8)
    seeds[values <= low] = cv2.GC_BGD
    seeds[(values >= high) & (values > low)] = cv2.GC_FGD
    return seeds


def _cut(image: Tensor, seeds: np.ndarray, iterations: int, largest: bool, seed: int) -> Tensor:
    """H x W, bool: the segment found from the seeds, which are overwritten."""
    pixels = (image.permute(1, 2, 0).flip(2) * 255).round().byte().contiguous().numpy()  # H x W x BGR
    colours = np.zeros((1, 65)), np.zeros((1, 65))  # of background and object, in OpenCV's layout
    cv2.setRNGSeed(seed)
    # The colours come from the sure pixels alone, put side by side as an image of their own: OpenCV would take the undecided
    # ones for background, learn the object's colours as background colours, and never grow beyond the seeds.
    is_seed = seeds != cv2.GC_PR_BGD
    cv2.grabCut(pixels[is_seed][None], seeds[is_seed][None], None, *colours, 1, cv2.GC_INIT_WITH_MASK)
    cv2.grabCut(pixels, seeds, None, *colours, 1, cv2.GC_EVAL_FREEZE_MODEL)
    if iterations:
        cv2.grabCut(pixels, seeds, None, *colours, iterations, cv2.GC_EVAL)
    segment = (seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD)
    if largest:
        _, pieces, sizes, _ = cv2.connectedComponentsWithStats(segment.astype(np.uint8))
        segment = pieces == 1 + sizes[1:, cv2.CC_STAT_AREA].argmax()
    return torch.from_numpy(segment)
