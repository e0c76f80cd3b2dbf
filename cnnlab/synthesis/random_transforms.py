"""Small random changes that a picture must survive: jitter, zoom and turn.

A pattern that excites the network only where a pixel lies exactly so is noise to us. If the picture is shifted, zoomed and turned
a little before each step, such patterns average out and what stays is what the network would recognise anywhere.
Each transform takes pictures N x 3 x H x W and a generator, and gives pictures of the same shape; gradients flow through it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Transform = Callable[[Tensor, torch.Generator], Tensor]


def jitter(max_shift: int, border: str = "roll") -> Transform:
    """Shift by up to `max_shift` pixels in each direction, all pictures alike.

    What leaves the picture comes back on the other side ("roll"), or the picture goes on as its mirror image ("reflect"). Zeros
    would be wrong: a dark edge is something to look at. Inceptionism (2015); lecture L, "Maximum impulses".
    """

    def shift(images: Tensor, generator: torch.Generator) -> Tensor:
        down, right = torch.randint(-max_shift, max_shift + 1, (2,), generator=generator).tolist()
        if border == "roll":
            return images.roll((down, right), (-2, -1))
        height, width = images.shape[-2:]
        padded = F.pad(images, (max_shift,) * 4, mode="reflect")
        return padded[
            ..., max_shift + down : max_shift + down + height, max_shift + right : max_shift + right + width
        ]

    return shift


def random_zoom_rotate(zoom: float, degrees: float) -> Transform:
    """Zoom by a factor between 1 / (1 + zoom) and 1 + zoom and turn by up to `degrees`, each picture by its own.

    Interpolated linearly; past the border the picture goes on as its mirror image.
    """

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        draws = 2 * torch.rand(2, len(images), generator=generator) - 1
        return zoom_rotate(images, torch.exp(draws[0] * math.log1p(zoom)), draws[1] * degrees)

    return transform


def zoom_rotate(images: Tensor, scale: float | Tensor, degrees: float | Tensor) -> Tensor:
    """Pictures that show `scale` times as much of the plane, turned by `degrees` about their middle; one number, or one for each."""
    height, width = images.shape[-2:]
    scale, angle = (
        torch.as_tensor(scale).expand(len(images)),
        torch.deg2rad(torch.as_tensor(degrees)).expand(len(images)),
    )
    cosine, sine, zero = angle.cos() * scale, angle.sin() * scale, torch.zeros(len(images))
    # The grid counts both sides from -1 to 1, so a turn of a wide picture must be told how wide it is.
    rows = [cosine, -sine * height / width, zero, sine * width / height, cosine, zero]
    grid = F.affine_grid(
        torch.stack(rows, 1).view(-1, 2, 3).to(images), list(images.shape), align_corners=False
    )
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def random_transforms(shift: int, zoom: float, rotate: float) -> list[Transform]:
    """Zoom and turn, then jitter: those that are not 0."""
    transforms = [random_zoom_rotate(zoom, rotate)] if zoom or rotate else []
    return transforms + ([jitter(shift)] if shift else [])
