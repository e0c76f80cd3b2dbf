"""The brain explorer without a browser: what it shows is what the techniques find, and a simulated population always says so."""

from __future__ import annotations

import pytest
import torch
from explorers.contract import ran
from torch import nn

from cnnlab.explorers import BrainExplorer
from cnnlab.explorers.render.brain import decoding_figure
from cnnlab.features import (
    Recordings,
    compare_rdms,
    compare_with_recordings,
    extract_features,
    match_recordings,
    rdm,
)


class Small(nn.Sequential):
    """One convolution, a mean over all places, and a classifier, for pictures of 16 x 16."""

    name, input_size, class_names = "small", 16, ("a", "b")

    def __init__(self, seed=0):
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(3, 12, 4, 4), nn.ReLU()
        self.pool, self.flatten, self.fc = nn.AvgPool2d(4), nn.Flatten(), nn.Linear(12, 2)
        chance = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.4, generator=chance)


def population(seed, simulated):
    chance = torch.Generator().manual_seed(seed)
    labels = torch.arange(20) % 2
    images = torch.randint(0, 200, (20, 3, 16, 16), generator=chance, dtype=torch.uint8)
    images[torch.arange(20), labels] += 50
    means = 4 + 3 * labels[:, None] * torch.rand(20, 9, generator=chance)
    counts = torch.poisson(means[:, :, None].expand(-1, -1, 4).contiguous(), generator=chance)
    return Recordings(counts, labels, ("red", "green"), images, simulated)


@pytest.fixture(scope="module")
def explorer():
    return BrainExplorer(
        Small().eval(), {"area X": population(0, False), "made": population(1, True)}, "relu1"
    )


def test_what_is_compared_is_what_the_techniques_find():
    recordings = population(0, False)
    codes = extract_features(Small().eval(), recordings.images / 255, "relu1", "mean")
    found = compare_with_recordings(codes, recordings, 6, trials=3, noise=1.0, seed=2)
    matched = match_recordings(codes, recordings, 6, trials=3, noise=1.0, seed=2)
    assert torch.equal(found.tables["layer"], rdm((matched - matched.mean(0)) / matched.std(0)))
    assert found.agreement == pytest.approx(compare_rdms(*found.tables.values()))
    assert found.numbers == (5, 6) and found.accuracy["population"].shape == (2, 2)


def test_a_layer_that_does_not_tell_pictures_apart_is_refused():
    with pytest.raises(ValueError, match="the same number for all pictures"):
        compare_with_recordings(torch.ones(len(population(0, False).images), 5), population(0, False))


def test_a_simulated_population_says_so_everywhere(explorer):
    explorer.population.value = "made"
    assert "simulated population" in explorer.describe() and "simulated population" in explorer.curve.alt
    assert "simulated population" in explorer.table.label and "simulated" in explorer.status.value
    figure = decoding_figure(explorer.result, explorer.side_names, 0.5)
    assert "simulated population" in figure.axes[0].get_title()
    explorer.population.value = "area X"
    assert "simulated" not in explorer.describe()


def test_a_click_shows_the_pair(explorer):
    explorer.table.set_state({"point": [0, 1, 15]})
    assert (
        explorer.pair.captions == ["red", "green"] and "red and green: population" in explorer.table.readout
    )
    assert explorer.error is None


def test_the_code_gives_what_is_shown(explorer):
    explorer.population.value = "area X"
    names, _said = ran(explorer, recordings=explorer.recordings)
    assert names["result"].agreement == pytest.approx(explorer.result.agreement)


def test_another_network_is_compared(explorer):
    other = BrainExplorer(Small(3).eval(), explorer.populations)
    assert other.layer.value == "pool" and other.result.agreement != explorer.result.agreement
    with pytest.raises(ValueError, match='layer "conv9" is not offered'):
        BrainExplorer(Small().eval(), explorer.populations, "conv9")
