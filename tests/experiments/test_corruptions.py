"""One cell of the experiment of corruptions is what the technique gives."""

from __future__ import annotations

import pytest

from cnnlab.experiments import corruptions
from cnnlab.networks import load
from cnnlab.robustness import corruption_errors
from cnnlab.world import dataset


def test_a_cell_is_the_error_rate_of_the_technique():
    found = corruptions.measure_corruption(
        kind="contrast", severity=4, network="mini_densenet", pictures=12, seed=0
    )
    data = dataset("validation", n=12, progress=False)
    batch = [(data.images.float() / 255, data.labels)]
    errors = corruption_errors(load("mini_densenet"), batch, kinds=("contrast",), severities=(4,))
    assert found["error"] == pytest.approx(float(errors), abs=1e-4)
    assert sum(found["wrong"]) == round(12 * found["error"]) and len(found["wrong"]) == 20
