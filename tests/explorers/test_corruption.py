"""The corruption explorer without a browser: pictures and answers follow every control, and the lines of code repeat them."""

from __future__ import annotations

import pytest
import torch
from explorers.contract import ran
from torch import nn

from cnnlab.explorers import CorruptionExplorer
from cnnlab.explorers.render.corruption import family_of, kind_options
from cnnlab.robustness import CORRUPTIONS, corrupt


class Bright(nn.Module):
    """Says "bright" where a picture is, on average, lighter than most."""

    name, class_names, input_size = "bright", ("bright", "dark"), 32

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(20.0))

    def forward(self, images):
        level = self.gain * (images.mean((1, 2, 3)) - 0.75)
        return torch.stack([level, -level], 1)


@pytest.fixture
def explorer():
    return CorruptionExplorer(Bright().eval(), 7)


def test_a_saved_notebook_shows_each_picture_large(explorer):
    figure = explorer.preview()
    figure.draw_without_rendering()
    widths = [axis.images[0].get_window_extent().width for axis in figure.axes if axis.images]
    assert len(widths) == len(CORRUPTIONS) and min(widths) >= 150


def test_it_opens_with_all_fifteen_at_every_severity(explorer):
    assert explorer.error is None and sorted(explorer.results) == [1, 2, 3, 4, 5]
    for severity in (1, 5):
        found = explorer.results[severity]
        place = CORRUPTIONS.index("fog")
        expected = corrupt(explorer.image, "fog", severity)
        assert torch.equal(found.images[place], expected)
        with torch.inference_mode():
            answer = explorer.model(expected[None]).softmax(1)[0]
        assert torch.allclose(found.probability[place], answer)
    assert "severity 3 of 5" in explorer.describe()


def test_a_small_picture_chooses_its_corruption(explorer):
    explorer.grid.selected = CORRUPTIONS.index("brightness")
    assert explorer.kind.value == "brightness"
    assert "brightness" in explorer.pair.captions[1]


def test_pink_frames_are_where_the_answer_has_turned(explorer):
    clean = int(explorer.model(explorer.image[None]).argmax())
    explorer.severity.value = 5
    corrupted = torch.stack([corrupt(explorer.image, kind, 5) for kind in CORRUPTIONS])
    turned = (explorer.model(corrupted).argmax(1) != clean).nonzero().flatten().tolist()
    assert sorted(box["tile"] for box in explorer.grid.boxes) == turned
    assert CORRUPTIONS.index("brightness") in turned, "the strongest light turns dark into bright"
    assert len(turned) < len(CORRUPTIONS), "and some leave it dark"


def test_bars_show_the_answer_before_and_after(explorer):
    explorer.kind.value = "brightness"
    explorer.severity.value = 5
    target = next(entry for entry in explorer.bars.entries if entry["target"])
    assert target["name"] == "dark" and target["before"] > 0.5 > target["now"]


def test_the_code_repeats_the_answer(explorer):
    explorer.kind.value = "fog"
    explorer.severity.value = 4
    found, place = explorer.results[4], CORRUPTIONS.index("fog")
    names, said = ran(explorer)
    assert torch.allclose(names["corrupted"], found.images[place])
    assert float(said.split()[1]) == pytest.approx(float(found.probability[place].max()), abs=1e-5)


def test_each_corruption_is_offered_with_its_family():
    assert [kind for _, kind in kind_options()] == list(CORRUPTIONS)
    assert dict(kind_options())["weather: fog"] == "fog" and family_of("pixelate") == "digital"
