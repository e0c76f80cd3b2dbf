"""What the explorers of the pages look at: networks as graphs, with their layers; pictures; the strongest patches of every unit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from cnnlab import networks, world
from cnnlab.attribution.cam import scores_and_maps
from cnnlab.attribution.targets import parse_target
from cnnlab.explorers import image_bytes
from cnnlab.explorers.base import DISPLAY_SIZE
from cnnlab.explorers.choices import Layer, network_layers
from cnnlab.explorers.dataset_picker import usual_pictures
from cnnlab.explorers.image_sources import PhotographSource, RenderedSource
from cnnlab.networks.forward import with_gradients
from cnnlab.site.onnx_graphs import Weights, write_graph
from cnnlab.units import convolution_names, filters
from cnnlab.world import SCENES, sample

RENDERED = 50
"""Number of rendered pictures on offer; a page cannot render."""
MOVED = {"goat": 600, "sheep": 601, "husky": 602, "wolf": 603}
"""Objects that are on offer in every scene, with their seeds."""
PATCHES = 24
"""Strongest patches of a unit, as many as the activation explorer can show."""
AT_ONCE = 10
"""Pictures of one forward pass in the search for patches."""

Sources = Mapping[str, PhotographSource | RenderedSource]


# Networks.


def write_networks(names: Sequence[str], graphs: Iterable[str], folder: Path, weights: Weights) -> None:
    """Write graphs of networks that differ in their weights alone, and what pages must know of each."""
    models = {name: networks.load(name) for name in names}
    side = models[names[0]].input_size
    for kind in graphs:
        files = {folder / f"{name}.{kind}.onnx": model for name, model in models.items()}
        write_graph(kind, files, side, weights)
    for name, model in models.items():
        about = about_network(model) | {"weights": weights.file.name}
        (folder / f"{name}.json").write_text(json.dumps(about), "utf-8")


def about_network(model: nn.Module) -> dict:
    """What a page must know of a network: side, classes, layers and first filters."""
    layers = network_layers(model, model.input_size)
    weights = filters(model).sum(1).tolist()
    return {
        "side": model.input_size,
        "classes": [str(label) for label in model.class_names],
        "layers": [_about_layer(layer) for layer in layers],
        "last_maps": last_maps(model, [layer.name for layer in layers if layer.has_maps]),
        "filters": [[[round(weight, 7) for weight in row] for row in kernel] for kernel in weights],
        "first_layer": convolution_names(model)[0],
    }


def _about_layer(layer: Layer) -> dict:
    """Its name and shape, and the rows and columns of the picture that each row and column of its maps sees."""
    known = {}
    if layer.field is not None:
        high, wide = layer.field.positions
        known["rows"] = [layer.field.box(row, 0)[0::2] for row in range(high)]
        known["columns"] = [layer.field.box(0, column)[1::2] for column in range(wide)]
    return {"name": layer.name, "shape": layer.shape, "maps": layer.has_maps} | known


def last_maps(model: nn.Module, names: list[str]) -> str:
    """The layer among `names` that Grad-CAM takes if none is named.

    Raises
    ------
    ValueError
        If its maps are those of no layer.
    """
    image = torch.rand(1, 3, model.input_size, model.input_size, generator=torch.Generator().manual_seed(0))
    with with_gradients(model):
        _, maps = scores_and_maps(
            model, image.requires_grad_(), parse_target(1, None, None, None), layer=None
        )
    outputs = networks.activations(model, image.detach(), names)
    found = [name for name, output in outputs.items() if torch.equal(output, maps.detach())]
    if not found:
        raise ValueError("the last maps of the network are those of no layer.")
    return found[-1]


# Pictures.


def photographs() -> Sources:
    """The photographs on offer in pages, by the names of their files."""
    return {photo.name: PhotographSource(photo) for photo in world.photographs()}


def rendered() -> Sources:
    """The rendered pictures on offer in pages, by the names of their files."""
    recipes = [sample(seed, shape=world.OBJECTS[seed % len(world.OBJECTS)]) for seed in range(RENDERED)]
    return {f"rendered-{recipe.seed}": RenderedSource(recipe) for recipe in recipes}


def moved() -> Sources:
    """A few objects, each in every scene."""
    return {
        f"{shape}-{scene}": RenderedSource(sample(seed, shape=shape, scene=scene).replace(clutter=0))
        for shape, seed in MOVED.items()
        for scene in SCENES
    }


def write_pictures(sources: Sources, sides: Iterable[int], folder: Path) -> None:
    """Write each picture as it is displayed, as networks see it, and its masks; and a list of all."""
    folder.mkdir()
    listed = {}
    for name, source in sources.items():
        (folder / f"{name}.jpg").write_bytes(image_bytes.jpeg(source.image(DISPLAY_SIZE)))
        for side in sides:
            (folder / f"{name}-{side}.png").write_bytes(image_bytes.png(source.image(side)))
        masked = source.mask(DISPLAY_SIZE) is not None
        for side in (DISPLAY_SIZE, *sides) if masked else ():
            (folder / f"{name}-mask-{side}.png").write_bytes(image_bytes.mask_png(source.mask(side)))
        about = {"description": source.description, "object": source.object_name, "masked": masked}
        listed[name] = about | {"code": {side: source.code(side) for side in sides}}
        if name in moved():
            shape = source.recipe.shape
            listed[name]["elsewhere"] = {scene: f"{shape}-{scene}" for scene in SCENES}
    (folder / "list.json").write_text(json.dumps(listed), "utf-8")


# The strongest patches of every unit, over the pictures that the activation explorer searches: a page shows them, it does not search.


def write_patches(name: str, folder: Path) -> None:
    """Write the pictures that are searched for a network, and for each of its layers the strongest of them by unit.

    A layer's file holds U x `PATCHES` activations as float32, then as many pictures and as many places in the map as uint16.
    """
    model, target = networks.load(name), folder / name
    target.mkdir(parents=True)
    side = model.input_size
    pictures = usual_pictures(model.class_names).fitting(model, side)
    for index in range(len(pictures)):
        image = pictures.as_floats(side, torch.tensor([index]))[0]
        (target / f"{index}.jpg").write_bytes(image_bytes.jpeg(image, quality=85))
    said = [pictures.describe(index) for index in range(len(pictures))]
    listed = {"descriptions": said, "code": pictures.code(side)}
    (target / "list.json").write_text(json.dumps(listed), "utf-8")
    layers = [layer.name for layer in network_layers(model, side)]
    peaks: dict[str, list[tuple]] = {layer: [] for layer in layers}
    for some in torch.arange(len(pictures)).split(AT_ONCE):
        for layer, maps in networks.activations(model, pictures.as_floats(side, some), layers).items():
            peaks[layer].append(maps.reshape(*maps.shape[:2], -1).max(2))
    for layer, parts in peaks.items():
        values, places = (torch.cat(column) for column in zip(*parts, strict=True))  # N x U
        order = values.argsort(dim=0, descending=True, stable=True)[:PATCHES]
        best = [values.gather(0, order), order, places.gather(0, order)]
        kinds = ("<f4", "<u2", "<u2")
        content = [part.T.numpy().astype(kind).tobytes() for part, kind in zip(best, kinds, strict=True)]
        (target / f"{layer}.bin").write_bytes(b"".join(content))
