import pytest
import torch
import torch.nn.functional as F

from cnnlab.segmentation import (
    bilinear_kernel,
    bilinear_upsample,
    transposed_convolution,
    transposed_convolution_steps,
)

X = torch.tensor([[120.0, 150, 120], [100, 50, 110], [25, 25, 10]])
K = torch.tensor([[1.0, -1], [2, -2]])


def test_the_example_of_the_lecture_stamp_by_stamp():
    steps = transposed_convolution_steps(X, K)
    assert steps.shape == (10, 4, 4) and not steps[0].any()
    assert steps[1].tolist() == [[120, -120, 0, 0], [240, -240, 0, 0], [0] * 4, [0] * 4]
    assert steps[2].tolist() == [[120, 30, -150, 0], [240, 60, -300, 0], [0] * 4, [0] * 4]
    assert torch.equal(steps[-1], transposed_convolution(X, K))


def test_the_example_of_the_lecture_to_its_end():
    """Worked out by hand: rows of X times the two rows of K, set one below the other and added up."""
    assert transposed_convolution(X, K).tolist() == [
        [120, 30, -30, -120],
        [340, 10, 0, -350],
        [225, -100, 105, -230],
        [50, 0, -30, -20],
    ]


@pytest.mark.parametrize(("stride", "padding", "side"), [(1, 0, 3), (2, 1, 4), (3, 0, 2), (2, 2, 5)])
def test_it_agrees_with_torch(stride, padding, side):
    maps, kernel = torch.randn(2, 3, 4, 5).double(), torch.randn(3, 2, side, side).double()
    result = transposed_convolution(maps, kernel, stride=stride, padding=padding)
    assert torch.allclose(result, F.conv_transpose2d(maps, kernel, stride=stride, padding=padding))


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_it_is_the_transpose_of_the_convolution(stride, padding):
    """<conv(A), X> = <A, transposed(X)> for a picture whose size the convolution uses up."""
    kernel = torch.randn(3, 2, 4, 4).double()
    picture = torch.randn(1, 2, 10, 10).double()
    answer = F.conv2d(picture, kernel, stride=stride, padding=padding)
    other = torch.randn_like(answer)
    back = transposed_convolution(other, kernel, stride=stride, padding=padding)
    assert back.shape == picture.shape
    assert torch.allclose((answer * other).sum(), (picture * back).sum())


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_bilinear_enlargement_is_a_transposed_convolution(factor):
    maps = torch.randn(2, 3, 5, 6).double()
    result = bilinear_upsample(maps, factor)
    expected = F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    assert result.shape == expected.shape
    inner = (..., slice(factor, -factor), slice(factor, -factor))
    assert torch.allclose(result[inner], expected[inner], atol=1e-6)
    assert result[..., 0, 0].abs().sum() < expected[..., 0, 0].abs().sum(), "stamps fade at the border"


def test_stamps_of_the_bilinear_kernel_add_up_to_one_everywhere():
    flat = bilinear_upsample(torch.ones(8, 8), 4)
    assert torch.allclose(flat[2:-2, 2:-2], torch.ones(28, 28))


def test_where_the_stride_does_not_divide_the_kernel_there_is_a_checkerboard():
    even = transposed_convolution(torch.ones(6, 6), torch.ones(4, 4), stride=2)[3:-3, 3:-3]
    uneven = transposed_convolution(torch.ones(6, 6), torch.ones(3, 3), stride=2)[3:-3, 3:-3]
    assert even.unique().tolist() == [4] and uneven.unique().tolist() == [1, 2, 4]


def test_axes_come_back_as_they_came():
    kernel = torch.randn(3, 2, 2, 2)
    assert transposed_convolution(torch.rand(3, 4, 5), kernel).shape == (2, 5, 6)
    assert transposed_convolution(torch.rand(7, 3, 4, 5), kernel).shape == (7, 2, 5, 6)
    assert bilinear_upsample(torch.rand(4, 5), 2).shape == (8, 10) and bilinear_kernel(3).shape == (5, 5)


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="for 3 maps the kernel must be 3 x D"):
        transposed_convolution(torch.rand(3, 4, 4), torch.rand(2, 2, 3, 3))
    with pytest.raises(ValueError, match="give the map as 1 x H x W"):
        transposed_convolution(torch.rand(4, 4), torch.rand(1, 2, 3, 3))
    with pytest.raises(ValueError, match="padding 2 cuts off all"):
        transposed_convolution(torch.rand(1, 1), torch.rand(3, 3), padding=2)
    with pytest.raises(ValueError, match="one map H x W"):
        transposed_convolution_steps(torch.rand(1, 4, 4), K)
    with pytest.raises(ValueError, match="stride"):
        transposed_convolution(X, K, stride=0)
