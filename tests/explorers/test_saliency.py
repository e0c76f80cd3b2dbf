"""The saliency explorer without a browser: maps follow the controls, and what it shows is what the techniques give."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from explorers.contract import ran
from PIL import Image
from torch import nn

from cnnlab import attribution
from cnnlab.explorers import SaliencyExplorer, saliency
from cnnlab.explorers.choices import offer_classes
from cnnlab.explorers.render import saliency as rendering
from cnnlab.explorers.render.saliency import METHODS
from cnnlab.explorers.search_select import SearchSelect


class Small(nn.Sequential):
    """Two convolutions and a linear layer with weights of a seed of its own."""

    name = "small"
    class_names = ("sheep", "goat", "neither")
    input_size = 48

    def __init__(self):
        super().__init__()
        chance = torch.Generator().manual_seed(3)
        self.conv1, self.relu1 = nn.Conv2d(3, 5, 6, 4), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(5, 4, 3), nn.ReLU()
        self.pool, self.flat, self.fc = nn.AvgPool2d(9), nn.Flatten(), nn.Linear(4, 3)
        for parameter in self.parameters():
            fan = parameter[0].numel() if parameter.dim() > 1 else 8
            parameter.data = torch.randn(parameter.shape, generator=chance) * (2 / fan) ** 0.5


@pytest.fixture
def explorer(monkeypatch):
    monkeypatch.setattr(saliency, "DEBOUNCE_SECONDS", 0.0)
    monkeypatch.setattr(saliency, "DISPLAY_SIZE", 96)  # large pictures take long to draw
    return SaliencyExplorer(Small().eval())


def test_it_opens_with_all_methods_of_the_predicted_class(explorer):
    assert explorer.error is None
    assert set(explorer.maps) == set(METHODS)
    assert torch.equal(explorer.map, attribution.gradient(explorer.model, explorer.image))
    assert explorer.grid.captions == list(METHODS) and explorer.grid.overlay["count"] == len(METHODS)


def test_units_are_asked_instead_of_classes(explorer):
    explorer.layer.value = "conv2"
    assert explorer.unit.max == 3 and explorer.target.disabled and not explorer.unit.disabled
    explorer.unit.value = 2
    expected = attribution.gradient(explorer.model, explorer.image, layer="conv2", unit=2)
    assert torch.equal(explorer.map, expected)
    explorer.layer.value = None
    assert explorer.unit.disabled and not explorer.target.disabled


def test_a_unit_that_the_next_layer_lacks_is_not_asked(explorer):
    explorer.layer.value = "conv1"
    explorer.unit.value = 4
    explorer.layer.value = "conv2"
    assert explorer.error is None and explorer.unit.value == 3


def test_the_few_pixels_that_an_early_unit_depends_on_are_shown_enlarged(monkeypatch):
    monkeypatch.setattr(saliency, "DEBOUNCE_SECONDS", 0.0)
    monkeypatch.setattr(saliency, "DISPLAY_SIZE", 96)
    explorer = SaliencyExplorer(Small().eval())
    assert (
        explorer.main_view.tiles["height"] == 96 and explorer.main_view.label == "The picture under the map"
    )
    explorer.layer.value = "conv1"
    explorer.unit.value = 2
    rows, columns = (explorer.map != 0).any(0).nonzero(as_tuple=True)
    assert len(rows) <= 36, "the unit sees 6 x 6 pixels"
    for grid in (explorer.main_view, explorer.grid):
        assert grid.tiles["height"] == grid.overlay["height"] == rendering.LEAST_WINDOW
    assert not explorer.main_view.smooth and "enlarged" in explorer.main_view.label
    top, left, side = rendering.window(explorer.map)
    assert (
        top <= rows.min()
        and rows.max() < top + side
        and left <= columns.min()
        and columns.max() < left + side
    )
    row, column = int(rows[0]), int(columns[0])
    explorer.main_view.set_state({"point": [0, row - top, column - left]})
    red = rendering.two_digits(float(explorer.map[0, row, column]), "+")
    assert explorer.main_view.readout.startswith(f"row {row}, column {column}: red {red}")
    explorer.layer.value = None
    assert explorer.main_view.tiles["height"] == 96 and explorer.main_view.smooth


def test_the_window_stays_within_the_picture_and_a_flat_map_has_none():
    corner = torch.zeros(3, 96, 96)
    corner[1, 95, 0] = -1.0
    assert rendering.window(corner) == (96 - rendering.LEAST_WINDOW, 0, rendering.LEAST_WINDOW)
    assert rendering.window(torch.zeros(3, 96, 96)) == rendering.window(torch.ones(3, 96, 96)) == (0, 0, 96)


@pytest.mark.parametrize(
    ("value", "said"), [(170.4, "170"), (0.05234, "0.052"), (2.0, "2"), (-0.0312, "-0.031")]
)
def test_numbers_have_two_digits_and_no_exponent(value, said):
    assert rendering.two_digits(value) == said
    assert rendering.two_digits(value, "+") == (said if value < 0 else f"+{said}")


def test_clicking_a_method_chooses_it(explorer):
    explorer.grid.set_state({"selected": 2})
    assert explorer.method.value == METHODS[2]
    assert torch.equal(explorer.map, attribution.guided_backprop(explorer.model, explorer.image))


def test_pointing_at_a_pixel_tells_its_numbers(explorer):
    explorer.main_view.set_state({"point": [0, 48, 24]})
    row, column = 24, 12
    assert f"row {row}, column {column}" in explorer.main_view.readout
    assert rendering.two_digits(float(explorer.map[0, row, column]), "+") in explorer.main_view.readout
    before = explorer.main_view.readout
    explorer.method.value = "guided backprop"
    assert rendering.two_digits(float(explorer.map[0, row, column]), "+") in explorer.main_view.readout
    assert explorer.main_view.readout != before, "numbers of the map that was there before"


@pytest.mark.parametrize("method", METHODS)
def test_the_code_gives_the_same_map(explorer, method):
    explorer.method.value, explorer.target.value = method, 1
    assert float(ran(explorer)[1]) == pytest.approx(float(explorer.map.abs().max()), rel=1e-5)


def test_what_the_map_says_agrees_with_the_scores(explorer):
    source = explorer.image_picker.source
    values = attribution.channel_max(explorer.map)
    share = attribution.relevance_mass(values, source.mask(48)).mean_share
    assert f"{share:.0%} of it lies on the sheep" in explorer._finding.value


def test_an_unknown_picture_is_told_in_place_and_the_map_stays(explorer):
    kept = explorer.map
    explorer.image_picker.use_photo(b"no picture")
    assert explorer.error is not None and explorer.map is kept


def test_a_flat_map_is_clear_and_says_so():
    nothing = torch.zeros(3, 8, 8)
    assert "Nothing" in rendering.describe_map(rendering.per_pixel(nothing, "size"), None, "sheep")
    assert "photograph has no known mask" in rendering.describe_map(torch.rand(4, 4), None, "tabby")
    drawn = Image.open(io.BytesIO(rendering.tiles([nothing], "size")["png"])).convert("RGBA")
    assert np.asarray(drawn)[..., 3].max() == 0


def test_the_sign_is_kept_where_it_is_looked_at():
    found = torch.zeros(3, 8, 8)
    found[:, 0, 0], found[:, 7, 7] = 1.0, -1.0
    drawn = np.asarray(Image.open(io.BytesIO(rendering.tiles([found], "sign")["png"])).convert("RGBA"))
    assert tuple(drawn[0, 0, :3]) != tuple(drawn[7, 7, :3]) and drawn[3, 3, 3] == 0


def test_the_menu_of_classes_is_never_blank_and_keeps_its_choice():
    control = SearchSelect([("any", None)])
    for names in (["a"], ["b", "a"]):
        offer_classes(control, names, [("any", None)])
        assert control.label == "any" and control.value is None
    control.value = 1
    offer_classes(control, ["a", "b"], [("any", None)])
    assert (control.label, control.value) == ("a", 0)
    offer_classes(control, ["c"], [("any", None)])
    assert (control.label, control.value) == ("any", None)
