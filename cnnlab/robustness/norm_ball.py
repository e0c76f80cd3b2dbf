"""Norm balls: the set that an attack may not leave, images within epsilon of the original and within [0, 1].

Two norms: "linf" lets every pixel change by at most epsilon, "l2" limits the norm of the whole change. The sizes are in pixel
values of [0, 1], so 4/255 is four steps of the 255 that a stored image has.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab._validation import one_of

DEFAULT_EPSILON = {"linf": 4 / 255, "l2": 1.0}
"""The norms, and the default epsilon of each."""


def norm_of(change: Tensor, norm: str) -> Tensor:
    """N norms of the changes N x 3 x H x W: the largest pixel ("linf"), or the root of the sum of squares ("l2")."""
    return torch.linalg.vector_norm(change.flatten(1), torch.inf if norm == "linf" else 2, dim=1)


def project(pictures: Tensor, originals: Tensor, epsilon: float, norm: str) -> Tensor:
    """Projection of the images into the ball around the originals and into [0, 1]."""
    change = pictures - originals
    if norm == "linf":
        change = change.clamp(-epsilon, epsilon)
    else:
        length = norm_of(change, norm).clamp_min(max(epsilon, torch.finfo(change.dtype).tiny))
        change = change * per_image(epsilon / length)
    # Originals lie in [0, 1], so clipping moves no pixel away from them and nothing leaves the ball again.
    return (originals + change).clamp(0, 1)


def steepest(gradient: Tensor, norm: str) -> Tensor:
    """Direction of steepest ascent, of norm 1: the sign of the gradient ("linf"), or the gradient over its norm ("l2")."""
    if norm == "linf":
        return gradient.sign()
    return gradient / per_image(norm_of(gradient, norm)).clamp_min(torch.finfo(gradient.dtype).tiny)


def random_point(originals: Tensor, epsilon: float, norm: str, generator: torch.Generator) -> Tensor:
    """A random image in the ball: each pixel uniform ("linf"), or a random direction with a uniform norm ("l2")."""
    draw = torch.empty(originals.shape, dtype=originals.dtype, device=generator.device)
    if norm == "linf":
        change = draw.uniform_(-epsilon, epsilon, generator=generator)
    else:
        direction = draw.normal_(generator=generator)
        length = torch.empty(len(draw), dtype=draw.dtype, device=draw.device).uniform_(
            0, 1, generator=generator
        )
        change = direction * per_image(epsilon * length / norm_of(direction, norm))
    return (originals + change.to(originals.device)).clamp(0, 1)


def validate_epsilon(epsilon: float, norm: str) -> float:
    """`epsilon` as a float that is valid for the norm; else a ValueError that states its unit."""
    one_of(norm, DEFAULT_EPSILON, "norm")
    radius = float(epsilon)
    if not radius >= 0 or (norm == "linf" and radius > 1) or radius == torch.inf:
        span = "between 0 and 1" if norm == "linf" else "of at least 0"
        raise ValueError(
            f"epsilon must be a number {span}, in pixel values of [0, 1] (say 4/255), but got {epsilon!r}."
        )
    return radius


def check_inside(pictures: Tensor, originals: Tensor, epsilon: float, norm: str) -> Tensor:
    """The adversarial images, after a check that they lie in [0, 1] and in the ball; a RuntimeError if not."""
    low, high = (float(v) for v in torch.aminmax(pictures))
    max_distance = float(norm_of(pictures - originals, norm).max())
    slack = _rounding(pictures, norm)
    if not (low >= 0 and high <= 1 and max_distance <= epsilon + slack):  # written so that NaN fails too
        raise RuntimeError(
            f"the attacked pictures left their ball: values from {low:g} to {high:g}, {norm} distance {max_distance:g} of at most"
            f" {epsilon:g}. Does the model give finite logits?"
        )
    return pictures


def _rounding(pictures: Tensor, norm: str) -> float:
    """The largest norm that rounding alone can give a change: of 4 units in the last place of 1, in one pixel or in all of them."""
    one = 4 * torch.finfo(pictures.dtype).eps
    return one if norm == "linf" else one * pictures[0].numel() ** 0.5


def per_image(numbers: Tensor) -> Tensor:
    """N numbers as N x 1 x 1 x 1, to scale images with."""
    return numbers.view(-1, 1, 1, 1)
