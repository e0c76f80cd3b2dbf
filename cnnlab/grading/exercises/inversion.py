"""Exercises of notebook 09, inversion and DeepDream."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import rand
from cnnlab.grading.exercises.requirements import unchanged


def one_number(result, *_):
    """Requirement that a tensor has one value."""
    if isinstance(result, Tensor) and result.numel() != 1:
        return f"the answer is one number; yours has the shape {tuple(result.shape)}"
    return None


@exercise(
    "09.total_variation",
    one_number,
    unchanged("the picture that was passed in has changed"),
    relative=1e-3,
    absolute=0,
)
def total_variation():
    """The total variation of an image 3 x H x W: `answer(image, beta)`."""
    image = rand(3, 6, 9, seed=2)
    right, down = F.pad(image.diff(dim=2), (0, 1)).abs(), F.pad(image.diff(dim=1), (0, 0, 0, 1)).abs()
    squares = right**2 + down**2
    for beta in (2.0, 1.5):
        powers = squares ** (beta / 2)
        inner = powers[:, :-1, :-1]
        mistakes = {
            "sum over all pixels, do not take the mean": powers.mean(),
            "the exponent is beta / 2, since the squares stand inside": (squares**beta).sum(),
            "beta is not used": squares.sum(),
            "add the two squares first, then take the power": (right**beta + down**beta).sum(),
            "the last row and column count too: the step that would leave the picture is zero": inner.sum(),
        }
        hint = f"for beta {beta:g} the number is another; work out a picture of 2 x 2 by hand"
        yield Case((image, beta), powers.sum(), mistakes, hint)


@exercise("09.relative_error", relative=0, absolute=1e-4)
def relative_error():
    """|reconstructed - target| / |target|, for features of any shape: `answer(reconstructed, target)`."""
    generator = torch.Generator().manual_seed(7)
    target, reconstructed = (2 * torch.randn(1, 4, 3, 3, generator=generator) for _ in range(2))
    difference = reconstructed - target
    length, absolute_error = difference.norm(), difference.abs().sum() / target.abs().sum()
    error = length / target.norm()
    mistakes = {
        "divide by the length of what is wanted, not of what was found": length / reconstructed.norm(),
        "this is the squared error; take the root": error**2,
        "divide by the length of the wanted answer": length,
        "lengths are roots of sums of squares, not sums of absolute values": absolute_error,
    }
    hint = "flatten both, take the length of the difference, divide by the length of what is wanted"
    yield Case((reconstructed, target), error, mistakes, hint)
