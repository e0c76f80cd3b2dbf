"""Random transforms for robust feature visualisation: jitter, zoom and rotation before each step.

A pattern that excites the network only at one exact alignment of pixels is noise to us. If the image is shifted, zoomed and rotated
a little before each step, such patterns average out and what remains is what the network would recognise at any position.
Each transform takes images N x 3 x H x W and a generator, and returns images of the same shape; gradients flow through it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab.synthesis.regularisers import reflect

Transform = Callable[[Tensor, torch.Generator], Tensor]


def jitter(max_shift: int, border: str = "roll") -> Transform:
    """Jitter: a random shift by up to `max_shift` pixels in each direction, the same for all images.

    What leaves the image comes back on the other side ("roll"), or the border is padded by reflection ("reflect"). Zero padding
    would be wrong: its dark edge would itself excite the network. Inceptionism (2015); lecture L, "Maximum impulses".
    """

    def shift(images: Tensor, generator: torch.Generator) -> Tensor:
        down, right = torch.randint(-max_shift, max_shift + 1, (2,), generator=generator).tolist()
        if border == "roll":
            return images.roll((down, right), (-2, -1))
        height, width = images.shape[-2:]
        padded = reflect(images, max_shift)
        return padded[
            ..., max_shift + down : max_shift + down + height, max_shift + right : max_shift + right + width
        ]

    return shift


def random_zoom_rotate(zoom: float, degrees: float) -> Transform:
    """Random zoom by a factor between 1 / (1 + zoom) and 1 + zoom and random rotation by up to `degrees`, different for each image.

    Bilinear interpolation; reflection padding at the border.
    """

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        draws = 2 * torch.rand(2, len(images), generator=generator) - 1
        return zoom_rotate(images, torch.exp(draws[0] * math.log1p(zoom)), draws[1] * degrees)

    return transform


def zoom_rotate(images: Tensor, scale: float | Tensor, degrees: float | Tensor) -> Tensor:
    """Zoom out by the factor `scale` and rotate by `degrees` about the centre; one number for all images, or one for each."""
    height, width = images.shape[-2:]
    scale, angle = (
        torch.as_tensor(scale).expand(len(images)),
        torch.deg2rad(torch.as_tensor(degrees)).expand(len(images)),
    )
    cosine, sine, zero = angle.cos() * scale, angle.sin() * scale, torch.zeros(len(images))
    # The grid runs from -1 to 1 along both sides, so the rotation of a wide image needs its aspect ratio.
    rows = [cosine, -sine * height / width, zero, sine * width / height, cosine, zero]
    grid = F.affine_grid(
        torch.stack(rows, 1).view(-1, 2, 3).to(images), list(images.shape), align_corners=False
    )
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def random_transforms(shift: int, zoom: float, rotate: float) -> list[Transform]:
    """Zoom and rotation, then jitter; those set to 0 are left out."""
    transforms = [random_zoom_rotate(zoom, rotate)] if zoom or rotate else []
    return transforms + ([jitter(shift)] if shift else [])
