"""Image parametrisations: optimise pixels directly, or Fourier coefficients in decorrelated colours.

The optimum does not depend on the coordinates, but the path to it does, and optimisation stops long before the optimum. A step that
changes all pixels independently makes noise; a step that changes all waves alike makes large forms first, as in natural pictures,
where longer waves are stronger and the three colour channels are correlated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab._validation import image_batch, one_of
from cnnlab.synthesis.regularisers import GREY

Start = str | Tensor


@dataclass(frozen=True, eq=False)
class Parametrisation:
    """Image parametrisation: the mapping between an image and the numbers that are optimised.

    Fields
    ------
    to_images
        Numbers -> images N x 3 x H x W in [0, 1]; gradients flow through it.
    from_images
        Images in [0, 1] -> numbers; `to_images(from_images(x))` is x, as exactly as the coordinates allow.
    noise
        (shape of the images, generator) -> numbers of a faint random image to start from.
    project
        Projects the numbers, in place, back to those of a valid image, after each step.
    learning_rate
        Step length that suits these numbers.
    """

    to_images: Callable[[Tensor], Tensor]
    from_images: Callable[[Tensor], Tensor]
    noise: Callable[[tuple[int, ...], torch.Generator], Tensor]
    project: Callable[[Tensor], None]
    learning_rate: float


def pixels() -> Parametrisation:
    """Pixel parametrisation: the pixels themselves, clipped to [0, 1] after each step; the noise is independent in every pixel."""
    return Parametrisation(
        to_images=lambda parameters: parameters,
        from_images=lambda images: images.clone(),
        noise=lambda shape, generator: (0.5 + 0.05 * torch.randn(shape, generator=generator)).clamp(0, 1),
        project=lambda parameters: parameters.clamp_(0, 1),
        learning_rate=0.02,
    )


COLOURS = ((0.47, 0.34, 0.06), (0.50, 0.02, -0.13), (0.63, -0.27, 0.06))
"""Colour decorrelation matrix, in RGB. Its columns: light against dark, warm against cold, green against purple.

The columns are the principal axes of the colours of 600 rendered pictures, each as long as its standard deviation, scaled so that
the largest number of the first column is 0.63. The colours of photographs have the same three axes.
"""


def fourier(decay: float = 1.2, *, decorrelated: bool = True, contrast: float = 2.0) -> Parametrisation:
    """Fourier parametrisation in decorrelated colours: `x = sigmoid(contrast * M F^-1(z / f^decay))`.

    F^-1 is the inverse Fourier transform, f the frequency of each wave in cycles per pixel (at least one per image), M the
    matrix `COLOURS`. A step of the same length for all numbers z then makes long waves stronger than short ones, and grey stronger
    than colour. The sigmoid keeps the image in [0, 1].

    Parameters
    ----------
    decay
        0 weighs all waves alike (white noise), 1 as in natural pictures; larger is smoother.
    decorrelated
        Whether the colours are mixed by `COLOURS`; else each channel has its own waves.
    contrast
        Contrast of the image for numbers of size 1.

    References
    ----------
    Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017, section "Preconditioning and parameterization".
    """
    mix = torch.tensor(COLOURS) if decorrelated else torch.eye(3)

    def to_images(parameters: Tensor) -> Tensor:
        spectrum, (height, width) = _spectrum(parameters)
        spectrum = spectrum * _scale(height, width, decay).to(parameters)
        waves = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
        return (contrast * _mix_colours(mix, waves)).sigmoid()

    def from_images(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        waves = _mix_colours(mix.inverse(), images.clamp(0.005, 0.995).logit() / contrast)
        spectrum = torch.fft.rfft2(waves, norm="ortho") / _scale(height, width, decay).to(images)
        return _coordinates(spectrum, width)

    def noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        if shape[-1] % 2:
            return 0.1 * torch.randn(shape, generator=generator)
        return 0.1 * torch.randn(*shape[:-1], shape[-1] // 2 + 1, 2, generator=generator)

    return Parametrisation(to_images, from_images, noise, lambda parameters: None, learning_rate=0.06)


PARAMETRISATIONS = {"pixels": pixels, "fourier": fourier}


def resolve_parametrisation(choice: str | Parametrisation) -> Parametrisation:
    """The parametrisation of this name, or the given `Parametrisation` itself."""
    return (
        choice
        if isinstance(choice, Parametrisation)
        else PARAMETRISATIONS[one_of(choice, PARAMETRISATIONS, "parametrisation")]()
    )


def _spectrum(coordinates: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """The spectrum N x 3 x H x (W // 2 + 1) of these coordinates, and the sides H, W of its images; the inverse of `_coordinates`."""
    if coordinates.dim() == 5:
        return torch.view_as_complex(coordinates), (coordinates.shape[-3], 2 * (coordinates.shape[-2] - 1))
    mean = coordinates[..., 0]
    mirrored = mean.flip(-1).roll(1, -1)  # the entry of frequency -f in the place of f
    column = torch.complex(mean + mirrored, mean - mirrored) / 2
    waves = torch.complex(coordinates[..., 1::2], coordinates[..., 2::2])
    return torch.cat([column[..., None], waves], -1), tuple(coordinates.shape[-2:])


def _coordinates(spectrum: Tensor, width: int) -> Tensor:
    """The real numbers of a spectrum N x 3 x H x (W // 2 + 1); their shape tells whether W is even or odd.

    Even: N x 3 x H x (W / 2 + 1) x 2, real and imaginary parts. Odd: N x 3 x H x W. There the first column is the transform of real
    numbers, the means of the rows, so that real plus imaginary part (Hartley's transform) say all of it.
    """
    if width % 2 == 0:
        return torch.view_as_real(spectrum).clone()
    column = spectrum[..., :1]
    return torch.cat([column.real + column.imag, torch.view_as_real(spectrum[..., 1:]).flatten(-2)], -1)


def _scale(height: int, width: int, decay: float) -> Tensor:
    """H x (W // 2 + 1): how strong each wave is, in proportion to f^-decay and 1 on average (root mean square)."""
    vertical, horizontal = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    frequency = (vertical.square() + horizontal.square()).sqrt().clamp_min(1 / max(height, width))
    scale = frequency.pow(-decay)
    return scale / scale.square().mean().sqrt()


def _mix_colours(mix: Tensor, images: Tensor) -> Tensor:
    return torch.einsum("cd,ndhw->nchw", mix.to(images), images)


def initial_images(
    parametrisation: Parametrisation, start: Start, shape: tuple[int, ...], generator: torch.Generator
) -> Tensor:
    """The parameters of the initial images."""
    if isinstance(start, Tensor):
        images, _ = image_batch(start.detach(), "start")
        if len(images) not in (1, shape[0]):
            raise ValueError(f"start must be one picture, or one for each of {shape[0]}, not {len(images)}.")
        return parametrisation.from_images(images.expand(shape))
    if one_of(start, ("noise", "zero"), "start") == "zero":
        return parametrisation.from_images(torch.full(shape, GREY))
    return parametrisation.noise(shape, generator)
