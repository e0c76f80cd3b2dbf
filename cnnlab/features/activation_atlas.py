"""Activation atlas: the activation vectors of many pictures laid out in the plane, and averaged cell by cell.

Neighbouring cells hold similar vectors, so the atlas shows at a glance what a layer can tell apart. A picture of each cell's mean
comes from `cnnlab.synthesis.direction`, its classes from `cnnlab.units.vector_attribution`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import positive_int
from cnnlab.features._validation import checked_vectors
from cnnlab.networks.activations import activations
from cnnlab.networks.data_loading import picture_batches, picture_count


@dataclass(frozen=True, eq=False)
class VectorSample:
    """Activation vectors at random positions: `vectors` N x U, `picture` N, `place` N x 2 as shares (down, across) of the map."""

    vectors: Tensor
    picture: Tensor
    place: Tensor


@dataclass(frozen=True, eq=False)
class ActivationAtlas:
    """The cells of an atlas that hold vectors, M of them.

    Attributes
    ----------
    cells
        M x 2, row and column in the grid; row 0 is at the top.
    means
        M x U, the mean vector of each cell.
    counts
        M, the number of vectors in each cell.
    member
        N, the cell of each vector; -1 where its cell held too few, or it lies outside.
    columns
        Width and height of the grid.
    """

    cells: Tensor
    means: Tensor
    counts: Tensor
    member: Tensor
    columns: int

    def average(self, values: Tensor) -> Tensor:
        """M (x ...): the mean over each cell of a value for each vector, N (x ...); numbers or booleans, the means are floats."""
        values = torch.as_tensor(values)
        if len(values) != len(self.member):
            raise ValueError(
                f"there must be a value for each of {len(self.member)} vectors, but {len(values)} came."
            )
        return _cell_means(values, self.member, self.counts)


def sample_vectors(
    model: nn.Module,
    pictures: Any,
    layer: str,
    *,
    per_picture: int = 1,
    seed: int = 0,
    batch_size: int = 16,
    progress: bool = False,
) -> VectorSample:
    """Activation vectors of a layer at random positions: one, or a few, of each picture.

    A vector is what all units say at one position. Few positions of many pictures show more different things than all positions
    of few pictures.

    Parameters
    ----------
    model, pictures, batch_size
        As for `extract_features`.
    layer
        A layer with maps N x U x h x w.
    per_picture
        Positions of each picture, all different; no more than the map has.
    seed
        Seed of the positions.

    Raises
    ------
    ValueError
        If the layer has no maps, or fewer positions than asked for.

    References
    ----------
    Carter, Armstrong, Schubert, Johnson & Olah, "Activation Atlas", Distill 2019.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> sample_vectors(MiniAlexNet(["cat", "dog"]), torch.rand(5, 3, 96, 96), "relu5", per_picture=2).vectors.shape
    torch.Size([10, 128])
    """
    each, generator = positive_int(per_picture, "per_picture"), torch.Generator().manual_seed(seed)
    vectors, places = [], []
    with tqdm(total=picture_count(pictures), desc=f"vectors of {layer}", disable=not progress or None) as bar:
        for images in picture_batches(pictures, batch_size):
            maps = activations(model, images, layer, batch_size=len(images))[layer].cpu()
            if maps.dim() != 4:
                raise ValueError(
                    f'layer "{layer}" has no maps, so a picture has one vector there: see extract_features.'
                )
            positions = maps.shape[2] * maps.shape[3]
            if each > positions:
                raise ValueError(f'per_picture is {each}, but a map of "{layer}" has {positions} positions.')
            chosen = torch.stack(
                [torch.randperm(positions, generator=generator)[:each] for _ in maps]
            )  # b x each
            rows = maps.flatten(2).gather(2, chosen[:, None].expand(-1, maps.shape[1], -1))  # b x U x each
            vectors.append(rows.transpose(1, 2).flatten(0, 1))
            down, across = chosen // maps.shape[3] + 0.5, chosen % maps.shape[3] + 0.5
            places.append(torch.stack([down / maps.shape[2], across / maps.shape[3]], 2).flatten(0, 1))
            bar.update(len(images))
    joined = torch.cat(vectors)
    return VectorSample(joined, torch.arange(len(joined)) // each, torch.cat(places))


def activation_atlas(
    vectors: Tensor, points: Tensor, *, columns: int = 10, least: int = 3, outside: float = 0.01
) -> ActivationAtlas:
    """Activation atlas: the mean vector of each cell of a grid laid over a map of the vectors.

    Parameters
    ----------
    vectors
        N x U, from `sample_vectors`.
    points
        N x 2, their positions on a map (`embed(vectors)`), the first axis pointing right, the second up.
    columns
        Width and height of the grid.
    least
        Cells with fewer vectors are left out: the mean of one or two shows a picture, not a region.
    outside
        Share of the points cut off at each border of the map, so that a few far ones do not shrink all the others.

    Returns
    -------
    ActivationAtlas

    Raises
    ------
    ValueError
        If there is not one point for each vector, or no cell holds enough vectors.

    References
    ----------
    Carter, Armstrong, Schubert, Johnson & Olah, "Activation Atlas", Distill 2019. They lay the vectors out with UMAP; `embed` has
    t-SNE and PCA.

    Example
    -------
    >>> points = torch.tensor([[0.0, 0.0], [0.1, 0.1], [1.0, 1.0], [0.9, 1.0]])
    >>> atlas = activation_atlas(torch.tensor([[1.0], [3.0], [10.0], [20.0]]), points, columns=2, least=2, outside=0)
    >>> atlas.cells.tolist(), atlas.means.flatten().tolist()
    ([[0, 1], [1, 0]], [15.0, 2.0])
    """
    vectors, points = checked_vectors(vectors), checked_vectors(points, "points")
    if points.shape != (len(vectors), 2):
        raise ValueError(
            f"points must be {len(vectors)} x 2, one for each vector, but came as {tuple(points.shape)}."
        )
    if not 0 <= outside < 0.5:
        raise ValueError(f"outside must be at least 0 and below 0.5, but got {outside!r}.")
    columns, least = positive_int(columns, "columns"), positive_int(least, "least")
    low, high = points.double().quantile(torch.tensor([outside, 1 - outside], dtype=torch.double), dim=0)
    shares = (points.double() - low) / (high - low).clamp_min(1e-12)
    inside = ((shares >= 0) & (shares <= 1)).all(1)
    cell = (shares * columns).long().clamp(0, columns - 1)  # across, up
    number = (columns - 1 - cell[:, 1]) * columns + cell[:, 0]
    counts = number[inside].bincount(minlength=columns**2)
    kept = (counts >= least).nonzero()[:, 0]
    if not len(kept):
        raise ValueError(
            f"no cell of {columns} x {columns} holds {least} of the {len(vectors)} vectors; take fewer columns."
        )
    names = torch.full((columns**2,), -1)
    names[kept] = torch.arange(len(kept))
    member = torch.where(inside, names[number], -1)
    cells = torch.stack([kept // columns, kept % columns], 1)
    means = _cell_means(vectors.float(), member, counts[kept])
    return ActivationAtlas(cells, means, counts[kept], member, columns)


def _cell_means(values: Tensor, member: Tensor, counts: Tensor) -> Tensor:
    kept = member >= 0
    values = values.double() if values.dtype == torch.double else values.float()  # bytes and halves overflow
    sums = values.new_zeros(len(counts), *values.shape[1:]).index_add_(0, member[kept], values[kept])
    return sums / counts.to(values).view(-1, *[1] * (values.dim() - 1))
