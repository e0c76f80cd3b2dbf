"""Blur corruptions: defocus, glass, motion and zoom blur. Images are H x W x 3 floats in [0, 1]; see `corruptions`.

Lengths are given for a side of 96 pixels and scale with the image. Borders are padded by reflection.
"""

from __future__ import annotations

import cv2
import numpy as np

SUPERSAMPLING = 8  # kernels are drawn this many times finer than they are used, for smooth edges


def defocus_blur(picture: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Defocus blur: each point becomes a disc, the image of the lens's aperture."""
    radius = scale_to_image(radius, picture)
    x, y, half_width = _fine_grid(radius)
    return filter_image(picture, _downsample_kernel(x**2 + y**2 <= radius**2, half_width))


def glass_blur(picture: np.ndarray, max_shift: float, rng: np.random.Generator) -> np.ndarray:
    """Glass blur: each pixel takes the value of one up to `max_shift` away, twice, followed by a little blur."""
    height, width = picture.shape[:2]
    max_shift = scale_to_image(max_shift, picture)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    warped = picture
    for _ in range(2):
        shift = max_shift * rng.uniform(-1, 1, (2, height, width)).astype(np.float32)
        warped = cv2.remap(
            warped, columns + shift[0], rows + shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
    return cv2.GaussianBlur(warped, (0, 0), 0.3 + 0.15 * max_shift, borderType=cv2.BORDER_REFLECT_101)


def motion_blur(picture: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Motion blur: the camera moves along a line, up to 45 degrees from the horizontal, while the shutter is open."""
    return filter_image(picture, line_kernel(scale_to_image(length, picture), rng.uniform(-45, 45)))


def zoom_blur(picture: np.ndarray, max_zoom: float, rng: np.random.Generator) -> np.ndarray:
    """Zoom blur: the camera moves forward while the shutter is open; the mean of zooms from 1 to 1 + `max_zoom`."""
    height, width = picture.shape[:2]
    zooms = 1 + np.linspace(0, max_zoom, 12)
    middle = ((width - 1) / 2, (height - 1) / 2)
    views = [
        cv2.warpAffine(
            picture,
            cv2.getRotationMatrix2D(middle, 0, zoom),
            (width, height),
            borderMode=cv2.BORDER_REFLECT_101,
        )
        for zoom in zooms
    ]
    return np.mean(views, axis=0)


def line_kernel(length: float, degrees: float) -> np.ndarray:
    """A line as a kernel, one pixel wide, with smooth edges."""
    x, y, half_width = _fine_grid(length / 2)
    angle = np.radians(degrees)
    along, across = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    return _downsample_kernel((np.abs(along) <= length / 2) & (np.abs(across) <= 0.5), half_width)


def _fine_grid(radius: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Coordinates x (a row) and y (a column) in pixels around a point, `SUPERSAMPLING` to a pixel, for a kernel of this radius."""
    half_width = int(np.ceil(radius + 0.5))
    axis = (np.arange(SUPERSAMPLING * (2 * half_width + 1)) + 0.5) / SUPERSAMPLING - half_width - 0.5
    return axis[None], axis[:, None], half_width


def _downsample_kernel(inside: np.ndarray, half_width: int) -> np.ndarray:
    """The kernel of a finely drawn shape: the share of each pixel that is covered."""
    return cv2.resize(inside.astype(np.float32), (2 * half_width + 1,) * 2, interpolation=cv2.INTER_AREA)


def filter_image(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Each pixel becomes the mean of its neighbours, weighted by the kernel."""
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


def scale_to_image(length: float, picture: np.ndarray) -> float:
    """Scale a length given for a side of 96 pixels to the size of this image."""
    return length * min(picture.shape[:2]) / 96
