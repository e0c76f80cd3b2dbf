"""The retrieval explorer ranks as the techniques rank, and each control changes what is seen."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image
from torch import nn

from cnnlab import features
from cnnlab.explorers import RetrievalExplorer
from cnnlab.explorers.render.retrieval import collect_search_features, layers_to_search, rank_by_distance
from cnnlab.figures.colours import RIGHT
from cnnlab.world import instances


class Small(nn.Sequential):
    """Two convolutions and a layer of vectors, with random weights."""

    name, input_size, class_names = "small", 96, ("a", "b", "c")

    def __init__(self, seed: int = 4):
        super().__init__()
        chance = torch.Generator().manual_seed(seed)
        self.conv1, self.relu1 = nn.Conv2d(3, 12, 8, 4, 2), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(12, 9, 4, 4), nn.ReLU()
        self.flatten, self.fc = nn.Flatten(), nn.Linear(9 * 36, 3)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=chance) * 0.3)


@pytest.fixture(scope="module")
def model():
    return Small().eval()


@pytest.fixture(scope="module")
def collections():
    return instances("test", 8, 4, progress=False), instances("train", 8, 4, progress=False)


@pytest.fixture
def explorer(model, collections):
    return RetrievalExplorer(model, *collections, layer="relu1")


def test_codes_are_those_of_the_techniques(model, collections):
    searched, others = collections
    assert layers_to_search(model, 96) == (["relu1", "relu2"], "relu2")
    *_, kept = collect_search_features(model, searched.images, others.images, ["relu1", "relu2"])
    expected = features.extract_features(model, searched, "relu1", "sum")
    axes = features.pca(features.extract_features(model, others, "relu1", "sum"))
    assert torch.allclose(kept["relu1"].database, expected)
    assert torch.allclose(kept["relu1"].compressed(3), features.l2(axes.whiten(expected, 3)), atol=1e-4)
    assert torch.allclose(
        kept["relu1"].compressed(3, False), features.l2(axes.project(expected, 3)), atol=1e-4
    )
    assert torch.allclose(kept["relu1"].compressed(0), features.l2(expected))
    curve = kept["relu1"].map_by_dimensions(searched.labels)
    assert list(curve) == [2, 4, 8, len(axes.axes)], "silent units leave fewer axes than there are units"
    assert curve[4] == features.mean_average_precision(kept["relu1"].compressed(4), searched.labels).mean


def test_the_ranking_is_that_of_neighbours():
    vectors = torch.randn(20, 5)
    order, distance = rank_by_distance(vectors, 7)
    found = features.neighbours(vectors, 7, k=19)
    assert order.tolist() == found.index.tolist()
    assert torch.allclose(distance, found.distance, atol=1e-4)


def test_each_control_changes_the_ranking_and_the_words(explorer):
    seen = [(explorer.result_grid.captions, explorer.status.value)]
    for control, value in (
        (explorer.query, 9),
        (explorer.dimensions, 2),
        (explorer.whiten, False),
        (explorer.compress, False),
        (explorer.layer, "relu2"),
    ):
        control.value = value
        assert explorer.error is None
        seen.append((explorer.result_grid.captions, explorer.status.value))
    assert all(before != after for before, after in zip(seen, seen[1:], strict=False))
    assert explorer.dimensions.disabled and explorer.dimensions.max == explorer.features.max_dimensions <= 9


def test_frames_tell_the_same_thing_from_others(explorer):
    labels = explorer.database.labels
    for box, index in zip(explorer.result_grid.boxes, explorer.order.tolist(), strict=False):
        assert (box["colour"] == RIGHT) == bool(labels[index] == labels[explorer.query.value])


def test_a_click_asks_with_that_picture(explorer):
    asked = int(explorer.order[2])
    explorer.result_grid.selected = 2
    assert explorer.query.value == asked and explorer.result_grid.selected == -1


def test_another_network_is_another_search(model, collections):
    networks = {"before": model, "after": Small(9).eval()}
    explorer = RetrievalExplorer(model, *collections, networks=networks)
    before = explorer.result_grid.captions
    explorer.network.value = networks["after"]
    assert explorer.error is None and explorer.result_grid.captions != before
    assert "after" in explorer.status.value


def test_code_and_words_and_still(explorer):
    compile(explorer.code(), "code", "exec")
    assert "whiten" in explorer.code() and explorer.describe() == explorer.describe()
    Image.open(io.BytesIO(explorer.static_preview())).load()
    with pytest.raises(ValueError, match="relu1, relu2"):
        RetrievalExplorer(explorer.model, explorer.database, explorer.training_set, layer="fc9")
