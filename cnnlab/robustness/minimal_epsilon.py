"""Minimal epsilon: the smallest strength at which FGSM flips the prediction.

For attacks with a given epsilon see `fgsm_pgd`; here epsilon is the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.forward import as_pixels
from cnnlab.robustness._gradients import batched_logits, loss_gradient_and_classes
from cnnlab.robustness.norm_ball import per_image, validate_epsilon
from cnnlab.robustness.targets import Target, target_indices


@dataclass(frozen=True, eq=False)
class MinimalEpsilon:
    """Result of `minimal_epsilon`; a single image gives single numbers (tensors without axes).

    Fields
    ------
    epsilon
        N floats: the smallest strength found at which the prediction differs; 0 where it differs from the start, infinity where
        no strength up to the largest one flips it.
    before, after
        N class indices: the class to move away from, and the prediction at `epsilon` (at the largest one where nothing flipped it).
    """

    epsilon: Tensor
    before: Tensor
    after: Tensor


def minimal_epsilon(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    max_epsilon: float = 32 / 255,
    tolerance: float = 0.05 / 255,
    grid_points: int = 16,
    gradient: Tensor | None = None,
) -> MinimalEpsilon:
    """Minimal epsilon of FGSM: the smallest strength along the sign of the gradient at which the prediction flips.

        smallest epsilon with argmax(model(clip(x + epsilon sign(d J / d x)))) != class

    The network is evaluated at `grid_points` evenly spaced strengths up to the largest one; between the last grid point before the
    flip and the first after it, the flip is located by bisection. So it is the first flip along the line, unless the prediction
    flips and returns between two grid points. One backward pass and 8 to 30 forward passes for each image, whatever the tolerance.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image.
    target
        The class to move away from; None for the predicted class.
    max_epsilon
        The largest epsilon tried, in pixel values of [0, 1].
    tolerance
        How far the result may lie above the true minimum.
    grid_points
        Number of strengths tried before bisection.
    gradient
        From `loss_gradient`, if it is known already.

    Returns
    -------
    MinimalEpsilon
        epsilon, before and after, N each.

    References
    ----------
    The direction is that of Goodfellow, Shlens & Szegedy (2015). Lecture K.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> minimal_epsilon(model, torch.rand(2, 3, 4, 4)).epsilon.shape
    torch.Size([2])
    """
    batch, single = image_batch(images)
    max_epsilon, tolerance = validate_epsilon(max_epsilon, "linf"), float(tolerance)
    if not tolerance > 0:
        raise ValueError(f"tolerance must be above 0, but got {tolerance:g}.")
    batch = as_pixels(model, batch)
    if gradient is None:
        gradient, classes = loss_gradient_and_classes(model, batch, target)
    else:
        classes = target_indices(target, model, batched_logits(model, batch))
    sign = gradient.detach().to(batch).view_as(batch).sign()

    def predict(strength: Tensor) -> Tensor:
        return batched_logits(model, (batch + per_image(strength.to(batch)) * sign).clamp(0, 1)).argmax(1)

    low, high, after = _bracket(predict, classes, max_epsilon, positive_int(grid_points, "grid_points"))
    while bool(((high - low)[high.isfinite()] > tolerance).any()):
        middle = torch.where(high.isfinite(), (low + high) / 2, low)
        prediction = predict(middle)
        flipped = (prediction != classes) & high.isfinite()
        high, low = torch.where(flipped, middle, high), torch.where(flipped, low, middle)
        after = torch.where(flipped, prediction, after)
    result = MinimalEpsilon(high, classes, after)
    return (
        MinimalEpsilon(*(value[0] for value in (result.epsilon, result.before, result.after)))
        if single
        else result
    )


def bisect_epsilon(
    flips: Callable[[float], bool], max_epsilon: float, tolerance: float
) -> Iterator[float | None]:
    """Search for the smallest epsilon of an attack that must run again for each, one attack a step.

    `flips(epsilon)` runs it and says whether the prediction changes. Yields None during the search and the epsilon, up to `tolerance`, at
    last; infinity if it does not flip at `max_epsilon`. Bisection assumes that a changed prediction stays changed as epsilon grows.

    Example
    -------
    >>> list(bisect_epsilon(lambda epsilon: epsilon > 5, 8, 1))
    [None, None, None, 6.0]
    """
    low, high = 0.0, float(max_epsilon)
    if not flips(high):
        yield float("inf")
        return
    while high - low > tolerance:
        yield None
        middle = (low + high) / 2
        low, high = (low, middle) if flips(middle) else (middle, high)
    yield high


def _bracket(predict, classes: Tensor, max_epsilon: float, grid_points: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each image the last grid point before the first flip, the first flip (infinity if there is none), and the prediction there."""
    steps = torch.linspace(0, max_epsilon, grid_points + 1, dtype=torch.float64, device=classes.device)
    predictions = torch.stack([predict(step.expand(len(classes))) for step in steps])  # grid points + 1 x N
    flipped = predictions != classes
    first_flip = flipped.float().argmax(0)  # 0 also where none is flipped
    any_flip = flipped.any(0)
    high = torch.where(any_flip, steps[first_flip], torch.inf)
    low = torch.where(any_flip, steps[(first_flip - 1).clamp_min(0)], max_epsilon)
    after = torch.where(any_flip, predictions.gather(0, first_flip[None])[0], predictions[-1])
    return low, high, after
