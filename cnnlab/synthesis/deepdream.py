"""DeepDream: amplify what a layer detects in a picture, by gradient ascent on the norm of its activations.

DeepDream needs no class and no unit. It increases the norm of the layer's whole activation, so that a hint of an eye becomes an
eye. Octaves do this at several sizes of the picture, one after the other; the zoom makes a film of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.forward import as_pixels
from cnnlab.synthesis.gradient_ascent import gradient_ascent
from cnnlab.synthesis.objectives import Objective, layer_norm
from cnnlab.synthesis.parametrisations import Parametrisation, resolve_parametrisation
from cnnlab.synthesis.random_transforms import random_transforms, zoom_rotate
from cnnlab.synthesis.regularisers import total_penalty


def deepdream(
    model: nn.Module,
    image: Tensor,
    layer: str | Objective,
    *,
    octaves: int = 4,
    octave_scale: float = 1.4,
    steps: int = 30,
    jitter: int = 8,
    tv: float = 0.002,
    parametrisation: str | Parametrisation = "fourier",
    learning_rate: float = 0.04,
    seed: int = 0,
    progress: bool = False,
) -> Tensor:
    """DeepDream: gradient ascent on the norm of a layer's activations, starting from a picture, over several octaves.

        max over x of |Phi_k(x)| - R(x),    starting from the picture

    The picture is first made small, so that the new patterns are large in it; then it is taken at the next size, the change so far
    is enlarged and added, and so on. A layer preceded only by convolutions takes any size, also one larger than the network's
    input size.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    image
        One picture, 3 x H x W, in [0, 1], of any size that the layer takes.
    layer
        A name of `layer_names(model)`, or any `Objective`, such as `channel("conv5", 7)`.
    octaves, octave_scale
        Number of sizes, and the factor from one to the next; the last is the size of the picture.
    steps
        Gradient-ascent steps at each size.
    jitter
        Largest random shift in pixels before each step.
    tv
        Weight of the total variation (beta = 2).
    parametrisation, learning_rate, seed
        As in `activation_maximisation`.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        3 x H x W in [0, 1], in the dtype and on the device of the model.

    Raises
    ------
    ValueError, TypeError
        If more than one picture is passed, the layer is not known, a number is out of range, or an octave is too small for the network.

    References
    ----------
    Mordvintsev, Olah & Tyka, "Inceptionism: Going Deeper into Neural Networks", 2015. Lecture L, "Inceptionism: DeepDream".

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    >>> deepdream(model, torch.rand(3, 24, 24), "1", octaves=2, steps=2, jitter=1).shape
    torch.Size([3, 24, 24])
    """
    dreams = deepdream_steps(
        model,
        image,
        layer,
        octaves=octaves,
        octave_scale=octave_scale,
        steps=steps,
        jitter=jitter,
        tv=tv,
        parametrisation=parametrisation,
        learning_rate=learning_rate,
        seed=seed,
    )
    for picture in tqdm(dreams, total=octaves * (steps + 1), desc="DeepDream", disable=not progress):
        last = picture
    return last


@torch.inference_mode(False)
def deepdream_steps(
    model: nn.Module,
    image: Tensor,
    layer: str | Objective,
    *,
    octaves: int = 4,
    octave_scale: float = 1.4,
    steps: int = 30,
    jitter: int = 8,
    tv: float = 0.002,
    parametrisation: str | Parametrisation = "fourier",
    learning_rate: float = 0.04,
    seed: int = 0,
) -> Iterator[Tensor]:
    """DeepDream, step by step: the image at the size of its octave, (steps + 1) times for each octave. Arguments as in `deepdream`.

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    >>> [len(p[0]) for p in deepdream_steps(model, torch.rand(3, 24, 24), "1", octaves=2, octave_scale=2, steps=1, jitter=1)]
    [12, 12, 24, 24]
    """
    batch, _ = image_batch(image, "image")
    if len(batch) != 1:
        raise ValueError(f"one picture is dreamt at a time, but {len(batch)} came; call it once for each.")
    if not octave_scale > 1:
        raise ValueError(f"octave_scale must be above 1, but got {octave_scale!r}.")
    objective = layer if isinstance(layer, Objective) else layer_norm(layer)
    positive_int(steps, "steps")
    sizes = _sizes(tuple(batch.shape[-2:]), positive_int(octaves, "octaves"), octave_scale)
    original = as_pixels(model, batch)
    options = {
        "steps": steps,
        "learning_rate": learning_rate,
        "transforms": random_transforms(jitter, 0, 0),
        "penalty": total_penalty(0.0, tv, 2.0),
        "generator": torch.Generator().manual_seed(seed),
    }
    return _octave_steps(model, original, objective, sizes, resolve_parametrisation(parametrisation), options)


@torch.inference_mode(False)
def _octave_steps(
    model: nn.Module,
    original: Tensor,
    objective: Objective,
    sizes: list[tuple[int, int]],
    parametrisation: Parametrisation,
    options: dict,
) -> Iterator[Tensor]:
    change = torch.zeros_like(original)
    for size in sizes:
        base = _resized(original, size)
        picture = (base + _resized(change, size)).clamp(0, 1)
        for ascent in gradient_ascent(
            model, objective, parametrisation.from_images(picture), parametrisation, **options
        ):
            picture = ascent.images
            yield picture[0]
        change = picture - base


def deepdream_zoom(
    model: nn.Module,
    image: Tensor,
    layer: str | Objective,
    *,
    frames: int = 60,
    zoom: float = 1.05,
    rotate: float = 1.0,
    octaves: int = 2,
    steps: int = 6,
    seed: int = 0,
    **options: Any,
) -> Iterator[Tensor]:
    """DeepDream zoom: dream, enlarge the centre a little, dream again; yields one image 3 x H x W after each round.

    Parameters
    ----------
    model, image, layer
        As in `deepdream`.
    frames
        Number of images.
    zoom, rotate
        Factor by which the image is enlarged between two frames, and the rotation in degrees.
    octaves, steps, seed, options
        As in `deepdream`, for each frame.

    References
    ----------
    Mordvintsev, Olah & Tyka, "Inceptionism", 2015. Lecture L, "ConvNet on drugs (adding zoom-ins)".

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    >>> frames = deepdream_zoom(model, torch.rand(3, 24, 24), "1", frames=3, octaves=1, steps=1, jitter=1)
    >>> [tuple(frame.shape) for frame in frames]
    [(3, 24, 24), (3, 24, 24), (3, 24, 24)]
    """
    if not zoom > 1:
        raise ValueError(f"zoom must be above 1, but got {zoom!r}.")
    picture = image
    for frame in range(positive_int(frames, "frames")):
        if frame:
            picture = zoom_rotate(picture[None], 1 / zoom, rotate)[0].clamp(0, 1)
        picture = deepdream(model, picture, layer, octaves=octaves, steps=steps, seed=seed + frame, **options)
        yield picture


def _sizes(size: tuple[int, int], octaves: int, scale: float) -> list[tuple[int, int]]:
    """Heights and widths from the smallest octave to the picture's own; all but the last are even, or those of a single pixel."""
    smaller = [
        tuple(max(2 * round(side / scale**k / 2), min(side, 2)) for side in size)
        for k in range(octaves - 1, 0, -1)
    ]
    return [*smaller, size]


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(images.shape[-2:]) == size:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
