"""Styles: a picture as rendered, as line art, or through a cheap camera.

A style takes the rendered pixels (size x size x 3 floats, 0 to 255), the regions of the canvas, which has twice the size, and the
recipe, and returns bytes. The labels of a picture do not depend on its style, so drawings and photographs of the same scene have the
same ground truth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from cnnlab.world.recipe import Recipe, rng_for
from cnnlab.world.renderer import majority


def unchanged(pixels: np.ndarray, canvas: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The pixels as rendered."""
    return to_bytes(pixels)


def line_art(pixels: np.ndarray, canvas: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Ink on paper: lines where regions meet, hatching where the rendered picture is dark."""
    regions = majority(canvas)
    side = len(regions)
    edge = np.zeros(regions.shape, dtype=bool)
    edge[:, 1:] |= regions[:, 1:] != regions[:, :-1]
    edge[1:] |= regions[1:] != regions[:-1]
    thickness = max(1, side // 96)
    ink = Image.fromarray(edge.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(2 * (thickness // 2) + 1))
    lines = np.asarray(ink, dtype=np.float32) / 255
    grey = pixels.mean(axis=2)
    y, x = np.mgrid[:side, :side] * (96 / side)
    hatch = ((x + y) % 5 < 1.2) * np.clip((120 - grey) / 120, 0, 1) + ((x - y) % 5 < 1.2) * np.clip(
        (70 - grey) / 70, 0, 1
    )
    paper = np.array([246, 240, 226], dtype=np.float32) + 4 * rng_for(recipe.seed, "paper").standard_normal(
        (side, side, 1)
    )
    strength = np.clip(0.85 * lines + 0.55 * hatch, 0, 1)[:, :, None]
    return to_bytes(paper * (1 - strength) + np.array([38, 34, 46], dtype=np.float32) * strength)


def camera(pixels: np.ndarray, canvas: np.ndarray, recipe: Recipe) -> np.ndarray:
    """A cheap camera: a soft lens, darker corners, a colour cast, and noise that grows with brightness."""
    side = len(pixels)
    rng = rng_for(recipe.seed, "camera")
    cast = 1 + 0.12 * (rng.random(3) - 0.5)
    soft = np.asarray(
        Image.fromarray(to_bytes(pixels)).filter(ImageFilter.BoxBlur(0.7 * side / 96)), dtype=np.float64
    )
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    dimmed = soft * cast * (1 - 0.22 * (x**2 + y**2))[:, :, None]
    noise = rng.standard_normal(dimmed.shape) * np.sqrt(12 + 0.5 * dimmed)
    return to_bytes(dimmed + noise)


STYLE_FUNCTIONS: dict[str, Callable[[np.ndarray, np.ndarray, Recipe], np.ndarray]] = {
    "rendered": unchanged,
    "drawn": line_art,
    "camera": camera,
}


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Floats of about 0 to 255 as bytes, rounded and clipped."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
