"""The explorers of units: what they show is what the techniques find, and each control changes it."""

from __future__ import annotations

import asyncio

import pytest
import torch
from explorers.contract import ran
from explorers.small_network import Small
from torch import nn

from cnnlab.explorers import ActivationExplorer, PatchExplorer
from cnnlab.explorers.activation_store import (
    ActivationSearch,
    LayerActivations,
    collect_activations,
    first_images,
)
from cnnlab.explorers.render.activations import (
    grid_maps,
    initial_position,
    label_shares,
    layers_with_units,
    mosaic,
    patch_images,
)
from cnnlab.units import random_directions, top_along_direction, top_patches
from cnnlab.world import dataset


@pytest.fixture(scope="module")
def model():
    return Small()


@pytest.fixture(scope="module")
def pictures():
    return first_images(dataset("validation", n=20, progress=False))


@pytest.fixture
def activation(model, pictures):
    return ActivationExplorer(model, 5, layer="relu1", channel=2, pictures=pictures)


@pytest.fixture
def patches(model, pictures):
    return PatchExplorer(model, pictures, layer="relu1", unit=2)


def test_collected_maps_find_what_the_techniques_find(model, pictures):
    images = pictures.as_floats()
    *_, found = collect_activations(model, images, "relu1")
    expected = top_patches(model, images, "relu1", k=4)
    for unit in range(6):
        best = found.strongest(unit, 4)
        for field in ("value", "picture", "position", "box", "centre"):
            assert torch.equal(getattr(best, field)[0], getattr(expected, field)[unit]), field
    direction = random_directions(6, 1, seed=3)[0]
    mixed, along = found.strongest(direction, 4), top_along_direction(model, images, "relu1", direction, 4)
    assert torch.allclose(mixed.value, along.value) and torch.equal(mixed.box, along.box)


def test_large_maps_are_collected_for_fewer_pictures(model, pictures, monkeypatch):
    monkeypatch.setattr("cnnlab.explorers.activation_store.MAX_BYTES", 10 * 4 * 6 * 24 * 24)
    *_, found = collect_activations(model, pictures.as_floats(), "relu1")
    assert len(found.maps) == found.total == 10


def test_collection_says_what_it_needs(pictures):
    assert len(first_images(pictures)) == 20
    assert pictures.describe(1) == f"goat, {pictures.source.recipes[1].scene}"
    assert pictures.as_floats(48).shape == (20, 3, 48, 48)
    with pytest.raises(TypeError, match="images, labels and class_names"):
        first_images([1, 2])


def test_search_goes_on_beside_the_controls_and_stops(model, pictures):
    seen: list[LayerActivations] = []
    search = ActivationSearch(pictures, lambda found, _whole: seen.append(found), pytest.fail)

    async def scene():
        search.search(model, "relu1", 96)
        assert not seen and search.running  # the call came back at once
        while not seen:
            await asyncio.sleep(0.001)
        assert not search.stop_button.disabled
        search.stop_button.click()
        count = len(seen)
        assert search.stop_button.disabled
        await asyncio.sleep(0.05)
        assert len(seen) == count and not search.running

    asyncio.run(scene())
    assert len(seen[-1].maps) < 20
    search.search(model, "relu1", 96, blocking=True)
    assert len(search.activations.maps) == 20


def test_patches_cut_at_the_border_stand_where_they_belong(model, pictures):
    images = pictures.as_floats()
    *_, found = collect_activations(model, images, "relu2")
    best = found.strongest(1, 20)
    tiles = patch_images(images[best.picture[0]], best, found.field)
    side = tiles.shape[-1]
    for tile, index, box in zip(tiles, best.picture[0], best.box[0].tolist(), strict=True):
        top, left, bottom, right = box
        rows = slice(side - (bottom - top), None) if top == 0 else slice(0, bottom - top)
        columns = slice(side - (right - left), None) if left == 0 else slice(0, right - left)
        assert torch.equal(tile[:, rows, columns], images[index, :, top:bottom, left:right])


def test_shares_count_labels_and_set_them_beside_all_pixels():
    rows = label_shares(torch.tensor([2, 2, 1, 2]), torch.tensor([80, 10, 10]), ("none", "leg", "eye"))
    assert [(row["name"], row["now"], row["before"]) for row in rows] == [
        ("eye", 0.75, 0.1),
        ("leg", 0.25, 0.1),
    ]


def test_layers_and_ranges(model):
    fields, last = layers_with_units(model, 96)
    assert list(fields) == ["conv1", "relu1", "conv2", "relu2", "fc"] and last == "relu2"
    maps = torch.rand(3, 4, 4)
    spread = grid_maps(maps, "each map")
    assert spread.amin((1, 2)).tolist() == [0, 0, 0] and torch.allclose(spread.amax((1, 2)), torch.ones(3))
    assert torch.equal(grid_maps(maps, "whole layer"), maps)
    assert torch.equal(mosaic(maps)[:4, :4], maps[0]) and mosaic(maps)[:, 4].isnan().all()


# The activation explorer.


def test_activation_opens_at_the_strongest_place_of_the_channel(activation, model):
    maps = model.relu1(model.conv1(activation.image[None]))[0].detach()
    assert torch.allclose(activation.current_maps, maps, atol=1e-5)
    assert activation.value == pytest.approx(float(maps[2].max()), abs=1e-5)
    assert activation.error is None and len(activation.patch_grid.captions) == 9
    assert activation.grid.selected == 2 and activation.grid.tiles["count"] == 6


def test_no_patches_are_named_after_the_unit_of_another_layer(activation):
    assert "channel 2" in activation.patch_grid.label
    activation.search.stop()
    activation.search.activations = None  # as while the pictures are searched for another layer
    activation._show_patches()
    assert activation.patch_grid.tiles == {} and "channel" not in activation.patch_grid.label


def test_another_layer_keeps_the_number_of_patches(activation):
    activation.grid.set_state({"selected": 4})
    assert activation.channel.value == 4
    activation.n_patches.value = 3
    assert activation.patch_grid.tiles["count"] == 3
    activation.layer.value = "relu2"
    assert activation.current_maps.shape == (5, 6, 6) and activation.patch_grid.tiles["count"] == 3
    assert activation.error is None


def test_a_place_has_its_box_and_value(activation):
    activation.map.set_state({"point": [0, 3, 5]})
    assert activation.box == (10, 18, 18, 26)
    assert activation.value == float(activation.current_maps[2, 3, 5])
    assert activation.image_view.boxes[0]["box"] == [50, 90, 40, 40]
    assert "rows 10 to 17, columns 18 to 25" in activation.status.value
    activation.position = (99, 0)
    assert isinstance(activation.error, ValueError) and activation.position == (23, 0)


def test_vectors_have_one_place_and_see_everything(activation):
    activation.position = (7, 9)
    activation.layer.value = "fc"
    assert activation.error is None and activation.current_maps.shape == (3, 1, 1)
    assert "whole picture" in activation.status.value and activation.image_view.boxes == []
    activation.layer.value = "relu1"
    assert activation.channel.value == 2 and activation.position == (7, 9)


def test_another_layer_is_not_shown_where_its_unit_is_silent():
    unit_map = torch.zeros(6, 6)
    unit_map[1, 4], unit_map[5, 5] = 2.0, 0.5
    assert initial_position(unit_map, None) == (1, 4)  # the maximum,
    assert initial_position(unit_map, (1.0, 1.0)) == (
        5,
        5,
    )  # the same place as before, where the unit is active,
    assert initial_position(unit_map, (0.5, 0.0)) == (1, 4)  # and not where it is silent
    assert initial_position(torch.zeros(3, 3), (0.5, 0.5)) == (1, 1)  # unless it is silent everywhere


def test_the_code_of_the_activations_gives_the_same(activation, pictures, monkeypatch):
    monkeypatch.setattr("cnnlab.world.dataset", lambda _split: pictures.source)
    place, said = ran(activation)
    assert float(said) == pytest.approx(activation.value, abs=1e-5)
    assert tuple(place["box"]) == activation.box
    assert torch.allclose(place["patches"].value, activation.search.activations.strongest(2, 9).value)


def test_an_unknown_layer_is_told(model, pictures):
    for explorer in (ActivationExplorer, PatchExplorer):
        with pytest.raises(ValueError, match="conv1, relu1"):
            explorer(model, pictures=pictures, layer="conv9")


# The patch explorer.


@pytest.mark.parametrize("mixing", [0.0, 0.4, 1.0])
def test_the_code_of_the_patches_gives_the_same(patches, pictures, mixing, monkeypatch):
    monkeypatch.setattr("cnnlab.world.dataset", lambda _split: pictures.source)
    patches.mixing.value = mixing
    found = ran(patches)[0]["patches"]
    assert torch.allclose(found.value, patches.top_patches.value, atol=1e-5)
    assert torch.equal(found.picture, patches.top_patches.picture)


def test_another_layer_has_its_own_units_and_as_many_patches(patches):
    patches.k.value = 5
    patches.layer.value = "relu2"
    assert patches.patch_grid.tiles["count"] == patches.picture_grid.tiles["count"] == 5
    assert patches.unit.max == 4 and patches.error is None


def test_bars_tell_what_lies_in_the_middle(patches, pictures):
    patches.category.value = "material"
    labels = patches.top_patches.labels(pictures.source.maps("material"))[0]
    first = patches.bars.entries[0]
    assert first["now"] == pytest.approx(float((labels == labels.mode().values).float().mean()), abs=1e-3)
    assert sum(row["now"] for row in patches.bars.entries) <= 1.001


def test_a_network_of_another_size_sees_the_pictures_at_its_size(patches):
    class Tiny(nn.Sequential):
        input_size = 24

    tiny = Tiny(nn.Conv2d(3, 2, 3), nn.ReLU()).eval()
    patches.network.options = [*patches.network.options, ("tiny", tiny)]
    patches.network.value = tiny
    assert patches.error is None and patches.top_patches.box.max() <= 24
    assert patches.bars.entries == [] and "no known masks" in patches.status.value
