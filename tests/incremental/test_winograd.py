"""Winograd's convolutions against the usual ones, which PyTorch computes, and against the sums they stand for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab._incremental import tracing
from cnnlab._incremental.winograd import (
    MIN_CHANNELS,
    POINTS,
    SIDE,
    TILES_PER_CHUNK,
    Winograd,
    is_supported,
    matrices,
    tile_rows,
)
from cnnlab.attribution import occlusion

SEVERAL_CHUNKS = 4 * int(TILES_PER_CHUNK**0.5) + 9
"""A side of maps whose pieces do not go through at once."""


def convolution(
    kernel: int, padding=0, bias: bool = True, dtype=torch.float64, channels=(64, 70)
) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(*channels, kernel, padding=padding, bias=bias, dtype=dtype)


@pytest.mark.parametrize("side", [SIDE - 1, SIDE])
@pytest.mark.parametrize("kernel", [3, 5])
def test_the_matrices_give_a_sliding_sum(kernel, side):
    """Y = A^T [(G g) * (B^T d)] in one direction: each output is the sum of the kernel times what it sees."""
    inputs, kernels, outputs = matrices(kernel, side)
    torch.manual_seed(0)
    piece, taps = torch.randn(side, dtype=torch.float64), torch.randn(kernel, dtype=torch.float64)
    found = outputs @ ((kernels @ taps) * (inputs @ piece))
    by_hand = [sum(float(taps[k] * piece[i + k]) for k in range(kernel)) for i in range(side - kernel + 1)]
    assert found.tolist() == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_smaller_tile_takes_the_same_values_of_the_kernel(kernel):
    _, small, _ = matrices(kernel, SIDE - 1)
    _, large, _ = matrices(kernel, SIDE)
    assert torch.equal(small, large[: SIDE - 1])


@pytest.mark.parametrize(("kernel", "sizes"), [(3, {4, 3}), (5, {2, 1})])
def test_tiles_cover_an_axis_and_reach_beyond_it_only_where_they_must(kernel, sizes):
    for length in range(1, 40):
        rows = tile_rows(length, kernel)
        assert [row.start for row in rows] == [0, *(row.stop for row in rows[:-1])]
        assert {row.step for row in rows} <= sizes
        assert sum(row.count for row in rows) == -(-length // max(sizes))
        possible = any(
            (length - max(sizes) * large) % min(sizes) == 0 for large in range(length // max(sizes) + 1)
        )
        assert rows[-1].stop == length if possible else rows[-1].stop > length


def test_three_points_and_infinity_give_the_matrices_of_the_paper():
    """F(2, 3) of Lavin & Gray (2016), equation 6, up to the scale and sign that a point may carry from one matrix to another."""
    assert POINTS[:3] == (0.0, 1.0, -1.0)
    inputs, kernels, outputs = matrices(3, 4)
    inputs, kernels, outputs = inputs.roll(-1, 0), kernels.roll(-1, 0), outputs.roll(-1, 1)  # infinity last
    paper_inputs = torch.tensor([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]).double()
    paper_kernels = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]).double()
    paper_outputs = torch.tensor([[1, 1, 1, 0], [0, 1, -1, -1]]).double()
    ours = torch.einsum("op,pk,pd->okd", outputs, kernels, inputs)
    paper = torch.einsum("op,pk,pd->okd", paper_outputs, paper_kernels, paper_inputs)
    assert torch.allclose(ours, paper, atol=1e-12)
    products = torch.einsum("pk,pd->pkd", kernels, inputs)
    expected = torch.einsum("pk,pd->pkd", paper_kernels, paper_inputs)
    signs = torch.tensor([1.0, 1.0, 1.0, -1.0]).double()[:, None, None]
    assert torch.allclose(products * signs, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "padding"), [(3, 0), (3, 1), (3, "same"), (3, 2), (5, 0), (5, 2), (5, "same")]
)
@pytest.mark.parametrize(
    "shape", [(1, 64, 7, 9), (5, 64, 14, 13), (3, 64, SEVERAL_CHUNKS, 22), (130, 64, 6, 5)]
)
def test_equals_the_usual_convolution(kernel, padding, shape):
    layer = convolution(kernel, padding)
    maps = torch.randn(shape, dtype=torch.float64)
    with torch.inference_mode():
        expected = layer(maps)
        found = Winograd(layer)(maps)
        assert found.shape == expected.shape
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert torch.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_layout_bias_and_cut_out_maps_do_not_matter(layout, bias):
    layer = convolution(3, 1, bias)
    maps = torch.randn(2, 64, 20, 20, dtype=torch.float64).contiguous(memory_format=layout)[:, :, 3:16, 2:17]
    with torch.inference_mode():
        assert torch.allclose(Winograd(layer)(maps), layer(maps), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel", [3, 5])
def test_rounding_in_float32_is_that_of_the_usual_convolution(kernel):
    """Against float64: off by no more than some 1e-5 of the spread, at most a few times what the usual way is off by."""
    layer = convolution(kernel, dtype=torch.float32, channels=(256, 256))
    nn.init.kaiming_normal_(layer.weight)
    maps = torch.randn(4, 256, 16, 16).relu()
    with torch.inference_mode():
        exact = nn.functional.conv2d(maps.double(), layer.weight.double(), layer.bias.double())
        error = float((Winograd(layer)(maps) - exact).abs().max() / exact.std())
    assert error < 3e-5


@pytest.mark.parametrize(
    "change",
    [
        {"kernel_size": 1},
        {"kernel_size": 7},
        {"kernel_size": (3, 5)},
        {"stride": 2},
        {"dilation": 2},
        {"groups": 2},
        {"padding": "valid"},
        {"padding_mode": "reflect", "padding": 1},
        {"in_channels": MIN_CHANNELS - 2},
        {"dtype": torch.bfloat16},
    ],
    ids=lambda change: ",".join(f"{name}={value}" for name, value in change.items()),
)
def test_other_layers_are_left_alone(change):
    usual = {"in_channels": MIN_CHANNELS, "out_channels": MIN_CHANNELS, "kernel_size": 3}
    assert is_supported(nn.Conv2d(**usual))
    assert not is_supported(nn.Conv2d(**usual | change))
    assert not is_supported(nn.ReLU())


def test_occlusion_takes_this_way_and_finds_the_same(monkeypatch):
    torch.manual_seed(1)
    many = MIN_CHANNELS
    model = nn.Sequential(
        *(
            nn.Conv2d(3, many, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(many, many, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ),
        *(
            nn.Conv2d(many, many, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(many, 7),
        ),
    )
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    picture, calls = torch.rand(3, 40, 40), []
    slide = Winograd.slide
    monkeypatch.setattr(Winograd, "slide", lambda self, maps: calls.append(len(maps)) or slide(self, maps))
    quick = occlusion(model, picture, size=8, stride=4)
    assert len(calls) > 4
    monkeypatch.setattr(tracing, "is_supported", lambda layer: False)
    count = len(calls)
    usual = occlusion(model, picture, size=8, stride=4)
    assert len(calls) == count
    assert float(usual.probability.max() - usual.probability.min()) > 1e-3
    assert torch.allclose(quick.probability, usual.probability, rtol=0, atol=1e-6)
    assert not any(isinstance(module, Winograd) for module in model.modules())


def test_the_points_differ():
    assert len(set(POINTS)) == SIDE - 1
