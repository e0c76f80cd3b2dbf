"""The explorers of inversion, dreams and style without a browser: each control changes the picture, the code makes it again."""

from __future__ import annotations

import pytest
import torch
from explorers.contract import ran
from torch import nn
from traitlets import TraitError

from cnnlab.explorers import DeepDreamExplorer, InversionExplorer, StyleTransferExplorer
from cnnlab.world import SCENES, photographs, render


class Deep(nn.Sequential):
    """Two convolutions and a head, for pictures of 16 x 16, from weights of a seed."""

    def __init__(self):
        super().__init__()
        self.name, self.class_names, self.input_size = "deep", ("sheep", "goat", "wolf"), 16
        for number, (inputs, maps) in enumerate(((3, 5), (5, 6)), start=1):
            self.add_module(f"conv{number}", nn.Conv2d(inputs, maps, 3, padding=1))
            self.add_module(f"relu{number}", nn.ReLU())
        self.pool, self.flatten, self.head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)
        chance = torch.Generator().manual_seed(0)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=chance)


def opened(kind):
    if kind is StyleTransferExplorer:
        return StyleTransferExplorer(Deep().eval(), steps=4, size=16)
    return kind(Deep().eval(), layer="relu1", steps=10 if kind is InversionExplorer else 2)


KINDS = (InversionExplorer, DeepDreamExplorer, StyleTransferExplorer)


def shown(explorer) -> torch.Tensor:
    return explorer.player.frames[explorer.player.current_step].images


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def explorer(request):
    return opened(request.param)


def test_it_opens_with_a_finished_picture_and_its_curve(explorer):
    assert explorer.error is None and not explorer.player.running
    assert explorer.grid.tiles["count"] == len(explorer.captions())
    assert explorer.grid.columns <= 3 and explorer.grid.min_tile_size >= 150, "few pictures are large"
    assert explorer.chart.png and explorer.chart.alt
    assert "Run the cell" in explorer.describe()


def test_an_inversion_that_starts_from_grey_is_made_once():
    explorer = opened(InversionExplorer)
    explorer.restarts.value = 3
    assert shown(explorer).shape[0] == 1 + 3
    explorer.start.value = "zero"
    assert explorer.restarts.disabled and shown(explorer).shape[0] == 1 + 1 == len(explorer.captions())
    assert "restarts=1" in explorer.code() and "one picture is found" in explorer.describe()
    explorer.start.value = "noise"
    assert not explorer.restarts.disabled and shown(explorer).shape[0] == 1 + 3


def test_code_makes_the_same_picture(explorer):
    names, _said = ran(explorer)
    if isinstance(explorer, InversionExplorer):
        made, place = names["inverted"].images[0], 1
    elif isinstance(explorer, DeepDreamExplorer):
        made, place = names["dream"], 1
    else:
        made, place = names["styled"].image, 2
    assert torch.allclose(made.float(), shown(explorer)[place], atol=0.51 / 255)


def test_what_is_wrong_is_said_in_place():
    explorer = opened(DeepDreamExplorer)
    explorer.layer.options = [*explorer.layer.options, "nowhere"]
    before = shown(explorer)
    explorer.layer.value = "nowhere"
    assert "nowhere" in explorer._alert.value
    assert torch.equal(explorer.player.frames[-1].images, before)


def test_the_walk_gives_one_frame_after_the_other():
    explorer = opened(DeepDreamExplorer)
    explorer.n_frames.value = 3
    explorer.zoom_button.click()
    assert explorer.error is None and len(explorer.player.frames) == 3
    assert "walk" in explorer.captions()[1]
    frames = [one.images[1] for one in explorer.player.frames]
    assert not torch.equal(frames[0], frames[1])
    explorer.player.run_button.click()
    assert "walk" not in explorer.captions()[1]


def test_styles_are_photographs_and_scenes_and_so_may_the_content_be():
    explorer = StyleTransferExplorer(Deep().eval(), "chelsea", style="brick", steps=4, size=32)
    known = photographs()
    assert set(explorer.style.names) == {*known.names, *SCENES} and explorer.style.names[0] == "brick"
    assert explorer.style.atlas["count"] == len(explorer.style.names)
    content, style = explorer._content_and_style()
    assert torch.equal(content, known["chelsea"].image(32)) and torch.equal(style, known["brick"].image(32))
    assert known["chelsea"].credit in explorer.describe()
    explorer.style.value = "snow"
    assert torch.equal(explorer._content_and_style()[1], render(3, shape="none", scene="snow", size=32).image)
    with pytest.raises(TraitError, match='"velvet" is not among the pictures: brick'):
        StyleTransferExplorer(Deep().eval(), style="velvet")


def test_style_may_be_compared_at_whole_blocks(monkeypatch):
    deep = Deep()
    blocks = nn.Sequential(nn.Sequential(deep.conv1, deep.relu1), nn.Sequential(deep.conv2, deep.relu2))
    model = nn.Sequential(*blocks, deep.pool, deep.flatten, deep.head).eval()
    monkeypatch.setattr("cnnlab.explorers.style_transfer.default_layers", lambda _model: (["0"], ["1"]))
    model.input_size = 16
    explorer = StyleTransferExplorer(model, steps=4, size=16)
    assert explorer.style_layers.value == ("0",) and explorer.content_layer.value == "1"
    assert explorer.style_layers.options == ("0.0", "0", "1.0"), "convolutions, and the blocks that are usual"


def test_styles_that_were_made_are_shown_at_once():
    explorer = opened(StyleTransferExplorer)
    explorer.all_button.click()
    assert explorer.error is None and len(explorer.finished_runs) == len(explorer.ratio_values)
    explorer.ratio.value = 2
    kept = explorer.player.frames
    explorer.ratio.value = 0
    assert not torch.equal(shown(explorer), kept[-1].images)
    explorer.ratio.value = 2
    assert explorer.player.frames == kept, "nothing is computed again"
