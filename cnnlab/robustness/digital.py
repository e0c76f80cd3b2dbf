"""Digital corruptions: contrast, elastic, pixelate, JPEG. Images are H x W x 3 floats in [0, 1]; see `corruptions`."""

from __future__ import annotations

import cv2
import numpy as np

from cnnlab.robustness.blur import scale_to_image


def contrast(picture: np.ndarray, loss: float, rng: np.random.Generator) -> np.ndarray:
    """Reduced contrast: every value moves towards the image's mean colour; `loss` is the share of the contrast that is lost."""
    mean = picture.mean((0, 1), keepdims=True)
    return mean + (1 - loss) * (picture - mean)


def elastic_transform(picture: np.ndarray, shift: float, rng: np.random.Generator) -> np.ndarray:
    """Elastic transform: regions are stretched and squeezed; pixels are shifted by `shift` in each direction (root mean square)."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    shifts = []
    for _ in range(2):
        noise = rng.standard_normal((height, width)).astype(np.float32)
        field = cv2.GaussianBlur(
            noise, (0, 0), scale_to_image(4.5, picture), borderType=cv2.BORDER_REFLECT_101
        )
        shifts.append(scale_to_image(shift, picture) * field / np.sqrt(np.mean(field**2)))
    return cv2.remap(
        picture, columns + shifts[0], rows + shifts[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def pixelate(picture: np.ndarray, block: float, rng: np.random.Generator) -> np.ndarray:
    """Pixelation: shrunk until a pixel is `block` times as wide, then enlarged without smoothing."""
    height, width = picture.shape[:2]
    small = [max(1, round(side / scale_to_image(block, picture))) for side in (width, height)]
    shrunk = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_NEAREST)


def jpeg_compression(picture: np.ndarray, loss: float, rng: np.random.Generator) -> np.ndarray:
    """JPEG compression of quality 100 (1 - `loss`)."""
    return jpeg_round_trip(picture, round(100 * (1 - loss)))


def jpeg_round_trip(picture: np.ndarray, quality: int) -> np.ndarray:
    """The image, H x W x 3 in [0, 1], encoded as JPEG of this quality (1 to 100) in memory, and decoded."""
    stored = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    _, file = cv2.imencode(".jpg", stored[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))
    return cv2.imdecode(file, cv2.IMREAD_COLOR)[:, :, ::-1].astype(np.float32) / 255
