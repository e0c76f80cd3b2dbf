"""A gallery of the model zoo: attribution, feature visualization, filters and confusion matrices of the stored networks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from cnnlab import attribution, figures, synthesis, units
from cnnlab.experiments.zoo_report.classification_rows import OBJECT_NETWORKS
from cnnlab.experiments.zoo_report.rows import images_of, network, pictures, predictions
from cnnlab.figures import AltTextFigure
from cnnlab.networks import reinitialise
from cnnlab.synthesis import channel
from cnnlab.world import photographs

CLASSES = (
    *("golden retriever", "dalmatian", "indigo bunting", "flamingo", "peacock", "tarantula"),
    *("monarch", "strawberry", "cup", "volcano", "steam locomotive", "pineapple"),
)
"""ImageNet classes whose images a reader recognises."""
DEPTHS = ("relu1", "fire3", "fire5", "fire7", "fire9")


def photographs_and_maps() -> AltTextFigure:
    """Occlusion and Grad-CAM maps of squeezenet on two photographs."""
    model, images, maps, captions = network("squeezenet"), [], [], []
    for name, target in (("chelsea", "Egyptian cat"), ("coffee", "espresso")):
        image = photographs()[name].image(224)
        covered = attribution.occlusion(model, image, target, size=56, stride=8)
        images += [image, image]
        maps += [covered.to_pixels().nan_to_num(), attribution.grad_cam(model, image, target)]
        captions += [f"{target}: occlusion", f"{target}: Grad-CAM"]
    return figures.overlay_figure(
        images, maps, captions, columns=4, separate_scales=True, label="evidence", width=13.0
    )


def class_images() -> AltTextFigure:
    """Activation maximisation of twelve ImageNet classes in squeezenet."""
    found = synthesis.maximise(network("squeezenet"), list(CLASSES), size=160, seed=0)
    return figures.grid(list(found.images), CLASSES, columns=6)


def unit_images() -> AltTextFigure:
    """Activation maximisation of eight units at five depths of squeezenet: edges, textures, parts, objects."""
    images, captions = [], []
    for layer in DEPTHS:
        found = synthesis.maximise(
            network("squeezenet"), channel(layer, range(8)), size=112, steps=100, seed=0
        )
        images += list(found.images)
        captions += [f"{layer} unit {number}" for number in range(8)]
    return figures.grid(images, captions, columns=8)


def dream_and_style() -> AltTextFigure:
    """A photograph, its DeepDream, and the photograph in the styles of a brick wall and of gravel."""
    photos, model = photographs(), network("squeezenet")
    image = photos["chelsea"].image(320)
    images = [image, synthesis.deepdream(model, image, "fire7", seed=0)]
    styles = (photos[name].image(320) for name in ("brick", "gravel"))
    images += [synthesis.transfer_style(model, image, style, seed=0).image for style in styles]
    return figures.grid(
        images, ["photograph", "DeepDream, fire7", "style of brick", "style of gravel"], columns=4
    )


def filters() -> AltTextFigure:
    """First-layer filters of mini_alexnet: a row before training, then all filters after it."""
    before, after = (
        units.filters(reinitialise(network("mini_alexnet"))),
        units.filters(network("mini_alexnet")),
    )
    captions = ["before"] * 12 + ["trained"] * len(after)
    return figures.filters_figure(torch.cat([before[:12], after]), captions)


def prototypes() -> AltTextFigure:
    """Activation maximisation of each class: in the plain network, and in the adversarially trained one."""
    images_by_network = {
        name: synthesis.maximise(network(name), seed=0).images
        for name in ("mini_alexnet", "mini_alexnet_robust")
    }
    names = network("mini_alexnet").class_names
    images = [
        images_by_network[name][i] for half in _halves(len(names)) for name in images_by_network for i in half
    ]
    captions = [names[i] for half in _halves(len(names)) for _ in images_by_network for i in half]
    return figures.grid(images, captions, columns=len(names) // 2)


def class_maps() -> AltTextFigure:
    """Grad-CAM of the true class on validation pictures, with the outline of the object."""
    data, model = pictures(200), network("mini_alexnet")
    first = [int((data.labels == label).nonzero()[0]) for label in range(len(data.class_names))]
    images, labels = images_of(data)[first], data.labels[first].tolist()
    maps = attribution.grad_cam(model, images, labels)
    captions = [data.class_names[label] for label in labels]
    return figures.overlay_figure(
        list(images), list(maps), captions, list(data.masks()[first]), columns=10, separate_scales=True
    )


def confusion(name: str = "mini_alexnet") -> AltTextFigure:
    """Confusion matrix of a network on the whole validation split."""
    data = pictures(2_000)
    return figures.confusion_figure(data.labels, predictions(network(name), data), data.class_names, name)


FIGURES: dict[str, Callable[[], AltTextFigure]] = {
    "photographs_and_maps": photographs_and_maps,
    "class_images": class_images,
    "unit_images": unit_images,
    "dream_and_style": dream_and_style,
    "filters": filters,
    "prototypes": prototypes,
    "grad_cam": class_maps,
    **{f"confusion_{name}": lambda name=name: confusion(name) for name in OBJECT_NETWORKS},
}
"""The figures by name."""


def save_figures(folder: str | os.PathLike) -> Iterator[tuple[Path, str]]:
    """Draws every figure into `folder`, and yields each file with its alt text as soon as it is written."""
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    for name, make_figure in FIGURES.items():
        figure, file = make_figure(), directory / f"{name}.png"
        file.write_bytes(figure.png())
        yield file, figure.alt_text


def _halves(count: int) -> tuple[range, range]:
    return range(count // 2), range(count // 2, count)
