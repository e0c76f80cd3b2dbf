"""The experiments of the microscope: cells that name what the weights say, and pictures that survive being stored."""

from __future__ import annotations

import pytest
import torch

from cnnlab.experiments import microscope
from cnnlab.world import NAMES


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))


def test_stored_pictures_come_back():
    coarse = torch.rand(13, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    pictures = torch.nn.functional.interpolate(coarse, size=96, mode="bilinear")
    row = {"cells": [[0, 0]] * 13, "pictures": microscope.encode(pictures)}
    assert (microscope.decode(row, 96) - pictures).abs().mean() < 0.03


def test_an_atlas_says_what_the_weights_and_the_truth_say():
    row = microscope.measure_atlas(
        network="wolf_husky_snow",
        layer="fire9",
        pictures=16,
        per_picture=6,
        columns=3,
        size=48,
        steps=1,
        seed=0,
    )
    cells = len(row["cells"])
    assert cells and all(
        len(row[key]) == cells for key in ("counts", "classes", "shares", "material", "snow")
    )
    assert sum(row["counts"]) <= row["vectors"] == 96
    assert microscope.decode(row, 48).shape == (cells, 3, 48, 48)
    for names, shares in zip(row["classes"], row["shares"], strict=True):
        assert sorted(names) == ["husky", "wolf"] and shares[0] == -shares[1] >= 0
    assert all(name in NAMES["material"] and 0 < share <= 1 for name, share in row["material"])
    assert all(0 <= share <= 1 for share in row["snow"])


def test_a_sheet_has_a_gain_for_every_unit():
    row = microscope.measure_sheet(network="squeezenet", layer="relu1", pictures=19, size=40, steps=2, seed=0)
    assert row["units"] == len(row["gain"]) == 64
    assert any(gain is not None and gain > 0 for gain in row["gain"])
