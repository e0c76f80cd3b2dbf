"""Network dissection: which units are detectors of a concept, active where it is and only there.

Every unit is compared with every concept that the world labels at a pixel (`cnnlab.units.concepts`): where the unit is in the
top half per cent of its activations, is the concept there? A unit with enough overlap is a detector. For the pictures that activate
a unit most see `cnnlab.units.patches`; for what the network loses without it, `cnnlab.units.ablate_each`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnnlab._validation import fraction
from cnnlab.networks.data_loading import picture_count
from cnnlab.networks.receptive_field import receptive_field
from cnnlab.units.activation_batches import activation_batches, parse_layers
from cnnlab.units.activation_masks import bilinear_weights
from cnnlab.units.concepts import Concepts, concepts
from cnnlab.units.directions import random_rotation
from cnnlab.units.dissection_report import Dissection
from cnnlab.units.streaming_quantile import StreamingQuantile, thinning
from cnnlab.world.names import NAMES


def dissect(
    model: nn.Module,
    dataset: Any,
    layers: str | Sequence[str] | None = None,
    *,
    quantile: float = 0.005,
    categories: Sequence[str] = tuple(NAMES),
    pixel_step: int = 2,
    min_pictures: int = 10,
    rotate: float = 0.0,
    seed: int = 0,
    batch_size: int | None = None,
    progress: bool = False,
) -> Dissection | dict[str, Dissection]:
    """Network dissection: the intersection over union of units and concepts, and the units that are detectors.

    The map of unit k is upsampled to the pixels of the picture (bilinear, each value at the centre of its receptive
    field). Its threshold T_k is exceeded at the share `quantile` of all pixels of the data set, P(a_k > T_k) = 0.005; the mask
    M_k(x) is where it is exceeded in picture x. With L_c(x) the pixels of concept c,

        IoU(k, c) = sum over x of |M_k(x) and L_c(x)| / sum over x of |M_k(x) or L_c(x)|.

    A unit detects the concept with its largest IoU, if this is above 0.04; the number of *different* concepts among
    the detectors is the number of unique detectors (`Dissection.detectors`, `Dissection.unique_detectors`).
    Thresholds, masks and concepts share one resolution: every second pixel by default.

    Chance level: the same masks are compared with the concepts of another picture, chosen at random once for each picture. The
    overlap due to the usual positions of unit and concept remains, that due to the single picture is lost
    (`Dissection.at_chance`).

    A mask covers half a per cent of the pixels, so a concept that covers the share s of them has an IoU of at most
    min(s, 0.005) / max(s, 0.005): it cannot exceed 0.04 if it covers more than an eighth, like some colours. Lecture L
    speaks of the top 5 %, the paper of 0.5 %; `quantile` can be either.

    Parameters
    ----------
    model
        Any network for images N x 3 x H x W in [0, 1]; it runs in eval mode and is left unchanged.
    dataset
        A data set of the world, or another whose `maps(category)` returns N x H x W indices into `cnnlab.world.NAMES`.
    layers
        A name of `layer_names(model)`, several, or None for all convolutional layers: all in the same pass over the data.
    quantile
        The share of pixels in a mask.
    categories, pixel_step, min_pictures
        Which concepts count, and at which pixels; see `concepts`.
    rotate
        0 dissects the units; 1 as many directions, the units' axes after a random rotation; between, a share of the way
        (`random_rotation`).
    seed
        Seed of the rotation, the exchange of pictures, and the subsampling of very large data sets.
    batch_size
        Images in one forward pass; None for as many as have a million pixels together, and 64 at most.

    Returns
    -------
    Dissection, or dict of them
        For a single layer name the `Dissection`, else one for each layer name.

    Of each unit only the largest values are kept, with the pixels at which they lie, so one pass over the data gives thresholds and masks.
    Beyond 5 million pixels the thresholds are approximate (`cnnlab.units.streaming_quantile`), and a second pass gives the masks.
    Memory: one batch of maps, at most 300 kB for a unit, and the concepts, 14 kB for each picture.

    Raises
    ------
    ValueError
        If a layer is not in the network or has no positions, a number is out of range, or there are fewer than two
        pictures.

    References
    ----------
    Bau, Zhou, Khosla, Oliva & Torralba (2017), Network dissection: quantifying interpretability of deep visual
    representations, section 2.2, equation 1; lecture L, "Network dissection".

    Example
    -------
    >>> from cnnlab import load, world
    >>> found = dissect(load("mini_alexnet"), world.dataset("validation"), "relu5")  # doctest: +SKIP
    >>> found.unique_detectors(), found.at_chance().unique_detectors()  # doctest: +SKIP
    (34, 0)
    """
    options = {
        "quantile": quantile,
        "categories": categories,
        "pixel_step": pixel_step,
        "rotate": rotate,
        "seed": seed,
    }
    options |= {"min_pictures": min_pictures, "batch_size": batch_size, "progress": progress}
    *_, reports = dissect_steps(model, dataset, layers, **options)
    return reports[layers] if isinstance(layers, str) else reports


def dissect_steps(
    model: nn.Module,
    dataset: Any,
    layers: str | Sequence[str] | None = None,
    *,
    quantile: float = 0.005,
    categories: Sequence[str] = tuple(NAMES),
    pixel_step: int = 2,
    min_pictures: int = 10,
    rotate: float = 0.0,
    seed: int = 0,
    batch_size: int | None = None,
    progress: bool = False,
) -> Iterator[dict[str, Dissection]]:
    """Network dissection in steps of a batch, so that it can be stopped: an empty dict for each, at the end all `Dissection`s."""
    names = parse_layers(model, layers)
    quantile, rotate = fraction(quantile, "quantile"), fraction(rotate, "rotate")
    count = picture_count(dataset)
    if count < 2:
        raise ValueError("there must be at least two pictures, so that masks can be exchanged.")
    concept_maps = concepts(dataset, categories, pixel_step=pixel_step, min_pictures=min_pictures)
    pixels = len(concept_maps.rows) * len(concept_maps.columns)
    samplers: dict[str, _MapSampler] = {}
    quantiles: dict[str, StreamingQuantile] = {}
    for rows, images, maps in activation_batches(model, dataset, names, batch_size, progress, "dissection"):
        for name in names:
            layer_maps = maps.pop(name)
            if name not in samplers:
                samplers[name] = _MapSampler(model, name, images, layer_maps, concept_maps, rotate, seed)
                quantiles[name] = StreamingQuantile(
                    layer_maps.shape[1], quantile, count * pixels, seed, layer_maps.dtype
                )
            largest = quantiles[name]
            used = largest.sample(len(images) * pixels)
            for unit, values, numbers in samplers[name].above(layer_maps, largest.bounds):
                if used is not None:
                    values, numbers = values[used[numbers]], numbers[used[numbers]]
                largest.add(unit, values, numbers + rows.start * pixels)
        yield {}
    overlaps = {
        name: _OverlapCounter(largest.threshold(), concept_maps, count, seed)
        for name, largest in quantiles.items()
    }
    if thinning(quantile, count * pixels) == 1:
        for name, overlap in overlaps.items():
            largest = quantiles.pop(name)
            for unit, threshold in enumerate(overlap.threshold):
                overlap.add(unit, largest.above(unit, threshold).long())
    else:  # the thresholds come from some of the pixels, the masks have all
        for rows, _, maps in activation_batches(model, dataset, names, batch_size, progress, "overlaps"):
            for name, overlap in overlaps.items():
                for unit, _, numbers in samplers[name].above(maps.pop(name), overlap.threshold):
                    overlap.add(unit, numbers + rows.start * pixels)
            yield {}
    yield {name: overlaps[name].report(name) for name in names}


class _MapSampler:
    """Enlarges the maps of one layer, n x U x h x w, to the sampled pixels, in a rotated basis if requested."""

    def __init__(
        self,
        model: nn.Module,
        layer: str,
        images: Tensor,
        maps: Tensor,
        concepts: Concepts,
        rotate: float,
        seed: int,
    ):
        if maps.dim() != 4:
            raise ValueError(
                f'layer "{layer}" has no positions, so it cannot be laid over pixels; choose a convolutional layer.'
            )
        field = receptive_field(model, layer, tuple(images.shape[1:]))
        self.down = bilinear_weights(field, 0, concepts.rows).to(maps)  # rows x h
        self.across = bilinear_weights(field, 1, concepts.columns).to(maps)  # columns x w
        self.rotation = random_rotation(maps.shape[1], amount=rotate, seed=seed).to(maps) if rotate else None

    def above(self, maps: Tensor, bounds: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """For each unit that has some: its values above its bound (U of them), and their numbers among the sampled pixels of all n maps."""
        by_unit = (
            maps.transpose(0, 1)
            if self.rotation is None
            else torch.einsum("tu,nuhw->tnhw", self.rotation, maps)
        )
        # Interpolation exceeds the largest value of a map by rounding at most: most maps need not be enlarged.
        peaks = by_unit.amax((2, 3))
        unit, picture = (peaks + 1e-5 * peaks.abs() > bounds.to(peaks)[:, None]).nonzero(as_tuple=True)
        widened = by_unit[unit, picture] @ self.across.T
        pixels = len(self.down) * len(self.across)
        counts = unit.bincount(minlength=len(by_unit)).tolist()
        for number, (own, pictures) in enumerate(
            zip(widened.split(counts), picture.cpu().split(counts), strict=True)
        ):
            values = (self.down @ own).flatten().cpu()  # unit by unit, so that they stay in the cache
            place = torch.from_numpy(np.flatnonzero((values > bounds[number]).numpy()))
            if len(place):
                yield number, values[place], pictures[place // pixels] * pixels + place % pixels


class _OverlapCounter:
    """Counts the pixels that the masks of one layer share with each concept, in the same picture and in an exchanged one."""

    def __init__(self, threshold: Tensor, concepts: Concepts, count: int, seed: int):
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
        self.partner = torch.empty_like(order)
        self.partner[order] = order.roll(1)  # one cycle through all pictures, so that none is its own partner
        self.threshold, self.concepts = threshold, concepts
        self.labels = concepts.labels.flatten(1)  # categories x pixels of all pictures
        self.masked = torch.zeros(len(threshold), dtype=torch.long)
        self.common = torch.zeros(2, len(threshold), 256, dtype=torch.long)

    def add(self, unit: int, numbers: Tensor) -> None:
        """Add pixels of the unit's masks, by their numbers among the sampled pixels of all pictures."""
        self.masked[unit] += len(numbers)
        pixels = self.labels.shape[1] // len(self.partner)
        picture = numbers // pixels
        exchanged = numbers + (self.partner[picture] - picture) * pixels
        for places, common in zip((numbers, exchanged), self.common, strict=True):
            common[unit] += self.labels[:, places].flatten().bincount(minlength=256)

    def report(self, layer: str) -> Dissection:
        """The counts as intersection over union."""
        common = self.common[:, :, : len(self.concepts.names)].double()  # 2 x U x C
        union = self.masked[:, None] + self.concepts.pixels - common
        pixel_count = self.concepts.labels[0].numel()
        return Dissection(
            layer=layer,
            concepts=self.concepts.names,
            categories=self.concepts.categories,
            threshold=self.threshold,
            activated_fraction=self.masked.double() / pixel_count,
            concept_fraction=self.concepts.pixels.double() / pixel_count,
            iou=common[0] / union[0],
            chance_iou=common[1] / union[1],
        )
