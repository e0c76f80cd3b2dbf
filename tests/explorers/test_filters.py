"""The filter explorer without a browser: its tiles are the weights, in the scale that is chosen."""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict

import numpy as np
import pytest
import torch
from explorers.contract import ran
from PIL import Image
from torch import nn

from cnnlab.explorers import FilterExplorer
from cnnlab.explorers.render.filters import layer_tiles, scale_of, weighted_layers
from cnnlab.units import blob_pattern, fit_filters, gabor_pattern


def small():
    torch.manual_seed(3)
    layers = OrderedDict(
        conv1=nn.Conv2d(3, 4, 7, 4, 2),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(4, 6, 3, padding=1),
        pool2=nn.MaxPool2d(24),
        flatten=nn.Flatten(),
        fc=nn.Linear(6, 5),
    )
    model = nn.Sequential(layers)
    model.input_size = 96
    with torch.no_grad():
        model.conv1.weight[0] = gabor_pattern(7, orientation=0.6, wavelength=5.0).float()
        model.conv1.weight[1] = 0.1 * blob_pattern(7).float() * torch.tensor([1.0, -0.5, 0.2])[:, None, None]
    return model.eval()


@pytest.fixture
def explorer():
    return FilterExplorer(small())


def tile(tiles, number):
    atlas = np.asarray(Image.open(io.BytesIO(tiles["png"])).convert("RGB"))
    top, left = number // tiles["columns"] * tiles["height"], number % tiles["columns"] * tiles["width"]
    return atlas[top : top + tiles["height"], left : left + tiles["width"]] / 255


def test_it_opens_on_the_first_layer(explorer):
    assert explorer.error is None
    assert list(explorer.layer.options) == ["conv1", "conv2", "fc"] == weighted_layers(explorer.model)
    assert explorer.grid.tiles["count"] == 4 and explorer.kernel_grid.captions == ["red", "green", "blue"]


def test_tiles_are_the_weights_in_the_chosen_scale(explorer):
    weights = explorer.model.conv1.weight.detach()
    limits = {
        "filter": float(weights[1].abs().max()),
        "layer": float(weights.abs().max()),
        "network": max(
            float(p.detach().abs().max()) for n, p in explorer.model.named_parameters() if "weight" in n
        ),
    }
    for scale, limit in limits.items():
        explorer.scale.value = scale
        expected = (0.5 + weights[1] / (2 * limit)).permute(1, 2, 0).numpy()
        assert np.abs(tile(explorer.grid.tiles, 1) - expected).max() < 0.003


def test_deeper_layers_show_kernels_over_one_map(explorer):
    explorer.layer.value = "conv2"
    assert explorer.error is None and explorer.grid.tiles["count"] == 6
    assert explorer.kernel_grid.tiles["count"] == 4 and explorer.fit_grid.tiles == {}
    before = explorer.grid.tiles["png"]
    explorer.source.value = 2
    assert explorer.grid.tiles["png"] != before
    assert explorer.grid.tiles == layer_tiles(explorer.weights, "filter", 2)
    explorer.layer.value = "fc"
    assert explorer.error is None and explorer.grid.tiles["count"] == 5


def test_a_tile_and_the_slider_choose_the_same_unit(explorer):
    explorer.unit.value = 3
    assert explorer.grid.selected == 3
    explorer.grid.set_state({"selected": 1})
    assert explorer.unit.value == 1


def test_before_training_is_the_same_for_a_network_each_time(explorer):
    trained = explorer.weights.clone()
    explorer.untrained.value = True
    fresh = explorer.weights.clone()
    explorer.untrained.value = False
    assert torch.equal(explorer.weights, trained) and not torch.equal(fresh, trained)
    explorer.untrained.value = True
    assert torch.equal(explorer.weights, fresh)


def test_fits_are_those_of_the_technique(explorer):
    explorer.fit_button.click()
    assert explorer.error is None and len(explorer.fits) == 4
    expected = fit_filters(explorer.weights)
    for number, fit in enumerate(explorer.fits):
        assert float(fit.r2[0]) == pytest.approx(float(expected.r2[number]), abs=1e-6)
    explorer.unit.value = 0
    assert "A Gabor function" in explorer.fit_text.value and explorer.fit_grid.tiles["count"] == 3
    explorer.unit.value = 1
    assert "A blob of colour" in explorer.fit_text.value
    assert "Gabor" in explorer.grid.captions[0] and "of 4 filters" in explorer.status.value
    explorer.untrained.value = True
    assert explorer.fits == [] and explorer.fit_text.value == ""


def test_fitting_stops_and_goes_on(explorer):
    async def scene():
        explorer.fit_button.click()
        while not explorer.fits:
            await asyncio.sleep(0.005)
        explorer.stop_button.click()
        done = len(explorer.fits)
        await asyncio.sleep(0.05)
        assert len(explorer.fits) == done < 4
        assert not explorer.fit_button.disabled

    asyncio.run(scene())
    explorer.fit_button.click()
    assert len(explorer.fits) == 4


def test_only_filters_that_read_colours_are_fitted(explorer):
    explorer.layer.value = "conv2"
    explorer.fit_button.click()
    assert "reads maps, not colours" in str(explorer.error)
    explorer.layer.value = "conv1"
    assert explorer.error is None


def test_the_scale_of_a_network_is_its_largest_weight():
    model = small()
    with torch.no_grad():
        model.fc.weight[2, 3] = -7.0
    assert scale_of(model, "network") == 7.0 and scale_of(model, "layer") == "layer"


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="choose one of conv1, conv2, fc"):
        FilterExplorer(small(), "pool2")


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
@pytest.mark.parametrize("scale", ["filter", "network"])
def test_its_code_gives_its_weights(explorer, layer, scale):
    explorer.layer.value, explorer.scale.value, explorer.untrained.value = layer, scale, True
    assert torch.equal(ran(explorer)[0]["weights"], explorer.weights)
