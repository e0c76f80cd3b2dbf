"""One palette for all figures and explorers: the same class has the same colour everywhere."""

from __future__ import annotations

import matplotlib
import numpy as np

PROBABILITY = "viridis_r"
"""Probabilities under an occluder: bright where little is left, so that what matters stands out."""
SIGNED = "PuOr_r"
"""Signed values: white at zero, told apart by all common kinds of colour vision."""

_PAIRS = np.array(matplotlib.colormaps["tab20"].colors)


def class_colours(indices: np.ndarray) -> np.ndarray:
    """RGB floats for class indices of any shape. Neighbours, which the world pairs, share a hue: one dark, one light."""
    return _PAIRS[np.asarray(indices) % len(_PAIRS)]
