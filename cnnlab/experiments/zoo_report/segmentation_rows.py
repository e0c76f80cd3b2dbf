"""Segmentation rows of the report: overlap of masks, and the effect of skip connections at boundaries."""

from __future__ import annotations

from cnnlab import segmentation
from cnnlab.experiments.zoo_report.rows import ReportRow, network, pictures
from cnnlab.networks.training_data import object_masks

PICTURES = 500


def masks() -> ReportRow:
    """Mean intersection over union on the validation split: of all pixels, and of those within 2 pixels of a true boundary."""
    data, values = object_masks(pictures(PICTURES)), {}
    for name in ("unet", "unet_without_skips", "fcn"):
        result = segmentation.segmentation_score(network(name), data.images, data.labels)
        values |= {name: result.overall.mean, f"{name}, at edges": result.near_boundary.mean}
    skips_help = values["unet, at edges"] > values["unet_without_skips, at edges"]
    criterion = "unet at least 0.85, and at edges above its twin without skips"
    return ReportRow("mean IoU on object masks", criterion, values, values["unet"] >= 0.85 and skips_help)
