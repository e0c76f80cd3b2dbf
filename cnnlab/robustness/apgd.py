"""APGD, PGD that chooses its own step sizes, with the cross-entropy or with a loss that no scale of the logits can switch off.

Plain PGD needs a step size, and its cross-entropy has no gradient left where a network is very sure. A defence may live from either.
For the signs that it does see `masked_gradients`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, one_of, positive_int
from cnnlab.networks.forward import as_pixels, class_logits, input_gradient, with_gradients
from cnnlab.robustness import norm_ball
from cnnlab.robustness._gradients import batched_logits
from cnnlab.robustness.targets import Target, target_indices

MOMENTUM = 0.25
RHO = 0.75
"""The step size stays if more than this share of the steps since the last checkpoint raised the loss."""


def apgd(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    epsilon: float | None = None,
    steps: int = 100,
    loss: str = "ce",
    norm: str = "linf",
    seed: int = 0,
    progress: bool = False,
) -> Tensor:
    """APGD, auto-PGD: projected gradient ascent with momentum that halves its step size where it gets nowhere.

        z_{t+1} = project(x_t + eta * direction(grad f(x_t)))
        x_{t+1} = project(x_t + 0.75 * (z_{t+1} - x_t) + 0.25 * (x_t - x_{t-1})),    eta = 2 * epsilon at first

    At checkpoints, which come closer and closer, eta is halved and the search goes back to its best point if at most 75 % of the steps
    since the last checkpoint raised f, or if neither eta nor the best f has changed since then. So there is no step size to tune. f is

        "ce"   -log softmax(z)_y
        "dlr"  -(z_y - max_{i != y} z_i) / (z_(1) - z_(3)),    the difference of logits ratio

    with z_(k) the k-th largest logit. The ratio does not change if all logits are shifted or multiplied; it is positive where the class
    is no longer y.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    target
        The class to move away from, one for all or one for each image: index, name, or None for the class predicted on the originals.
    epsilon
        Radius of the ball in pixel values of [0, 1]; by default 4/255 ("linf") or 1.0 ("l2").
    steps
        Number of steps, each a forward and a backward pass.
    loss
        "ce" or "dlr"; the ratio needs at least three classes.
    norm
        "linf" or "l2".
    seed
        Seed of the random start.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        For each image the point of the largest loss among those that are misclassified, or among all if none is. Of the shape of
        `images`, in [0, 1], on the device and in the float type of the model (float32 for half precision).

    Raises
    ------
    ValueError, TypeError
        If the images leave [0, 1], a number is out of range, a class, loss or norm is not known, or "dlr" has fewer than three classes.

    References
    ----------
    Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", ICML 2020,
    algorithm 1 (with "at most" where it says "fewer than", as in the authors' code), and section 4 for the ratio.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> images = torch.rand(2, 3, 4, 4)
    >>> float((apgd(model, images, epsilon=0.1, steps=20, loss="dlr") - images).abs().max()) <= 0.1 + 1e-6
    True
    """
    originals, single = image_batch(images)
    one_of(norm, norm_ball.DEFAULT_EPSILON, "norm")
    one_of(loss, LOSSES, "loss")
    epsilon = norm_ball.validate_epsilon(
        norm_ball.DEFAULT_EPSILON[norm] if epsilon is None else epsilon, norm
    )
    steps = positive_int(steps, "steps")
    originals = as_pixels(model, originals)
    classes = target_indices(target, model, batched_logits(model, originals))
    start = norm_ball.random_point(originals, epsilon, norm, torch.Generator().manual_seed(seed))

    x = previous = best = start
    value, gradient, fooled = _evaluate(model, x, classes, loss)
    best_value, best_gradient = value, gradient
    result, result_value, succeeded = x, value, fooled
    step_size = torch.full_like(value, 2 * epsilon)
    raised = torch.zeros_like(value)  # steps since the last checkpoint that raised the loss
    value_at_checkpoint, halved = best_value, torch.ones_like(fooled)
    checkpoints, last = set(_checkpoints(steps)), 0
    for t in tqdm(range(steps), desc="apgd", disable=not progress):
        momentum = MOMENTUM if t else 0.0
        ahead = norm_ball.project(
            x + norm_ball.per_image(step_size) * norm_ball.steepest(gradient, norm), originals, epsilon, norm
        )
        moved = x + (1 - momentum) * (ahead - x) + momentum * (x - previous)
        previous, x = x, norm_ball.project(moved, originals, epsilon, norm)
        old_value = value
        value, gradient, fooled = _evaluate(model, x, classes, loss)
        raised += value > old_value
        better = value > best_value
        best, best_gradient, best_value = _choose(
            better, (x, gradient, value), (best, best_gradient, best_value)
        )
        better = (fooled & ~succeeded) | ((fooled == succeeded) & (value > result_value))
        result, result_value = _choose(better, (x, value), (result, result_value))
        succeeded = succeeded | fooled
        if t + 1 in checkpoints:
            halve = (raised <= RHO * (t + 1 - last)) | (~halved & (best_value <= value_at_checkpoint))
            step_size = torch.where(halve, step_size / 2, step_size)
            x, gradient, value = _choose(halve, (best, best_gradient, best_value), (x, gradient, value))
            raised, value_at_checkpoint, halved, last = torch.zeros_like(raised), best_value, halve, t + 1
    attacked = norm_ball.check_inside(result, originals, epsilon, norm)
    return attacked[0] if single else attacked


def difference_of_logits_ratio(logits: Tensor, classes: Tensor) -> Tensor:
    """N ratios -(z_y - max_{i != y} z_i) / (z_(1) - z_(3)) for logits N x C: positive where the class is not y."""
    if logits.shape[1] < 3:
        raise ValueError(
            f'the loss "dlr" divides by the distance of the first logit to the third, but there are {logits.shape[1]}'
            ' classes; use "ce".'
        )
    ranked = logits.topk(3, dim=1).values
    own = logits.gather(1, classes[:, None])[:, 0]
    other = logits.scatter(1, classes[:, None], -torch.inf).amax(1)
    return (other - own) / (ranked[:, 0] - ranked[:, 2] + 1e-12)


LOSSES = {
    "ce": lambda logits, classes: F.cross_entropy(logits, classes, reduction="none"),
    "dlr": difference_of_logits_ratio,
}


def _evaluate(model: nn.Module, images: Tensor, classes: Tensor, loss: str) -> tuple[Tensor, Tensor, Tensor]:
    """N losses, their gradients (N x 3 x H x W), and N booleans: the class is another."""
    with with_gradients(model):
        pixels = images.detach().clone().requires_grad_()
        logits = class_logits(model, pixels)
        values = LOSSES[loss](logits, classes.clone())  # they may come from inference mode
        gradient = input_gradient(values, pixels)
    return values.detach(), gradient, logits.detach().argmax(1) != classes


def _choose(where: Tensor, new: tuple[Tensor, ...], old: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """For each image the new values or the old ones."""
    return tuple(
        torch.where(where.view(-1, *[1] * (a.dim() - 1)), a, b) for a, b in zip(new, old, strict=True)
    )


def _checkpoints(steps: int) -> list[int]:
    """w_j = ceil(p_j * steps), with p_0 = 0, p_1 = 0.22 and p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06)."""
    hundredths, gap, found = 22, 22, []
    while hundredths <= 100:
        found.append(math.ceil(hundredths * steps / 100))
        gap = max(gap - 3, 6)
        hundredths += gap
    return found
