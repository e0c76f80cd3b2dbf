"""The retrieval explorer ranks as the techniques rank, and each control changes what is seen."""

from __future__ import annotations

import pytest
import torch
from explorers.small_network import Small

from cnnlab import features
from cnnlab.explorers import RetrievalExplorer
from cnnlab.explorers.render.retrieval import collect_search_features, layers_to_search, rank_by_distance
from cnnlab.figures.colours import RIGHT
from cnnlab.world import instances, photographs


@pytest.fixture(scope="module")
def model():
    return Small((12, 9))


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


def test_there_are_as_many_dimensions_as_axes_and_none_to_choose_without_them(explorer):
    explorer.layer.value = "relu2"
    assert (
        explorer.dimensions.max == explorer.features.max_dimensions <= 9 and not explorer.dimensions.disabled
    )
    explorer.compress.value = False
    assert explorer.error is None and explorer.dimensions.disabled


def test_an_unknown_layer_is_refused(model, collections):
    with pytest.raises(ValueError, match="relu1, relu2"):
        RetrievalExplorer(model, *collections, layer="fc9")


def test_frames_tell_the_same_thing_from_others(explorer):
    labels, boxes = explorer.database.labels, explorer.result_grid.boxes
    same = (labels[explorer.order[: len(boxes)]] == labels[explorer.query.value]).tolist()
    assert [box["colour"] == RIGHT for box in boxes] == same and any(same) and not all(same)
    assert "blue frame: the same object" in explorer.result_grid.label, "what the frames say"
    names = [explorer.database.class_names[label] for label in labels[explorer.order[: len(boxes)]]]
    assert explorer.result_grid.labels == names


def test_a_click_asks_with_that_picture(explorer):
    asked = int(explorer.order[2])
    explorer.result_grid.selected = 2
    assert explorer.query.value == asked and explorer.result_grid.selected == -1


def test_another_network_is_another_search(model, collections):
    networks = {"before": model, "after": Small((12, 9), seed=9)}
    explorer = RetrievalExplorer(model, *collections, networks=networks)
    before = explorer.result_grid.captions
    explorer.network.value = networks["after"]
    assert explorer.error is None and explorer.result_grid.captions != before
    assert "after" in explorer.status.value


def test_a_preview_has_no_empty_axes_before_the_features_are_there(explorer):
    explorer.layer_features.clear()
    assert [axis.axison for axis in explorer.preview().axes] == [True, *[False] * 7]


def test_axes_may_come_from_photographs(model):
    searched = photographs()[["chelsea", "coffee"]].crops(96, per_photo=4, progress=False)
    explorer = RetrievalExplorer(model, searched, photographs()[["brick", "rocket", "flower"]], layer="relu1")
    assert explorer.error is None and len(explorer.features.axes.axes) == 2
