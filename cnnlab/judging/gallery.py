"""The zoo to look at: filters, prototypes, maps of Grad-CAM, and who is taken for whom; drawn from the shipped weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from cnnlab import attribution, figures, synthesis, units
from cnnlab.figures import Plate
from cnnlab.judging.naming import OBJECT_NETWORKS
from cnnlab.judging.rows import answers, images_of, network, pictures
from cnnlab.networks import untrained


def filters() -> Plate:
    """First-layer filters of mini_alexnet: a row before training, then all after it."""
    before, after = units.filters(untrained(network("mini_alexnet"))), units.filters(network("mini_alexnet"))
    captions = ["before"] * 12 + ["trained"] * len(after)
    return figures.filters_figure(torch.cat([before[:12], after]), captions)


def prototypes() -> Plate:
    """What each class wants: of the plain network, and of the one trained on adversarial pictures."""
    found = {
        name: synthesis.maximise(network(name), seed=0).images
        for name in ("mini_alexnet", "mini_alexnet_robust")
    }
    names = network("mini_alexnet").class_names
    images = [found[name][i] for half in _halves(len(names)) for name in found for i in half]
    captions = [names[i] for half in _halves(len(names)) for _ in found for i in half]
    return figures.grid(images, captions, columns=len(names) // 2)


def class_maps() -> Plate:
    """Grad-CAM of the true class on validation pictures, with the outline of the object."""
    data, model = pictures(200), network("mini_alexnet")
    first = [int((data.labels == label).nonzero()[0]) for label in range(len(data.class_names))]
    images, labels = images_of(data)[first], data.labels[first].tolist()
    maps = attribution.grad_cam(model, images, labels)
    captions = [data.class_names[label] for label in labels]
    return figures.overlay_figure(
        list(images), list(maps), captions, list(data.masks()[first]), columns=10, own_scale=True
    )


def confusion(name: str = "mini_alexnet") -> Plate:
    """Which classes a network takes for which, on the whole validation split."""
    data = pictures(2_000)
    return figures.confusion_figure(data.labels, answers(network(name), data), data.class_names, name)


PICTURES: dict[str, Callable[[], Plate]] = {
    "filters": filters,
    "prototypes": prototypes,
    "grad_cam": class_maps,
    **{f"confusion_{name}": lambda name=name: confusion(name) for name in OBJECT_NETWORKS},
}
"""The pictures by name."""


def draw(folder: str | os.PathLike) -> Iterator[tuple[Path, str]]:
    """Draws every picture into `folder`, and gives each file with its words as soon as it is written."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for name, picture in PICTURES.items():
        plate, file = picture(), place / f"{name}.png"
        file.write_bytes(plate.png())
        yield file, plate.words


def _halves(count: int) -> tuple[range, range]:
    return range(count // 2), range(count // 2, count)
