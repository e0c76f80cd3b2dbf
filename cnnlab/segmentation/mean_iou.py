"""Mean IoU: intersection over union, class by class, the standard measure of a segmentation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cnnlab._validation import positive_int
from cnnlab.networks.evaluation import confusion_matrix, intersection_over_union


@dataclass(frozen=True, eq=False)
class MeanIoU:
    """Result of `mean_iou` for C classes.

    Attributes
    ----------
    mean
        Mean of `per_class` over the classes that occur.
    per_class
        C shares; NaN for a class that occurs neither in the truth nor in the predictions.
    pixel_accuracy
        Share of correct pixels. Most pixels are background, so this is high even for a network that predicts only background.
    confusion
        C x C numbers of pixels: the row is the true class, the column the predicted one.
    """

    mean: float
    per_class: Tensor
    pixel_accuracy: float
    confusion: Tensor


def mean_iou(predictions: Tensor, masks: Tensor, classes: int | None = None) -> MeanIoU:
    """Mean IoU: the intersection over union of predictions and true masks, class by class.

        IoU_c = |predicted c and truly c| / |predicted c or truly c|

    Pixels of all images are counted together, as in the PASCAL VOC challenge: the mean of one IoU for each image would be another
    number, in which small objects weigh as much as large ones.

    Parameters
    ----------
    predictions, masks
        N x H x W (or H x W) class indices: the prediction, and the truth. Pixels whose true index is below 0 are left out.
    classes
        Number of classes; by default from the largest index.

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
    """Mean IoU from C x C numbers of pixels, row the truth, column the prediction; such tables of several batches add up."""
    if not confusion.any():
        raise ValueError("no pixel is left to be judged.")
    shares = intersection_over_union(confusion)
    accuracy = confusion.diagonal().sum() / confusion.sum()
    return MeanIoU(shares.nanmean().item(), shares, accuracy.item(), confusion)
