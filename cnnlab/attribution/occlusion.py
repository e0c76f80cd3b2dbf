"""Occlusion sensitivity: cover a part of the image and run the network again.

The oldest attribution technique, and the only one that treats the network as a black box: slide an
occluder over the image and record, for each position, the probability of the class and the class that is
predicted instead. For gradient methods, which need one backward pass, see the neighbouring modules; plots of
the maps belong to `cnnlab.figures`.

`occlusion` returns the map, an `OcclusionMap`; `occlusion_steps` yields it while it is computed. For the fill and the positions
of the occluder see `cnnlab.attribution.occluder`; for how a network skips what the occluder does not change,
`cnnlab._incremental`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._incremental import PatchedModel, patched_model
from cnnlab._validation import positive_int, target_index
from cnnlab.attribution.occluder import Fill, fill_image, occluder_positions, single_image
from cnnlab.attribution.occlusion_map import OcclusionMap
from cnnlab.networks.forward import as_pixels


def occlusion(
    model: nn.Module,
    image: Tensor,
    target: int | str | None = None,
    *,
    size: int = 24,
    stride: int = 4,
    fill: Fill = "grey",
    batch_size: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> OcclusionMap:
    """Occlusion map: the probability of a class while an occluder slides over the image.

    At each position (i, j) a square of `size` pixels is replaced by the fill, and the whole image goes through
    the network:

        probability[i, j] = softmax(model(x with its window at (i, j) covered))[target]

    Low values mark what the network needs. Where the prediction changes, `predicted` is the new class. Each position
    keeps its own number; nothing is summed over overlapping windows.

    On a CPU, layers compute only the windows of their maps that the occluder changes, and take the rest from the unoccluded
    image: the same numbers, up to rounding, for less than half of the work. This works for networks of convolutions, pooling and
    the like; if the control flow of forward depends on values, the whole image goes through each time.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left
        unchanged.
    image
        One image, 3 x H x W (or 1 x 3 x H x W), in [0, 1].
    target
        Class index or name; None for the class predicted for the unoccluded image.
    size, stride
        Side of the square occluder and its step, in pixels. The positions are those of `occluder_positions`.
    fill
        "grey" (0.5), "mean" (the image's mean colour), "noise" (uniform, from `seed`), "blur" (the blurred
        image), any colour by name, hex or three numbers in [0, 1], or a whole image 3 x H x W. See
        `fill_image`.
    batch_size
        Positions in one forward pass; None chooses it from the memory that one position needs.
    progress
        Show a progress bar.

    Returns
    -------
    OcclusionMap
        Tensors on the CPU, axes rows x columns of positions. For several images call it once for each.

    Raises
    ------
    ValueError
        If more than one image is passed, the occluder is larger than the image, a number is below 1, or fill or
        class are unknown.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2. Lectures:
    S, "Saliency via Occlusion"; B, occlusion experiments; L, "Grounding CNN decisions". The position of the last
    window differs from Captum's `Occlusion`, see `occluder_positions`.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 12 * 12, 5))
    >>> occlusion(model, torch.rand(3, 12, 12), target=2, size=4, stride=4).probability.shape
    torch.Size([3, 3])
    """
    work = _prepare(model, image, target, size, stride, fill, batch_size, seed)
    steps = _occlusion_steps(work, work.network.order(work.positions))
    bar_format = "{l_bar}{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc="occlusion", disable=not progress, bar_format=bar_format) as bar:
        for partial in steps:
            bar.update(partial.fraction_done - bar.n)
    return partial


def occlusion_steps(
    model: nn.Module,
    image: Tensor,
    target: int | str | None = None,
    *,
    size: int = 24,
    stride: int = 4,
    fill: Fill = "grey",
    batch_size: int | None = None,
    seed: int = 0,
) -> Iterator[OcclusionMap]:
    """Occlusion map, step by step: yields a partial map after each batch of positions; the last is complete.

    The positions are computed row by row. Arguments are those of `occlusion` and are checked at once, before the first
    map is requested. Each map may be kept by the caller; stop at any time and nothing that
    was computed is lost. Between two maps the model is in its original state.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 12 * 12, 5))
    >>> steps = occlusion_steps(model, torch.rand(3, 12, 12), size=4, stride=4, batch_size=3)
    >>> [round(partial.fraction_done, 2) for partial in steps]
    [0.33, 0.67, 1.0]
    """
    work = _prepare(model, image, target, size, stride, fill, batch_size, seed)
    return _occlusion_steps(work, range(len(work.positions)))


class _Work(NamedTuple):
    """A network prepared for an image, the fill of the occluder, its positions, how many go together, and the map without a number."""

    network: PatchedModel
    replacement: Tensor
    positions: list[tuple[int, int]]
    batch: int
    empty: OcclusionMap


def _prepare(
    model: nn.Module,
    image: Tensor,
    target: int | str | None,
    size: int,
    stride: int,
    fill: Fill,
    batch_size: int | None,
    seed: int,
) -> _Work:
    """Check the arguments of `occlusion` and prepare the network."""
    image = as_pixels(model, single_image(image))
    replacement = fill_image(image, fill, seed)
    rows, columns = (occluder_positions(length, size, stride) for length in image.shape[1:])
    network = patched_model(model, image, int(size), rows, columns)
    target = target_index(target, getattr(model, "class_names", None), network.original)
    batch = None if batch_size is None else positive_int(batch_size, "batch_size")
    dtype = network.original.dtype
    empty = OcclusionMap(
        torch.full((len(rows), len(columns)), torch.nan, dtype=dtype),
        torch.full((len(rows), len(columns)), -1),
        torch.tensor(rows),
        torch.tensor(columns),
        int(size),
        target,
        float(network.original.softmax(-1)[target]),
    )
    positions = list(product(rows, columns))
    return _Work(network, replacement, positions, batch or network.batch_size, empty)


def _occlusion_steps(work: _Work, order: Sequence[int]) -> Iterator[OcclusionMap]:
    """Fill the empty map batch by batch, its positions in this order."""
    empty, size = work.empty, work.empty.size
    probability, predicted = empty.probability.flatten(), empty.predicted.flatten()
    for start in range(0, len(order), work.batch):
        chosen = list(order[start : start + work.batch])
        positions = [work.positions[index] for index in chosen]
        squares = [work.replacement[:, top : top + size, left : left + size] for top, left in positions]
        logits = work.network.logits(positions, torch.stack(squares))
        probability[chosen] = logits.softmax(-1)[:, empty.target].cpu()
        predicted[chosen] = logits.argmax(-1).cpu()
        yield OcclusionMap(
            probability.view_as(empty.probability).clone(),
            predicted.view_as(empty.predicted).clone(),
            *(empty.rows, empty.columns, empty.size, empty.target, empty.baseline),
        )
