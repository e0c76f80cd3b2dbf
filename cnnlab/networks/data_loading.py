"""Batches of images: shuffled and augmented for training (flip, shift, erasing, noise), unchanged for evaluation.

There is one label for each image or for each pixel (`cnnlab.networks.training_data`); pixel labels are flipped and shifted with their
image. All randomness comes from the given generator, so the same generator gives the same batches. Evaluation takes the images
unchanged (`plain_batches`), techniques a tensor or any data set (`picture_batches`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from cnnlab._validation import image_batch
from cnnlab.networks.forward import pictures_at_once
from cnnlab.networks.recipes import TrainingConfig
from cnnlab.world import Photographs

IGNORE_INDEX = -100
"""The label of a pixel that does not enter the loss; torch's cross entropy leaves it out."""


def plain_batches(
    dataset: Any, batch_size: int | None = None, device: torch.device | str = "cpu"
) -> Iterator[tuple[Tensor, Tensor]]:
    """All images in their order: floats N x 3 x H x W in [0, 1], and their labels; for batches of None see `pictures_at_once`."""
    batch_size = pictures_at_once(dataset.images.shape, batch_size)
    for start in range(0, len(dataset), batch_size):
        rows = slice(start, start + batch_size)
        images = dataset.images[rows].to(device, memory_format=torch.channels_last).float().div_(255)
        yield images, dataset.labels[rows].to(device).long()


def training_batches(
    dataset: Any, config: TrainingConfig, generator: torch.Generator, device: torch.device | str = "cpu"
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of training batches in random order; the last, incomplete batch is left out (a different one in each epoch)."""
    order = torch.randperm(len(dataset), generator=generator)
    size = min(config.batch_size, len(dataset))
    for start in range(0, len(order) - size + 1, size):
        rows = order[start : start + size]
        state = generator.get_state()
        images = augment(dataset.images, rows, config, generator).float().div_(255)
        if dataset.labels.dim() == 1:
            labels = dataset.labels[rows]
        else:
            mask_generator = (
                torch.Generator()
            )  # the same random state again: the masks get the same flips and shifts as the images
            mask_generator.set_state(state)
            labels = augment(dataset.labels[:, None], rows, config, mask_generator)[:, 0].long()
        if config.erase:
            random_erasing(images, config.erase, generator, labels)
        if config.noise:
            add_noise(images, config.noise, generator)
        yield images.to(device), labels.to(device)


def augment(images: Tensor, rows: Tensor, config: TrainingConfig, generator: torch.Generator) -> Tensor:
    """Random flip and shift of the images (or masks) `rows` of the bytes N x channels x H x W, different for each image.

    Flip and shift only change which pixel is read, so the rows are selected, flipped and shifted in one copy. The border is
    padded by reflection.
    """
    count, (height, width) = len(rows), images.shape[-2:]
    y = torch.arange(height) + random_shift(count, config.shift, generator)  # count x H
    x = torch.arange(width) + random_shift(count, config.shift, generator)  # count x W
    if config.flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        x = torch.where(mirrored, width - 1 - x, x)
    y, x = reflect(y, height), reflect(x, width)
    pixels = images.permute(0, 2, 3, 1)  # channels last, the order of the stored bytes
    return pixels[rows[:, None, None], y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)


def random_shift(count: int, max_shift: int, generator: torch.Generator) -> Tensor:
    return torch.randint(-max_shift, max_shift + 1, (count, 1), generator=generator)


def reflect(position: Tensor, size: int) -> Tensor:
    """Reflect positions outside 0 ... size - 1 at the border: -1 becomes 1, size becomes size - 2."""
    return (size - 1) - ((size - 1) - position.abs()).abs()


def add_noise(images: Tensor, max_std: float, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise in place, with a standard deviation between 0 and `max_std` for each image, and clip to [0, 1]."""
    strength = torch.rand(len(images), 1, 1, 1, generator=generator) * max_std
    count, channels, height, width = images.shape
    # Channels last, like the images; sampled in memory order, which is eight times as fast as any other.
    noise = torch.randn(count, height, width, channels, generator=generator).permute(0, 3, 1, 2)
    return images.addcmul_(noise, strength).clamp_(0, 1)


def random_erasing(
    images: Tensor, probability: float, generator: torch.Generator, labels: Tensor | None = None
) -> Tensor:
    """Random erasing: put a square of one colour on a share of the images, in place, a seventh to two sevenths of the image wide.

    Every other square is grey. The centre lies anywhere in the image, so at the border part of the square is cut off.

    Labels N x H x W, if given, become `IGNORE_INDEX` under the square, where the class is not visible: the label of the object
    would train the network to guess hidden parts, and the label of the background to cut holes into plain objects.
    """
    height, width = images.shape[-2:]
    selected = (torch.rand(len(images), generator=generator) < probability).nonzero()[:, 0].tolist()
    for index in selected:
        colour = torch.rand(3, 1, 1, generator=generator)
        grey, side, y, x = torch.rand(4, generator=generator).tolist()
        half = round((1 + side) / 14 * min(height, width))
        top, left = round(y * height) - half, round(x * width) - half
        rows, columns = (
            slice(max(top, 0), max(top + 2 * half, 0)),
            slice(max(left, 0), max(left + 2 * half, 0)),
        )
        images[index, :, rows, columns] = 0.5 if grey < 0.5 else colour
        if labels is not None and labels.dim() == 3:
            labels[index, rows, columns] = IGNORE_INDEX
    return images


def picture_batches(pictures: Any, batch_size: int | None = None) -> Iterator[Tensor]:
    """All images in their order, as floats N x 3 x H x W in [0, 1], `batch_size` at a time (for None see `pictures_at_once`).

    `pictures` is a tensor of images, a data set of the world, or anything with a length that yields a picture, or (picture, label), for an
    index, such as a list.
    """
    if isinstance(pictures, Tensor):
        images, _ = image_batch(pictures)
        yield from images.split(pictures_at_once(images.shape, batch_size))
    elif isinstance(getattr(pictures, "images", None), Tensor):
        yield from (images for images, _ in plain_batches(pictures, batch_size))
    else:
        count = picture_count(pictures)
        batch_size = pictures_at_once(picture_at(pictures, 0).shape, batch_size)
        for start in range(0, count, batch_size):
            stop = min(start + batch_size, count)
            yield torch.stack([picture_at(pictures, index) for index in range(start, stop)])


def picture_at(pictures: Any, index: int) -> Tensor:
    """One picture, 3 x H x W in [0, 1], of what `picture_batches` takes.

    Raises
    ------
    TypeError
        If the entry is neither a picture nor (picture, label).
    """
    if isinstance(pictures, Tensor):
        return image_batch(pictures if pictures.dim() == 3 else pictures[index])[0][0]
    entry = pictures[index]
    picture = entry[0] if isinstance(entry, tuple | list) and len(entry) else entry
    if not isinstance(picture, Tensor) or picture.dim() != 3 or picture.shape[0] != 3:
        found = tuple(picture.shape) if isinstance(picture, Tensor) else type(picture).__name__
        raise TypeError(
            f"entry {index} of the pictures must be a tensor 3 x H x W, or (picture, label), but is {found}."
        )
    return picture


def picture_count(pictures: Any) -> int:
    """Number of pictures.

    Raises
    ------
    TypeError
        If `pictures` is neither a tensor nor a data set.
    ValueError
        If there is none.
    """
    if isinstance(pictures, Photographs):
        raise TypeError("photographs have no size yet: give their data set, `photographs.dataset(224)`.")
    if not hasattr(pictures, "__len__") or not (
        hasattr(pictures, "__getitem__") or isinstance(getattr(pictures, "images", None), Tensor)
    ):
        raise TypeError(
            "pictures must be a tensor N x 3 x H x W in [0, 1] or a data set such as cnnlab.world.dataset(...),"
            f" but got {type(pictures).__name__}."
        )
    count = 1 if isinstance(pictures, Tensor) and pictures.dim() == 3 else len(pictures)
    if count == 0:
        raise ValueError("there are no pictures to look at.")
    return count


def to_float_images(images: Tensor) -> Tensor:
    """Images as floats in [0, 1]: bytes are divided by 255, floats are left as they are."""
    return images if images.is_floating_point() else images.float() / 255
