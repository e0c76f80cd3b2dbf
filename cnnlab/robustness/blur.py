"""The blur family: out of focus, through rippled glass, moved, zoomed. Pictures are H x W x 3 floats in [0, 1]; see `corruptions`.

Lengths are given for a side of 96 pixels and grow with the picture. Past the border a picture goes on as its mirror image.
"""

from __future__ import annotations

import cv2
import numpy as np

FINE = 8  # how many times finer kernels are drawn than they are used, for smooth edges


def defocus_blur(picture: np.ndarray, radius: float, chance: np.random.Generator) -> np.ndarray:
    """Each point becomes a disc, the image of the lens's opening."""
    radius = lengthened(radius, picture)
    x, y, reach = _fine_plane(radius)
    return filtered(picture, _coarse(x**2 + y**2 <= radius**2, reach))


def glass_blur(picture: np.ndarray, reach: float, chance: np.random.Generator) -> np.ndarray:
    """Rippled glass: light comes to each pixel from a place up to `reach` away, twice, and a little blurred."""
    height, width = picture.shape[:2]
    reach = lengthened(reach, picture)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    seen = picture
    for _ in range(2):
        shift = reach * chance.uniform(-1, 1, (2, height, width)).astype(np.float32)
        seen = cv2.remap(
            seen, columns + shift[0], rows + shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
    return cv2.GaussianBlur(seen, (0, 0), 0.3 + 0.15 * reach, borderType=cv2.BORDER_REFLECT_101)


def motion_blur(picture: np.ndarray, length: float, chance: np.random.Generator) -> np.ndarray:
    """The camera moves along a line, up to 45 degrees from the horizontal, while the shutter is open."""
    return filtered(picture, line(lengthened(length, picture), chance.uniform(-45, 45)))


def zoom_blur(picture: np.ndarray, most: float, chance: np.random.Generator) -> np.ndarray:
    """The camera moves towards the picture while the shutter is open: the mean of zooms from 1 to 1 + `most`."""
    height, width = picture.shape[:2]
    zooms = 1 + np.linspace(0, most, 12)
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


def line(length: float, degrees: float) -> np.ndarray:
    """A line as a kernel, one pixel wide, with smooth edges."""
    x, y, reach = _fine_plane(length / 2)
    angle = np.radians(degrees)
    along, across = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    return _coarse((np.abs(along) <= length / 2) & (np.abs(across) <= 0.5), reach)


def _fine_plane(radius: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Coordinates x (a row) and y (a column) in pixels around a point, `FINE` to a pixel, as far as a kernel of this radius reaches."""
    reach = int(np.ceil(radius + 0.5))
    axis = (np.arange(FINE * (2 * reach + 1)) + 0.5) / FINE - reach - 0.5
    return axis[None], axis[:, None], reach


def _coarse(inside: np.ndarray, reach: int) -> np.ndarray:
    """The kernel of a fine drawing: which share of each pixel is covered."""
    return cv2.resize(inside.astype(np.float32), (2 * reach + 1,) * 2, interpolation=cv2.INTER_AREA)


def filtered(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Each pixel becomes the mean of its neighbours, weighed by the kernel."""
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


def lengthened(length: float, picture: np.ndarray) -> float:
    """A length for a side of 96 pixels as a length in this picture."""
    return length * min(picture.shape[:2]) / 96
