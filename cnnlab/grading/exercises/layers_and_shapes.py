"""Exercises of notebook 01, layers and shapes."""

from itertools import accumulate
from operator import mul

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import randn
from cnnlab.grading.exercises.requirements import has_shape, is_tensor, unchanged

SHAPES = (
    (28, 3, 1, 0, 1),
    (96, 12, 2, 5, 1),
    (7, 3, 2, 0, 1),
    (8, 3, 2, 0, 1),
    (24, 3, 1, 2, 2),
    (5, 5, 3, 0, 1),
)
CHAINS = (
    [(3, 1)],
    [(3, 1), (3, 1)],
    [(3, 1), (2, 2), (3, 1)],
    [(12, 2), (2, 2), (5, 1), (2, 2), (3, 1), (3, 1)],
    [(7, 2), (3, 2), (1, 1), (3, 1)],
)


@exercise("01.output_size")
def output_size():
    """The number of kernel positions along one side: `answer(size, kernel, stride, padding, dilation)`."""
    for size, kernel, stride, padding, dilation in SHAPES:
        reach = dilation * (kernel - 1) + 1
        room = size + 2 * padding - reach
        start = f"for size {size}, kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation} you give"
        single_padding, no_dilation = (room - padding) // stride + 1, (room + reach - kernel) // stride + 1
        rounded_up = -(-room // stride) + 1
        mistakes = {
            f"{start} {{result:g}}: places are whole numbers, round down": room / stride + 1,
            f"{start} {{result}}: padding stands on both sides: it counts twice": single_padding,
            f"{start} {{result}}: with dilation the kernel reaches over d (k - 1) + 1 pixels, not over k": no_dilation,
            f"{start} {{result}}: the first place counts too: add 1": room // stride,
            f"{start} {{result}}: a kernel that hangs over the end has no place: round down": rounded_up,
        }
        expected, hint = len(range(0, room + 1, stride)), f"{start} {{result}}; draw the case on paper"
        yield Case((size, kernel, stride, padding, dilation), expected, mistakes, hint)


@exercise("01.field_size")
def field_size():
    """Side of the receptive field of a chain of (kernel, stride), listed from the image on: `answer(layers)`."""
    for layers in CHAINS:
        pixels = {0}
        for kernel, stride in reversed(layers):  # from one unit back to the image
            pixels = {pixel * stride + tap for pixel in pixels for tap in range(kernel)}
        size = max(pixels) - min(pixels) + 1
        late_steps = accumulate((stride for _, stride in layers), mul)
        late_size = 1 + sum((kernel - 1) * step for (kernel, _), step in zip(layers, late_steps, strict=True))
        stride_free = 1 + sum(kernel - 1 for kernel, _ in layers)
        start = f"for (kernel, stride) {layers} the field is {size} pixels wide, you give {{result}}"
        mistakes = {
            f"{start}: behind a stride, a step of the map is several pixels of the picture": stride_free,
            f"{start}: a layer's own stride counts for the layers behind it, not for itself": late_size,
        }
        hint = f"{start}: go from the picture to the unit, and keep size and step apart"
        yield Case((layers,), size, mistakes, hint)


@exercise(
    "01.as_kernels",
    is_tensor("return a tensor of kernels, not {type}"),
    unchanged("the weights that were passed in have changed; make new ones of them"),
    has_shape("6 neurons that read 2 maps of 3 x 4 are 6 kernels of 2 x 3 x 4; yours are {shape}"),
    absolute=1e-4,
)
def as_kernels():
    """The weights of a fully connected layer, M x D, as convolution kernels: `answer(weight, maps, height, width)`."""
    weight = randn(6, 2 * 3 * 4, seed=4)
    hint = "the numbers are all there but in another order: flattening goes along the columns first, then rows, then maps"
    yield Case((weight, 2, 3, 4), weight.view(6, 2, 3, 4), {}, hint)
