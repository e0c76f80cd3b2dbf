"""One palette for all figures and explorers: the same class has the same colour everywhere."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb

PROBABILITY = "viridis"
"""Probabilities: dark where they are low, bright where they are high."""
SIGNED = "PuOr_r"
"""Signed values: white at zero; safe for all common kinds of colour vision."""
LINES = (("#1976d2", "-", "o"), ("#e65100", "--", "s"), ("#2e7d32", ":", "^"), ("#6a1b9a", "-.", "D"))
"""Colour, dashes and marker of the first, second ... line; they also differ in grey."""
RIGHT, WRONG = LINES[0][0], LINES[1][0]
"""Right and wrong predictions, or images of the same and of another class: blue and orange, which differ for all common kinds of
colour vision and stand out from white and from black. They always come with a second sign: dashes, a marker, or a word."""
TRAINING, VALIDATION = "#b49600", "#1e2d78"
"""Accuracy on the training pictures, and on other pictures."""
OUTLINE = "#ff4fa3"
"""Frames and outlines that lie on a picture: a colour that neither pictures nor maps have."""

CLASSES = (
    "#4b1e3c", "#4b96a5", "#1e2d78", "#b49600", "#780000", "#d278f0", "#005a5a",
    "#c3a587", "#784b00", "#a5c300", "#5a3cb4", "#96c3ff", "#696996", "#a5d2b4",
    "#3c8700", "#69f0ff", "#3c69e1", "#f0e100", "#c36969", "#69ffa5",
)  # fmt: skip
"""Twenty colours, as different as possible for normal, red-blind and green-blind eyes; neighbours, which are pairs of similar
objects in the world, also differ in lightness, and so in grey."""

_RGB = np.array([to_rgb(colour) for colour in CLASSES])


def class_colours(indices: np.ndarray) -> np.ndarray:
    """RGB floats for class indices of any shape; after twenty classes the colours begin again."""
    return _RGB[np.asarray(indices) % len(_RGB)]
