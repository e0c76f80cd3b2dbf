"""The convolution explorer without a browser: what it shows is the convolution, and each number in it can be stepped through."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from explorers.contract import ran
from torch import nn

from cnnlab.explorers import ConvolutionExplorer
from cnnlab.explorers.render.convolution import (
    KERNELS,
    LEARNED_FILTER,
    State,
    grey,
    named_kernel,
    nearest_position,
    patch_table,
    products,
    sum_sentence,
    window_boxes,
)


@pytest.fixture
def network():
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 5, 4, 2, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 48 * 48, 2)
    )
    model.input_size = 96
    return model.eval()


@pytest.fixture
def explorer(network, sheep):
    return ConvolutionExplorer(network, sheep)


def pixels(side=9):
    return torch.rand(1, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_kernels_do_what_their_names_say(name, size):
    flat, made = torch.full((1, 1, 9, 9), 0.7), named_kernel(name, size)
    assert made.shape == (1, size, size)
    answer = F.conv2d(flat, made[None])
    silent = name.endswith("edge") or (name == "spot" and size > 1)
    assert torch.allclose(answer, torch.zeros(()) if silent else torch.tensor(0.7), atol=1e-5)


def test_edges_answer_to_their_own_direction():
    half = torch.zeros(1, 1, 6, 6)
    half[..., 3:] = 1.0  # dark on the left, bright on the right
    across, down = (
        F.conv2d(half, named_kernel(f"{name} edge", 3)[None]) for name in ("vertical", "horizontal")
    )
    assert across.max() == 3 and down.abs().max() == 0


def test_an_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match="vertical edge"):
        named_kernel("corner", 3)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 3}, {"dilation": 2, "padding": 1}])
def test_every_place_is_nearest_to_the_middle_of_its_own_window(options):
    setting = State(pixels(), named_kernel("blur", 3), **options)
    for row in range(setting.n_positions):
        for column in range(setting.n_positions):
            step = setting.step_at(row, column)
            middle = (step.rows[1] + setting.padding, step.columns[1] + setting.padding)
            assert nearest_position(setting, *middle) == (row, column)


def test_boxes_lie_over_what_is_read():
    setting = State(pixels(), named_kernel("blur", 2), padding=1, dilation=3)
    border, *cells = (box["box"] for box in window_boxes(setting, setting.step_at(0, 1)))
    assert border == [1, 1, 9, 9]
    assert cells == [[0, 1, 1, 1], [0, 4, 1, 1], [3, 1, 1, 1], [3, 4, 1, 1]]
    plain = State(pixels(), named_kernel("blur", 2))
    assert [box["box"] for box in window_boxes(plain, plain.step_at(2, 3))] == [[2, 3, 2, 2]]


def test_the_sum_is_told_product_by_product():
    setting = State(pixels(), named_kernel("vertical edge", 2), bias=0.5)
    step = setting.step_at(1, 1)
    values = products(step)
    assert sum(value for *_, value in values) + 0.5 == pytest.approx(step.value)
    assert sum_sentence(step, setting.weight, 0).startswith("4 products")
    third = sum_sentence(step, setting.weight, 3)
    assert f"So far {sum(value for *_, value in values[:3]):.2f}" in third and "bias" not in third
    assert f"this number of the map is {step.value:.2f}" in sum_sentence(step, setting.weight, 4)


def test_the_table_writes_numbers_while_they_can_be_read():
    setting = State(pixels(), named_kernel("blur", 3))
    table = patch_table(setting.step_at(0, 0), setting.weight, 4)
    assert table.count("<td") == 27 and table.count("cnnlab-now") == 3
    assert table.count("cnnlab-done") == 9 and table.count("cnnlab-todo") == 15
    assert f">{float(pixels()[0, 1, 0]):.2f}<" in table
    large = State(pixels(), named_kernel("blur", 6))
    assert "></td>" in patch_table(large.step_at(0, 0), large.weight, 36)


def test_grey_is_the_mean_of_colours_and_pixels(sheep):
    made = grey(sheep.image, 24)
    assert made.shape == (1, 24, 24)
    assert made[0, 3, 5] == pytest.approx(float(sheep.image[:, 12:16, 20:24].mean()), abs=1e-6)


def test_the_number_is_that_of_the_map(explorer):
    explorer.stride.value, explorer.padding.value = 2, 1
    explorer.position = (4, 7)
    assert explorer.step.value == pytest.approx(float(explorer.state.output()[0, 4, 7]), abs=1e-5)
    assert f"{explorer.step.value:.2f}" in explorer.output.readout
    assert explorer.output.point == [0, 4, 7]
    before = explorer.step.value
    explorer.bias.value = 0.7
    assert explorer.step.value == pytest.approx(before + 0.7, abs=1e-5)


def test_a_place_is_chosen_in_the_map_or_in_the_picture(explorer):
    explorer.output.set_state({"point": [0, 3, 2]})
    assert explorer.position == (3, 2)
    explorer.input.set_state({"point": [0, 15, 12]})
    assert explorer.position == (14, 11)


def test_the_step_marks_its_pixel_and_its_product(explorer):
    explorer.position = (2, 2)
    explorer.term.value = 1
    assert explorer.input.point == [0, 2, 2]
    assert "Product 1 of 9" in explorer.sum.value
    explorer.term.value = 6
    assert explorer.input.point == [0, 3, 4]


def test_a_weight_can_be_chosen_and_changed(explorer):
    explorer.kernel_grid.set_state({"point": [0, 0, 2]})
    assert explorer.weight.value == 1.0
    explorer.weight.value = -0.5
    assert explorer.weights[0].tolist() == [[-1, 0, -0.5], [-1, 0, 1], [-1, 0, 1]]
    explorer.kernel.value = "blur"
    assert explorer.weight.value == pytest.approx(1 / 9)


def test_an_impossible_shape_is_explained_and_mended(explorer):
    explorer.pixels.value, explorer.size.value = 8, 5
    last = explorer.output.tiles["png"]
    explorer.dilation.value = 3
    assert "reaches over 13 pixels" in str(explorer.error) and "It would fit with" in str(explorer.error)
    assert explorer.output.tiles["png"] == last and "8 x 8 pixels" in explorer.describe()
    explorer.padding.value = 3
    assert explorer.error is None


def test_a_place_that_is_not_there_is_reported_and_taken_back(explorer):
    explorer.position = (1, 1)
    explorer.position = (99, 0)
    assert "row must be a whole number" in str(explorer.error)
    assert explorer.position == (1, 1)


def test_a_learned_kernel_is_the_filter_added_up_over_colours(explorer, network):
    explorer.kernel.value = LEARNED_FILTER
    explorer.unit.value = 2
    explorer.pixels.value, explorer.stride.value, explorer.padding.value = 48, 2, 1
    picture = explorer.state.pixels.expand(3, -1, -1)
    with torch.no_grad():
        expected = network[0](picture[None])[0, 2]
    assert torch.allclose(explorer.state.output()[0], expected, atol=1e-5)
    assert explorer.size.disabled and not explorer.unit.disabled


@pytest.mark.parametrize("edited", [False, True])
def test_its_code_gives_its_number(explorer, edited):
    explorer.kernel.value, explorer.stride.value = "spot", 2
    if edited:
        explorer.weight.value = 0.35
    explorer.position = (5, 6)
    assert float(ran(explorer)[1].split()[-1]) == pytest.approx(explorer.step.value, abs=1e-4)
