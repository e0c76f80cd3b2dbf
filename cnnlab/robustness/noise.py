"""Noise corruptions: Gaussian (read-out), Poisson (photon), impulse (dead-pixel). Images are H x W x 3 in [0, 1]; see `corruptions`."""

from __future__ import annotations

import numpy as np


def gaussian_noise(picture: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise, the thermal noise of a sensor: the same standard deviation in every value."""
    return picture + deviation * rng.standard_normal(picture.shape)


def shot_noise(picture: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Shot (Poisson) noise: a white value deviates by `deviation`, darker ones by less, as the square root of their brightness."""
    photons = deviation**-2  # of a white value; a Poisson number of mean n has standard deviation sqrt(n)
    return rng.poisson(picture * photons) / photons


def impulse_noise(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Impulse (salt-and-pepper) noise: this share of the values is replaced, half by 1 and half by 0; nested across severities."""
    uniform = rng.random(picture.shape)
    return np.where(uniform < share / 2, 0.0, np.where(uniform > 1 - share / 2, 1.0, picture))
