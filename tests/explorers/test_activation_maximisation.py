"""The maximisation explorer without a browser: what grows, what changes when a control changes, and the code that makes it again."""

from __future__ import annotations

import asyncio

import pytest
import torch
from explorers.contract import ran
from torch import nn

from cnnlab.explorers import ActivationMaximisationExplorer
from cnnlab.explorers.render import maximisation
from cnnlab.explorers.step_player import StepPlayer, make_frame, strip_figure
from cnnlab.synthesis import maximise


class Tiny(nn.Module):
    """Three classes of pictures of 16 x 16, from weights of a seed."""

    name, class_names, input_size = "tiny", ("sheep", "goat", "wolf"), 16

    def __init__(self, seed: int = 0):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.relu = nn.ReLU()
        self.head = nn.Linear(4, 3)
        chance = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            nn.init.normal_(parameter, generator=chance)

    def forward(self, images):
        return self.head(self.relu(self.conv(images)).mean((2, 3)))


@pytest.fixture
def explorer():
    return ActivationMaximisationExplorer(Tiny().eval(), steps=8)


def shown(explorer) -> torch.Tensor:
    return explorer.player.frames[explorer.player.current_step].images


def test_it_opens_with_a_picture_that_is_the_techniques(explorer):
    assert explorer.error is None
    assert len(explorer.player.frames) == 9 and explorer.player.scrubber.value == 8
    found = maximise(explorer.model, "sheep", steps=8)
    assert torch.allclose(shown(explorer), found.images, atol=0.51 / 255)
    assert explorer.player.metric_history("tiny") == pytest.approx(found.scores.mean(1).tolist())
    assert explorer.grid.captions == ["sheep"] and explorer.grid.tiles["count"] == 1


def test_channels_and_units_can_be_asked_for(explorer):
    explorer.kind.value = "channel"
    assert list(explorer.layer.options) == ["conv", "relu", "head"]
    explorer.layer.value = "relu"
    explorer.number.value = 2
    explorer.n_targets.value = 2
    assert explorer.grid.captions == ["relu channel 2", "relu channel 3"]
    of_channel = shown(explorer)
    explorer.kind.value = "unit"
    assert explorer.error is None and not torch.equal(shown(explorer), of_channel)
    explorer.number.value = 3
    assert explorer.grid.captions == ["relu unit 3"], "there is no fourth channel"


def test_the_other_coordinates_grow_beside(explorer):
    explorer.comparison.value = "coordinates"
    assert explorer.grid.captions == ["sheep (fourier)", "sheep (pixels)"]
    assert set(explorer.player.frames[-1].metrics) == {"fourier", "pixels"}
    explorer.grid.selected = 1
    assert explorer.bars.series_names[0] == "pixels"


def test_buttons_set_all_regularisers_in_one_run(explorer):
    assert "sheep" in explorer.describe() and "jitter 12" in explorer.describe()
    explorer.off_button.click()
    assert "no regulariser" in explorer.describe()
    assert explorer.state.options["jitter"] == 0 and explorer.state.options["tv"] == 0
    bare = maximise(explorer.model, 0, steps=8, **maximisation.OFF)
    assert torch.allclose(shown(explorer), bare.images, atol=0.51 / 255)
    explorer.defaults_button.click()
    assert {name: slider.value for name, slider in explorer.sliders.items()} == maximisation.DEFAULTS


def test_what_cannot_be_grown_is_said_in_place(explorer):
    before = shown(explorer)
    explorer.restarts.value = 6
    explorer.comparison.value = "coordinates"
    explorer.n_targets.value = 3
    assert "too many" in explorer._alert.value
    explorer.n_targets.value = 1
    assert explorer.error is None and shown(explorer).shape[0] == 12 and len(before) == 1


@pytest.mark.parametrize(
    "changes", [{}, {"start": "zero"}, {"start": "picture", "parametrisation": "pixels"}], ids=str
)
def test_code_makes_the_same_pictures(explorer, changes):
    for name, value in {"target": 2, "restarts": 2, **changes}.items():
        getattr(explorer, name).value = value
    for slider in explorer.sliders.values():
        slider.value += slider.step if slider.value < slider.max else -slider.step
    assert explorer.error is None
    assert torch.allclose(ran(explorer)[0]["result"].images, shown(explorer), atol=0.51 / 255)


def test_a_running_film_can_be_stopped_and_keeps_what_there_is():
    async def scene():
        painted = []
        film = StepPlayer(
            lambda one, resting: painted.append(resting), lambda words: None, lambda error: None
        )
        film.start((make_frame(torch.full((1, 3, 2, 2), i / 9)) for i in range(9)), 8)
        while len(film.frames) < 3:
            await asyncio.sleep(0.001)
        film.stop_button.click()
        kept = len(film.frames)
        await asyncio.sleep(0.03)
        assert len(film.frames) == kept < 9 and painted[-1] is True
        assert not film.run_button.disabled and film.stop_button.disabled

    asyncio.run(scene())


def test_without_live_a_change_waits_for_the_button(explorer):
    explorer.player.auto_run.value = False
    before = explorer.player.frames
    explorer.target.value = 1
    assert explorer.player.frames is before and "press the button" in explorer.status.value
    explorer.player.run_button.click()
    assert explorer.player.frames is not before


def test_the_classes_of_another_network_are_offered(explorer):
    class Renamed(Tiny):
        class_names = ("car", "cup", "bird")

    explorer.target.value = 2
    explorer.network.options = [*explorer.network.options, ("renamed", Renamed(1).eval())]
    explorer.network.value = explorer.network.options[-1][1]
    assert explorer.error is None
    assert explorer.grid.captions == ["bird"]
    assert [label for label, _ in explorer.target.options] == ["car", "cup", "bird"]


def test_a_strip_shows_each_picture_large():
    figure = strip_figure(torch.rand(9, 3, 20, 20), ["a patch"] * 9)
    figure.draw_without_rendering()
    assert min(axis.images[0].get_window_extent().width for axis in figure.axes if axis.images) >= 150
