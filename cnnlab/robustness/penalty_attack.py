"""Penalty attack (Szegedy et al.): the smallest change that reaches a target class, from the first paper on adversarial examples.

FGSM and PGD take the size of the change as given. Here the norm of the change is weighed against the score of the target class,
and the result shows how small the change can be.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.forward import as_pixels, class_logits, input_gradient, with_gradients
from cnnlab.robustness._gradients import batched_logits
from cnnlab.robustness.norm_ball import norm_of, per_image, steepest
from cnnlab.robustness.targets import Target, check_targeted, target_indices


@dataclass(frozen=True, eq=False)
class PenaltyAttack:
    """Result of `penalty_attack`.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1] (or one image): the nearest image found that is classified as the target; the original where none
        was found.
    norms
        N floats: |r|, the Euclidean norm of the change in pixel values of [0, 1]; infinity where none was found.
    success
        N booleans: whether an adversarial image was found.
    weight
        N floats: the largest lambda tried for which the search ended at the target class; NaN where none did.
    """

    images: Tensor
    norms: Tensor
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
    path_length: float = 0.36,
    progress: bool = False,
) -> PenaltyAttack:
    """Penalty attack: the smallest change of each image that makes the network predict `target`.

        max over r of  -lambda |r| + log softmax(model(x + r))[target],    x + r in [0, 1]

    A large lambda keeps r short, but may not reach the target; a small one reaches it with a long r. So lambda is searched for each
    image by bisection of its logarithm, the shortest successful r is kept, and at the end it is shortened along its line as far as
    the prediction stays.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image.
    target
        The class to reach, one for all images or one for each.
    steps
        Gradient steps for each lambda; each follows the gradient, and their lengths fall linearly to zero.
    rounds
        Number of lambdas tried.
    weight
        The first lambda, for norms in pixel values of [0, 1]; it is quartered until the attack succeeds, and quadrupled until it
        no longer does.
    path_length
        Sum of the step lengths, as a root mean square over the pixel values. Long first steps leave regions where the prediction
        does not change, and the penalty pulls the change back.
    progress
        Show a progress bar.

    Returns
    -------
    PenaltyAttack
        The adversarial images, |r|, and whether the attack succeeded, for each image.

    Raises
    ------
    ValueError, TypeError
        If no target is given, a class is not known, or a number is out of range.

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
    check_targeted(target)
    originals, single = image_batch(images)
    originals = as_pixels(model, originals)
    positive_int(steps, "steps")
    positive_int(rounds, "rounds")
    logits = batched_logits(model, originals)
    classes = target_indices(target, model, logits).clone()
    already_target = logits.argmax(1) == classes  # nothing to do: r = 0
    search = _Search(originals.clone(), already_target, weight)
    for _ in tqdm(range(rounds), desc="lambda", disable=not progress):
        succeeded = _ascend(model, originals, classes, search, steps, path_length)
        search.update_weight(succeeded)
    _bisect(model, originals, classes, search)
    result = PenaltyAttack(
        search.best_images, search.best_lengths, search.best_lengths.isfinite(), search.largest_success
    )
    return PenaltyAttack(*(value[0] for value in vars(result).values())) if single else result


class _Search:
    """Bisection of lambda for each image: the shortest successful change, and the lambdas between which success changes."""

    def __init__(self, originals: Tensor, already_target: Tensor, weight: float):
        count = len(originals)
        self.best_images = originals
        self.best_lengths = torch.where(already_target, 0.0, originals.new_full((count,), torch.inf))
        self.weight = originals.new_full((count,), float(weight))
        self.largest_success = originals.new_full((count,), torch.nan)  # the largest lambda that succeeded
        self._smallest_failure = originals.new_full((count,), torch.inf)

    def record(self, pictures: Tensor, lengths: Tensor, succeeded: Tensor) -> None:
        better = succeeded & (lengths < self.best_lengths)
        self.best_lengths = torch.where(better, lengths, self.best_lengths)
        self.best_images = torch.where(per_image(better), pictures, self.best_images)

    def update_weight(self, succeeded: Tensor) -> None:
        """Half-way, in the logarithm, between the largest lambda that succeeded and the smallest that did not."""
        self.largest_success = torch.where(
            succeeded, torch.fmax(self.weight, self.largest_success), self.largest_success
        )
        self._smallest_failure = torch.where(
            succeeded, self._smallest_failure, torch.minimum(self.weight, self._smallest_failure)
        )
        open_above, open_below = self._smallest_failure.isinf(), self.largest_success.isnan()
        middle = (self.largest_success * self._smallest_failure).sqrt()
        self.weight = torch.where(
            open_above, self.weight * 4, torch.where(open_below, self.weight / 4, middle)
        )


def _ascend(
    model: nn.Module, originals: Tensor, classes: Tensor, search: _Search, steps: int, path_length: float
) -> Tensor:
    """Maximise score minus penalty from r = 0 for the current lambdas; whether each image ends at its class (N booleans)."""
    pictures = originals
    for remaining in range(steps, -1, -1):
        with with_gradients(model):
            pixels = pictures.detach().clone().requires_grad_()
            logits = class_logits(model, pixels)
            lengths = norm_of(pixels - originals, "l2")
            score = -F.cross_entropy(logits, classes, reduction="none")
            # Apart, so that a network without gradients is noticed.
            gradient = input_gradient(score, pixels) - input_gradient(search.weight * lengths, pixels)
        succeeded = logits.argmax(1) == classes
        search.record(pictures, lengths.detach(), succeeded)
        step_size = 2 * path_length * remaining / (steps * (steps + 1)) * originals[0].numel() ** 0.5
        pictures = (pictures + step_size * steepest(gradient, "l2")).clamp(0, 1)
    return succeeded


def _bisect(model: nn.Module, originals: Tensor, classes: Tensor, search: _Search, halvings: int = 8) -> None:
    """Bisection along the line between the original and the nearest image found, to the point where the prediction flips."""
    change = search.best_images - originals
    low, high = torch.zeros_like(search.best_lengths), torch.ones_like(search.best_lengths)
    for _ in range(halvings):
        middle = (low + high) / 2
        pictures = originals + per_image(middle) * change
        succeeded = batched_logits(model, pictures).argmax(1) == classes
        search.record(pictures, norm_of(pictures - originals, "l2"), succeeded)
        high, low = torch.where(succeeded, middle, high), torch.where(succeeded, low, middle)
