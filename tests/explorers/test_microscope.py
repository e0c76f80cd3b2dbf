"""The microscope explorer without a browser: all that it shows is what the techniques give, and what is slow never blocks."""

from __future__ import annotations

import asyncio

import pytest
import torch
from explorers.contract import ran
from explorers.small_network import Small

from cnnlab import units, world
from cnnlab.explorers import MicroscopeExplorer
from cnnlab.explorers.render import microscope as render
from cnnlab.explorers.render.activations import patch_images
from cnnlab.networks import activations, receptive_field
from cnnlab.synthesis import unit_picture_steps


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    pictures = world.dataset("validation", n=24, progress=False)
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    return pictures


@pytest.fixture
def explorer(own_cache):
    return MicroscopeExplorer(Small(), pictures=own_cache, steps=8)


def test_it_shows_what_the_techniques_give(explorer, own_cache):
    assert explorer.error is None and explorer.layer.options == ("relu1", "relu2")
    layer, unit, model = explorer.layer.value, explorer.unit.value, explorer.model
    maps = activations(model, explorer.image, layer)[layer]
    assert unit == int(maps.mean((1, 2)).argmax()), "it opens with the most active unit"
    best = units.top_patches(model, own_cache, layer, k=5, units=[unit])
    patches, captions = explorer.sets.strongest(layer, unit)
    shown = own_cache.images[best.picture[0]].float() / 255
    assert torch.equal(patches, patch_images(shown, best, receptive_field(model, layer, 96)))
    said = [float(caption.rsplit(", ", 1)[1]) for caption in captions]
    assert said == pytest.approx(best.value[0].tolist(), abs=0.005)
    assert explorer.sets.rows[0].captions == captions
    falls = units.silenced_falls(model, explorer.image, layer, unit)
    assert torch.allclose(explorer._feeds.falls, falls - falls.mean(), atol=1e-6)
    *_, wanted = unit_picture_steps(model, layer, unit, size=96, steps=8)
    assert torch.allclose(explorer._picture_of(unit), wanted, atol=1 / 255)
    nearest = units.survey_units(model, own_cache, layer).nearest(unit, 5)[0].tolist()
    assert explorer._near_units == nearest


def test_a_place_shows_its_strongest_units_and_a_click_goes_to_one(explorer):
    explorer.layer.value = "relu1"
    row, column = divmod(int((explorer.maps > 0).sum(0).argmax()), explorer.maps.shape[2])
    explorer.place = (row, column)
    here = explorer.maps[:, row, column]
    expected = [unit for unit in here.argsort(descending=True).tolist() if here[unit] > 0][:5]
    assert explorer._here_units == expected and explorer.here.tiles["count"] == len(expected)
    target = expected[-1]
    explorer.here.selected = len(expected) - 1
    assert explorer.unit.value == target and explorer.place == (row, column)
    explorer.place = (99, 0)
    assert "places" in str(explorer.error) and explorer.place == (row, column)


def test_the_unit_of_each_layer_and_the_place_are_remembered(explorer):
    explorer.layer.value = "relu1"
    explorer.unit.value, explorer.place = 2, (20, 4)
    explorer.layer.value = "relu2"
    assert explorer.place == (5, 1), "the same place in a coarser map"
    explorer.layer.value = "relu1"
    assert explorer.unit.value == 2


def test_nothing_waits_for_pictures_and_what_was_begun_is_taken_up(own_cache):
    async def scene():
        explorer = MicroscopeExplorer(Small(maps=(6, 20)), layer="relu2", pictures=own_cache, steps=8)
        unit = next(number for number in range(20) if explorer._picture_of(number) is None)
        explorer.unit.value = unit
        assert explorer.background.running and explorer._picture_of(unit) is None
        assert explorer.wanted.tiles["count"] == 1, "something stands in its place"
        while explorer.background.running:
            await asyncio.sleep(0.02)
        assert explorer._picture_of(unit) is not None and explorer.error is None
        return explorer

    explorer = asyncio.run(scene())
    assert "All pictures are made" in explorer.status.value


def test_what_was_made_is_found_again(explorer, own_cache, monkeypatch):
    def forbidden(*_args, **_options):
        raise AssertionError("made twice")

    monkeypatch.setattr("cnnlab.explorers.render.unit_pictures.unit_picture_steps", forbidden)
    monkeypatch.setattr(render, "survey_units", forbidden)
    again = MicroscopeExplorer(Small(), pictures=own_cache, steps=8)
    assert again.error is None and again.wanted.tiles == explorer.wanted.tiles
    assert again._near_units == explorer._near_units


def test_the_shown_code_gives_the_same(explorer, own_cache):
    names, _said = ran(explorer, pictures=own_cache.images.float() / 255)
    assert torch.allclose(names["wanted"], explorer._picture_of(explorer.unit.value), atol=1 / 255)
    assert torch.allclose(names["falls"] - names["falls"].mean(), explorer._feeds.falls, atol=1e-6)
    assert torch.allclose(names["shares"] - names["shares"].mean(), explorer._feeds.shares, atol=1e-6)


def test_a_wrong_layer_or_a_network_without_maps_is_refused():
    with pytest.raises(ValueError, match="conv9.*relu1"):
        MicroscopeExplorer(Small(), layer="conv9", steps=8)
    with pytest.raises(ValueError, match="unit must be a whole number between 0 and .*, but got 999"):
        MicroscopeExplorer(Small(), layer="relu1", unit=999, steps=8)
    flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 96 * 96, 3))
    flat.input_size = 96
    with pytest.raises(ValueError, match="no layer with maps"):
        MicroscopeExplorer(flat, steps=8)


def test_a_network_that_says_the_same_of_everything_is_fed_by_no_unit(own_cache):
    blind = Small()
    with torch.no_grad():
        blind.fc.weight.zero_()
    assert "feeds no class there" in MicroscopeExplorer(blind, pictures=own_cache, steps=8)._finding.value


def test_what_a_silent_unit_feeds_is_nothing():
    found = render.Feeds(torch.tensor([1.0, 3, 2]), torch.tensor([0.0, 1, 0]))
    assert found.strongest() == [1, 2, 0]
    assert render.feeds_alt(found, ["a", "b", "c"]).startswith(
        "Fall of the logit without the unit, and activation times gradient: b 3.00 and 1.00"
    )


def test_with_a_large_network_only_the_first_step_is_made_before_it_is_shown(own_cache, monkeypatch):
    monkeypatch.setattr(MicroscopeExplorer, "is_large", True)

    async def opened() -> tuple[bool, bool]:
        explorer = MicroscopeExplorer(Small(), pictures=own_cache, steps=8)
        wanted, pictures = explorer._wanted(explorer.unit.value, 1), explorer._pictures
        explorer.background.stop()
        return pictures.latest(wanted) is not None, pictures.finished(wanted) is None

    assert asyncio.run(opened()) == (True, True)


def test_a_silent_unit_has_no_patches_and_no_nearest_units(own_cache):
    quiet = Small()
    with torch.no_grad():
        quiet.conv1.weight[1], quiet.conv1.bias[1] = 0, -1.0
    explorer = MicroscopeExplorer(quiet, layer="relu1", unit=1, pictures=own_cache, steps=8)
    assert explorer.sets.rows[0].tiles == {} and explorer.near.tiles == {}
    assert explorer.sets.rows[0].label == "in your pictures: it fires on none of them"
    assert explorer.near.label == "correlation over the pictures: the unit is the same on all of them"
    explorer.unit.value = 0
    assert explorer.sets.rows[0].tiles["count"] > 0 and explorer.sets.rows[0].label == "in your pictures"
