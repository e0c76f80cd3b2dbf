"""How good is a segmentation? Intersection over union, class by class."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cnnlab._validation import positive_int
from cnnlab.networks.evaluation import confusion_matrix, intersection_over_union


@dataclass(frozen=True, eq=False)
class MeanIoU:
    """Outcome of `mean_iou` for C classes.

    Attributes
    ----------
    mean
        Mean of `per_class` over the classes that occur.
    per_class
        C shares; NaN for a class that occurs neither in the truth nor in the answers.
    pixel_accuracy
        Share of the pixels that are right. Most pixels are background, so this is high for a network that sees nothing.
    confusion
        C x C numbers of pixels: the row is the true class, the column the answer.
    """

    mean: float
    per_class: Tensor
    pixel_accuracy: float
    confusion: Tensor


def mean_iou(predictions: Tensor, masks: Tensor, classes: int | None = None) -> MeanIoU:
    """How well do answers and true masks overlap, class by class?

        IoU_c = |answered c and truly c| / |answered c or truly c|

    Pixels of all pictures are counted together, as in the PASCAL VOC challenge: an IoU for each picture, averaged, would be another
    number, in which small objects weigh as much as large ones.

    Parameters
    ----------
    predictions, masks
        N x H x W (or H x W) class indices: what the network says, and the truth. Pixels whose true index is below 0 are left out.
    classes
        How many classes there are; the largest index tells unless said.

    Returns
    -------
    MeanIoU

    Raises
    ------
    ValueError
        If the shapes differ, an index is too large, or no pixel is left.

    References
    ----------
    Everingham et al. (2010), section 4.1.2; Long, Shelhamer & Darrell (2015), section 5; curriculum row 19.

    Example
    -------
    >>> truth = torch.tensor([[0, 0, 1], [0, 1, 1]])
    >>> mean_iou(torch.tensor([[0, 0, 1], [0, 0, 1]]), truth).per_class
    tensor([0.7500, 0.6667], dtype=torch.float64)
    """
    if predictions.shape != masks.shape:
        raise ValueError(
            f"answers and masks must have the same axes, but came as {tuple(predictions.shape)} and {tuple(masks.shape)}."
        )
    predictions, masks = predictions.long(), masks.long()
    max_classes = max(int(predictions.max()), int(masks.max())) + 1 if masks.numel() else 1
    classes = max_classes if classes is None else positive_int(classes, "classes")
    if max_classes > classes:
        raise ValueError(
            f"there are {classes} classes, but index {max_classes - 1} came; they run from 0 to {classes - 1}."
        )
    return iou_from_confusion(confusion_matrix(masks, predictions, classes))


def iou_from_confusion(confusion: Tensor) -> MeanIoU:
    """The measure from C x C numbers of pixels, row the truth, column the answer; such tables of several batches add up."""
    if not confusion.any():
        raise ValueError("no pixel is left to be judged.")
    shares = intersection_over_union(confusion)
    accuracy = confusion.diagonal().sum() / confusion.sum()
    return MeanIoU(shares.nanmean().item(), shares, accuracy.item(), confusion)
