"""Cue conflict and shape bias: which of the two, shape or texture, a network uses when they contradict each other.

In a cue-conflict image the outline and the parts are those of one class, the surface is another's: a teapot in scales, an elephant
in wool. Photographs need style transfer for that; here the images are rendered so, and both labels are exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import class_index, image_batch, one_of, positive_int
from cnnlab.robustness._gradients import batched_logits
from cnnlab.world import OBJECTS, Picture, render


@dataclass(frozen=True, eq=False)
class CueConflicts:
    """Cue-conflict images, whose shape is of one class and whose texture is of another.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1].
    shapes, textures
        N class indices into `class_names`: the class of the shape, and of the texture.
    class_names
        The classes that occur.
    """

    images: Tensor
    shapes: Tensor
    textures: Tensor
    class_names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ShapeBias:
    """Result of `shape_bias`.

    Fields
    ------
    predictions
        N class indices into the network's classes; also for the excluded images.
    shape, texture, neither
        Number of predictions of the shape's class, the texture's class, or another one.
    bias
        shape / (shape + texture); NaN if no prediction is either.
    interval
        95 % interval of the bias (Wilson).
    by_shape
        C floats: the bias among the images of each shape, in the order of the conflicts' classes; NaN where no prediction is either.
    excluded
        Number of images that do not count because shape and texture are of the same class.
    """

    predictions: Tensor
    shape: int
    texture: int
    neither: int
    bias: float
    interval: tuple[float, float]
    by_shape: Tensor
    excluded: int


def cue_conflict(shape: str, texture: str, seed: int = 0, *, size: int = 96, **fields: Any) -> Picture:
    """Cue-conflict picture: the shape of one class in the texture of another, with all its ground-truth maps.

    Without clutter or occluders by default; `fields` are those of `cnnlab.world.Recipe`, such as `scene="room"`.

    Example
    -------
    >>> cue_conflict("teapot", "fish", seed=3).recipe.texture
    'fish'
    """
    return render(
        seed,
        shape=one_of(shape, OBJECTS, "shape"),
        texture=one_of(texture, OBJECTS, "texture"),
        size=size,
        **{"clutter": 0, "cover": 0.0, **fields},
    )


def cue_conflicts(
    n: int = 380,
    *,
    classes: Sequence[str] = OBJECTS,
    seed: int = 0,
    size: int = 96,
    progress: bool = False,
    **fields: Any,
) -> CueConflicts:
    """Cue-conflict data set: `n` images, every ordered pair of different classes equally often (380 pairs of 20 classes).

    The order of the pairs is shuffled, so that a smaller n has all classes too, and each image has its own seed, and so its own
    instance and scene.

    Parameters
    ----------
    n
        Number of images.
    classes
        At least two of `cnnlab.world.OBJECTS`; shapes and textures are taken from them.
    seed
        Another seed gives other images.
    size, fields
        Side of the images, and fields of the `Recipe` that all share.

    Example
    -------
    >>> conflicts = cue_conflicts(6, classes=("sheep", "car", "cup"))
    >>> conflicts.images.shape, bool((conflicts.shapes != conflicts.textures).all())
    (torch.Size([6, 3, 96, 96]), True)
    """
    names = tuple(dict.fromkeys(one_of(name, OBJECTS, "class") for name in classes))
    if len(names) < 2:
        raise ValueError("a cue conflict needs at least two classes.")
    pairs = list(permutations(range(len(names)), 2))
    generator = torch.Generator().manual_seed(seed)
    rounds = math.ceil(positive_int(n, "n") / len(pairs))
    order = torch.cat([torch.randperm(len(pairs), generator=generator) for _ in range(rounds)])[:n]
    chosen = [pairs[number] for number in order.tolist()]
    # Seeds above those of the splits, which leave a gap here.
    seeds = range(9_000_000 + seed * 100_000, 9_000_000 + seed * 100_000 + n)
    images = [
        cue_conflict(names[shape], names[texture], number, size=size, **fields).image
        for (shape, texture), number in zip(
            tqdm(chosen, desc="cue conflicts", disable=not progress), seeds, strict=True
        )
    ]
    shapes, textures = torch.tensor(chosen).T
    return CueConflicts(torch.stack(images), shapes, textures, names)


def shape_bias(model: nn.Module, conflicts: CueConflicts, *, batch_size: int = 16) -> ShapeBias:
    """Shape bias: the share of shape decisions among all predictions of either the shape's or the texture's class.

        shape bias = predictions of the shape's class / predictions of the shape's or the texture's class

    Predictions of a third class count in neither; their number is reported, since a bias from few predictions says little. Images
    whose shape and texture are of the same class contain no conflict and are left out.

    Parameters
    ----------
    model
        Any network for these images. If it names its classes, they are matched by name (or synonym); else its classes must be those
        of the conflicts, in their order.
    conflicts
        From `cue_conflicts`, or your own images as a `CueConflicts`.
    batch_size
        Images in one forward pass.

    Returns
    -------
    ShapeBias
        The bias with its interval and the counts behind it, overall and by shape.

    Raises
    ------
    ValueError
        If the network does not know a class of the conflicts, or no image contains a conflict.

    References
    ----------
    Geirhos, Rubisch, Michaelis, Bethge, Wichmann & Brendel, "ImageNet-trained CNNs are biased towards texture", ICLR 2019, section
    3.1 and figure 4. Lecture K, "Shape vs. Texture Bias".

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 96 * 96, 2))
    >>> found = shape_bias(model, cue_conflicts(4, classes=("sheep", "car")))
    >>> found.shape + found.texture + found.neither
    4
    """
    images, _ = image_batch(conflicts.images, "conflicts.images")
    class_indices = _class_indices(model, conflicts.class_names)
    shapes, textures = class_indices[conflicts.shapes], class_indices[conflicts.textures]
    predictions = batched_logits(model, images, batch_size).argmax(1).cpu()
    conflict = shapes != textures
    if not conflict.any():
        raise ValueError("shape and texture are of the same class in every picture, so there is no conflict.")
    by_shape, by_texture = (predictions == shapes) & conflict, (predictions == textures) & conflict
    shape, texture = int(by_shape.sum()), int(by_texture.sum())
    classes = len(conflicts.class_names)
    either_cue = torch.bincount(conflicts.shapes[by_shape | by_texture], minlength=classes)
    return ShapeBias(
        predictions=predictions,
        shape=shape,
        texture=texture,
        neither=int(conflict.sum()) - shape - texture,
        bias=shape / (shape + texture) if shape + texture else math.nan,
        interval=wilson_interval(shape, shape + texture),
        by_shape=torch.bincount(conflicts.shapes[by_shape], minlength=classes) / either_cue,
        excluded=int((~conflict).sum()),
    )


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson interval: the 95 % interval of a share, `successes` in `trials`, valid for few trials and near 0 and 1; NaN without trials.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if trials == 0:
        return math.nan, math.nan
    z = 1.959964
    share = successes / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half_width = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return max(0.0, middle - half_width), min(1.0, middle + half_width)


def _class_indices(model: nn.Module, names: Sequence[str]) -> Tensor:
    """The index of each name among the network's classes."""
    known_classes = getattr(model, "class_names", None)
    if not known_classes:
        return torch.arange(len(names))
    found, missing = [], []
    for name in names:
        try:
            found.append(class_index(name, known_classes))
        except ValueError:
            missing.append(name)
    if missing:
        raise ValueError(
            f"shape bias counts answers for the classes of the conflicts, but this network does not know {', '.join(missing)}. Take"
            " conflicts of classes that it knows (cue_conflicts(classes=...), or a CueConflicts of your own pictures), or give it a"
            " head for these classes with cnnlab.transfer.new_head."
        )
    return torch.tensor(found)
