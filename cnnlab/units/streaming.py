"""Pictures in batches, from a tensor or a data set, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab.inputs import image_batch, positive_int
from cnnlab.networks.batches import plain_batches
from cnnlab.networks.layers import activations
from cnnlab.units.filters import convolution_names


def picture_batches(pictures: Any, batch_size: int) -> Iterator[Tensor]:
    """All pictures in their order, as floats N x 3 x H x W in [0, 1].

    `pictures` is a tensor of pictures, a data set of the world, or anything with a length that gives
    (picture, label) for an index.
    """
    batch_size = positive_int(batch_size, "batch_size")
    if isinstance(pictures, Tensor):
        yield from image_batch(pictures)[0].split(batch_size)
    elif isinstance(getattr(pictures, "images", None), Tensor):
        yield from (images for images, _ in plain_batches(pictures, batch_size))
    else:
        for start in range(0, picture_count(pictures), batch_size):
            stop = min(start + batch_size, len(pictures))
            yield torch.stack([pictures[index][0] for index in range(start, stop)])


def picture_count(pictures: Any) -> int:
    """How many pictures there are.

    Raises
    ------
    TypeError
        If `pictures` is neither a tensor nor a data set.
    ValueError
        If there is none.
    """
    if not hasattr(pictures, "__len__") or not hasattr(pictures, "__getitem__"):
        raise TypeError(
            "pictures must be a tensor N x 3 x H x W in [0, 1] or a data set such as cnnlab.world.dataset(...),"
            f" but got {type(pictures).__name__}."
        )
    count = 1 if isinstance(pictures, Tensor) and pictures.dim() == 3 else len(pictures)
    if count == 0:
        raise ValueError("there are no pictures to look at.")
    return count


def streamed(
    model: nn.Module, pictures: Any, layers: Sequence[str], batch_size: int, progress: bool, what: str
) -> Iterator[tuple[slice, Tensor, dict[str, Tensor]]]:
    """For each batch: which pictures it holds, the pictures, and what the layers answer to them.

    Between two batches the model is in the state in which it was found.
    """
    start = 0
    with tqdm(total=picture_count(pictures), desc=what, disable=not progress or None) as bar:
        for images in picture_batches(pictures, batch_size):
            rows = slice(start, start + len(images))
            yield rows, images, activations(model, images, layers, batch_size=len(images))
            start = rows.stop
            bar.update(len(images))


def asked_layers(model: nn.Module, layers: str | Sequence[str] | None) -> list[str]:
    """The names that `layers` means: one, several, or None for all convolutional layers."""
    if layers is None:
        return convolution_names(model)
    names = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
    if not names:
        raise ValueError("layers is empty; give at least one name of layer_names(model).")
    return names
