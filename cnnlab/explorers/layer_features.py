"""Features of a set of pictures in many layers at once, and metadata of the pictures; without any widget.

One forward pass gives the features of all layers on offer, so a change of layer costs none. For one layer:
`cnnlab.features.extract_features`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from cnnlab.explorers.activation_store import Floats, ImageSet, pictures_in_a_step
from cnnlab.explorers.choices import network_layers
from cnnlab.explorers.picture_sets import of_photographs
from cnnlab.explorers.snippet import snippet
from cnnlab.features import PIXELS, pool_maps
from cnnlab.networks import activations
from cnnlab.world import NAMES
from cnnlab.world.photo_set import PatchDataset
from cnnlab.world.renderer import colour_names

_STEP = 10
"""Pictures of 96 x 96 in one step."""
_SKIPPED_TYPES = ("Conv2d", "BatchNorm2d")


def layers_with_features(model: nn.Module, side: int) -> list[str]:
    """The pixels, and the layers with at most as many activations as the input: ReLU, pooling, residual sums, linear layers."""
    layers = [layer for layer in network_layers(model, side) if layer.type not in _SKIPPED_TYPES]
    return [PIXELS, *(layer.name for layer in layers if layer.numbers <= 3 * side * side)]


def steps_of(images: Tensor | Floats) -> int:
    """The number of steps of `collect_features` for these pictures N x 3 x H x W."""
    return -(-len(images) // pictures_in_a_step(max(images.shape[2:]), _STEP))


def layer_features(
    model: nn.Module, images: Tensor, layers: Sequence[str], pool: str | None = None
) -> dict[str, Tensor]:
    """The features N x D of each layer (or the pixels), for images in [0, 1] or in bytes; `pool` as `cnnlab.features.pool_maps`."""
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    requested = [layer for layer in layers if layer != PIXELS]
    outputs = activations(model, images, requested, batch_size=len(images)) if requested else {}
    vectors = {layer: pool_maps(maps, pool).cpu().clone() for layer, maps in outputs.items()}
    return {layer: images.flatten(1) if layer == PIXELS else vectors[layer] for layer in layers}


def collect_features(
    model: nn.Module, images: Tensor | Floats, layers: Sequence[str], pool: str | None = None
) -> Iterator[dict[str, Tensor]]:
    """The features of all pictures N x 3 x H x W, in short steps: empty until the last step, which gives N x D for each layer."""
    parts: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    step = pictures_in_a_step(max(images.shape[2:]), _STEP)
    for start in range(0, len(images), step):
        for layer, vectors in layer_features(model, images[start : start + step], list(parts), pool).items():
            parts[layer].append(vectors)
        done = start + step >= len(images)
        yield {layer: torch.cat(vectors) for layer, vectors in parts.items()} if done else {}


def image_metadata(pictures: ImageSet) -> dict[str, list[str]]:
    """The metadata of each picture, by name: its class; of rendered ones also the scene and the main colour of the background."""
    metadata = {"class": [pictures.class_names[i] for i in pictures.labels.tolist()]}
    source, count = pictures.source, len(pictures)
    if hasattr(source, "recipes") and hasattr(source, "masks"):
        metadata["scene"] = [source.recipes[i].scene for i in range(count)]
        metadata["background"] = []
        for image, mask in zip(pictures.images, source.masks()[:count], strict=True):
            named = torch.from_numpy(colour_names(image.permute(1, 2, 0).numpy()))
            metadata["background"].append(NAMES["colour"][int(named[~mask].long().mode().values)])
    if isinstance(source, PatchDataset):
        metadata["scale"] = scales(source)[:count]
    return metadata


def scales(patches: PatchDataset) -> list[str]:
    """The scale of each patch, relative to the largest patch of its photograph."""
    photograph, side = patches.boxes[:, 0], patches.boxes[:, 3].double()
    largest = torch.zeros(len(patches.photographs), dtype=side.dtype).scatter_reduce(
        0, photograph, side, "amax"
    )
    parts = (largest[photograph] / side).round().int().tolist()
    return ["whole" if part == 1 else f"1/{part}" for part in parts]


def captions(pictures: ImageSet, known: dict[str, list[str]]) -> list[str]:
    """A caption for each picture: its metadata, and for a photograph its name."""
    lines = []
    for index, one in enumerate(zip(*known.values(), strict=True)):
        told = ", ".join(f"{what}: {which}" for what, which in zip(known, one, strict=True))
        lines.append(f"{pictures.describe(index)} ({told})" if of_photographs(pictures) else told)
    return lines


def nearest_neighbours_code(
    opening: str, query: str | int, layer: str, k: int, pictures: Sequence[str]
) -> str:
    """The lines of code that find neighbours without the explorer.

    `query` is the code for `image`, or the index of a picture of the set; `pictures` are the lines that load the set.
    """
    lines = [opening, *pictures, f'collection = features.extract_features(model, pictures, "{layer}")']
    if isinstance(query, str):
        lines += [query, f'query = features.extract_features(model, image, "{layer}")']
    else:
        lines += [f"query = {query}  # a picture of the collection"]
    return snippet(
        *lines, f"neighbours = features.neighbours(collection, query, k={k})", "print(neighbours.index)"
    )
