"""Random directions against single units: whether a unit is special, or any direction in activation space is as good.

A unit is one axis of activation space. If networks store meaning in the space and not in its axes, then pictures that lie far
along a random direction should look as much alike as those that activate one unit. Here both get their top patches in the same
way (`cnnlab.units.patches`) and are compared by the labels of these pictures. Whether concepts match axes better than directions
is also a question for dissection, with the basis rotated (`cnnlab.units.dissection`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab._validation import fraction, positive_int
from cnnlab.units.patches import TopPatches, find_top_patches


def random_directions(channels: int, count: int, *, seed: int = 0) -> Tensor:
    """Random directions: `count` unit vectors in `channels` dimensions (count x channels), uniform on the sphere.

    Example
    -------
    >>> directions = random_directions(128, 3)
    >>> directions.shape, torch.allclose(directions.norm(dim=1), torch.ones(3))
    (torch.Size([3, 128]), True)
    """
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(
        positive_int(count, "count"), positive_int(channels, "channels"), generator=generator
    )
    return nn.functional.normalize(vectors, dim=1)


def random_rotation(channels: int, *, amount: float = 1.0, seed: int = 0) -> Tensor:
    """Random rotation of `channels` axes, channels x channels, with determinant 1.

    All rotations are equally likely (QR of a normal matrix, signs corrected). An `amount` between 0 and 1 rotates only this share
    of the way: the same planes, smaller angles; 0 is the identity. The new axes are the rows.

    Raises
    ------
    ValueError
        If the amount is not between 0 and 1.

    References
    ----------
    Bau, Zhou, Khosla, Oliva & Torralba (2017), section 3.2 (rotations Q^alpha). Stewart (1980) for the sampling.

    Example
    -------
    >>> rotation = random_rotation(4, seed=1)
    >>> torch.allclose(rotation @ rotation.T, torch.eye(4), atol=1e-6)
    True
    """
    amount = fraction(amount, "amount of the rotation")
    generator = torch.Generator().manual_seed(seed)
    size = positive_int(channels, "channels")
    q, r = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    q = q * r.diagonal().sign()
    q[0] *= torch.linalg.det(q).sign()
    # A rotation turns planes by angles; its eigenvalues exp(+-i angle) give them, and a share of each is easily taken.
    values, vectors = torch.linalg.eig(q)
    rotation = vectors @ torch.diag(torch.exp(1j * amount * values.angle())) @ torch.linalg.inv(vectors)
    return rotation.real.float()


def top_along_direction(
    model: nn.Module,
    pictures: Any,
    layer: str,
    directions: Tensor,
    k: int = 9,
    *,
    batch_size: int | None = None,
    progress: bool = False,
) -> TopPatches:
    """Top patches along a direction: those that lie farthest along a direction in the activation space of a layer.

        argmax over x in S of max over p, q of sum over t of w_t Phi(x)^t [p, q]

    A unit is the direction whose w is 1 at that unit and 0 elsewhere, and then this is `top_patches`.

    Parameters
    ----------
    model, pictures, k, batch_size
        As for `top_patches`.
    layer
        A name of `layer_names(model)`.
    directions
        D x channels, or one direction of `channels` numbers, such as those of `random_directions`.

    Returns
    -------
    TopPatches
        One row for each direction.

    Raises
    ------
    ValueError
        If the directions do not fit the layer, or as for `top_patches`.

    References
    ----------
    Szegedy, Zaremba, Sutskever, Bruna, Erhan, Goodfellow & Fergus (2014), Intriguing properties of neural networks,
    section 3; lecture L, "Meaningful units or meaningful space?".

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model, pictures = MiniAlexNet(["cat", "dog"]), torch.rand(10, 3, 96, 96)
    >>> top_along_direction(model, pictures, "relu5", random_directions(128, 5), k=3).picture.shape
    torch.Size([5, 3])
    """
    weights = directions.unsqueeze(0) if directions.dim() == 1 else directions

    def project(maps: Tensor) -> Tensor:
        if weights.dim() != 2 or weights.shape[1] != maps.shape[1]:
            raise ValueError(
                f'directions must be D x {maps.shape[1]}, one number for each unit of "{layer}", but came as'
                f" {' x '.join(str(n) for n in directions.shape)}."
            )
        return torch.einsum("du,nuhw->ndhw", weights.to(maps), maps)

    return find_top_patches(model, pictures, [layer], k, project, batch_size=batch_size, progress=progress)[
        layer
    ]


@dataclass(frozen=True, eq=False)
class LabelAgreement:
    """Result of `compare_directions`; label agreement is the share of pairs of pictures with the same label.

    Attributes
    ----------
    units
        U agreements, one for each unit.
    directions
        D agreements, one for each random direction.
    chance
        The agreement of pictures sampled at random.
    difference
        Mean over units minus mean over directions.
    interval
        95 % interval of the difference (bootstrap over units and directions).
    """

    units: Tensor
    directions: Tensor
    chance: float
    difference: float
    interval: tuple[float, float]


def label_agreement(labels: Tensor) -> Tensor:
    """Label agreement: the share of pairs with the same label in each row of labels U x k: U numbers, 1 where all are the same.

    Example
    -------
    >>> label_agreement(torch.tensor([[1, 1, 1], [1, 1, 2]]))
    tensor([1.0000, 0.3333], dtype=torch.float64)
    """
    if labels.dim() != 2 or labels.shape[1] < 2:
        raise ValueError(f"labels must be U x k with k of at least 2, but came as {tuple(labels.shape)}.")
    k = labels.shape[1]
    same = (labels.unsqueeze(2) == labels.unsqueeze(1)).double().sum((1, 2)) - k
    return same / (k * (k - 1))


def compare_directions(
    model: nn.Module,
    dataset: Any,
    layer: str,
    k: int = 9,
    *,
    draws: int = 200,
    labels: Sequence[int] | Tensor | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    progress: bool = False,
) -> LabelAgreement:
    """Label agreement of units against random directions: whether the top pictures of a unit have more in common.

    The agreement of a unit, or of a direction, is the share of pairs among its k top pictures that have the same label. All units
    of the layer are compared with `draws` random directions. An interval that contains 0 means that the difference may be due to
    the choice of units and directions.

    Parameters
    ----------
    model, dataset, layer, k, batch_size
        As for `top_patches`; units and directions take one pass over the data each.
    draws
        Number of random directions.
    labels
        A label for each picture; None takes `dataset.labels`.
    seed
        Seed of the directions and the interval.

    Returns
    -------
    LabelAgreement
        Of each unit and each direction, the chance level, and the difference of both means with its interval.

    Raises
    ------
    ValueError
        If there is not one label for each picture, k is less than 2, or as for `top_patches`.

    References
    ----------
    Szegedy and others (2014), Intriguing properties of neural networks, section 3, who compare by eye; lecture L,
    "Meaningful units or meaningful space?".

    Example
    -------
    >>> from cnnlab import load, world
    >>> compare_directions(load("mini_alexnet"), world.dataset("validation", n=200), "relu5").chance  # doctest: +SKIP
    0.045
    """
    class_labels = torch.as_tensor(dataset.labels if labels is None else labels)
    if class_labels.shape != (len(dataset),):
        raise ValueError(
            f"there must be one label for each of {len(dataset)} pictures, but came {tuple(class_labels.shape)}."
        )
    options = {"batch_size": batch_size, "progress": progress}
    axes = find_top_patches(model, dataset, [layer], k, lambda maps: maps, **options)[layer]
    mixtures = random_directions(len(axes.units), draws, seed=seed)
    units = label_agreement(class_labels[axes.picture])
    directions = label_agreement(
        class_labels[top_along_direction(model, dataset, layer, mixtures, k, **options).picture]
    )
    generator = torch.Generator().manual_seed(seed)
    resampled = [
        values[torch.randint(len(values), (2000, len(values)), generator=generator)].mean(1)
        for values in (units, directions)
    ]
    low, high = (
        (resampled[0] - resampled[1]).quantile(torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    )
    counts = class_labels.unique(return_counts=True)[1].double()
    return LabelAgreement(
        units=units,
        directions=directions,
        chance=float((counts * (counts - 1)).sum() / (len(class_labels) * (len(class_labels) - 1))),
        difference=float(units.mean() - directions.mean()),
        interval=(low, high),
    )
