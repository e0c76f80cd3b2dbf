"""Explorers over a set of pictures: photographs, their crops and folders of the reader's own, beside the rendered world."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import torch
from explorers.contract import ran
from PIL import Image
from torch import nn

import cnnlab
from cnnlab import features, world
from cnnlab.explorers import EmbeddingExplorer, NearestNeighboursExplorer, PatchExplorer, RetrievalExplorer
from cnnlab.explorers.activation_store import first_images
from cnnlab.explorers.dataset_picker import CROPS, FOLDER, GIVEN, RENDERED, DatasetPicker
from cnnlab.explorers.picture_sets import MOST_PHOTOGRAPHS, installed_crops, spread

OPENED = {
    "neighbours": lambda model, pictures: NearestNeighboursExplorer(model, 5, pictures, layer="relu"),
    "map": lambda model, pictures: EmbeddingExplorer(model, pictures, layer="relu"),
    "patches": lambda model, pictures: PatchExplorer(model, pictures, layer="relu"),
    "retrieval": lambda model, pictures: RetrievalExplorer(model, pictures, layer="relu"),
}


class Small(nn.Sequential):
    """One convolution and a classifier, for pictures of 32 x 32; `knows` are its classes."""

    name, input_size = "small", 32

    def __init__(self, *knows: str):
        super().__init__()
        self.class_names = knows
        self.conv, self.relu, self.flatten, self.fc = (
            nn.Conv2d(3, 6, 8, 8),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(96, 2),
        )
        chance = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=chance) * 0.3)


@pytest.fixture(scope="module")
def model():
    return Small("sheep", "goat").eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five noisy photographs of two colours each in a subfolder of their own, and a file that is none."""
    place = tmp_path_factory.mktemp("mine")
    chance = np.random.default_rng(0)
    for name, colour in (("red", (190, 40, 40)), ("blue", (40, 40, 190))):
        (place / name).mkdir()
        for number in range(5):
            pixels = (np.array(colour) + chance.normal(0, 25, (40, 50 + number, 3))).clip(0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(place / name / f"{number}.png")
    return place


@pytest.fixture(scope="module")
def own(folder):
    return cnnlab.photographs(folder)


# Sets of photographs as collections.


@pytest.mark.parametrize("form", ["folder", "photographs", "data set", "crops"])
def test_every_form_of_photographs_is_a_set_of_pictures(own, folder, form):
    given = {
        "folder": lambda: str(folder),
        "photographs": lambda: own,
        "data set": lambda: own.dataset(64),
        "crops": lambda: own.crops(64, per_photo=2),
    }[form]()
    found = first_images(given)
    assert len(found) == (20 if form == "crops" else 10) and set(found.class_names) == {"red", "blue"}
    of_red = found.images[found.labels == found.class_names.index("red")].float().mean((0, 2, 3))
    assert of_red[0] > 100 > of_red[2]
    assert "red/0" in [found.describe(index).split(",")[0] for index in range(len(found))]


def test_a_large_folder_is_read_at_even_distances(own):
    some, expression = spread(own, 4, "cnnlab.photographs(...)")
    assert some.names == own.names[::3] and expression == "cnnlab.photographs(...)[::3].dataset(224).images"
    assert spread(own, 1000, "x")[0].names == own.names


def test_code_of_a_set_gives_its_pictures(own, folder):
    found = first_images(str(folder), 5)
    place = {"cnnlab": cnnlab, "torch": torch, "world": world}
    exec("\n".join(found.code(224)), place)
    assert torch.equal(place["pictures"], found.as_floats()) and len(found) == 5
    exec("\n".join(found.code(32, 3)), place)
    assert torch.allclose(place["pictures"], found.as_floats(32)[:3], atol=1e-6)
    assert first_images(own.dataset(32)).code(32) == [
        "pictures = data.images[:10] / 255  # your own data set"
    ]


def test_crops_of_the_installed_have_every_photograph_and_scale():
    crops, expression = installed_crops()
    counts = crops.labels.bincount()
    assert len(crops) <= MOST_PHOTOGRAPHS and counts.min() == counts.max() > 5
    place = {"cnnlab": cnnlab}
    exec(f"images = {expression}", place)
    assert torch.equal(place["images"], crops.images)


# The controls.


class Heard(list):
    """What a picker has said, in order."""

    def picker(self, given=None, class_names=()) -> DatasetPicker:
        return DatasetPicker(
            given, class_names, lambda: self.append("changed"), self.append, lambda _text: None, 8
        )


@pytest.fixture
def heard(monkeypatch):
    some = world.dataset("validation", n=24, progress=False)
    monkeypatch.setattr("cnnlab.explorers.activation_store.dataset", lambda *_split, **_options: some)
    return Heard()


def test_an_imagenet_network_begins_with_photographs_and_others_with_the_world(heard, own):
    assert heard.picker().name == RENDERED and len(heard.picker().collection) == 8
    assert heard.picker(class_names=("dog", "tabby")).name == CROPS
    given = heard.picker(own, ("dog", "tabby"))
    assert given.name == given.data.value == GIVEN and given.collection.class_names == own.class_names


def test_a_folder_is_read_and_used_and_the_sets_are_kept(heard, folder):
    picker = heard.picker()
    before = picker.collection
    picker.data.value = FOLDER
    assert picker.folder.layout.display is None and picker.collection is before and heard == []
    picker.folder.value = str(folder)
    assert heard == ["changed"] and picker.name == FOLDER and len(picker.collection) == 5
    mine = picker.collection
    picker.data.value = RENDERED
    assert picker.collection is before and picker.folder.layout.display == "none"
    picker.data.value = FOLDER
    assert picker.collection is mine and heard == ["changed"] * 3


@pytest.mark.parametrize("wrong", ["nowhere", "empty", "no pictures"])
def test_a_folder_that_cannot_serve_is_reported_and_the_last_set_stays(heard, tmp_path, wrong):
    (tmp_path / "empty").mkdir()
    (tmp_path / "no pictures").mkdir()
    (tmp_path / "no pictures" / "a.png").write_bytes(b"Dear reader")
    picker = heard.picker()
    before = picker.collection
    picker.data.value = FOLDER
    picker.folder.value = str(tmp_path / wrong)
    assert [type(one) for one in heard] == [ValueError] and wrong in str(heard[0])
    assert picker.collection is before and picker.name == RENDERED


def test_damaged_photographs_are_left_out(heard, folder, tmp_path):
    content = (folder / "red" / "0.png").read_bytes()
    (tmp_path / "whole.png").write_bytes(content)
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    picker = heard.picker()
    picker.data.value = FOLDER
    picker.folder.value = str(tmp_path)
    assert heard == ["changed"] and len(picker.collection) == 1
    assert [name for name, _reason in picker.collection.source.photographs.skipped] == ["cut"]
    assert picker.note.value.startswith("1 photograph. Left out: 1, the first cut (")


def test_a_folder_is_read_beside_the_controls(heard, folder):
    """The loop takes turns: another choice meanwhile ends the reading."""
    picker = heard.picker()

    async def scene():
        picker.data.value = FOLDER
        picker.folder.value = str(folder)
        assert picker._background.running and heard == []
        picker.data.value = CROPS
        assert not picker._background.running and heard == ["changed"]
        await asyncio.sleep(0)

    asyncio.run(scene())
    assert picker.name == CROPS


# The explorers.


@pytest.mark.parametrize("name", OPENED)
def test_a_folder_serves_every_explorer_over_a_set(model, folder, name):
    explorer = OPENED[name](model, str(folder))
    assert explorer.error is None and explorer.data.value == GIVEN
    compile(explorer.code(), "code", "exec")
    assert f'cnnlab.photographs("{folder}").dataset(224)' in explorer.code()
    assert len(explorer.static_preview()) > 1000


@pytest.mark.parametrize("name", OPENED)
def test_the_set_can_be_changed_in_the_explorer(model, folder, own, name):
    explorer = OPENED[name](model, own)
    explorer.data.value = CROPS
    assert explorer.error is None and "cnnlab.photographs().crops(224" in explorer.code()
    explorer.data.value = FOLDER
    explorer.folder.value = str(folder)
    assert explorer.error is None and f'cnnlab.photographs("{folder}")' in explorer.code()
    explorer.data.value = GIVEN
    assert explorer.error is None and "cnnlab.photographs(...)" in explorer.code()


def test_neighbours_among_photographs_are_those_of_the_technique(model, folder, own):
    explorer = NearestNeighboursExplorer(model, own["blue/2"], str(folder), layer="relu")
    found = ran(explorer)[0]["neighbours"]
    assert torch.equal(found.index, explorer.neighbours["relu"].index[:6])
    assert explorer.neighbour_grid.captions[0].startswith("1. blue/2, distance 0")
    right = [explorer.image_set.class_names[explorer.image_set.labels[i]] == "blue" for i in found.index]
    assert [("dashed" not in box) for box in explorer.neighbour_grid.boxes] == right


def test_a_map_of_crops_is_coloured_by_photograph_and_scale():
    explorer = EmbeddingExplorer(Small("tabby", "dog").eval(), layer="pixels")
    assert explorer.data.value == CROPS and list(explorer.colour.options) == ["class", "scale", "nothing"]
    explorer.method.value, explorer.colour.value = "pca", "scale"
    assert [name for name, _colour in explorer.scatter.legend] == ["1/2", "1/4", "whole"]
    assert explorer.scatter.captions[0].startswith("chelsea, 300 pixels wide (class: chelsea, scale: whole)")
    expected = features.embed(explorer.image_set.as_floats(32).flatten(1), "pca")
    assert torch.allclose(ran(explorer)[0]["points"], explorer.points, atol=1e-3)
    assert torch.allclose(expected, explorer.points, atol=1e-3)


def test_a_map_offers_only_the_sliders_that_change_it(model):
    explorer = EmbeddingExplorer(model, world.dataset("validation", n=24, progress=False), layer="relu")
    assert not explorer.perplexity.disabled and not explorer.size.disabled
    explorer.method.value, explorer.thumbnails.value = "pca", False
    assert explorer.perplexity.disabled, "PCA has no perplexity"
    assert explorer.size.disabled, "points have one size"
    explorer.method.value, explorer.thumbnails.value = "tsne", True
    assert not explorer.perplexity.disabled and not explorer.size.disabled


def test_patches_of_photographs_have_no_known_labels(model, folder):
    explorer = PatchExplorer(model, folder, layer="relu")
    assert (
        explorer.bars.entries == []
        and "no known masks" in explorer.status.value
        and explorer.category.disabled
    )
    found = ran(explorer)[0]["patches"]
    assert torch.equal(found.picture[0], explorer.top_patches.picture[0])


def test_the_same_photograph_is_found_again(model, own):
    explorer = RetrievalExplorer(model, own.crops(64, per_photo=3), layer="relu")
    assert explorer.error is None and explorer.database.images.shape[-1] == 32
    assert set(explorer.database.class_names) == {"red", "blue"}
    colours = [
        explorer.database.class_names[explorer.database.labels[i]] for i in explorer.order[:5].tolist()
    ]
    asked = explorer.database.class_names[explorer.database.labels[explorer.query.value]]
    assert colours == [asked] * 5
