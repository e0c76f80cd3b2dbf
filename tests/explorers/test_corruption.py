"""The corruption explorer without a browser: pictures and answers follow every control, and the lines of code repeat them."""

from __future__ import annotations

import contextlib
import io

import pytest
import torch
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


@pytest.mark.parametrize(
    ("name", "value"), [("kind", "snow"), ("severity", 5), ("random_seed", 4), ("seed", 9), ("scene", "snow")]
)
def test_every_control_changes_the_picture(explorer, name, value):
    before = explorer.pair.tiles["png"]
    getattr(explorer, name).value = value
    assert explorer.error is None
    assert explorer.pair.tiles["png"] != before


def test_a_small_picture_chooses_its_corruption(explorer):
    explorer.grid.selected = CORRUPTIONS.index("brightness")
    assert explorer.kind.value == "brightness"
    assert "brightness" in explorer.pair.captions[1]


def test_pink_frames_are_where_the_answer_has_turned(explorer):
    explorer.severity.value = 5
    turned = {box["tile"] for box in explorer.grid.boxes}
    winners = explorer.results[5].winners
    first = explorer.bars.entries[0]["name"] if not turned else None
    assert turned == {n for n, winner in enumerate(winners) if winner != explorer._clean_class}
    assert turned or first
    assert CORRUPTIONS.index("brightness") in turned, "the strongest light turns dark into bright"


def test_bars_show_the_answer_before_and_after(explorer):
    explorer.kind.value = "brightness"
    explorer.severity.value = 5
    target = next(entry for entry in explorer.bars.entries if entry["target"])
    assert target["name"] == "dark" and target["before"] > 0.5 > target["now"]


def test_the_code_repeats_the_answer(explorer):
    explorer.kind.value = "fog"
    explorer.severity.value = 4
    lines = explorer.code().replace("model = ...", "")
    space = {"model": explorer.model}
    lines = "\n".join(line for line in lines.splitlines() if not line.startswith("model ="))
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(lines, space)
    assert torch.allclose(space["corrupted"], explorer.results[4].images[CORRUPTIONS.index("fog")])
    assert float(said.getvalue().split()[1]) == pytest.approx(
        float(explorer.results[4].probability[CORRUPTIONS.index("fog")].max()), abs=1e-5
    )


def test_a_photo_is_corrupted_too(explorer, tmp_path):
    from PIL import Image

    Image.new("RGB", (60, 50), (200, 120, 40)).save(tmp_path / "mine.png")
    explorer.image_picker.use_photo((tmp_path / "mine.png").read_bytes(), "mine.png")
    assert explorer.error is None and "photo mine.png" in explorer.describe()
    assert explorer.results[3].images.shape == (15, 3, 32, 32)


def test_words_and_still_are_stable(explorer):
    assert explorer.describe() == CorruptionExplorer(Bright().eval(), 7).describe()
    assert "severity 3 of 5" in explorer.describe()
    assert explorer.static_preview()[:4] == b"\x89PNG"


def test_each_corruption_is_offered_with_its_family():
    assert [kind for _, kind in kind_options()] == list(CORRUPTIONS)
    assert dict(kind_options())["weather: fog"] == "fog" and family_of("pixelate") == "digital"
