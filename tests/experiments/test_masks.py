"""The cells of the experiments on masks: what they train, and on which pictures."""

from __future__ import annotations

import pytest
import torch

from cnnlab import segmentation, transfer
from cnnlab.experiments import masks
from cnnlab.networks.untrained import untrained
from cnnlab.segmentation import EncoderDecoder

TINY = {"classes": ["sheep", "car"], "size": 24, "validation": 4, "batch_size": 4, "rate": 0.05}


def test_a_cell_of_the_ways_up_is_the_technique_itself():
    found = masks.measure_way_up("corner", 3, pictures=8, epochs=1, **TINY)
    data = masks._masks("train", 8, 24, ("sheep", "car"))
    model = untrained(EncoderDecoder(masks.ASKED, "corner"), 3)
    tuned = transfer.fine_tune(
        model, data.images, data.labels, epochs=1, batch_size=4, rate=0.05, seed=3
    ).model
    unseen = masks._masks("validation", 4, 24, ("sheep", "car"))
    expected = segmentation.score(tuned, unseen.images, unseen.labels, width=masks.NEAR)
    assert found["mean_iou"] == pytest.approx(expected.everywhere.mean, abs=1e-4)
    assert found["at_edges"] == pytest.approx(expected.at_edges.mean, abs=1e-4)


def test_seeds_learn_from_other_pictures_and_starts_differ(monkeypatch):
    trained = []

    def noted(model, images, labels, **options):
        trained.append((images.clone(), options["epochs"]))
        return transfer.Tuned(model, (1.0,))

    monkeypatch.setattr(masks.transfer, "fine_tune", noted)
    masks._pretrained.cache_clear()
    options = TINY | {"rendered": 8, "rendered_epochs": 2, "most": 8, "updates": 6}
    for start, seed in ((masks.STARTS[0], 0), (masks.STARTS[0], 1), (masks.STARTS[1], 1)):
        masks.measure_start(start, 4, seed, **options)
    masks._pretrained.cache_clear()
    (first, epochs), (second, _), (rendered, longer), (third, _) = trained
    assert epochs == 6, "six updates of four pictures are six passes over four pictures"
    assert not torch.equal(first, second) and torch.equal(second, third)
    assert (len(rendered), longer) == (8, 2)


def test_starts_are_those_of_the_grid():
    with pytest.raises(ValueError, match="from scratch"):
        masks.measure_start("from nothing", 4, 0, **TINY, rendered=8, rendered_epochs=1, most=8, updates=1)
