"""Networks that answer at every pixel: how well do masks overlap, and what do skips do for the edges?"""

from __future__ import annotations

from cnnlab import segmentation
from cnnlab.judging.rows import Row, network, pictures
from cnnlab.networks.tasks import object_masks

PICTURES = 500


def masks() -> Row:
    """Mean intersection over union on the validation split: of all pixels, and of those within 2 pixels of a true edge."""
    data, found = object_masks(pictures(PICTURES)), {}
    for name in ("unet", "unet_without_skips", "fcn"):
        result = segmentation.score(network(name), data.images, data.labels)
        found |= {name: result.everywhere.mean, f"{name}, at edges": result.at_edges.mean}
    helps = found["unet, at edges"] > found["unet_without_skips, at edges"]
    bar = "unet at least 0.85, and at edges above its twin without skips"
    return Row("mean IoU on object masks", bar, found, found["unet"] >= 0.85 and helps)
