"""The cells of the experiments on masks: what they train, and on which pictures."""

from __future__ import annotations

import pytest
import torch

from cnnlab import segmentation, transfer
from cnnlab.experiments import segmentation as experiment
from cnnlab.networks.reinitialise import reinitialise
from cnnlab.segmentation import EncoderDecoder

TINY = {"classes": ["sheep", "car"], "size": 24, "validation": 4, "batch_size": 4, "rate": 0.05}


def test_a_cell_of_the_ways_up_is_the_technique_itself():
    found = experiment.measure_upsampling("corner", 3, pictures=8, epochs=1, **TINY)
    data = experiment._masks("train", 8, 24, ("sheep", "car"))
    model = reinitialise(EncoderDecoder(experiment.CLASS_NAMES, "corner"), 3)
    tuned = transfer.fine_tune(
        model, data.images, data.labels, epochs=1, batch_size=4, learning_rate=0.05, seed=3
    ).model
    unseen = experiment._masks("validation", 4, 24, ("sheep", "car"))
    expected = segmentation.segmentation_score(
        tuned, unseen.images, unseen.labels, width=experiment.EDGE_WIDTH
    )
    assert found["mean_iou"] == pytest.approx(expected.overall.mean, abs=1e-4)
    assert found["at_edges"] == pytest.approx(expected.near_boundary.mean, abs=1e-4)


def test_seeds_learn_from_other_pictures_and_starts_differ(monkeypatch):
    trained = []

    def noted(model, images, labels, **options):
        trained.append((images.clone(), options["epochs"]))
        return transfer.FineTuned(model, (1.0,))

    monkeypatch.setattr(experiment.transfer, "fine_tune", noted)
    experiment._trained_on_renderings.cache_clear()
    options = TINY | {"rendered": 8, "rendered_epochs": 2, "most": 8, "updates": 6}
    for start, seed in ((experiment.STARTS[0], 0), (experiment.STARTS[0], 1), (experiment.STARTS[1], 1)):
        experiment.measure_start(start, 4, seed, **options)
    experiment._trained_on_renderings.cache_clear()
    (first, epochs), (second, _), (rendered, longer), (third, _) = trained
    assert epochs == 6, "six updates of four pictures are six passes over four pictures"
    assert not torch.equal(first, second) and torch.equal(second, third)
    assert (len(rendered), longer) == (8, 2)


def test_starts_are_those_of_the_grid():
    with pytest.raises(ValueError, match="from scratch"):
        experiment.measure_start(
            "from nothing", 4, 0, **TINY, rendered=8, rendered_epochs=1, most=8, updates=1
        )
