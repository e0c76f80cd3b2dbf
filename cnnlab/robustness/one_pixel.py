"""One-pixel attack: change a single pixel, found by differential evolution without gradients.

The attacker sees only probabilities. Position and colour of the pixel are found by differential evolution, and every query to the
network is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._incremental import PatchedModel, patched_model
from cnnlab._validation import image_batch, positive_int, target_index, whole_number
from cnnlab.networks.forward import as_pixels
from cnnlab.robustness._gradients import batched_logits
from cnnlab.robustness.targets import check_targeted


@dataclass(frozen=True, eq=False)
class OnePixel:
    """The best candidate of the one-pixel attack so far.

    Fields
    ------
    image
        3 x H x W in [0, 1]: the image with the pixels changed.
    positions
        pixels x 2: row and column of each.
    colours
        pixels x 3 in [0, 1].
    probability
        Probability of the target for this image.
    predicted
        The class predicted for this image.
    success
        Whether the attack succeeded: the target is no longer predicted, or is predicted if targeted.
    queries
        Number of queries, not counting the original.
    """

    image: Tensor
    positions: Tensor
    colours: Tensor
    probability: float
    predicted: int
    success: bool
    queries: int


def one_pixel(
    model: nn.Module,
    image: Tensor,
    target: int | str | None = None,
    *,
    pixels: int = 1,
    population: int = 200,
    generations: int = 60,
    weight: float = 0.5,
    targeted: bool = False,
    batch_size: int = 64,
    seed: int = 0,
    progress: bool = False,
) -> OnePixel:
    """One-pixel attack: differential evolution over the position and the colour of one pixel.

        child = a + weight (b - c),    a, b, c three other candidates (row, column, red, green, blue)

    A child replaces its parent if the target is less probable with it (more, if targeted). The search stops as soon as the attack
    succeeds. A population of hundreds is needed: one of ten hardly ever finds the pixel.

    `queries` counts the attacker's queries. They are computed faster where possible: for one pixel, on a CPU, a convolutional network
    recomputes only what that pixel can reach (`cnnlab._incremental`), with the same results up to rounding.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    image
        One image, 3 x H x W (or 1 x 3 x H x W), in [0, 1].
    target
        The class to move away from; None for the predicted class. With `targeted=True` the class to reach.
    pixels
        Number of pixels that may change.
    population, generations
        Number of candidates, and of generations: at most population x (generations + 1) queries.
    weight
        Differential weight: how far a child moves along the difference of two others.
    targeted
        Whether `target` is the class to reach.
    batch_size
        Images in one forward pass.
    seed
        Seed of the population and its children.
    progress
        Show a progress bar.

    Returns
    -------
    OnePixel
        The best candidate, whether it succeeded, and the queries used.

    Raises
    ------
    ValueError, TypeError
        If more than one image is passed, a class is not known, a number is out of range, or a targeted attack has no target.

    References
    ----------
    Su, Vargas & Sakurai, "One Pixel Attack for Fooling Deep Neural Networks", IEEE Transactions on Evolutionary Computation 2019,
    sections III-B and III-C (population 400, 100 generations, no crossover). Lecture K, "Single-Pixel Attacks!".

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5))
    >>> found = one_pixel(model, torch.rand(3, 8, 8), population=20, generations=5)
    >>> found.queries <= 20 * 6
    True
    """
    searches = one_pixel_steps(
        model,
        image,
        target,
        pixels=pixels,
        population=population,
        generations=generations,
        weight=weight,
        targeted=targeted,
        batch_size=batch_size,
        seed=seed,
    )
    for step in tqdm(searches, total=generations + 1, desc="one pixel", disable=not progress):
        best = step
    return best


def one_pixel_steps(
    model: nn.Module,
    image: Tensor,
    target: int | str | None = None,
    *,
    pixels: int = 1,
    population: int = 200,
    generations: int = 60,
    weight: float = 0.5,
    targeted: bool = False,
    batch_size: int = 64,
    seed: int = 0,
) -> Iterator[OnePixel]:
    """One-pixel attack, step by step: yields the best candidate after each generation, the result last. Arguments as in `one_pixel`.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5))
    >>> [found.queries for found in one_pixel_steps(model, torch.rand(3, 8, 8), 0, population=9, generations=1, targeted=True)][0]
    9
    """
    batch, _ = image_batch(image, "image")
    if len(batch) != 1:
        raise ValueError(f"one_pixel takes one picture, but got {len(batch)}; call it once for each.")
    check_targeted(target, targeted)
    whole_number(population, "population", minimum=4)
    picture = as_pixels(model, batch[0])
    network = None
    if positive_int(pixels, "pixels") == 1:
        network = patched_model(model, picture, 1, *(range(length) for length in picture.shape[1:]))
    logits = network.original if network else batched_logits(model, picture[None])[0]
    target_class = target_index(target, getattr(model, "class_names", None), logits)
    generator = torch.Generator().manual_seed(seed)
    shape = (population, pixels, 5)
    query = _QueryCounter(
        model, picture, target_class, targeted, positive_int(batch_size, "batch_size"), network
    )
    return _evolve(
        query,
        _initial_candidates(shape, generator),
        positive_int(generations, "generations"),
        weight,
        generator,
    )


def _evolve(
    query: _QueryCounter, candidates: Tensor, generations: int, weight: float, generator: torch.Generator
) -> Iterator[OnePixel]:
    """Differential evolution of candidates P x pixels x 5: row and column as fractions of the sides, then the colour."""
    fitness = query(candidates)
    for generation in range(generations + 1):
        if generation:
            trials = _mutate(candidates, weight, generator)
            child_fitness = query(trials)
            better = child_fitness > fitness
            candidates = torch.where(better[:, None, None], trials, candidates)
            fitness = torch.where(better, child_fitness, fitness)
        best = query.evaluate(candidates[fitness.argmax()])
        yield best
        if best.success:
            return


@dataclass(eq=False)
class _QueryCounter:
    """Counts queries: candidates in, fitness out."""

    model: nn.Module
    picture: Tensor
    target: int
    targeted: bool
    batch_size: int
    network: PatchedModel | None
    queries: int = 0

    def __call__(self, candidates: Tensor) -> Tensor:
        """P fitness values, larger is better: the log odds against the target, or for it if targeted."""
        self.queries += len(candidates)
        # Chunk by chunk, so that no more than a batch of images exists at a time.
        logits = (
            torch.cat([self._logits(chunk) for chunk in candidates.split(self.batch_size)]).cpu().double()
        )
        target_logit = logits[:, self.target]
        other_logits = logits.masked_fill(torch.arange(logits.shape[1]) == self.target, -torch.inf).logsumexp(
            1
        )
        return target_logit - other_logits if self.targeted else other_logits - target_logit

    def evaluate(self, candidate: Tensor) -> OnePixel:
        """The candidate as a result; it was queried before, so it is not counted again."""
        picture = self._pictures(candidate[None])
        logits = batched_logits(self.model, picture)[0].cpu()
        predicted = int(logits.argmax())
        rows, columns = self._positions(candidate[None])
        return OnePixel(
            image=picture[0],
            positions=torch.stack([rows[0], columns[0]], 1),
            colours=candidate[:, 2:].clone(),
            probability=float(logits.softmax(0)[self.target]),
            predicted=predicted,
            success=(predicted == self.target) == self.targeted,
            queries=self.queries,
        )

    def _logits(self, candidates: Tensor) -> Tensor:
        if self.network is None:
            return batched_logits(self.model, self._pictures(candidates), self.batch_size)
        rows, columns = (position[:, 0].tolist() for position in self._positions(candidates))
        colours = candidates[:, 0, 2:, None, None].to(self.picture)  # P x 3 x 1 x 1
        return self.network.logits(list(zip(rows, columns, strict=True)), colours)

    def _positions(self, candidates: Tensor) -> tuple[Tensor, Tensor]:
        height, width = self.picture.shape[1:]
        return (candidates[..., 0] * height).long(), (candidates[..., 1] * width).long()  # P x pixels each

    def _pictures(self, candidates: Tensor) -> Tensor:
        pictures = self.picture.repeat(len(candidates), 1, 1, 1)
        rows, columns = self._positions(candidates)
        index = torch.arange(len(candidates))[:, None]
        pictures[index, :, rows, columns] = candidates[..., 2:].to(pictures)
        return pictures


def _initial_candidates(shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Uniform random positions; colours around grey and often at the ends of their range."""
    positions = torch.rand(*shape[:2], 2, generator=generator)
    colours = (0.5 + 0.5 * torch.randn(*shape[:2], 3, generator=generator)).clamp(0, 1)
    return torch.cat([positions, colours], 2)


def _mutate(parents: Tensor, weight: float, generator: torch.Generator) -> Tensor:
    """For each parent, three other candidates combined; positions wrap around at the border, colours are clipped."""
    count = len(parents)
    # Three different ones, none of them the parent: the first entries of a shuffle that puts the parent last.
    draws = torch.rand(count, count, generator=generator).fill_diagonal_(-1)
    a, b, c = parents[draws.topk(3, dim=1).indices.T]
    children = a + weight * (b - c)
    positions = children[..., :2].remainder(1).clamp(max=1 - 1e-6)
    return torch.cat([positions, children[..., 2:].clamp(0, 1)], 2)
