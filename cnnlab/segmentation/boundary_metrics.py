"""Boundary metrics: mean IoU of a segmentation near the true edges, and at all other pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import positive_int
from cnnlab.networks.data_loading import IGNORE_INDEX
from cnnlab.networks.eval_mode import eval_mode
from cnnlab.networks.evaluation import confusion_matrix
from cnnlab.segmentation.mean_iou import MeanIoU, iou_from_confusion
from cnnlab.segmentation.predict import pixel_logits


@dataclass(frozen=True, eq=False)
class SegmentationScore:
    """Result of `segmentation_score`: mean IoU over all pixels, over those near a true edge, and over all others."""

    overall: MeanIoU
    near_boundary: MeanIoU
    interior: MeanIoU


def boundary_band(masks: Tensor, width: int = 2) -> Tensor:
    """Boundary band (trimap): True at each pixel near an edge, where a square of 2 width + 1 pixels a side has more than one class.

    The band around the true edges shows what the mean over all pixels hides, since few pixels lie at edges (Kohli,
    Ladicky & Torr, 2009, section 5). Masks N x H x W or H x W; the band has the same axes. Ignored pixels count as a class.
    """
    side = 2 * positive_int(width, "width") + 1
    flat = masks.to(torch.float32).reshape(-1, 1, *masks.shape[-2:])
    highest = F.max_pool2d(flat, side, 1, width)
    lowest = -F.max_pool2d(-flat, side, 1, width)
    return (highest != lowest).view(masks.shape)


def segmentation_score(
    model: nn.Module,
    images: Tensor,
    masks: Tensor,
    *,
    width: int = 2,
    batch_size: int = 32,
    progress: bool = False,
) -> SegmentationScore:
    """Segmentation score: mean IoU of a network over all pixels, near the edges, and away from them.

    Skip connections carry what the bottleneck loses, the exact position of edges: with and without them, `near_boundary` differs most.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C x H x W logits; runs in eval mode and is left unchanged.
    images
        N x 3 x H x W: floats in [0, 1], or the bytes of a data set. Only one batch at a time is converted to floats.
    masks
        N x H x W true class indices; below 0 to ignore a pixel.
    width
        Largest distance in pixels that counts as near an edge (`boundary_band`).

    Returns
    -------
    SegmentationScore

    References
    ----------
    Ronneberger, Fischer & Brox (2015); lecture K, "U-Net"; the band: Kohli, Ladicky & Torr (2009).
    """
    if len(images) != len(masks) or images.shape[-2:] != masks.shape[-2:]:
        raise ValueError(
            f"images and masks must fit, but came as {tuple(images.shape)} and {tuple(masks.shape)}."
        )
    near: Tensor | int = 0
    far: Tensor | int = 0
    starts = range(0, len(images), positive_int(batch_size, "batch_size"))
    with eval_mode(model), torch.inference_mode():
        for start in tqdm(starts, desc="batches", disable=not progress or None):
            rows = slice(start, start + batch_size)
            truth, floats = masks[rows].long(), images[rows]
            logits = pixel_logits(model, floats if floats.is_floating_point() else floats.float() / 255)
            predictions, classes = logits.argmax(1).cpu(), logits.shape[1]
            if int(truth.max()) >= classes:
                raise ValueError(
                    f"the masks hold class {int(truth.max())}, but the network has {classes} classes."
                )
            band = boundary_band(truth, width)
            near = near + confusion_matrix(truth.where(band, IGNORE_INDEX), predictions, classes)
            far = far + confusion_matrix(truth.where(~band, IGNORE_INDEX), predictions, classes)
    return SegmentationScore(*(iou_from_confusion(table.clone()) for table in (near + far, near, far)))
