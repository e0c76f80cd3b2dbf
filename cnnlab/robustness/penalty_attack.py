"""The smallest change that turns an answer: the penalty form of the first adversarial examples.

FGSM and PGD are told how far they may go. Here the length of the change itself is weighed against the score of the wanted class,
and what comes out is how short it can be.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab.inputs import image_batch, positive_int
from cnnlab.networks.eval_mode import eval_mode, match_device_dtype
from cnnlab.robustness.asking import logits_of
from cnnlab.robustness.ball import per_picture, size, steepest
from cnnlab.robustness.labels import Target, target_indices


@dataclass(frozen=True, eq=False)
class PenaltyAttack:
    """Outcome of `penalty_attack`.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1] (or one picture): the nearest picture found that is called the target class; the original where none
        was.
    norms
        N floats: |r|, the Euclidean length of the change in pixel values of [0, 1]; infinity where none was found.
    success
        N booleans: whether one was found.
    weight
        N floats: the largest lambda tried for which the search ended at the target class; NaN where none did.
    """

    images: Tensor
    length: Tensor
    success: Tensor
    weight: Tensor


@torch.inference_mode(False)
def penalty_attack(
    model: nn.Module,
    images: Tensor,
    target: Target,
    *,
    steps: int = 40,
    rounds: int = 6,
    weight: float = 1.0,
    reach: float = 0.36,
    progress: bool = False,
) -> PenaltyAttack:
    """How small can a change be that makes the network say `target`? The penalty form of Szegedy et al.

        max over r of  -lambda |r| + log softmax(model(x + r))[target],    x + r in [0, 1]

    A large lambda keeps r short, but the answer may stay; a small one turns the answer with a long r. So lambda is searched for
    each picture by bisection of its logarithm, the shortest r that ever turned the answer on the way is kept, and at the end it is
    shortened along its line as far as the answer stays.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left as it was found.
    images
        N x 3 x H x W in [0, 1], or one picture.
    target
        The class that the network shall say, one for all pictures or one for each.
    steps
        Gradient steps for each lambda; each goes along the gradient, and their lengths fall evenly to zero.
    rounds
        How many lambdas are tried.
    weight
        The first lambda, for lengths in pixel values of [0, 1]; it is quartered until it turns the answer, and quadrupled until it
        no longer does.
    path_length
        What the lengths of the steps add up to, as a root mean square over the pixel values. Long first steps leave the places where
        the answer is stuck, and the penalty pulls the change back.
    progress
        Show a progress bar.

    Returns
    -------
    PenaltyAttack
        The attacked pictures, |r|, and whether it worked, one for each picture.

    Raises
    ------
    ValueError, TypeError
        If no target is given, a class is not known, or a number makes no sense.

    References
    ----------
    Szegedy et al., "Intriguing properties of neural networks", ICLR 2014, section 4.1. They search lambda on a line and use L-BFGS.
    Lecture L, "Generating adversarial perturbations", where the score is the logit.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> found = penalty_attack(model, torch.rand(2, 3, 4, 4), target=3)
    >>> bool((model(found.images).argmax(1) == 3).eq(found.success).all())
    True
    """
    if target is None:
        raise ValueError("a class to go to must be given: `target`, an index or a name.")
    originals, single = image_batch(images)
    originals = match_device_dtype(model, originals.detach().clone())
    positive_int(steps, "steps")
    positive_int(rounds, "rounds")
    logits = logits_of(model, originals)
    classes = target_indices(target, model, logits).clone()
    there = logits.argmax(1) == classes  # nothing to do: r = 0
    with eval_mode(model, frozen=True):
        search = _Search(originals.clone(), there, weight)
        for _ in tqdm(range(rounds), desc="lambda", disable=not progress):
            ended_there = _climb(model, originals, classes, search, steps, reach)
            search.weigh_again(ended_there)
        _shorten(model, originals, classes, search)
    found = PenaltyAttack(search.nearest, search.shortest, search.shortest.isfinite(), search.largest)
    return PenaltyAttack(*(value[0] for value in vars(found).values())) if single else found


class _Search:
    """The shortest change found for each picture, and between which lambdas its answer turns."""

    def __init__(self, originals: Tensor, there: Tensor, weight: float):
        count = len(originals)
        self.nearest = originals
        self.shortest = torch.where(there, 0.0, originals.new_full((count,), torch.inf))
        self.weight = originals.new_full((count,), float(weight))
        self.largest = originals.new_full((count,), torch.nan)  # that turned the answer
        self._too_large = originals.new_full((count,), torch.inf)

    def note(self, pictures: Tensor, lengths: Tensor, turned: Tensor) -> None:
        better = turned & (lengths < self.shortest)
        self.shortest = torch.where(better, lengths, self.shortest)
        self.nearest = torch.where(per_picture(better), pictures, self.nearest)

    def weigh_again(self, turned: Tensor) -> None:
        """Half-way, in the logarithm, between the largest lambda that turned the answer and the smallest that did not."""
        self.largest = torch.where(turned, torch.fmax(self.weight, self.largest), self.largest)
        self._too_large = torch.where(turned, self._too_large, torch.minimum(self.weight, self._too_large))
        open_above, open_below = self._too_large.isinf(), self.largest.isnan()
        middle = (self.largest * self._too_large).sqrt()
        self.weight = torch.where(
            open_above, self.weight * 4, torch.where(open_below, self.weight / 4, middle)
        )


def _climb(
    model: nn.Module, originals: Tensor, classes: Tensor, search: _Search, steps: int, reach: float
) -> Tensor:
    """Maximise score minus penalty from r = 0 for the lambdas at hand; whether each picture ends at its class (N booleans)."""
    pictures = originals
    for left in range(steps, -1, -1):
        with torch.enable_grad():
            pixels = pictures.detach().clone().requires_grad_()
            logits = model(pixels)
            lengths = size(pixels - originals, "l2")
            score = -F.cross_entropy(logits, classes, reduction="none")
            (uphill,) = torch.autograd.grad((score - search.weight * lengths).sum(), pixels)
        turned = logits.argmax(1) == classes
        search.note(pictures, lengths.detach(), turned)
        stride = 2 * reach * left / (steps * (steps + 1)) * originals[0].numel() ** 0.5
        pictures = (pictures + stride * steepest(uphill, "l2")).clamp(0, 1)
    return turned


def _shorten(
    model: nn.Module, originals: Tensor, classes: Tensor, search: _Search, halvings: int = 8
) -> None:
    """Between the original and the nearest picture found, the place on the line where the answer turns, by bisection."""
    change = search.nearest - originals
    low, high = torch.zeros_like(search.shortest), torch.ones_like(search.shortest)
    for _ in range(halvings):
        middle = (low + high) / 2
        pictures = originals + per_picture(middle) * change
        turned = logits_of(model, pictures).argmax(1) == classes
        search.note(pictures, size(pictures - originals, "l2"), turned)
        high, low = torch.where(turned, middle, high), torch.where(turned, low, middle)
