"""Exercises of notebook 19, segmentation."""

import torch

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.requirements import has_shape


@exercise(
    "19.unpooled",
    has_shape("the output has the shape of what was pooled, 2 x 4; yours is {sizes}"),
    relative=0,
    absolute=0,
)
def unpooled():
    """The output, 2 x 4, of unpooling [[70, 40]] after [[1, 2, 9, 3], [5, 8, 4, 6]] was pooled with windows of 2 x 2."""
    encoder_maxima = torch.tensor([[0.0, 0, 9, 0], [0, 8, 0, 0]])
    first_positions = torch.tensor([[70.0, 0, 40, 0], [0, 0, 0, 0]])

    def fills_all(result):
        return (result != 0).all()

    mistakes = {
        "the places are right; but what is set there are the decoder's numbers, not the maxima": encoder_maxima,
        "each number goes to the place of its window's maximum, not to the window's first place": first_positions,
        "only one place of each window gets a number, all others are zero": fills_all,
    }
    hint = "find the largest number of each window of what was pooled; its place is where the decoder's number goes"
    yield Case(None, torch.tensor([[0.0, 0, 40, 0], [0, 70, 0, 0]], dtype=torch.float64), mistakes, hint)


@exercise("19.output_size")
def output_size():
    """The side of a transposed convolution's output: `answer(side, kernel, stride, padding)`."""
    shapes = ((3, 2, 1, 0), (2, 2, 2, 0), (6, 4, 2, 1), (5, 3, 3, 1), (1, 7, 4, 2))
    for side, kernel, stride, padding in shapes:
        expected = len(range(padding, (side - 1) * stride + kernel - padding))
        convolved = (side + 2 * padding - kernel) // stride + 1
        late_start = side * stride + kernel - 2 * padding
        start = f"for side {side}, kernel {kernel}, stride {stride}, padding {padding}"
        mistakes = {
            "this is the size after a convolution; a transposed one goes the other way": convolved,
            f"{start} you forget what is cut off, at both borders": expected + 2 * padding,
            f"{start}: padding is cut off at both borders": expected + padding,
            f"{start}: the first stamp begins at 0, so the last begins at (side - 1) * stride": late_start,
        }
        hint = f"{start} you give {{result}}; draw the stamps on paper"
        yield Case((side, kernel, stride, padding), expected, mistakes, hint)


@exercise(
    "19.transposed", has_shape("for side 3, kernel 3 and stride 2 the output is 7 x 7, yours is {sizes}")
)
def transposed():
    """The transposed convolution of an h x w map by a k x k kernel, without padding: `answer(values, kernel, stride)`."""
    generator = torch.Generator().manual_seed(5)
    values, kernel = torch.rand(2, 3, 3, generator=generator) + 0.5

    def result(weights: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv_transpose2d(values[None, None], weights[None, None], stride=2)[0, 0]

    replaced = torch.zeros(7, 7)
    for row in range(3):
        for column in range(3):
            replaced[2 * row : 2 * row + 3, 2 * column : 2 * column + 3] = values[row, column] * kernel
    mistakes = {
        "where stamps overlap, the later one replaces the earlier; they are added": replaced,
        "the kernel is upside down; each value stamps it as it is": result(kernel.flip(0, 1)),
        "rows and columns of the kernel are exchanged": result(kernel.T),
    }
    hint = "add values[i, j] * kernel to the output, from row i * stride and column j * stride"
    yield Case((values, kernel, 2), result(kernel), mistakes, hint)


@exercise("19.iou", relative=0)
def iou():
    """The intersection over union of one class in two maps of class indices: `answer(predictions, truth, index)`."""
    truth = torch.tensor([[0, 0, 1, 1], [0, 2, 1, 1], [2, 2, 2, 0]])
    prediction = torch.tensor([[0, 1, 1, 1], [1, 2, 2, 1], [2, 0, 0, 1]])
    for index in (1, 2, 0):
        p, t = prediction == index, truth == index
        both, sizes = (p & t).sum(), p.sum() + t.sum()
        recall, precision, agreement = both / t.sum(), both / p.sum(), (p == t).double().mean()
        mistakes = {
            "this is the share of the true pixels that were found; pixels wrongly given to the class count too": recall,
            "this is the share of the answered pixels that are right; true pixels that were missed count too": precision,
            "this is the share of all pixels on which both agree; only pixels of this class count": agreement,
            "the union counts pixels that are in both only once": both / sizes,
            "this is Dice's coefficient, twice the intersection over the sum of both": 2 * both / sizes,
        }
        hint = f"for class {index} you give {{result:.3f}}; count the pixels of both and of either by hand"
        yield Case((prediction, truth, index), both / (p | t).sum(), mistakes, hint)
