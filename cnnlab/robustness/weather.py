"""Weather corruptions: snow, frost, fog, brightness. Images are H x W x 3 floats in [0, 1]; see `corruptions`.

Flakes, ice and fog are generated at random, not pasted from photographs.
"""

from __future__ import annotations

import cv2
import numpy as np

from cnnlab.robustness.blur import filter_image, line_kernel, scale_to_image


def snow(picture: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Snow: near and far flakes that fall along one direction, and paler colours."""
    height, width = picture.shape[:2]
    slant = rng.uniform(60, 120)
    flakes = np.zeros((height, width), np.float32)
    # Far flakes are small, near ones large; each size is a layer of its own.
    for radius, streak, share in ((0.5, 2.5, 0.06), (0.9, 4.0, 0.025), (1.5, 6.0, 0.01)):
        uniform = rng.random((height, width))
        radius, streak = scale_to_image(radius, picture), scale_to_image(streak, picture)
        points = (uniform < strength * share * (96 / min(height, width)) ** 2).astype(np.float32)
        layer = cv2.dilate(points, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(radius) + 1,) * 2))
        flakes = np.maximum(flakes, np.clip(1.8 * filter_image(layer, line_kernel(streak, slant)), 0, 1))
    grey = picture.mean(2, keepdims=True)
    pale = picture + 0.55 * strength * (np.maximum(picture, 0.45 + 0.55 * grey) - picture)
    return pale + flakes[:, :, None] * (1 - pale)


def frost(picture: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Frost: ice on the window, feathers of needles, thickest at the border, that hide what is behind them."""
    ice = _ice_thickness(picture.shape[:2], rng)
    thickness = (strength * (0.25 + 0.75 * ice))[:, :, None]
    colour = np.array([0.84, 0.91, 0.97]) * (0.75 + 0.25 * ice[:, :, None])
    return picture * (1 - thickness) + colour * thickness


def fog(picture: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Fog: light from the scene fades, light from the fog is added, in clouds of all sizes."""
    thickness = strength * (0.75 + 0.25 * fractal_noise(picture.shape[:2], rng, 1.8))[:, :, None]
    return picture * (1 - thickness) + np.array([0.86, 0.87, 0.89]) * thickness


def brightness(picture: np.ndarray, increase: float, rng: np.random.Generator) -> np.ndarray:
    """Brightness: the value of each pixel (in HSV) is raised by `increase` and clipped at 1."""
    hsv = cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2HSV)
    hsv[:, :, 2] = np.clip(hsv[:, :, 2] + increase, 0, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def fractal_noise(sides: tuple[int, int], rng: np.random.Generator, slope: float) -> np.ndarray:
    """Fractal noise, H x W in [0, 1]: waves of frequency f have the amplitude f^-slope, so that there is structure at all sizes."""
    frequency = np.hypot(np.fft.fftfreq(sides[0])[:, None], np.fft.rfftfreq(sides[1])[None])
    frequency[0, 0] = np.inf
    waves = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(sides)) * frequency**-slope, s=sides)
    return (waves - waves.min()) / np.ptp(waves)


def _ice_thickness(sides: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """H x W in [0, 1]: feathers of ice, drawn at twice the resolution and shrunk."""
    height, width = 2 * sides[0], 2 * sides[1]
    canvas = np.zeros((height, width), np.float32)
    unit = min(height, width)
    for _ in range(60):
        # Most feathers start at the border, and all grow inwards.
        x, y = rng.random(2) * (width, height)
        if rng.random() < 0.7:
            x, y = [(x, 0.0), (x, height), (0.0, y), (width, y)][rng.integers(4)]
        angle = np.arctan2(height / 2 - y, width / 2 - x) + rng.normal(0, 0.7)
        segments = _feather(np.array([x, y]), angle, unit * rng.uniform(0.15, 0.5))
        cv2.polylines(canvas, list(segments), False, rng.uniform(0.3, 1.0), 1, cv2.LINE_AA)
    fine = cv2.GaussianBlur(canvas, (0, 0), 0.005 * unit) + 0.6 * cv2.GaussianBlur(
        canvas, (0, 0), 0.03 * unit
    )
    ice = cv2.resize(fine, sides[::-1], interpolation=cv2.INTER_AREA) * (
        0.5 + 0.5 * fractal_noise(sides, rng, 1.2)
    )
    return np.clip(ice / np.quantile(ice, 0.97), 0, 1)


def _feather(root: np.ndarray, angle: float, length: float) -> np.ndarray:
    """Segments n x 2 x 2 (start and end, x and y): a spine with needles on both sides, shorter towards the tip."""
    along = np.array([np.cos(angle), np.sin(angle)])
    fractions = np.linspace(0.08, 0.95, 12)
    bases = root + length * fractions[:, None] * along
    spine = np.array([[root, root + length * along]])
    needles = [
        np.stack(
            [
                bases,
                bases + 0.35 * length * (1 - fractions[:, None]) * (np.cos(side_angle), np.sin(side_angle)),
            ],
            1,
        )
        for side_angle in (angle - 1, angle + 1)
    ]
    return np.concatenate([spine, *needles]).round().astype(np.int32)
