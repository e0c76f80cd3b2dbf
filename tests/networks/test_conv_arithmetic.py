"""Places and numbers of a convolution, beside torch's own and beside counting on one's fingers."""

import re

import pytest
import torch
import torch.nn.functional as F

from cnnlab.networks import convolution_step, explain_output_size, output_size, receptive_indices

SHAPES = [
    (size, kernel, stride, padding, dilation)
    for size in (1, 2, 5, 8, 11)
    for kernel in (1, 2, 3, 5)
    for stride in (1, 2, 3, 7)
    for padding in (0, 1, 4)
    for dilation in (1, 2, 3)
]


def counted(size, kernel, stride, padding, dilation):
    """Places, by sliding a window over a list until it falls off the end."""
    pixels = ["padding"] * padding + ["pixel"] * size + ["padding"] * padding
    positions, start = 0, 0
    while start + dilation * (kernel - 1) < len(pixels):
        positions, start = positions + 1, start + stride
    return positions


def test_places_are_those_that_one_counts():
    for shape in SHAPES:
        expected = counted(*shape)
        if expected:
            assert output_size(*shape) == expected, shape
            assert f"{expected} position" in explain_output_size(*shape), shape
        else:
            assert explain_output_size(*shape).startswith("Impossible"), shape
            with pytest.raises(ValueError, match="fits nowhere"):
                output_size(*shape)


def test_places_are_those_of_torch():
    for size, kernel, stride, padding, dilation in SHAPES:
        if counted(size, kernel, stride, padding, dilation):
            row = torch.zeros(1, 1, size)
            made = F.conv1d(row, torch.zeros(1, 1, kernel), None, stride, padding, dilation)
            assert output_size(size, kernel, stride, padding, dilation) == made.shape[-1]


def test_what_is_said_to_mend_an_impossible_shape_mends_it():
    """Every number in the last sentence is put in and fits, and the next one on the way to where it was does not."""
    for size, kernel, stride, padding, dilation in SHAPES:
        if counted(size, kernel, stride, padding, dilation):
            continue
        given = {"size": size, "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        ways = explain_output_size(**given).split("It would fit with ")[1]
        mended = {what: int(number) for what, number in re.findall(r"a (\w+) of (\d+)", ways)}
        assert {"padding", "picture"} <= set(mended)
        for what, value in mended.items():
            name = "size" if what == "picture" else what
            assert output_size(**given | {name: value}) >= 1
            worse = value - 1 if name in ("size", "padding") else value + 1
            if worse >= 1:
                with pytest.raises(ValueError, match="fits nowhere"):
                    output_size(**given | {name: worse})


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (
            (8, 3, 2),
            "3.5, rounded down to 3 positions. The last 1 pixel of the padded axis is read by no window",
        ),
        ((9, 2, 4), "so 2 pixels between two of them are skipped"),
        ((9, 3, 1, 0, 2), "The kernel of 3 reaches over 2 x 2 + 1 = 5 pixels"),
        ((5, 1, 1, 1), "The outermost windows see nothing but padding"),
        ((24, 3, 1, 1), "the map keeps the size of the picture"),
        ((5, 3, 1, 0, 3), "a dilation of 2"),
    ],
)
def test_what_is_peculiar_is_said(shape, words):
    assert words in explain_output_size(*shape)


def test_a_plain_shape_is_one_sum():
    assert explain_output_size(28, 3) == "(28 - 3) / 1 + 1 = 26 positions."


def test_places_read_are_those_with_a_gradient():
    size, kernel, stride, padding, dilation = 11, 3, 2, 3, 2
    row = torch.zeros(1, 1, size, requires_grad=True)
    made = F.conv1d(row, torch.ones(1, 1, kernel), None, stride, padding, dilation)[0, 0]
    for position, value in enumerate(made):
        (gradient,) = torch.autograd.grad(value, row, retain_graph=True)
        read = receptive_indices(position, kernel, stride, padding, dilation)
        assert gradient[0, 0].nonzero().flatten().tolist() == [p for p in read if 0 <= p < size]


@pytest.mark.parametrize(
    ("stride", "padding", "dilation"), [(1, 0, 1), (2, 0, 1), (1, 2, 1), (3, 4, 2), (1, 6, 1)]
)
def test_each_step_is_a_number_of_the_convolution(stride, padding, dilation):
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(3, 9, 8, generator=generator, dtype=torch.float64)
    weight = torch.randn(3, 3, 3, generator=generator, dtype=torch.float64)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    whole = F.conv2d(maps[None], weight[None], torch.tensor([0.25], dtype=torch.float64), **options)[0, 0]
    for row in range(whole.shape[0]):
        for column in range(whole.shape[1]):
            step = convolution_step(maps, weight, 0.25, row=row, column=column, **options)
            assert step.value == pytest.approx(float(whole[row, column]), abs=1e-12)
            assert torch.allclose(step.products, step.patch * weight)
            assert step.value == pytest.approx(float(step.products.sum()) + step.bias)


def test_a_place_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="row must be a whole number between 0 and 2"):
        convolution_step(torch.zeros(1, 5, 5), torch.zeros(1, 3, 3), row=3, column=0)
    with pytest.raises(ValueError, match="fits nowhere"):
        convolution_step(torch.zeros(1, 5, 5), torch.zeros(1, 7, 7), row=0, column=0)
    with pytest.raises(ValueError, match="with the same C"):
        convolution_step(torch.zeros(3, 5, 5), torch.zeros(1, 3, 3), row=0, column=0)


@pytest.mark.parametrize(
    "wrong", [{"kernel": 0}, {"stride": 0}, {"padding": -1}, {"dilation": 0}, {"size": 0}]
)
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a whole number"):
        output_size(**{"size": 5, "kernel": 3} | wrong)
