"""The occlusion explorer with its controls, but without a browser: what the browser would send is set on the widgets."""

from __future__ import annotations

import asyncio
import io

import nbformat
import numpy as np
import pytest
import torch
from explorers.contract import noise, ran
from nbconvert import HTMLExporter
from PIL import Image
from torch import nn

from cnnlab.attribution import occlusion
from cnnlab.explorers import OcclusionExplorer
from cnnlab.explorers.occlusion_map_panel import NO_MAP_YET


@pytest.fixture
def explorer(detector):
    return OcclusionExplorer(detector)


def move(explorer, *box):
    """What the browser sends when the occluder has been moved."""
    explorer.canvas.set_state({"box": list(box)})


def bars(explorer):
    return {row["name"]: row["now"] for row in explorer.bars.entries}


def test_it_opens_with_an_answer_for_the_first_picture(explorer):
    assert explorer.error is None
    assert set(bars(explorer)) == {"square", "rest", "never"}
    seen = Image.open(io.BytesIO(explorer.canvas.picture["network"])).convert("RGB")
    expected = explorer.image.permute(1, 2, 0).numpy() * 255
    assert abs(np.asarray(seen) - expected).max() <= 0.51
    assert Image.open(io.BytesIO(explorer.canvas.picture["eye"])).size == (480, 480)
    assert "sheep" in explorer.status.value


def test_moving_the_occluder_changes_the_answer(explorer):
    explorer.target.value = 0
    move(explorer, 0, 72, 24)
    away = explorer.result.occluded_probability.clone()
    move(explorer, 40, 24, 24)
    assert explorer.result.occluded_probability[0] < away[0]
    assert torch.equal(explorer.result.clean_probability, away)
    assert explorer.canvas.result["now"] == pytest.approx(
        float(explorer.result.occluded_probability[0]), abs=1e-4
    )


def test_bars_agree_with_the_covered_picture(explorer, detector):
    move(explorer, 40, 20, 30)
    with torch.inference_mode():
        expected = detector(explorer.result.occluded_image[None]).softmax(1)[0]
    assert bars(explorer)["square"] == pytest.approx(float(expected[0]), abs=1e-4)


def test_an_answer_is_new_even_where_its_numbers_stay(explorer):
    """The browser waits for it: a read-out that is not answered is shown as late."""
    move(explorer, 0, 72, 24)
    before = dict(explorer.canvas.result)
    move(explorer, 4, 72, 24)
    assert {**explorer.canvas.result, "box": before["box"]} == before
    assert explorer.canvas.result["box"] == [4, 72, 24]


def test_size_slider_resizes_about_the_centre(explorer):
    move(explorer, 40, 40, 16)
    explorer.size.value = 24
    assert explorer.box == (36, 36, 24)


def test_size_slider_keeps_the_occluder_within_the_picture(explorer):
    move(explorer, 72, 0, 24)
    explorer.size.value = 60
    assert explorer.box == (36, 0, 60)
    explorer.size.value = 96
    assert explorer.box == (0, 0, 96)


def test_resizing_in_the_browser_moves_the_slider(explorer):
    move(explorer, 10, 10, 31)
    assert explorer.size.value == 31
    assert explorer.box == (10, 10, 31)


@pytest.mark.parametrize("box", [(0, 0, 200), (90, 90, 24), (-3, 0, 24), (0, 0, 0)])
def test_an_impossible_occluder_is_reported_and_taken_back(explorer, box):
    move(explorer, 8, 8, 24)
    explorer.box = box
    assert isinstance(explorer.error, ValueError)
    assert explorer.box == (8, 8, 24)
    move(explorer, 12, 8, 24)
    assert explorer.error is None


def test_target_can_be_any_class(explorer):
    labels = [label for label, _value in explorer.target.options]
    assert labels == ["predicted class", "square", "rest", "never"]
    explorer.target.value = 2
    assert [row["name"] for row in explorer.bars.entries if row["target"]] == ["never"]
    assert explorer.canvas.result["name"] == "never"


def test_target_is_kept_across_networks_that_know_it(explorer):
    explorer.network.options = [*explorer.network.options, ("again", Renamed(("rest", "other", "square")))]
    explorer.target.value = 1
    explorer.network.value = explorer.network.options[-1][1]
    assert explorer.target.label == "rest"
    assert explorer.target.value == 0


def test_target_that_the_new_network_lacks_becomes_the_predicted_class(explorer):
    explorer.network.options = [*explorer.network.options, ("again", Renamed(("a", "b", "c")))]
    explorer.target.value = 1
    explorer.network.value = explorer.network.options[-1][1]
    assert explorer.error is None
    assert explorer.target.value is None


class Renamed(nn.Module):
    """Three classes under other names, for pictures of 48 pixels."""

    input_size = 48

    def __init__(self, names):
        super().__init__()
        self.class_names = names

    def forward(self, images):
        return images.mean((2, 3)) * 5


def test_occluder_scales_with_the_network(explorer):
    move(explorer, 48, 24, 32)
    explorer.network.options = [*explorer.network.options, ("small", Renamed(("a", "b", "c")))]
    explorer.network.value = explorer.network.options[-1][1]
    assert explorer.error is None
    assert explorer.canvas.side == 48
    assert explorer.box == (24, 12, 16)
    assert (explorer.size.max, explorer.stride.value) == (48, 2)


@pytest.mark.parametrize("fill", ["grey", "mean", "noise", "blur"])
def test_stage_and_network_get_the_same_filling(explorer, fill):
    explorer.fill.value = fill
    left, top, size = explorer.box
    shown = np.asarray(Image.open(io.BytesIO(explorer.canvas.fill_image)))
    asked = explorer.result.occluded_image[:, top : top + size, left : left + size].permute(1, 2, 0).numpy()
    assert abs(shown[top : top + size, left : left + size] / 255 - asked).max() < 0.003


def test_whole_map_agrees_with_the_technique(explorer, detector):
    explorer.stride.value = 12
    explorer.map_button.click()
    expected = occlusion(detector, explorer.image, size=24, stride=12)
    assert torch.allclose(explorer.map.probability, expected.probability, atol=1e-6)
    assert explorer.show_map.value == "probability"
    assert explorer.canvas.show_map
    assert "The map is whole: 49 places." in explorer.status.value


def test_jump_goes_to_the_lowest_place(explorer):
    explorer.stride.value = 12
    assert explorer.jump_button.layout.display == "none"
    explorer.map_button.click()
    explorer.jump_button.click()
    left, top, size = explorer.box
    lowest = explorer.map.probability.min()
    assert size == 24
    assert explorer.result.occluded_probability[explorer.result.target] == pytest.approx(
        float(lowest), abs=1e-5
    )
    row, column = (explorer.map.rows == top).nonzero(), (explorer.map.columns == left).nonzero()
    assert explorer.map.probability[row, column] == lowest


def test_moving_keeps_the_map_and_every_other_change_forgets_it(explorer):
    def fresh():
        explorer.map_button.click()
        assert explorer.map is not None

    explorer.stride.value = 24
    fresh()
    move(explorer, 0, 0, 24)
    assert explorer.map is not None
    changes = [
        (explorer.size, 30),
        (explorer.stride, 20),
        (explorer.fill, "mean"),
        (explorer.target, 1),
        (explorer.seed, 8),
        (explorer.scene, "snow"),
    ]
    for control, value in changes:
        fresh()
        control.value = value
        assert explorer.map is None, control.description
        assert not explorer.canvas.show_map


def test_views_of_the_map_are_painted_on_demand(explorer):
    explorer.stride.value = 24
    explorer.map_button.click()
    probability = explorer.canvas.overlay["png"]
    explorer.show_map.value = "class"
    assert explorer.canvas.overlay["png"] != probability
    assert explorer.canvas.legend["kind"] == "classes"
    explorer.show_map.value = ""
    assert not explorer.canvas.show_map
    explorer.show_map.value = "probability"
    explorer.stretch.value = True
    assert explorer.canvas.legend["low"] == pytest.approx(float(explorer.map.probability.min()))


def test_a_view_without_a_map_asks_for_one(explorer):
    explorer.show_map.value = "class"
    assert explorer.status.value == NO_MAP_YET
    assert not explorer.canvas.show_map


def test_map_grows_beside_the_controls_and_stops(explorer):
    async def scene():
        explorer.stride.value = 2
        explorer.map_button.click()
        assert explorer.map is None  # the click came back at once
        while explorer.map is None:
            await asyncio.sleep(0.005)
        assert explorer.map_button.disabled
        assert not explorer.stop_button.disabled
        move(explorer, 5, 5, 24)  # the occluder answers meanwhile
        assert explorer.canvas.result["now"] == pytest.approx(
            float(explorer.result.occluded_probability[explorer.result.target]), abs=1e-3
        )
        explorer.stop_button.click()
        done = explorer.map.fraction_done
        await asyncio.sleep(0.05)
        assert explorer.map.fraction_done == done < 1
        assert not explorer.map_button.disabled
        assert "Stopped" in explorer.status.value

    asyncio.run(scene())


def test_a_change_of_any_setting_ends_the_growing_map(explorer):
    async def scene():
        explorer.stride.value = 2
        explorer.map_button.click()
        while explorer.map is None:
            await asyncio.sleep(0.005)
        explorer.fill.value = "blur"
        await asyncio.sleep(0.05)
        assert explorer.map is None
        assert explorer.stop_button.disabled
        assert explorer.status.value == NO_MAP_YET

    asyncio.run(scene())


def test_a_status_of_a_map_goes_with_it(explorer):
    explorer.stride.value = 24
    explorer.map_button.click()
    assert explorer.status.value == "The map is whole: 16 places."
    explorer.stride.value = 18
    assert explorer.map is None
    assert explorer.status.value == NO_MAP_YET


def test_a_map_that_fails_is_reported_in_place(detector):
    class Fragile(type(detector)):
        def forward(self, images):
            if len(images) > 1:
                raise RuntimeError("only one at a time")
            return super().forward(images)

    explorer = OcclusionExplorer(Fragile().eval())
    explorer._seconds = 1e-4  # so that the map takes several places at once
    explorer.map_button.click()
    assert "only one at a time" in explorer._alert.value
    assert not explorer.map_button.disabled
    move(explorer, 0, 0, 24)
    assert explorer.error is None


def test_photos_are_looked_at_without_a_mask(explorer, tmp_path):
    noise().save(tmp_path / "noise.png")
    explorer.show_mask.value = True
    explorer.image_picker.use_photo(str(tmp_path / "noise.png"), "noise.png")
    assert explorer.error is None
    assert explorer.show_mask.disabled
    assert explorer.canvas.picture["mask"] == b""
    assert 'cnnlab.photo("noise.png", size=96)' in explorer.code()
    assert "photograph has no known mask" in explorer.status.value
    explorer.another_button.click()
    assert not explorer.show_mask.disabled and "mask" not in explorer.status.value


def test_a_photograph_is_shown_with_its_credit_and_the_code_reads_it_again(detector):
    explorer = OcclusionExplorer(detector, "china")
    assert "danielbuechele, CC BY 2.0" in explorer.status.value and "danielbuechele" in explorer.describe()
    assert torch.equal(ran(explorer)[0]["image"], explorer.image)


def test_opening_with_what_is_no_photo_raises(detector):
    with pytest.raises(ValueError, match="image"):
        OcclusionExplorer(detector, picture=b"no photo")


def test_stored_picture_shows_occluder_and_outline(explorer):
    plain = explorer.static_preview()
    explorer.show_mask.value = True
    outlined = explorer.static_preview()
    move(explorer, 0, 0, 24)
    assert len({plain, outlined, explorer.static_preview()}) == 3


def test_a_converted_notebook_shows_the_picture(explorer):
    data, metadata = explorer._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, metadata=metadata, execution_count=1)
    cell = nbformat.v4.new_code_cell("OcclusionExplorer()", outputs=[output], execution_count=1)
    page, _resources = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "data:image/png;base64," in page
    assert "widget-view+json" not in page
