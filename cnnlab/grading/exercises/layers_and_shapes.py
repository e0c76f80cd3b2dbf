"""The exercises of notebook 01, layers and shapes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Exercise, require_attempt

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


def output_size(answer: Callable[[int, int, int, int, int], int]) -> str | None:
    """`answer(size, kernel, stride, padding, dilation)`: how many places the kernel has along one side."""
    for shape in SHAPES:
        size, kernel, stride, padding, dilation = shape
        result = require_attempt(answer(*shape))
        positions, start = 0, -padding
        while start + dilation * (kernel - 1) <= size + padding - 1:
            positions, start = positions + 1, start + stride
        if result == positions:
            continue
        room, reach = size + 2 * padding, dilation * (kernel - 1) + 1
        arguments = (
            f"for size {size}, kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation}"
        )
        mistakes = {
            "padding stands on both sides: it counts twice": (size + padding - reach) // stride + 1,
            "with dilation the kernel reaches over d (k - 1) + 1 pixels, not over k": (room - kernel)
            // stride
            + 1,
            "the first place counts too: add 1": (room - reach) // stride,
            "a kernel that hangs over the end has no place: round down": -(-(room - reach) // stride) + 1,
        }
        if result == (room - reach) / stride + 1:
            return f"{arguments} you give {result:g}: places are whole numbers, round down"
        for hint, wrong in mistakes.items():
            if result == wrong:
                return f"{arguments} you give {result}: {hint}"
        return f"{arguments} you give {result}; draw the case on paper"
    return None


def field_size(answer: Callable[[list[tuple[int, int]]], int]) -> str | None:
    """`answer(layers)`: side of the receptive field behind a chain of (kernel, stride), from the picture on."""
    for layers in CHAINS:
        result = require_attempt(answer(list(layers)))
        pixels = {0}
        for kernel, stride in reversed(layers):  # from one unit back to the picture
            pixels = {pixel * stride + tap for pixel in pixels for tap in range(kernel)}
        expected = max(pixels) - min(pixels) + 1
        if result == expected:
            continue
        message = f"for (kernel, stride) {layers} the field is {expected} pixels wide, you give {result}"
        if result == 1 + sum(kernel - 1 for kernel, _ in layers):
            return f"{message}: behind a stride, a step of the map is several pixels of the picture"
        late, step = 1, 1
        for kernel, stride in layers:
            step *= stride
            late += (kernel - 1) * step
        if result == late:
            return f"{message}: a layer's own stride counts for the layers behind it, not for itself"
        return f"{message}: go from the picture to the unit, and keep size and step apart"
    return None


def as_kernels(answer: Callable[[Tensor, int, int, int], Tensor]) -> str | None:
    """`answer(weight, maps, height, width)`: a fully connected layer's weights, M x D, as kernels of a convolution."""
    generator = torch.Generator().manual_seed(4)
    weight, maps = torch.randn(6, 2 * 3 * 4, generator=generator), torch.randn(2, 3, 4, generator=generator)
    original = weight.clone()
    result = require_attempt(answer(weight, 2, 3, 4))
    if not isinstance(result, Tensor):
        return f"return a tensor of kernels, not {type(result).__name__}"
    if not torch.equal(weight, original):
        return "the weights that were passed in have changed; make new ones of them"
    if result.shape != (6, 2, 3, 4):
        return (
            f"6 neurons that read 2 maps of 3 x 4 are 6 kernels of 2 x 3 x 4; yours are {tuple(result.shape)}"
        )
    numbers = [sum(float(w * x) for w, x in zip(row, maps.flatten(), strict=True)) for row in weight]
    student_sums = (result * maps).flatten(1).sum(1)
    if torch.allclose(student_sums, torch.tensor(numbers), atol=1e-4):
        return None
    return "the numbers are all there but in another order: flattening goes along the columns first, then rows, then maps"


EXERCISES: dict[str, Exercise] = {
    "01.output_size": output_size,
    "01.field_size": field_size,
    "01.as_kernels": as_kernels,
}
