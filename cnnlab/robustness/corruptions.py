"""Common corruptions of images (camera, weather, storage): fifteen kinds in four families, each in five severities.

    noise    gaussian_noise, shot_noise, impulse_noise                in `noise`
    blur     defocus_blur, glass_blur, motion_blur, zoom_blur         in `blur`
    weather  snow, frost, fog, brightness                             in `weather`
    digital  contrast, elastic_transform, pixelate, jpeg_compression  in `digital`

No attacker intends them, and yet they change predictions. Their strengths are set for images of 96 x 96; lengths scale with the
side, so that a larger image looks equally corrupted. How networks handle them is measured in `corruption_error`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cnnlab._validation import image_batch, one_of, whole_number
from cnnlab.robustness import blur, digital, noise, weather

Corruption = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]

FAMILIES = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
"""The corruptions of each family, as in Hendrycks & Dietterich (2019), figure 1."""

CORRUPTIONS = tuple(kind for kinds in FAMILIES.values() for kind in kinds)
"""The names of all fifteen."""

SEVERITIES = (1, 2, 3, 4, 5)

_STRENGTHS: dict[str, tuple[Corruption, tuple[float, ...]]] = {
    "gaussian_noise": (noise.gaussian_noise, (0.06, 0.1, 0.15, 0.21, 0.3)),
    "shot_noise": (noise.shot_noise, (0.13, 0.2, 0.29, 0.42, 0.6)),
    "impulse_noise": (noise.impulse_noise, (0.03, 0.06, 0.1, 0.17, 0.27)),
    "defocus_blur": (blur.defocus_blur, (1.0, 1.6, 2.4, 3.4, 4.6)),
    "glass_blur": (blur.glass_blur, (0.8, 1.3, 2.0, 2.8, 4.0)),
    "motion_blur": (blur.motion_blur, (4.0, 6.0, 9.0, 13.0, 18.0)),
    "zoom_blur": (blur.zoom_blur, (0.08, 0.14, 0.2, 0.28, 0.38)),
    "snow": (weather.snow, (0.12, 0.24, 0.38, 0.54, 0.72)),
    "frost": (weather.frost, (0.35, 0.5, 0.65, 0.8, 0.95)),
    "fog": (weather.fog, (0.35, 0.5, 0.63, 0.74, 0.84)),
    "brightness": (weather.brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
    "contrast": (digital.contrast, (0.4, 0.55, 0.7, 0.82, 0.9)),
    "elastic_transform": (digital.elastic_transform, (1.0, 1.6, 2.3, 3.1, 4.0)),
    "pixelate": (digital.pixelate, (1.8, 2.4, 3.2, 4.2, 5.6)),
    "jpeg_compression": (digital.jpeg_compression, (0.5, 0.7, 0.8, 0.88, 0.93)),
}


def corrupt(images: Tensor, kind: str, severity: int = 3, *, seed: int = 0, first: int = 0) -> Tensor:
    """Corrupt images with one of the fifteen common corruptions.

    The randomness depends on the seed and on the image's number, and is the same at every severity: the same ice grows, the same
    flakes fall denser.

    Parameters
    ----------
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    kind
        One of `CORRUPTIONS`.
    severity
        1 (mild) to 5.
    seed
        Another seed gives other noise, flakes and directions.
    first
        The number of the first image, where a data set is corrupted in parts.

    Returns
    -------
    Tensor
        Of the same shape, dtype and device, in [0, 1].

    Raises
    ------
    ValueError, TypeError
        If the kind is not known (the message lists them), or the severity is not an integer from 1 to 5.

    References
    ----------
    Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019, section 3.
    Lecture K, "Other Forms of Robustness Testing". Kinds and families are theirs; implementation and strengths are our own.

    Example
    -------
    >>> corrupt(torch.rand(2, 3, 32, 32), "fog", 4).shape
    torch.Size([2, 3, 32, 32])
    """
    batch, single = image_batch(images)
    function, strengths = _STRENGTHS[one_of(kind, CORRUPTIONS, "corruption")]
    strength = strengths[whole_number(severity, "severity", minimum=1, maximum=5) - 1]
    whole_number(seed, "seed")
    pixels = batch.detach().cpu().float().permute(0, 2, 3, 1).numpy()  # N x H x W x 3, the layout of OpenCV
    results = [
        function(np.ascontiguousarray(picture), strength, np.random.default_rng([seed, number]))
        for number, picture in enumerate(pixels, whole_number(first, "first"))
    ]
    corrupted = torch.from_numpy(np.stack(results).astype(np.float32)).permute(0, 3, 1, 2).clamp(0, 1)
    corrupted = corrupted.contiguous().to(images)
    return corrupted[0] if single else corrupted
