"""Experiments of the microscope: activation atlases, and the sheet of pictures of a whole layer.

`ATLAS` lays out the activation vectors of thousands of places, averages them in cells, makes a picture of each cell's mean and names
the classes that it feeds; its pictures are stored in the record, small. `SHEETS` makes the pictures of all units of a layer, which the
explorer then finds in the cache.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from cnnlab.experiments.experiment import Experiment
from cnnlab.features import ActivationAtlas, VectorSample, activation_atlas, embed, sample_vectors
from cnnlab.networks.imagenet import imagenet_classes
from cnnlab.networks.zoo import load
from cnnlab.synthesis import direction, maximise, unit_pictures
from cnnlab.units import survey_units, vector_attribution
from cnnlab.world import NAMES, dataset, photographs

NAMED = 3
"""Classes named for each cell."""
TOGETHER = 8
"""Pictures of cells made in one batch."""
SIDE = 224


def measure_atlas(
    *,
    network: str,
    layer: str,
    pictures: int,
    per_picture: int,
    columns: int,
    size: int,
    steps: int,
    seed: int,
) -> dict[str, Any]:
    """The cells of an atlas: row and column, number of vectors, the classes most fed and their shares, and the pictures as one JPEG.

    A network with ImageNet's classes looks at crops of photographs and at rendered pictures; another at rendered pictures of its classes,
    where the truth is known: then "material" has the commonest material of each cell with its share, and "snow" the share of its places
    that are in snow scenes.
    """
    model = load(network)
    of_photographs = tuple(model.class_names) == imagenet_classes()
    rendered = _rendered(
        () if of_photographs else model.class_names, pictures // (4 if of_photographs else 1)
    )
    samples = []
    options = {"per_picture": per_picture, "seed": seed}
    if of_photographs:
        each = max(1, pictures // len(photographs()))
        crops = photographs().crops(SIDE, per_photo=each, seed=seed, progress=False)
        samples.append(sample_vectors(model, crops, layer, **options))
    samples.append(sample_vectors(model, rendered, layer, **options))
    vectors = torch.cat([sample.vectors for sample in samples])
    atlas = activation_atlas(vectors, embed(vectors, seed=seed), columns=columns)
    shares = vector_attribution(model, layer, atlas.means, SIDE)
    top = (shares - shares.mean(1, keepdim=True)).topk(min(NAMED, shares.shape[1]))
    found = {
        "vectors": len(vectors),
        "cells": atlas.cells.tolist(),
        "counts": atlas.counts.tolist(),
        "classes": [[str(model.class_names[index]) for index in row] for row in top.indices.tolist()],
        "shares": [[round(value, 2) for value in row] for row in top.values.tolist()],
        "pictures": encode(cell_pictures(model, layer, atlas.means, size=size, steps=steps, seed=seed)),
    }
    return found if of_photographs else found | _truth(rendered, samples[0], atlas)


def cell_pictures(
    model: nn.Module, layer: str, vectors: Tensor, *, size: int, steps: int, seed: int = 0
) -> Tensor:
    """A picture for each vector M x U, by the direction objective with a squared cosine: M x 3 x size x size in [0, 1]."""
    rows = nn.functional.normalize(vectors, dim=1).split(TOGETHER)
    options = {"size": size, "steps": steps, "jitter": max(1, size // 16), "seed": seed}
    return torch.cat([maximise(model, direction(layer, part, 2), **options).images for part in rows])


def encode(pictures: Tensor) -> str:
    """Pictures M x 3 x S x S side by side in one JPEG, as text; `decode` gives them back."""
    strip = torch.cat(list(pictures), 2).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    rows = [strip[:, start : start + _STRIP] for start in range(0, strip.shape[1], _STRIP)]
    canvas = Image.new("RGB", (min(_STRIP, strip.shape[1]), len(rows) * strip.shape[0]))
    for number, row in enumerate(rows):
        canvas.paste(Image.fromarray(row), (0, number * strip.shape[0]))
    stream = io.BytesIO()
    canvas.save(stream, "JPEG", quality=80)
    return base64.b64encode(stream.getvalue()).decode()


def decode(row: Mapping[str, Any], size: int) -> Tensor:
    """The pictures M x 3 x size x size in [0, 1] of a row of the record of `ATLAS`."""
    canvas = Image.open(io.BytesIO(base64.b64decode(row["pictures"]))).convert("RGB")
    pixels = torch.frombuffer(bytearray(canvas.tobytes()), dtype=torch.uint8).view(
        canvas.height, canvas.width, 3
    )
    tiles = pixels.permute(2, 0, 1).unfold(1, size, size).unfold(2, size, size)  # 3 x rows x columns x S x S
    return tiles.permute(1, 2, 0, 3, 4).flatten(0, 1)[: len(row["cells"])].float() / 255


_STRIP = 96 * 10
"""Width of the stored picture in pixels: a multiple of the usual size."""


def _rendered(names: Sequence[str], count: int) -> Any:
    """Rendered pictures of these classes, or of all."""
    return dataset("test", n=count, size=SIDE, classes=names or None, progress=False)


def _truth(rendered: Any, sample: VectorSample, atlas: ActivationAtlas) -> dict[str, Any]:
    """What truly lies at the places of each cell: the commonest material, and the share of places in snow scenes."""
    pixel = (sample.place * SIDE).long().clamp(0, SIDE - 1)
    material = rendered.maps("material")[sample.picture, pixel[:, 0], pixel[:, 1]].long()
    most = atlas.average(nn.functional.one_hot(material, len(NAMES["material"])).float()).max(1)
    names = [NAMES["material"][index] for index in most.indices.tolist()]
    in_snow = torch.tensor([recipe.scene == "snow" for recipe in rendered.recipes])[sample.picture]
    return {
        "material": [
            [name, round(share, 2)] for name, share in zip(names, most.values.tolist(), strict=True)
        ],
        "snow": [round(share, 3) for share in atlas.average(in_snow.float()).tolist()],
    }


def measure_sheet(
    *, network: str, layer: str, pictures: int, size: int, steps: int, seed: int
) -> dict[str, Any]:
    """The pictures of all units of a layer, kept in the cache, and whether they excite their units more than any crop does.

    "gain" is, for each unit, its mean activation on its own picture over the largest among the crops; None for a unit that no crop
    excites.
    """
    model = load(network)
    each = max(1, pictures // len(photographs()))
    crops = photographs().crops(SIDE, per_photo=each, seed=seed, progress=False)
    best = survey_units(model, crops, layer).mean.amax(0)
    made = unit_pictures(model, layer, range(len(best)), size=size, steps=steps, seed=seed)
    own = survey_units(model, made, layer).mean.diagonal()
    gains = [round(float(a / b), 2) if b > 0 else None for a, b in zip(own, best, strict=True)]
    return {"units": len(best), "gain": gains}


ATLAS = Experiment(
    question="What can a layer tell apart, and which classes does each region of its activations feed?",
    measure=measure_atlas,
    grid={"network": ("squeezenet", "wolf_husky_snow")},
    options={
        **{"layer": "fire9", "pictures": 800, "per_picture": 3},
        **{"columns": 8, "size": 96, "steps": 48, "seed": 0},
    },
    quick_grid={"network": ("wolf_husky_snow",)},
    quick_options={"pictures": 40, "per_picture": 6, "columns": 4, "steps": 8, "size": 48},
)
SHEETS = Experiment(
    question="What does each unit of a layer want, and does its picture excite it more than a photograph does?",
    measure=measure_sheet,
    grid={"layer": ("fire3",)},
    options={"network": "squeezenet", "pictures": 200, "size": 128, "steps": 40, "seed": 0},
    quick_grid={"layer": ("fire2",)},
    quick_options={"pictures": 20, "size": 48, "steps": 2},
)
