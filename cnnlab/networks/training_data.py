"""Training data: images labelled by object, by scene, by the class of each pixel, or by handwritten digit.

`load_split` returns the pictures of a recipe, as anything with `images` (N x 3 x H x W bytes), `labels` and `class_names`.
Labels are N class indices, or N x H x W of them where each pixel has its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from cnnlab import world
from cnnlab._validation import one_of, positive_int
from cnnlab.networks import architectures, imagenet_architectures, segmentation_models
from cnnlab.networks.recipes import TrainingConfig
from cnnlab.world import Labelled
from cnnlab.world.names import NAMES, index_of

BACKGROUND = "background"
DIGIT_SIZE = 32


def load_split(config: TrainingConfig, split: str, progress: bool) -> Any:
    """The pictures and labels of a recipe: `split` is "train" or "validation"."""
    count = config.pictures if split == "train" else config.validation
    if config.task == "digits":
        return digits(split, count)
    task = "object" if config.task == "mask" else config.task
    pictures = world.dataset(
        split, task=task, n=count, seed=config.data_seed, progress=progress, **config.options
    )
    if config.task == "mask":
        return object_masks(pictures)
    if split == "train" and config.random_labels:
        return pictures.with_random_labels(config.random_labels, config.data_seed)
    return pictures


def object_masks(pictures: world.Dataset) -> Labelled:
    """Object masks: the pictures of a split for task "object" with the class of each pixel; class 0 is the background.

    All that is not an object of one of the split's classes is background: the scene, and small clutter. Masks are N x H x W bytes
    of what is visible, so a covered part of an object belongs to what covers it.
    """
    table = torch.zeros(len(NAMES["object"]), dtype=torch.uint8)
    for number, name in enumerate(pictures.class_names, start=1):
        table[index_of("object", name)] = number
    # In blocks: an index of 8 bytes for each pixel of all pictures at once would take 900 MB.
    masks = torch.cat([table[block.long()] for block in pictures.maps("object").split(500)])
    return Labelled(pictures.images, masks, (BACKGROUND, *pictures.class_names))


def digits(split: str, n: int | None = None) -> Labelled:
    """Handwritten digits of scikit-learn (Alpaydin & Kaynak, 1998), white on black, as images N x 3 x 32 x 32.

    Of each digit, every third is for "validation" (596 in all), the others are for "train" (1201): always the same ones. They are
    upsampled by bilinear interpolation. The digits are interleaved, so that the first `n` have the same mix as the whole split.
    """
    from sklearn.datasets import load_digits

    one_of(split, ("train", "validation"), "split")
    grey, labels = (torch.from_numpy(array) for array in load_digits(return_X_y=True))
    occurrence = torch.zeros_like(labels)  # the index of an image among those of its digit
    for digit in range(10):
        occurrence[labels == digit] = torch.arange(int((labels == digit).sum()))
    rows = (occurrence * 10 + labels).argsort()
    rows = rows[(occurrence[rows] % 3 == 2) == (split == "validation")]
    if n is not None:
        available = len(rows)
        if positive_int(n, "n (number of pictures)") > available:
            raise ValueError(f"there are {available} digits for {split}, but n is {n}.")
        rows = rows[:n]
    small = (grey[rows].view(-1, 1, 8, 8) / 16).float()  # 17 shades, 0 to 16
    large = F.interpolate(small, size=DIGIT_SIZE, mode="bilinear", align_corners=False)
    images = large.mul(255).round().byte().expand(-1, 3, -1, -1)
    return Labelled(images.contiguous(memory_format=torch.channels_last), labels[rows], tuple("0123456789"))


def architecture_class(name: str) -> type[torch.nn.Module]:
    """The class of this name, among those for pictures, those for pixels and digits, and those with a trunk from ImageNet."""
    rooms = (architectures, segmentation_models, imagenet_architectures)
    return next(getattr(room, name) for room in rooms if hasattr(room, name))
