"""The experiments of notebooks 15 and 16 measure what the techniques give, on tiny sizes."""

from __future__ import annotations

import pytest
import torch

from cnnlab import features
from cnnlab.experiments import dissection, retrieval
from cnnlab.networks import MiniAlexNet, layer_names, load
from cnnlab.units import dissect
from cnnlab.world import NAMES, OBJECTS, dataset


@pytest.fixture
def small(monkeypatch):
    """One random network under every name, and no dissection remembered."""
    torch.manual_seed(2)
    model = MiniAlexNet(OBJECTS).eval()
    for module in (dissection, retrieval):
        monkeypatch.setattr(module, "load", lambda _name: model)
    caches = (
        dissection._dissections,
        dissection._rotated_basis,
        retrieval.fine_tuned_network,
        retrieval._codes,
    )
    for cache in caches:
        cache.cache_clear()
    yield model
    for cache in caches:
        cache.cache_clear()


def test_layers_are_there_and_in_order():
    for network, layers in dissection.LAYERS.items():
        names = layer_names(load(network))
        assert sorted(layers, key=names.index) == list(layers) and len(layers) == 5


def test_a_cell_counts_the_detectors_of_its_layer(small):
    found = dissection.measure_dissection(
        network="mini_alexnet", weights="trained", depth=4, pictures=40, every=12
    )
    expected = dissect(small, dataset("validation", n=40, progress=False), "relu4", pixel_step=12)
    assert found["layer"] == "relu4" and found["units"] == 96
    assert found["unique"] == expected.unique_detectors()
    assert found["unique_by_chance"] == expected.at_chance().unique_detectors()
    assert sum(found.get(category, 0) for category in NAMES) == found["unique"]
    assert found["detectors above 0.2"] <= found["detectors above 0.08"] <= found["detectors"]


def test_untrained_weights_are_other_weights_with_statistics_of_their_own(small):
    options = {"network": "mini_alexnet", "depth": 1, "pictures": 40, "every": 12}
    before = {key: value.clone() for key, value in small.state_dict().items()}
    trained = dissection.measure_dissection(weights="trained", **options)
    fresh = dissection.measure_dissection(weights="untrained", **options)
    assert trained["mean_iou"] != fresh["mean_iou"]
    assert all(torch.equal(value, before[key]) for key, value in small.state_dict().items())


def test_the_turned_basis_differs_and_no_turn_does_not(small):
    data = dataset("validation", n=40, progress=False)
    options = {"network": "mini_alexnet", "layer": "relu3", "pictures": 40, "every": 12}
    plain = dissect(small, data, "relu3", pixel_step=12)
    mean = round(float(plain.iou.max(1).values.mean()), 4)
    assert dissection.measure_basis(amount=0.0, seed=0, **options)["mean_iou"] == mean
    assert dissection.measure_basis(amount=1.0, seed=0, **options)["mean_iou"] != mean


def test_retrieval_is_measured_as_by_hand(small):
    options = {"things": 6, "views": 3, "epochs": 1, "rate": 0.01}
    searched, learned = retrieval.collections(6, 3)
    plain = features.extract_features(small, searched, "relu5", "sum")
    axes = features.pca(features.extract_features(small, learned, "relu5", "sum"))
    found = retrieval.measure_retrieval(tuning="before", layer="relu5", dimensions=4, **options)
    by_hand = features.mean_average_precision(features.l2(axes.whiten(plain, 4)), searched.labels)
    assert found["map"] == pytest.approx(by_hand.mean, abs=1e-4) and found["kept"] == 4
    whole = retrieval.measure_retrieval(tuning="before", layer="relu5", dimensions=0, **options)
    assert whole["map"] == pytest.approx(
        features.mean_average_precision(features.l2(plain), searched.labels).mean, abs=1e-4
    )
    assert whole["kept"] == 128
    tuned = retrieval.measure_retrieval(tuning="after", layer="relu5", dimensions=0, **options)
    assert tuned["map"] != whole["map"]
