"""The Grad-CAM explorer without a browser: maps follow the controls, and the scenes show the same object elsewhere."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from explorers.contract import ran
from PIL import Image
from torch import nn

from cnnlab import attribution, world
from cnnlab.explorers import GradCamExplorer
from cnnlab.explorers import grad_cam as module
from cnnlab.explorers.render.grad_cam import with_outline


class Green(nn.Sequential):
    """Says "sheep" where the picture is green, "goat" where it is red, "snow" where it is blue: a cheat by construction."""

    class_names = ("sheep", "goat", "snow")
    input_size = 48

    def __init__(self, name: str = "green", gain: float = 20.0):
        super().__init__()
        self.name = name
        self.conv, self.relu = nn.Conv2d(3, 3, 4, 4, bias=False), nn.ReLU()
        self.pool, self.flat, self.fc = nn.AvgPool2d(12), nn.Flatten(), nn.Linear(3, 3, bias=False)
        weights = torch.full((3, 3), -1.0) + 3 * torch.eye(3)[[1, 0, 2]]
        self.conv.weight.data = (weights[:, :, None, None] / 16).expand(3, 3, 4, 4).clone()
        self.fc.weight.data = gain * (1.3 * torch.eye(3) - 0.3)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    """Large pictures take long to draw."""
    monkeypatch.setattr(module, "DISPLAY_SIZE", 96)


@pytest.fixture
def explorer():
    return GradCamExplorer(Green().eval())


def test_it_opens_with_the_map_and_every_scene(explorer):
    assert explorer.error is None
    assert torch.equal(explorer.result.map, attribution.grad_cam(explorer.model, explorer.image))
    assert list(explorer.results) == list(world.SCENES)
    recipe = explorer.image_picker.source.recipe
    beach = world.render(recipe, scene="beach", size=48).image
    assert torch.equal(explorer.results["beach"].image, beach)
    assert torch.allclose(
        explorer.results["beach"].probability, explorer.model(beach[None]).softmax(1)[0].detach()
    )


def test_what_speaks_against_the_class_can_be_shown(explorer):
    explorer.target.value = 1
    explorer.layer.value = "conv"
    before = explorer.result.map
    explorer.relu.value = False
    assert explorer.result.map.min() < 0 <= before.min()


def test_layers_without_maps_are_not_offered(explorer):
    assert [label for label, _ in explorer.layer.options] == ["the last maps", "conv", "relu"]


def test_clicking_a_scene_swaps_the_background(explorer):
    first = explorer.result.probability
    explorer.grid.set_state({"selected": list(explorer.results).index("snow")})
    assert explorer.scene.value == "snow"
    assert explorer.image_picker.source.recipe.scene == "snow"
    row = explorer.bars.entries[0]
    index = explorer.result.names.index(row["name"])
    assert row["now"] == pytest.approx(float(explorer.result.probability[index]), abs=1e-4)
    assert row["before"] == pytest.approx(float(first[index]), abs=1e-4)


def test_scenes_with_another_answer_are_framed(explorer):
    framed = {list(explorer.results)[box["tile"]] for box in explorer.grid.boxes}
    wrong = {scene for scene, answer in explorer.results.items() if answer.names[answer.winner] != "sheep"}
    assert framed == wrong and "meadow" not in framed and framed


def test_the_frames_are_explained_and_each_scene_bears_its_answer(explorer):
    assert explorer.grid.label.endswith("in a pink frame where the network does not say sheep")
    said = [f"{scene}: {answer.names[answer.winner]}" for scene, answer in explorer.results.items()]
    assert explorer.grid.labels == said


def test_a_network_without_the_class_is_not_called_wrong():
    network = Green().eval()
    network.class_names = ("ram", "bighorn", "alp")
    explorer = GradCamExplorer(network)
    assert explorer.grid.boxes == [] and len(explorer.grid.labels) == len(world.SCENES)
    assert "the network has no class sheep" in explorer.grid.label


def test_the_scenes_are_visited_once(explorer):
    kept = explorer.results["snow"]
    explorer.scene.value = "beach"
    assert explorer.results["snow"] is kept
    explorer.target.value = 1
    assert explorer.results["snow"] is not kept


def test_named_networks_are_the_only_choice_and_their_code_says_so():
    networks = {"A": Green("first").eval(), "B": Green("second", gain=5.0).eval()}
    explorer = GradCamExplorer(networks=networks)
    assert [label for label, _ in explorer.network.options] == ["A", "B"]
    sure = explorer.result.probability.max()
    explorer.network.value = networks["B"]
    assert explorer.error is None and explorer.result.probability.max() < sure
    assert 'model = networks["B"]' in explorer.code()
    assert "first" not in explorer.describe() + explorer.status.value


@pytest.mark.parametrize("guided", [False, True])
def test_the_code_gives_the_same_map(explorer, guided):
    explorer.guided.value, explorer.target.value = guided, 0
    assert float(ran(explorer)[1]) == pytest.approx(float(explorer.result.map.max()), rel=1e-5)


def test_the_outline_is_drawn_around_the_object_alone(explorer):
    before = explorer.main_view.tiles["png"]
    explorer.show_mask.value = True
    assert explorer.main_view.tiles["png"] != before
    mask = torch.zeros(20, 20, dtype=torch.bool)
    mask[8:12, 8:12] = True
    grey = torch.full((3, 20, 20), 0.5)
    drawn = with_outline(grey, mask)
    assert (drawn[:, mask] == 0.5).all() and (drawn[:, 7, 7] == 1).all() and (drawn[:, 0, 0] == 0.5).all()


def test_a_photo_has_no_other_scenes(explorer, tmp_path):
    stream = io.BytesIO()
    Image.fromarray(np.full((60, 60, 3), 200, dtype=np.uint8)).save(stream, "PNG")
    explorer.image_picker.use_photo(stream.getvalue())
    assert explorer.error is None and explorer.results == {} and explorer.grid.tiles == {}
