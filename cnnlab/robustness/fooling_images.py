"""Fooling images: meaningless to us, but classified with high confidence; found by evolution.

Adversarial examples change an image of something; fooling images show nothing. They are evolved here without a gradient, by
keeping those with a higher probability. For images from gradient ascent see `cnnlab.synthesis.maximise`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab._validation import fraction, one_of, one_or_several, positive_int, target_index, whole_number
from cnnlab.networks.eval_mode import input_side
from cnnlab.robustness import cppn
from cnnlab.robustness._gradients import batched_logits


@dataclass(frozen=True, eq=False)
class Fooling:
    """The best images up to a generation.

    Fields
    ------
    images
        T x 3 x H x W in [0, 1]: for each target the image with its highest probability so far.
    targets
        T class indices.
    probabilities
        T floats: the probability of the target.
    generation
        0 for the first, random one.
    queries
        Number of images that the network has classified so far.
    """

    images: Tensor
    targets: Tensor
    probabilities: Tensor
    generation: int
    queries: int


def evolve_fooling(
    model: nn.Module,
    target: int | str | Sequence[int | str] | None = None,
    *,
    encoding: str = "cppn",
    generations: int = 100,
    population: int = 64,
    confidence: float = 0.99,
    size: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
) -> Iterator[Fooling]:
    """Fooling images by evolution (MAP-Elites): yields the best image for each target after each generation.

    For every class of the network the best image so far is kept as its champion (so an image that fails for one class may become an
    ancestor for another). Each generation has `population` children, each a mutated champion; half of the parents are champions of
    the targets, half of any class. A child with a higher probability of any class than that of its champion replaces the champion.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; only its outputs are used. It is left unchanged.
    target
        A class, several, or None for all: by index or name.
    encoding
        The genome. "cppn": functions of sines, Gaussians and polynomials that draw regular patterns. "direct": the pixels
        themselves, of which one in ten changes in a child, by polynomial mutation; the results look like noise.
    generations, population
        Number of generations, and of children in each.
    confidence
        Evolution stops early once every target has this probability.
    size
        Side of the images; None for the network's own input size.
    batch_size
        Images in one forward pass.
    seed
        Seed of all random choices.

    Yields
    ------
    Fooling
        After each generation, the first, random one included.

    Raises
    ------
    ValueError, TypeError
        If a class or the encoding is not known, a number is out of range, or the network has no `input_size`. This is checked
        before the first generation.

    References
    ----------
    Nguyen, Yosinski & Clune, "Deep Neural Networks are Easily Fooled", CVPR 2015, section 2 (both encodings, one champion a class).
    Lecture L, "High-confidence patterns".

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> [best.generation for best in evolve_fooling(model, 3, generations=2, population=8, confidence=1, size=16)]
    [0, 1, 2]
    """
    one_of(encoding, _ENCODINGS, "encoding")
    side = input_side(model) if size is None else positive_int(size, "size")
    if side is None:
        raise ValueError(
            "the network does not tell the side of its pictures (`input_size`), so `size` must say it."
        )
    fraction(confidence, "confidence")
    positive_int(population, "population")
    whole_number(generations, "generations")
    encoding_strategy = _ENCODINGS[encoding](side, torch.Generator().manual_seed(seed))
    query = _QueryCounter(model, positive_int(batch_size, "batch_size"))
    genomes = encoding_strategy.initial_population(population)
    first = encoding_strategy.to_images(genomes)
    probabilities = query(first)
    names = getattr(model, "class_names", None)
    requested = range(probabilities.shape[1]) if target is None else one_or_several(target)
    targets = [target_index(name, names, probabilities[0]) for name in requested]
    return _evolve(
        encoding_strategy, query, genomes, first, probabilities, targets, generations, population, confidence
    )


def _evolve(
    encoding_strategy: _DirectEncoding | _CppnEncoding,
    query: _QueryCounter,
    genomes: Any,
    first: Tensor,
    probabilities: Tensor,
    targets: list[int],
    generations: int,
    population: int,
    confidence: float,
) -> Iterator[Fooling]:
    best, index = probabilities.max(0)  # C: each class's champion among the first
    champions = [genomes[i] for i in index.tolist()]
    images = first[index[targets]]  # T x 3 x H x W, the champions of the targets
    rows = {target: [i for i, other in enumerate(targets) if other == target] for target in targets}
    for generation in range(generations + 1):
        if generation:
            parents = encoding_strategy.choose_parents(len(champions), targets, population)
            children = encoding_strategy.mutate([champions[parent] for parent in parents])
            pictures = encoding_strategy.to_images(children)
            child_probabilities, index = query(pictures).max(0)
            for number in (child_probabilities > best).nonzero()[:, 0].tolist():
                champions[number], best[number] = children[index[number]], child_probabilities[number]
                images[rows.get(number, [])] = pictures[index[number]]
        yield Fooling(images.clone(), torch.tensor(targets), best[targets].clone(), generation, query.queries)
        if bool((best[targets] >= confidence).all()):
            return


@dataclass(eq=False)
class _QueryCounter:
    """Counts queries: images in, probabilities out."""

    model: nn.Module
    batch_size: int
    queries: int = 0

    def __call__(self, pictures: Tensor) -> Tensor:
        self.queries += len(pictures)
        return batched_logits(self.model, pictures, self.batch_size).softmax(1).cpu()


class _Encoding:
    """The part that both encodings share: the choice of parents."""

    def __init__(self, size: int, generator: torch.Generator):
        self.size, self.generator = size, generator

    def choose_parents(self, classes: int, targets: list[int], count: int) -> list[int]:
        """Classes whose champions have children: a target or any class, equally often."""
        target_classes = torch.tensor(targets)[
            torch.randint(len(targets), (count,), generator=self.generator)
        ]
        any_class = torch.randint(classes, (count,), generator=self.generator)
        return torch.where(
            torch.rand(count, generator=self.generator) < 0.5, target_classes, any_class
        ).tolist()


class _DirectEncoding(_Encoding):
    """Direct encoding: a genome is an image 3 x H x W."""

    def initial_population(self, count: int) -> list[Tensor]:
        return list(torch.rand(count, 3, self.size, self.size, generator=self.generator))

    def mutate(self, parents: list[Tensor]) -> list[Tensor]:
        """Polynomial mutation (Deb) of one value in ten: mostly small steps, some across the whole range."""
        pixels = torch.stack(parents)
        changed = torch.rand(pixels.shape, generator=self.generator) < 0.1
        u = torch.rand(pixels.shape, generator=self.generator)
        step = torch.where(u < 0.5, (2 * u) ** (1 / 16) - 1, 1 - (2 * (1 - u)) ** (1 / 16))
        return list(torch.where(changed, (pixels + step).clamp(0, 1), pixels))

    def to_images(self, genomes: list[Tensor]) -> Tensor:
        return torch.stack(genomes)


class _CppnEncoding(_Encoding):
    """CPPN encoding: a genome is a `cppn.Pattern`."""

    def initial_population(self, count: int) -> list[cppn.Pattern]:
        return [cppn.minimal_pattern(self.generator) for _ in range(count)]

    def mutate(self, parents: list[cppn.Pattern]) -> list[cppn.Pattern]:
        return [cppn.mutate(parent, self.generator) for parent in parents]

    def to_images(self, genomes: list[cppn.Pattern]) -> Tensor:
        return torch.stack([cppn.render_pattern(genome, self.size) for genome in genomes])


_ENCODINGS = {"cppn": _CppnEncoding, "direct": _DirectEncoding}
