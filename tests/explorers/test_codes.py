"""The explorers of codes: neighbours and maps are those of the techniques, and each control changes what is seen."""

from __future__ import annotations

import asyncio

import pytest
import torch
from explorers.contract import noise, ran
from torch import nn

from cnnlab import world
from cnnlab.explorers import EmbeddingExplorer, NearestNeighboursExplorer
from cnnlab.explorers.activation_store import first_images
from cnnlab.explorers.layer_features import collect_features, image_metadata, layers_with_features
from cnnlab.features import embed, extract_features, grid_assignment, neighbours, precision_curve
from cnnlab.figures.colours import RIGHT


class Small(nn.Sequential):
    """One convolution, a mean over all places, and a classifier."""

    name, input_size, class_names = "small", 96, ("a", "b", "c")

    def __init__(self):
        super().__init__()
        chance = torch.Generator().manual_seed(4)
        self.conv1, self.relu1 = nn.Conv2d(3, 6, 8, 8), nn.ReLU()
        self.pool, self.flatten, self.fc = nn.AvgPool2d(12), nn.Flatten(), nn.Linear(6, 4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=chance) * 0.3)


@pytest.fixture(scope="module")
def model():
    return Small().eval()


@pytest.fixture(scope="module")
def pictures():
    return first_images(world.dataset("validation", n=24, progress=False))


@pytest.fixture
def near(model, pictures):
    return NearestNeighboursExplorer(model, 5, pictures=pictures, layer="relu1")


@pytest.fixture
def chart(model, pictures):
    return EmbeddingExplorer(model, pictures, layer="pool")


def test_collected_codes_are_those_of_the_technique(model, pictures):
    layers = layers_with_features(model, 96)
    assert layers == ["pixels", "relu1", "pool", "fc"]
    *before, whole = collect_features(model, pictures.as_floats(), layers)
    assert before and not any(before)
    for layer in layers:
        assert torch.allclose(whole[layer], extract_features(model, pictures.as_floats(), layer), atol=1e-6)


def test_facts_tell_class_scene_and_background(pictures):
    known = image_metadata(pictures)
    assert known["class"][:3] == ["sheep", "goat", "wolf"]
    assert known["scene"][2] == pictures.source.recipes[2].scene
    picture = pictures.source.picture(2)
    outside = picture.colour[~picture.mask()].long().mode().values
    assert known["background"][2] == world.NAMES["colour"][int(outside)]


# The neighbour explorer.


def test_a_large_network_shows_its_first_layer_of_a_small_set_at_once(pictures):
    """The other layers come in the background; without a running event loop all would be there."""
    large = Small().eval()
    large.pool, large.input_size = nn.AdaptiveAvgPool2d(1), 224

    async def open_it():
        explorer = NearestNeighboursExplorer(large, 5, pictures=pictures, layer="pool")
        explorer.background.stop()
        return explorer

    explorer = asyncio.run(open_it())
    assert sorted(explorer.features) == sorted(explorer.neighbours) == ["pixels", "pool"]
    expected = neighbours(explorer.features["pool"], explorer.query_features["pool"][0], 20)
    assert torch.equal(explorer.neighbours["pool"].index, expected.index)
    rows = [axis.get_ylabel() for axis in explorer.preview().axes if axis.get_ylabel()]
    assert rows == ["pixels", "pool"]


@pytest.mark.parametrize("layer", ["pixels", "relu1", "fc"])
def test_neighbours_are_those_of_the_technique(near, model, pictures, layer):
    near.layer.value = layer
    collection = extract_features(model, pictures.as_floats(), layer)
    expected = neighbours(collection, extract_features(model, near.image, layer), k=6)
    assert torch.equal(near.neighbours[layer].index[:6], expected.index)
    assert near.neighbour_grid.captions[0].startswith(
        f"1. {pictures.describe(int(expected.index[0]))}, distance"
    )
    labels = pictures.labels
    assert torch.allclose(near.curves[layer], precision_curve(collection, labels, 20))
    assert near.error is None and near.chart.png and "precision@k" in near.chart.alt


def test_a_neighbour_becomes_the_query(near, pictures):
    chosen = int(near.neighbours["relu1"].index[3])
    near.neighbour_grid.set_state({"selected": 3})
    assert near.query_index.value == chosen and near.neighbour_grid.selected == -1
    assert chosen not in near.neighbours["relu1"].index
    assert pictures.describe(chosen) in near.query_grid.label
    near.pixel_neighbour_grid.set_state({"selected": 0})
    assert near.query_index.value != chosen and near.error is None
    near.seed.value = 9
    assert near.query_index.value == -1 and "seed 9" in near.query_grid.label


def test_frames_tell_the_class_where_it_is_known(near, pictures, tmp_path):
    near.query_index.value = 0
    same = [
        bool(pictures.labels[i] == pictures.labels[0]) for i in near.neighbours["relu1"].index[:6].tolist()
    ]
    assert [box["colour"] == RIGHT for box in near.neighbour_grid.boxes] == same
    assert ["dashed" not in box for box in near.neighbour_grid.boxes] == same, (
        "the colour is not the only sign"
    )
    noise().save(tmp_path / "noise.png")
    near.image_picker.use_photo(str(tmp_path / "noise.png"), "noise.png")
    assert (
        near.error is None and near.neighbour_grid.boxes == [] and "show the query" not in near.status.value
    )


def test_k_changes_how_many_are_seen(near):
    near.k.value = 3
    assert near.neighbour_grid.tiles["count"] == near.pixel_neighbour_grid.tiles["count"] == 3


def test_another_network_is_asked_step_by_step(near):
    class Tiny(nn.Sequential):
        name, input_size = "tiny", 24

    tiny = Tiny(nn.AvgPool2d(12), nn.Flatten(), nn.Linear(12, 3)).eval()
    near.network.options = [*near.network.options, ("tiny", tiny)]

    async def scene():
        near.network.value = tiny
        assert near.error is None and set(near.features) <= {"pixels"}, "which need no network"
        near.k.value = 2  # nothing to show yet, and no complaint
        while near.background.running:
            await asyncio.sleep(0.005)

    asyncio.run(scene())
    assert near.error is None and near.neighbour_grid.tiles["count"] == 2
    assert near.features["2"].shape == (24, 3)


@pytest.mark.parametrize("member", [-1, 3])
def test_the_code_gives_the_same_neighbours(near, pictures, member, monkeypatch):
    monkeypatch.setattr("cnnlab.world.dataset", lambda _split: pictures.source)
    near.query_index.value = member
    assert torch.equal(ran(near)[0]["neighbours"].index, near.neighbours["relu1"].index[:6])


def test_an_unknown_layer_is_told(model, pictures):
    for explorer in (NearestNeighboursExplorer, EmbeddingExplorer):
        with pytest.raises(ValueError, match="pixels, relu1"):
            explorer(model, pictures=pictures, layer="conv9")


# The embedding explorer.


def test_the_map_is_that_of_the_technique(chart, model, pictures, monkeypatch):
    expected = embed(
        extract_features(model, pictures.as_floats(), "pool"), "tsne", perplexity=chart.perplexity.value
    )
    assert torch.allclose(chart.points, expected)
    monkeypatch.setattr("cnnlab.world.dataset", lambda _split: pictures.source)
    chart.method.value = "pca"
    assert torch.allclose(ran(chart)[0]["points"], chart.points, atol=1e-4)


def test_places_keep_the_directions_and_fill_the_map(chart):
    places = torch.tensor(chart.scatter.points)
    assert float(places.min()) >= 0 and float(places.max()) <= 1
    assert torch.equal(places[:, 0].argsort(), chart.points[:, 0].argsort())
    assert float(places[:, 1].argmin()) == float(chart.points[:, 1].argmax())  # up stays up
    chart.on_grid.value = True
    cells = torch.tensor(chart.scatter.points) * 4
    assert torch.allclose(cells, grid_assignment(chart.points)[:, [1, 0]].float(), atol=1e-3)


def test_results_are_kept(chart, monkeypatch):
    calls = []

    def counted(*arguments, **options):
        calls.append(1)
        return embed(*arguments, **options)

    monkeypatch.setattr("cnnlab.explorers.embedding.embed", counted)
    first = chart.points
    chart.perplexity.value = 5
    assert calls == [1] and not torch.equal(chart.points, first)
    chart.perplexity.value = 23
    assert calls == [1] and torch.equal(chart.points, first)


def test_colours_follow_what_is_asked(chart, pictures):
    scenes = [pictures.source.recipes[i].scene for i in range(24)]
    by_class = chart.scatter.colours
    chart.colour.value = "scene"
    assert chart.scatter.colours != by_class and chart.scatter.captions[3].startswith("class: husky, scene:")
    for a in range(24):
        for b in range(a):
            assert (chart.scatter.colours[a] == chart.scatter.colours[b]) == (scenes[a] == scenes[b])
    assert [name for name, _colour in chart.scatter.legend] == sorted(set(scenes))
    chart.colour.value = "nothing"
    assert set(chart.scatter.colours) == {""} and chart.scatter.legend == []


def test_digits_come_on_demand(model, pictures, monkeypatch):
    monkeypatch.setattr("cnnlab.explorers.embedding.DIGIT_COUNT", 30)
    chart = EmbeddingExplorer(model, pictures, layer="pool")
    chart.method.value = "pca"
    chart.data.value = "handwritten digits"
    assert chart.error is None and len(chart.scatter.points) == 30
    assert list(chart.colour.options) == ["class", "nothing"]
    assert chart.scatter.captions[0].startswith("class: ")
    assert torch.allclose(ran(chart)[0]["points"], chart.points, atol=1e-3)
