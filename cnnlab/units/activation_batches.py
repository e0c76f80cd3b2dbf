"""Activations of layers for many images, batch by batch, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab.networks.activations import activations
from cnnlab.networks.data_loading import picture_batches, picture_count
from cnnlab.units.filters import convolution_names


def activation_batches(
    model: nn.Module,
    pictures: Any,
    layers: Sequence[str],
    batch_size: int | None,
    progress: bool,
    description: str,
) -> Iterator[tuple[slice, Tensor, dict[str, Tensor]]]:
    """For each batch: the slice of images it holds, the images, and the activations of the layers.

    Between two batches the model is in its original state.
    """
    start = 0
    with tqdm(total=picture_count(pictures), desc=description, disable=not progress or None) as bar:
        for images in picture_batches(pictures, batch_size):
            rows = slice(start, start + len(images))
            yield rows, images, activations(model, images, layers, batch_size=len(images))
            start = rows.stop
            bar.update(len(images))


def parse_layers(model: nn.Module, layers: str | Sequence[str] | None) -> list[str]:
    """The names selected by `layers`: one, several, or None for all convolutional layers."""
    if layers is None:
        return convolution_names(model)
    names = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
    if not names:
        raise ValueError("layers is empty; give at least one name of layer_names(model).")
    return names
