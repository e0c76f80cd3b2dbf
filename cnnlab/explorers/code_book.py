"""The codes of a collection of pictures in many layers at once, and facts by which its pictures can be told apart; without any widget.

One pass gives the vectors of all layers that are offered; so a change of layer costs no forward pass. The same for one layer:
`cnnlab.codes.features`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from cnnlab.codes import PIXELS
from cnnlab.explorers.collection import Collection
from cnnlab.networks import activations, summary
from cnnlab.world import NAMES
from cnnlab.world.painter import colour_names

_STEP = 10
_LEFT_OUT = ("Dropout", "Flatten", "Normalise", "Identity", "Conv2d", "BatchNorm2d")


def layers_with_codes(model: nn.Module, side: int) -> list[str]:
    """The pixels, and the layers whose code is no longer than the picture has numbers: behind ReLU, pooling, sums, and linear ones."""
    most = 3 * side * side
    names = [PIXELS]
    for row in summary(model, side).rows:
        numbers = torch.tensor(row.output_shape).prod().item()
        if len(row.output_shape) in (1, 3) and row.type not in _LEFT_OUT and numbers <= most:
            names.append(row.name)
    return names


def codes_of(model: nn.Module, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """N x D for each layer (or the pixels), every number of its maps kept."""
    asked = [layer for layer in layers if layer != PIXELS]
    found = activations(model, images, asked, batch_size=len(images)) if asked else {}
    codes = {layer: maps.flatten(1).cpu() for layer, maps in found.items()}
    return {layer: images.flatten(1) if layer == PIXELS else codes[layer] for layer in layers}


def collected_codes(model: nn.Module, images: Tensor, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """The codes of all pictures, in short steps: nothing until the last step, which gives N x D for each layer."""
    parts: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    chunks = images.split(_STEP)
    for number, chunk in enumerate(chunks, start=1):
        for layer, codes in codes_of(model, chunk, layers).items():
            parts[layer].append(codes)
        yield {layer: torch.cat(codes) for layer, codes in parts.items()} if number == len(chunks) else {}


def facts(pictures: Collection) -> dict[str, list[str]]:
    """What is known of each picture, by name: its class; of rendered ones also the scene and the main colour of the background."""
    known = {"class": [pictures.class_names[i] for i in pictures.labels.tolist()]}
    source, count = pictures.source, len(pictures)
    if hasattr(source, "recipes") and hasattr(source, "masks"):
        known["scene"] = [source.recipes[i].scene for i in range(count)]
        known["background"] = []
        for image, mask in zip(pictures.images, source.masks()[:count], strict=True):
            named = torch.from_numpy(colour_names(image.permute(1, 2, 0).numpy()))
            known["background"].append(NAMES["colour"][int(named[~mask].long().mode().values)])
    return known


def neighbours_code(opening: str, asks: str | int, layer: str, k: int, count: int) -> str:
    """The lines that find neighbours without the explorer; `asks` makes `image`, or is the number of a picture of the collection."""
    lines = ["import cnnlab", "from cnnlab import codes, world", "", opening]
    lines += [
        f'pictures = world.dataset("validation").images[:{count}] / 255',
        f'collection = codes.features(model, pictures, "{layer}")',
    ]
    if isinstance(asks, str):
        lines += [asks, f'query = codes.features(model, image, "{layer}")']
    else:
        lines += [f"query = {asks}  # a picture of the collection"]
    lines += [f"found = codes.neighbours(collection, query, k={k})", "print(found.index)"]
    return "\n".join(lines)
