"""Positions, colours and code of an embedding for the embedding explorer; without any widget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.colors import to_hex
from torch import Tensor
from torch.nn import functional as F

from cnnlab.explorers.snippet import snippet
from cnnlab.features import grid_assignment
from cnnlab.figures.colours import class_colours

THUMBNAIL_SIZE = 64
"""Largest side of a picture in the embedding, in pixels."""


def thumbnails(images: Tensor) -> Tensor:
    """N x 3 x H x W pictures, reduced where they are larger than a thumbnail."""
    if images.shape[-1] <= THUMBNAIL_SIZE:
        return images
    return F.interpolate(
        images, size=(THUMBNAIL_SIZE, THUMBNAIL_SIZE), mode="bilinear", antialias=True
    ).clamp(0, 1)


def positions(points: Tensor, in_grid: bool) -> list[list[float]]:
    """[across, down] in [0, 1], with one scale for both axes; or the cells of a grid."""
    if in_grid:
        cells = grid_assignment(points).float()
        spread = cells[:, [1, 0]] / cells.amax().clamp(min=1)
    else:
        low, high = points.amin(0), points.amax(0)
        spread = (points - (low + high) / 2) / (high - low).amax().clamp(min=1e-9) + 0.5
        spread = torch.stack([spread[:, 0], 1 - spread[:, 1]], 1)
    return [[round(v, 4) for v in position] for position in spread.tolist()]


def point_colours(labels: Sequence[str], names: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The colour of each picture by its label, and the legend: [name, colour] for each of the names."""
    colours = {
        name: to_hex(colour) for name, colour in zip(names, class_colours(np.arange(len(names))), strict=True)
    }
    return [colours[name] for name in labels], [[name, colour] for name, colour in colours.items()]


def code(opening: str, pictures: Sequence[str], layer: str, method: str, perplexity: int) -> str:
    """The lines of code for the embedding without the explorer; `opening` defines `model`, `pictures` are the lines that load the set."""
    options = f", perplexity={perplexity}" if method == "tsne" else ""
    return snippet(
        opening,
        *pictures,
        f'vectors = features.extract_features(model, pictures, "{layer}")',
        f'points = features.embed(vectors, "{method}"{options})',
    )
