"""The occluder of an occlusion experiment: its fill and its positions.

Every fill is a whole replacement image from which the covered window is cut, so that one rule serves them
all and the same pixel is always replaced by the same value. For the technique that slides the occluder see
`cnnlab.attribution.occlusion`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from PIL import ImageColor
from torch import Tensor

from cnnlab._validation import image_batch, positive_int

FILLS = ("grey", "mean", "noise", "blur")
"""The named fills; any colour and any image can be a fill too."""

Fill: TypeAlias = "str | Sequence[float] | Tensor"


def occluder_positions(length: int, size: int, stride: int) -> list[int]:
    """The positions of an occluder along an axis: 0, stride, 2 * stride ..., the last at the border.

    The last position is moved back so that the occluder ends at the border: every position covers the same
    number of pixels, and the border is covered. Captum's `Occlusion` keeps the regular step instead and lets
    the last occluder extend beyond the border, so that it covers less; the two agree if stride divides length - size.

    Example
    -------
    >>> occluder_positions(length=10, size=4, stride=4)
    [0, 4, 6]
    """
    size, stride = positive_int(size, "size of the occluder"), positive_int(stride, "stride")
    if size > length:
        raise ValueError(
            f"an occluder of {size} pixels is larger than the picture, which has a side of {length}."
        )
    starts = list(range(0, length - size + 1, stride))
    return starts if starts[-1] == length - size else [*starts, length - size]


def occlude(image: Tensor, top: int, left: int, size: int, fill: Fill = "grey", seed: int = 0) -> Tensor:
    """Occlude an image: a copy in which a square of `size` pixels at (top, left) is replaced by the fill.

    Raises
    ------
    ValueError
        If the square leaves the image, or the fill is unknown.

    Example
    -------
    >>> occlude(torch.zeros(3, 8, 8), top=2, left=3, size=4, fill="white").sum()
    tensor(48.)
    """
    occluded = single_image(image).clone()
    size = positive_int(size, "size of the occluder")
    height, width = occluded.shape[-2:]
    if size > min(height, width):
        raise ValueError(f"an occluder of {size} pixels is larger than the picture of {height} x {width}.")
    if not (0 <= top <= height - size and 0 <= left <= width - size):
        raise ValueError(
            f"an occluder of {size} pixels at (top {top}, left {left}) leaves the {height} x {width} picture"
            f"; top can be 0 to {height - size}, left 0 to {width - size}."
        )
    window = slice(None), slice(top, top + size), slice(left, left + size)
    occluded[window] = fill_image(occluded, fill, seed)[window]
    return occluded.view_as(image)


def fill_image(image: Tensor, fill: Fill = "grey", seed: int = 0) -> Tensor:
    """The fill of an occluder: an image of the same shape, from which the covered window is cut.

    "grey"
        0.5 in each channel. (0 in a normalised space, a common choice elsewhere, is the training set's mean
        colour.)
    "mean"
        The mean colour of this image.
    "noise"
        Uniform in [0, 1], independent for each pixel and channel, the same for the same `seed` on every
        device.
    "blur"
        The image after a Gaussian blur whose standard deviation is a twelfth of the shorter side: colour without
        shape.
    a colour
        By name ("tomato"), hex ("#ff6347") or three numbers in [0, 1].
    an image
        3 x H x W in [0, 1], used as it is.

    Example
    -------
    >>> fill_image(torch.rand(3, 8, 8), "black").max()
    tensor(0.)
    """
    pixels = single_image(image)
    if isinstance(fill, Tensor) and fill.dim() > 1:
        replacement = single_image(fill, "fill").to(pixels)
        if replacement.shape != pixels.shape:
            raise ValueError(
                f"a picture as fill must have the image's {tuple(image.shape)}, not {tuple(fill.shape)}."
            )
    elif isinstance(fill, str) and fill == "mean":
        replacement = pixels.mean((1, 2), keepdim=True).expand_as(pixels)
    elif isinstance(fill, str) and fill == "noise":
        generator = torch.Generator().manual_seed(seed)
        replacement = torch.rand(pixels.shape, generator=generator, dtype=torch.float32).to(pixels)
    elif isinstance(fill, str) and fill == "blur":
        replacement = _blurred(pixels, min(pixels.shape[1:]) / 12)
    else:
        replacement = pixels.new_tensor(_colour(fill)).view(3, 1, 1).expand_as(pixels)
    return replacement.reshape(image.shape)


def _colour(fill: str | Sequence[float]) -> tuple[float, float, float]:
    """Red, green and blue in [0, 1]."""
    if isinstance(fill, str):
        if fill in ("grey", "gray"):
            return 0.5, 0.5, 0.5
        try:
            return tuple(channel / 255 for channel in ImageColor.getrgb(fill)[:3])
        except ValueError:
            close_names = difflib.get_close_matches(fill, [*FILLS, *ImageColor.colormap], n=1)
            suggestion = f' Did you mean "{close_names[0]}"?' if close_names else ""
            raise ValueError(
                f"fill {fill!r} is not known.{suggestion} Choose {', '.join(FILLS)}, a colour by name or hex"
                " (#3366cc), three numbers in [0, 1], or a picture."
            ) from None
    try:
        red, green, blue = (float(channel) for channel in fill)
    except (TypeError, ValueError):
        message = f"fill must be one of {', '.join(FILLS)}, a colour or a picture, but got {fill!r}."
        raise TypeError(message) from None
    if not all(0.0 <= channel <= 1.0 for channel in (red, green, blue)):
        raise ValueError(f"a fill's three numbers must lie in [0, 1], but got {fill!r}; divide bytes by 255.")
    return red, green, blue


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    """3 x H x W after a Gaussian blur, separable, with the border pixels repeated outwards."""
    radius = max(1, round(3 * sigma))
    steps = torch.arange(-radius, radius + 1, dtype=picture.dtype, device=picture.device)
    kernel = (-(steps**2) / (2 * sigma**2)).exp()
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)  # 3 x 1 x taps: each channel separately
    padded = F.pad(picture.unsqueeze(0), (radius,) * 4, mode="replicate")
    along_rows = F.conv2d(padded, kernel.unsqueeze(2), groups=3)
    return F.conv2d(along_rows, kernel.unsqueeze(3), groups=3)[0].clamp(0, 1)


def single_image(image: Tensor, what: str = "image") -> Tensor:
    """3 x H x W, detached; an error for several images."""
    images, _ = image_batch(image, what)
    if len(images) > 1:
        raise ValueError(
            f"{what} must be one picture, 3 x H x W, but {len(images)} came; go through them one by one:"
            " [occlusion(model, image) for image in images]."
        )
    return images[0].detach()
