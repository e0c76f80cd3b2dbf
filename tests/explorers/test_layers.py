"""The layer explorer without a browser: rows choose layers, clicks choose units, and the box is what the unit sees."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from explorers.contract import ran
from torch import nn

from cnnlab.explorers import LayersExplorer
from cnnlab.explorers.base import DISPLAY_SIZE
from cnnlab.explorers.render.activations import colours_for, field_sentence, nearest_unit
from cnnlab.networks import activations, receptive_field, summary


def small():
    torch.manual_seed(3)
    layers = OrderedDict(
        conv1=nn.Conv2d(3, 5, 8, 4, 2),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(5, 6, 3, padding=1),
        pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        fc=nn.Linear(6 * 12 * 12, 4),
    )
    model = nn.Sequential(layers)
    model.input_size = 96
    return model.eval()


@pytest.fixture
def explorer(sheep):
    return LayersExplorer(small(), sheep)


def test_the_table_is_the_summary(explorer):
    table = summary(explorer.model, 96)
    shown = [[cell.replace("×", " x ") for cell in row] for row in explorer.table.rows]
    assert shown == [list(row.cells()) for row in table.rows]
    assert len(explorer.table.headings) == len(shown[0])
    assert f"{table.parameters:,}" in explorer.table.note
    assert explorer.layer == "conv1"


def test_a_row_sets_the_layer(explorer):
    for number, row in enumerate(explorer.table.rows):
        explorer.table.set_state({"selected": number})
        assert explorer.error is None and explorer.layer == row[0]
        expected = activations(explorer.model, explorer.image, row[0])[row[0]]
        assert torch.equal(explorer.maps.flatten(), expected.flatten())
        assert explorer.grid.tiles["count"] == len(expected)


def test_the_box_is_the_receptive_field(explorer):
    explorer.layer = "conv2"
    explorer.row.value, explorer.column.value = 0, 20
    assert explorer.box == receptive_field(explorer.model, "conv2").box(0, 20)
    top, left, height, width = explorer.image_view.boxes[0]["box"]
    shown = [round(value * 96 / DISPLAY_SIZE) for value in (top, left, top + height, left + width)]
    assert tuple(shown) == explorer.box


def test_the_value_is_the_activation(explorer):
    explorer.layer, explorer.unit.value = "conv2", 4
    explorer.map.set_state({"point": [0, 5, 9]})
    assert (explorer.row.value, explorer.column.value) == (5, 9)
    expected = float(activations(explorer.model, explorer.image, "conv2")["conv2"][4, 5, 9])
    assert explorer.value == pytest.approx(expected)
    assert f"{expected:.3f}" in explorer.map.readout


def test_a_map_and_a_pixel_can_be_clicked(explorer):
    explorer.grid.set_state({"selected": 2})
    assert explorer.unit.value == 2
    explorer.unit.value = 3
    assert explorer.grid.selected == 3
    explorer.image_view.set_state({"point": [0, 240, 100]})
    top, left, bottom, right = explorer.box
    assert abs((top + bottom - 1) / 2 - 48) <= 2 and abs((left + right - 1) / 2 - 20) <= 2


@pytest.mark.parametrize("layer", ["conv1", "conv2", "pool2"])
def test_the_nearest_unit_is_the_one_whose_field_has_its_middle_there(layer):
    seen = receptive_field(small(), layer)
    for row in range(0, seen.positions[0], 5):
        middle = [seen.offset[0] + row * seen.stride[0] + (seen.size[0] - 1) // 2] * 2
        assert nearest_unit(seen, tuple(middle)) == (row, row)
    assert nearest_unit(seen, (-50, 500)) == (0, seen.positions[1] - 1)


def test_a_vector_has_one_place_that_sees_everything(explorer):
    explorer.row.value = 9
    explorer.layer = "fc"
    assert explorer.error is None
    assert explorer.maps.shape == (4, 1, 1) and explorer.row.disabled
    assert "can see the whole picture" in explorer.describe()
    explorer.layer = "conv1"
    assert explorer.error is None and not explorer.row.disabled


def test_what_a_unit_uses_is_laid_over_the_picture(explorer):
    assert explorer.image_view.overlay == {}
    explorer.show_effective_field.value = True
    first = explorer.image_view.overlay["png"]
    explorer.row.value = 4
    assert explorer.error is None and explorer.image_view.overlay["png"] != first
    explorer.layer = "fc"
    assert explorer.error is None and explorer.image_view.overlay
    explorer.show_effective_field.value = False
    assert explorer.image_view.overlay == {}


def test_an_unknown_layer_is_reported_in_place(explorer):
    explorer.layer = "conv9"
    assert "it has conv1, relu1" in str(explorer.error) and explorer.layer == "conv1"
    with pytest.raises(ValueError, match="it has conv1, relu1"):
        LayersExplorer(small(), layer="conv9")


def test_another_network_keeps_the_layer_of_the_same_name(explorer):
    other = small()
    other.name = "other"
    explorer.network.options = [*explorer.network.options, ("other", other)]
    explorer.layer = "conv2"
    explorer.network.value = other
    assert explorer.error is None and explorer.layer == "conv2" and explorer.model is other


def test_words_for_boxes():
    assert field_sentence(None, 1, 2, 9).endswith("is not known.")
    assert field_sentence((0, 0, 9, 9), 1, 2, 9).endswith("the whole picture.")
    assert "rows 2 to 4 and columns 0 to 3" in field_sentence((2, 0, 5, 4), 1, 2, 9)


def test_signed_maps_are_coloured_about_zero():
    assert colours_for(torch.tensor([[[-1.0, 3.0]]]))[1:] == (-3.0, 3.0)
    assert colours_for(torch.tensor([[[0.0, 3.0]]])) == ("viridis", 0.0, 3.0)


def test_its_code_gives_its_number_and_its_box(explorer):
    explorer.layer = "conv2"
    explorer.row.value = 3
    *_, value, box = ran(explorer)[1].strip().splitlines()
    assert float(value) == pytest.approx(explorer.value, abs=1e-5)
    assert box == str(explorer.box)
