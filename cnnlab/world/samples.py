"""The two photographs that come with scikit-learn: a temple in China and a flower. They are there without a connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.inputs import one_of
from cnnlab.world.photo import photo

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = ("china", "flower")
"""Their names."""


def sample_photo(name: str, size: int = 96) -> Tensor:
    """A photograph that is always at hand, as `photo` gives it: 3 x size x size floats in [0, 1].

    Raises
    ------
    ValueError
        If there is none of this name.

    Example
    -------
    >>> sample_photo("flower", size=64).shape
    torch.Size([3, 64, 64])
    """
    from sklearn import datasets

    file = f"{one_of(name, SAMPLES, 'photograph')}.jpg"
    return photo(Path(datasets.__file__).parent / "images" / file, size=size)
