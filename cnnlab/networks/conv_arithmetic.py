"""Convolution arithmetic: the output size of a convolution, the inputs of each output position, and the value computed there.

All of it holds along one axis for pooling, too. For the receptive fields of many layers together see
`cnnlab.networks.receptive_field`; for the shapes of a whole network `cnnlab.networks.summary`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab._validation import positive_int, whole_number


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Output size of a convolution (or pooling) along one axis of n pixels.

        o = floor((n + 2 p - r) / s) + 1     with the reach r = d (k - 1) + 1

    Parameters
    ----------
    size, kernel, stride, padding, dilation
        n, k, s, p (on each side) and d, as whole numbers.

    Returns
    -------
    int
        Output positions, at least 1.

    Raises
    ------
    ValueError
        If the kernel does not fit even once; the message says why, and how to make it fit.

    References
    ----------
    Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 6 and section 5.1. Lecture K,
    "Questions on convolution layers"; lecture S, "Plotting model architecture", whose shapes it gives.

    Example
    -------
    >>> output_size(28, kernel=3), output_size(96, kernel=12, stride=2, padding=5)
    (26, 48)
    """
    size, kernel, stride, padding, dilation = _checked(size, kernel, stride, padding, dilation)
    padded_size, reach = size + 2 * padding, dilation * (kernel - 1) + 1
    if reach > padded_size:
        raise ValueError(_explain_impossible(size, kernel, padding, dilation))
    return (padded_size - reach) // stride + 1


def explain_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> str:
    """Output size explained in words: the calculation, its special cases, or why the shape is impossible and how to correct it.

    Parameters as in `output_size`. An impossible shape is explained; no error is raised.

    Example
    -------
    >>> print(explain_output_size(8, kernel=3, stride=2))
    (8 - 3) / 2 + 1 = 3.5, rounded down to 3 positions. The last 1 pixel of the padded axis is read by no window.
    >>> print(explain_output_size(4, kernel=7, padding=1))
    Impossible: a kernel of 7 reaches over 7 pixels, and the picture has only 4, even with the padding (4 + 2 x 1 = 6), so ...
    """
    size, kernel, stride, padding, dilation = _checked(size, kernel, stride, padding, dilation)
    padded_size, reach = size + 2 * padding, dilation * (kernel - 1) + 1
    if reach > padded_size:
        return f"Impossible: {_explain_impossible(size, kernel, padding, dilation)}"
    positions, remainder = (padded_size - reach) // stride + 1, (padded_size - reach) % stride
    sum_text = f"{size} + 2 x {padding}" if padding else f"{size}"
    rounded = f"{(padded_size - reach) / stride + 1:.4g}, rounded down to " if remainder else ""
    sentences = [f"({sum_text} - {reach}) / {stride} + 1 = {rounded}{_plural(positions, 'position')}."]
    if dilation > 1 and kernel > 1:
        sentences.append(
            f"The kernel of {kernel} reaches over {dilation} x {kernel - 1} + 1 = {reach} pixels."
        )
    if remainder:
        verb = "is" if remainder == 1 else "are"
        sentences.append(
            f"The last {_plural(remainder, 'pixel', 'of the padded axis')} {verb} read by no window."
        )
    if stride > reach and positions > 1:
        gap = stride - reach
        verb = "is" if gap == 1 else "are"
        sentences.append(
            f"Windows of reach {reach} lie {stride} apart, so {_plural(gap, 'pixel')} between two of them {verb} skipped."
        )
    if padding >= reach:
        sentences.append("The outermost windows see nothing but padding.")
    if positions == size and size > 1:
        sentences.append("As many positions as pixels: the map keeps the size of the picture.")
    return " ".join(sentences)


def receptive_indices(
    position: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> list[int]:
    """Pixels read at one output position: k pixels from s `position` - p on, d apart; those outside 0 ... n - 1 are padding.

    Example
    -------
    >>> receptive_indices(0, kernel=3, stride=2, padding=1), receptive_indices(4, kernel=3, stride=2, padding=1)
    ([-1, 0, 1], [7, 8, 9])
    """
    position = whole_number(position, "position")
    _, kernel, stride, padding, dilation = _checked(1, kernel, stride, padding, dilation)
    first = position * stride - padding
    return list(range(first, first + kernel * dilation, dilation))


@dataclass(frozen=True, eq=False)
class ConvolutionStep:
    """One output value of a convolution, step by step.

    Attributes
    ----------
    patch, products
        C x k x k: the input patch (zeros where it is padding), and each pixel times its weight.
    rows, columns
        The k rows and columns of the patch; outside of the image they are padding.
    bias, value
        The bias added at the end, and the output value: the sum of all products, plus the bias.
    """

    patch: Tensor
    products: Tensor
    rows: list[int]
    columns: list[int]
    bias: float
    value: float


def convolution_step(
    maps: Tensor,
    weight: Tensor,
    bias: float | Tensor = 0.0,
    *,
    row: int,
    column: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> ConvolutionStep:
    """One output value of a convolution: the input patch times the kernel, plus the bias.

        y[row, column] = bias + sum over c, i, j of w[c, i, j] x[c, row s - p + i d, column s - p + j d]

    Parameters
    ----------
    maps
        C x H x W, the input of the convolution.
    weight
        C x k x k, the kernel of one unit, such as `filters(model)[0]`.
    bias
        The bias of this unit.
    row, column
        The position in the output map, from 0.

    Returns
    -------
    ConvolutionStep
        The patch, the products, their rows and columns, and the value.

    Raises
    ------
    ValueError
        If kernel and maps differ in channels, the kernel does not fit, or the map has no such position.

    References
    ----------
    Dumoulin & Visin (2016), section 1.1; lecture K, "Questions on convolution layers".

    Example
    -------
    >>> maps = torch.arange(16.0).view(1, 4, 4)
    >>> convolution_step(maps, torch.ones(1, 2, 2), 0.5, row=1, column=0).value
    26.5
    """
    if maps.dim() != 3 or weight.dim() != 3 or len(maps) != len(weight) or weight.shape[1] != weight.shape[2]:
        raise ValueError(
            "maps must be C x H x W and weight C x k x k with the same C, but they came as"
            f" {' x '.join(map(str, maps.shape))} and {' x '.join(map(str, weight.shape))}."
        )
    kernel, options = weight.shape[-1], {"stride": stride, "padding": padding, "dilation": dilation}
    (height, width), indices = maps.shape[1:], []
    for name, position, size in (("row", row, height), ("column", column, width)):
        last = output_size(size, kernel, **options) - 1
        indices.append(receptive_indices(whole_number(position, name, maximum=last), kernel, **options))
    rows, columns = indices
    patch = torch.zeros_like(weight, dtype=maps.dtype)
    for i, down in enumerate(rows):
        for j, across in enumerate(columns):
            if 0 <= down < height and 0 <= across < width:
                patch[:, i, j] = maps[:, down, across]
    products = patch * weight
    return ConvolutionStep(patch, products, rows, columns, float(bias), float(products.sum() + bias))


def _checked(size: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[int, ...]:
    return (
        positive_int(size, "size"),
        positive_int(kernel, "kernel"),
        positive_int(stride, "stride"),
        whole_number(padding, "padding"),
        positive_int(dilation, "dilation"),
    )


def _explain_impossible(size: int, kernel: int, padding: int, dilation: int) -> str:
    padded_size, reach = size + 2 * padding, dilation * (kernel - 1) + 1
    spread = f" with dilation {dilation}" if dilation > 1 else ""
    padded = f", even with the padding ({size} + 2 x {padding} = {padded_size})" if padding else ""
    remedies = [f"a padding of {-(-(reach - size) // 2)}", f"a picture of {reach - 2 * padding}"]
    largest = (padded_size - 1) // dilation + 1
    if largest < kernel:
        remedies.insert(0, f"a kernel of {largest}")
    if dilation > 1 and (padded_size - 1) // (kernel - 1) >= 1:
        remedies.insert(1, f"a dilation of {(padded_size - 1) // (kernel - 1)}")
    return (
        f"a kernel of {kernel}{spread} reaches over {_plural(reach, 'pixel')}, and the picture has only {size}{padded},"
        f" so it fits nowhere. It would fit with {', '.join(remedies[:-1])} or {remedies[-1]}."
    )


def _plural(number: int, noun: str, suffix: str = "") -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}{' ' if suffix else ''}{suffix}"
