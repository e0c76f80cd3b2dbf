"""Every explorer with every kind of network that it offers: it opens, and a network that cannot serve is refused in words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from explorers.contract import opened

import cnnlab
from cnnlab import explorers
from cnnlab.explorers.render.brain import simulated_populations
from cnnlab.networks import weight_files

LARGE = ("squeezenet", "efficientnet_lite0")


NAMES = sorted(
    set(explorers.__all__) - {"Explorer", "UpsamplingExplorer", "MemorizationExplorer", "TrainingCurve"}
)
"""All that ask a network of the reader's choice."""
OF_PHOTOGRAPHS = [name for name in NAMES if "photographs" in getattr(explorers, name).kinds]


@pytest.fixture(scope="module")
def quick():
    """What makes single explorers quicker still, by their names."""
    return {"BrainExplorer": {"recordings": simulated_populations(28)}, "DeepDreamExplorer": {"steps": 2}}


def kind(name: str) -> tuple[Any, ...]:
    """All of a network that an explorer can tell from another one, but for the names of its classes and its weights."""
    if cnnlab.available()[name].source != "shipped":
        return (name,)
    card = weight_files.card(name)
    return card["architecture"], card["task"], len(card["classes"])


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_network_that_is_offered_opens(name, quick):
    async def scene():  # within a loop, as in a notebook: what takes long is only begun
        explorer = opened(name, **quick.get(name, {}))
        assert explorer.error is None and len(explorer.network.options) >= 3
        for label, network in {
            kind(network): (label, network) for label, network in explorer.network.options
        }.values():
            explorer.network.value = network
            assert explorer.error is None, f"{name} with {label}: {explorer.error}"
            assert explorer.network.value == network
            await asyncio.sleep(0)

    asyncio.run(scene())


@pytest.mark.parametrize("name", [name for name in OF_PHOTOGRAPHS if name != "TransferExplorer"])
def test_a_large_network_opens_with_something_to_see(name, quick):
    async def scene():
        explorer = opened(name, model="squeezenet", **quick.get(name, {}))
        assert explorer.error is None and explorer.display_name == "squeezenet"
        data, _metadata = explorer._repr_mimebundle_()
        assert data["image/png"] and data["text/plain"] == explorer.describe()

    asyncio.run(scene())


def test_what_is_offered_is_what_the_explorers_need():
    kinds = {name: getattr(explorers, name).kinds for name in NAMES}
    assert [name for name, wanted in kinds.items() if "masks" in wanted] == ["SegmentationExplorer"]
    offered = {
        name: {label for label, _ in opened_menu(name)}
        for name in ("OcclusionExplorer", "FilterExplorer", "FoolingExplorer")
    }
    assert not offered["OcclusionExplorer"] & {"unet", "fcn", "digits", "memory_random"}
    assert "digits" in offered["FoolingExplorer"]
    assert not offered["FoolingExplorer"] & {"unet", "fcn", "memory_random"}
    assert {"digits", "memory_random"} <= offered["FilterExplorer"] and "unet" not in offered[
        "FilterExplorer"
    ]
    assert {*LARGE, "mini_alexnet", "mini_alexnet_scenes"} <= offered["OcclusionExplorer"]


def opened_menu(name: str) -> tuple:
    return getattr(explorers, name)().network.options


def test_a_network_of_the_readers_is_taken_though_it_would_not_be_offered():
    explorer = explorers.FilterExplorer("unet")
    assert explorer.error is None and explorer.network.options[0] == ("unet", "unet")


@pytest.mark.parametrize(
    "name",
    [
        *("AdversarialExplorer", "CorruptionExplorer", "FoolingExplorer", "GradCamExplorer"),
        *("ActivationMaximisationExplorer", "OcclusionExplorer", "SaliencyExplorer"),
    ],
)
def test_a_network_that_is_no_classifier_is_refused_in_words(name):
    with pytest.raises(ValueError, match="no classifier: for 1 pictures it gives 1 x 21 x 96 x 96"):
        getattr(explorers, name)("unet")


def test_shape_and_texture_need_the_classes_of_the_world():
    with pytest.raises(ValueError, match="squeezenet does not know the 20 classes of the world"):
        explorers.CueConflictExplorer("squeezenet")
    assert "herd_honest" not in dict(explorers.CueConflictExplorer().network.options)


def test_a_chosen_network_that_cannot_serve_gives_way_to_the_one_before():
    explorer = explorers.OcclusionExplorer("mini_alexnet", 7)
    before = explorer.bars.entries
    explorer.network.options = ["mini_alexnet", "mini_vgg", "unet"]
    explorer.network.value = "unet"
    assert "no classifier" in str(explorer.error)
    assert explorer.network.value == "mini_alexnet" and explorer.model.name == "mini_alexnet"
    assert explorer.bars.entries == before
    explorer.network.value = "mini_vgg"
    assert explorer.error is None and explorer.display_name == "mini_vgg"


def test_no_picture_is_made_of_a_class_that_nobody_asked_for():
    async def scene():
        for explorer in (
            explorers.ActivationMaximisationExplorer("squeezenet"),
            explorers.FoolingExplorer("squeezenet"),
        ):
            assert len(explorer.player.frames[0].images) == 1 and explorer.player.running
            assert len(explorer.target.options) == 1000 and not explorer.player.stop_button.disabled
            explorer.player.stop_button.click()
            assert not explorer.player.running and explorer.grid.tiles["count"] == 1

    asyncio.run(scene())


def test_a_class_is_asked_for_by_its_name():
    explorer = explorers.ActivationMaximisationExplorer("mini_alexnet", number="bird", steps=8)
    assert explorer.target.label == "bird" and explorer.grid.captions == ["bird"]
    with pytest.raises(ValueError, match="brid.*Did you mean.*bird"):
        explorers.ActivationMaximisationExplorer("mini_alexnet", number="brid")


def test_all_that_is_offered_is_at_hand():
    known = cnnlab.available()
    assert all(known[label].ready for label, _ in opened_menu("OcclusionExplorer"))
