"""The survey of units: peaks as top_patches finds them, correlations as numpy computes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab.networks import activations, receptive_field
from cnnlab.units import survey_units, top_patches


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(9, 3, 20, 20, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def test_its_patches_are_the_top_patches(tiny, pictures):
    survey = survey_units(tiny, pictures, "relu1", batch_size=4)
    expected = top_patches(tiny, pictures, "relu1", k=3)
    for unit in range(6):
        found = survey.strongest("relu1", unit, 3, receptive_field(tiny, "relu1", 20))
        assert torch.equal(found.value[0], expected.value[unit])
        assert torch.equal(found.picture[0], expected.picture[unit])
        assert torch.equal(found.box[0], expected.box[unit])


def test_its_correlations_are_those_of_numpy(tiny, pictures):
    surveys = survey_units(tiny, pictures, ["relu1", "fc3"], batch_size=4)
    for layer, survey in surveys.items():
        rows = (
            activations(tiny, pictures, layer)[layer].flatten(2).mean(2) if layer == "relu1" else survey.peak
        )
        assert torch.allclose(survey.mean, rows)
        alive = [unit for unit in range(rows.shape[1]) if rows[:, unit].std() > 0]
        expected = np.corrcoef(rows.numpy().T[alive])
        for row, unit in enumerate(alive):
            assert np.allclose(survey.correlations(unit)[alive].numpy(), expected[row], atol=1e-5)
    units, values = surveys["relu1"].nearest(2, 3)
    assert 2 not in units.tolist() and values.tolist() == sorted(values.tolist(), reverse=True)
    assert len(surveys["relu1"].nearest(2, 99)[0]) == 5


def test_a_unit_that_never_changes_has_no_nearest_and_is_nobodys(tiny, pictures):
    torch.nn.init.constant_(tiny.norm1.bias[1:2], -1000.0)
    tiny.conv2.weight.data[0], tiny.conv2.bias.data[0] = 0, 0.7
    surveys = survey_units(tiny, pictures, ["relu1", "conv2"])
    for survey, unit in ((surveys["relu1"], 1), (surveys["conv2"], 0)):
        assert float(survey.mean[:, unit].std()) < 1e-12
        assert [len(found) for found in survey.nearest(unit, 3)] == [0, 0]
        assert survey.correlations(2 if unit else 3)[unit].abs() < 1e-3
