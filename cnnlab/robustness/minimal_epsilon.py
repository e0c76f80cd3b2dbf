"""How strong must an attack be? The smallest epsilon that turns the answer, and accuracy against epsilon.

Attacks with a given epsilon stand in `attacks`; here epsilon is what is looked for, or what is varied.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.inputs import image_batch, positive_int
from cnnlab.networks.eval_mode import eval_mode, match_device_dtype
from cnnlab.robustness.asking import gradient_of, logits_of
from cnnlab.robustness.ball import checked_radius, per_picture
from cnnlab.robustness.labels import Target, target_indices


@dataclass(frozen=True, eq=False)
class Flip:
    """Outcome of `flip_epsilon`; a single picture gives single numbers (tensors without axes).

    Fields
    ------
    epsilon
        N floats: the smallest strength found at which the answer is another; 0 where it is another from the start, infinity where
        none up to the largest one turns it.
    before, after
        N class indices: the class asked about, and the answer at `epsilon` (at the largest one where nothing turned it).
    """

    epsilon: Tensor
    before: Tensor
    after: Tensor


def flip_epsilon(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    largest: float = 32 / 255,
    tolerance: float = 0.05 / 255,
    marks: int = 16,
    gradient: Tensor | None = None,
) -> Flip:
    """At which epsilon does the answer flip, if every pixel goes along the sign of its gradient?

        smallest epsilon with argmax(model(clip(x + epsilon sign(d J / d x)))) != class

    The network is asked at `marks` strengths evenly up to the largest one, and between the last mark that holds and the first that
    turns it the place is found by bisection. So it is the first flip along the line unless the answer turns and comes back between
    two marks. One backward pass and 8 to 30 forward passes a picture, whatever the accuracy wanted.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left as it was found.
    images
        N x 3 x H x W in [0, 1], or one picture.
    target
        The class to get away from; None for the predicted class.
    max_epsilon
        The largest epsilon looked at, in pixel values of [0, 1].
    tolerance
        How far the epsilon found may lie above the true one.
    grid_points
        How many strengths are looked at before bisection.
    gradient
        From `loss_gradient`, where it is known already.

    Returns
    -------
    Flip
        epsilon, before and after, N each.

    References
    ----------
    The direction is that of Goodfellow, Shlens & Szegedy (2015). Lecture K.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> flip_epsilon(model, torch.rand(2, 3, 4, 4)).epsilon.shape
    torch.Size([2])
    """
    batch, single = image_batch(images)
    largest, tolerance = checked_radius(largest, "linf"), float(tolerance)
    if not tolerance > 0:
        raise ValueError(f"tolerance must be above 0, but got {tolerance:g}.")
    batch = match_device_dtype(model, batch.detach())
    if gradient is None:
        with eval_mode(model, frozen=True):
            gradient, classes = gradient_of(model, batch, target)
    else:
        classes = target_indices(target, model, logits_of(model, batch))
    sign = match_device_dtype(model, gradient.detach()).view_as(batch).sign()

    def answers(strength: Tensor) -> Tensor:
        return logits_of(model, (batch + per_picture(strength.to(batch)) * sign).clamp(0, 1)).argmax(1)

    low, high, after = _bracket(answers, classes, largest, positive_int(marks, "marks"))
    while bool(((high - low)[high.isfinite()] > tolerance).any()):
        middle = torch.where(high.isfinite(), (low + high) / 2, low)
        there = answers(middle)
        turned = (there != classes) & high.isfinite()
        high, low = torch.where(turned, middle, high), torch.where(turned, low, middle)
        after = torch.where(turned, there, after)
    flip = Flip(high, classes, after)
    return Flip(*(value[0] for value in (flip.epsilon, flip.before, flip.after))) if single else flip


def _bracket(answers, classes: Tensor, largest: float, marks: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each picture the last mark before the first flip, the first flip (infinity if there is none), and the answer there."""
    steps = torch.linspace(0, largest, marks + 1, dtype=torch.float64, device=classes.device)
    there = torch.stack([answers(step.expand(len(classes))) for step in steps])  # marks + 1 x N
    turned = there != classes
    first = turned.float().argmax(0)  # 0 also where none is turned
    found = turned.any(0)
    high = torch.where(found, steps[first], torch.inf)
    low = torch.where(found, steps[(first - 1).clamp_min(0)], largest)
    after = torch.where(found, there.gather(0, first[None])[0], there[-1])
    return low, high, after
