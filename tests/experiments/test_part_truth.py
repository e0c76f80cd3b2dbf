"""The experiments on parts measure what the techniques give, and their summaries have closed forms."""

from __future__ import annotations

import pytest
import torch

from cnnlab import attribution, world
from cnnlab.experiments import Record, part_truth
from cnnlab.networks import MiniAlexNet
from cnnlab.world import OBJECTS


@pytest.fixture
def small(monkeypatch):
    """A random network under every name, and no truth remembered."""
    torch.manual_seed(2)
    model = MiniAlexNet(OBJECTS).eval()
    monkeypatch.setattr(part_truth, "load", lambda name: model)
    for kept in (part_truth.classifier, part_truth._truths):
        kept.cache_clear()
    yield model
    for kept in (part_truth.classifier, part_truth._truths):
        kept.cache_clear()


def test_a_cell_is_what_the_techniques_give(small):
    found = part_truth.measure_parts(network="mini_alexnet", method="saliency", pictures=2, large=1)
    assert {len(values) for values in found.values()} == {2}
    recipe = part_truth._recipe(1)
    picture = world.render(recipe)
    truth = attribution.true_importance(small, recipe, "goat", pairs=False)
    relevance = attribution.saliency(small, picture.image, "goat")
    claims = attribution.part_claims(relevance, picture)
    rho = 2 * attribution.single_deletion([claims], [truth.leave_one_out]) - 1
    assert found["rho"][1] == pytest.approx(float(rho), abs=1e-3)
    mass = attribution.relevance_mass(relevance, picture.mask()).share
    assert found["mass"][1] == pytest.approx(float(mass), abs=1e-3)
    area = part_truth.measure_parts(network="mini_alexnet", method=part_truth.AREA, pictures=2, large=1)
    assert area["mass"][1] == pytest.approx(float(picture.mask().float().mean()), abs=1e-3)


def test_large_networks_see_some_of_the_pictures(small):
    """Those that are measured are the same as for the others, and at their places."""
    asked = {"method": "saliency", "pictures": 4, "large": 2}
    all_four = part_truth.measure_parts(network="mini_vgg", **asked)
    some = part_truth.measure_parts(network=part_truth.LARGE[0], **asked)
    for name, values in some.items():
        assert values == [all_four[name][0], None, all_four[name][2], None]


def test_a_network_for_other_classes_gets_a_head_for_those_of_the_world(small, monkeypatch):
    monkeypatch.setattr(part_truth, "HEAD_PICTURES", 60)

    class Other(torch.nn.Sequential):
        def __init__(self, classes):
            super().__init__()
            self.pool, self.flatten = torch.nn.AdaptiveAvgPool2d(8), torch.nn.Flatten()
            self.fc = torch.nn.Linear(192, len(classes))
            self.class_names, self.input_size = tuple(classes), 96

    other = Other(["one", "two"])
    monkeypatch.setattr(part_truth, "load", lambda name: other)
    fitted = part_truth.classifier("other")
    assert fitted.class_names == OBJECTS and other.fc.out_features == 2
    data = world.dataset("train", n=60, size=96, progress=False)
    with torch.no_grad():
        right = (fitted(data.images / 255).argmax(1) == data.labels).float().mean()
    assert right > 0.5, "chance is a twentieth"


def record(rows):
    return Record("parts", "?", False, {"grid": {"network": ["a", "b"]}}, rows, 1.0, {})


def test_a_score_that_ranks_as_the_truth_predicts_it():
    methods = ("saliency", "Grad-CAM", "RISE", "occlusion")
    rows = [
        {"network": network, "method": method, "rho": [0.1 * n, 0.2 * n, None], "mass": [n, n, n]}
        | {"deletion": [n, n, n], "pointing": [-n, n, 0]}
        for network in ("a", "b")
        for n, method in enumerate(methods)
    ]
    rows.append(rows[0] | {"method": part_truth.AREA, "rho": [9.0, 9.0, 9.0]})
    given = record(rows)
    assert part_truth.prediction(given, "mass").mean == pytest.approx(1)
    assert part_truth.prediction(given, "deletion").mean == pytest.approx(-1), "less is better"
    mixed = part_truth.prediction(given, "pointing")
    assert mixed.mean == pytest.approx(0) and mixed.low < -0.5 and mixed.high > 0.5
    assert part_truth.agreement(given, "RISE").mean == pytest.approx(0.3)
    given.rows[2]["rho"] = [1.0, None, None]
    assert part_truth.agreement(given, "RISE", "a").mean == pytest.approx(1)
    assert part_truth.agreement(given, "RISE", "b").mean == pytest.approx(0.3)
