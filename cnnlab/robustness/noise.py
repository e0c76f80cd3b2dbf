"""Gaussian (read-out), Poisson (photon) and impulse (dead-pixel) noise. Pictures are H x W x 3 floats in [0, 1]; see `corruptions`."""

from __future__ import annotations

import numpy as np


def gaussian_noise(picture: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Thermal noise of a sensor: the same normal deviation in every value."""
    return picture + deviation * rng.standard_normal(picture.shape)


def shot_noise(picture: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Light comes in photons: a white value deviates by `deviation`, darker ones by less, as the root of their brightness."""
    photons = deviation**-2  # of a white value; a Poisson number of mean n deviates by the root of n
    return rng.poisson(picture * photons) / photons


def impulse_noise(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Salt and pepper: this share of the values is broken, half of them 1 and half 0. What is broken stays broken as it gets worse."""
    uniform = rng.random(picture.shape)
    return np.where(uniform < share / 2, 0.0, np.where(uniform > 1 - share / 2, 1.0, picture))
