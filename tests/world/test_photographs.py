"""Photographs: those that are installed, with what their packages say of them, and a reader's own folder."""

from __future__ import annotations

import ast
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import get_weight

import cnnlab
from cnnlab.networks.data_loading import picture_batches
from cnnlab.world import Labelled, Photograph, Photographs, photo, photographs
from cnnlab.world.photo import NOT_STATED
from cnnlab.world.photographs import INSTALLED, PACKAGES, installed_photographs

FUNCTIONS = {"motorcycle": "stereo_motorcycle", "hubble": "hubble_deep_field"}
"""Functions of `skimage.data` that are not called as the kit calls the photograph."""


def save(path: Path, colour: tuple[int, int, int] = (200, 40, 10), size: tuple[int, int] = (8, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def said_by_skimage() -> dict[str, str]:
    """The docstrings of `skimage.data`, read without importing it."""
    source = (
        Path(installed_photographs()["chelsea"].path).with_name("_fetchers.py").read_text(encoding="utf-8")
    )
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {node.name: one_line(ast.get_docstring(node) or "") for node in functions}


@pytest.fixture(scope="module")
def said_by_sklearn() -> dict[str, str]:
    readme = installed_photographs()["china"].path.with_name("README.txt").read_text(encoding="utf-8")
    parts = [part.split(".jpg", 1) for part in readme.split("Image: ")[1:]]
    return {name.strip(): one_line(text) for name, text in parts}


def test_every_photograph_of_the_list_is_installed_and_opens():
    collection = photographs()
    assert collection.names == tuple(INSTALLED) and not collection.skipped
    for one in collection:
        image = one.image(48)
        assert image.shape == (3, 48, 48) and image.dtype == torch.float32
        assert 0 <= image.min() < image.max() <= 1 and image.std() > 0.04, one.name
        assert one.maker and one.licence and one.shows and one.name in collection.class_names


def test_imagenet_classes_are_spelled_as_torchvision_spells_them():
    categories = get_weight("SqueezeNet1_1_Weights.IMAGENET1K_V1").meta["categories"]
    classes = {one.name: one.imagenet_class for one in photographs() if one.imagenet_class}
    assert len(classes) == 8 and classes["chelsea"] == "tabby"
    assert set(classes.values()) <= set(categories)


@pytest.mark.parametrize("name", [name for name, row in INSTALLED.items() if row[0] == "scikit-image"])
def test_makers_and_licences_are_those_of_the_docstrings_of_skimage(name, said_by_skimage):
    one, said = photographs()[name], said_by_skimage[FUNCTIONS.get(name, name)]
    assert one.note in said
    assert one.maker == NOT_STATED or one.maker in said
    granted = {word for word in ("CC0", "public domain") if word in said.replace("CC0Textures", "")}
    assert (granted == set()) if one.licence == NOT_STATED else (one.licence in granted)


@pytest.mark.parametrize("name", ["china", "flower"])
def test_makers_and_licences_are_those_of_the_readme_of_scikit_learn(name, said_by_sklearn):
    one, said = photographs()[name], said_by_sklearn[name]
    assert one.note in said and f"flickr.com/photos/{one.maker}/" in said
    assert one.licence == "CC BY 2.0" and "https://creativecommons.org/licenses/by/2.0/" in said


def test_what_may_be_published_has_a_credit_with_maker_and_licence():
    credits = {one.name: one.credit for one in photographs() if one.redistributable}
    assert credits["chelsea"] == "Chelsea, Stefan van der Walt, CC0"
    assert credits["text"] == "Text, maker not stated, public domain"
    assert all("licence" not in line for line in credits.values())
    rest = {one.name: one.credit for one in photographs() if not one.redistributable}
    assert set(rest) == {"motorcycle", "grace_hopper", "coins", "moon", "page"}
    assert rest["motorcycle"] == "Motorcycle, Middlebury College, licence not stated"
    assert rest["moon"] == "moon, maker and licence not stated"


def test_a_photograph_is_read_as_photo_reads_its_file():
    one = photographs()["coffee"]
    assert torch.equal(one.image(64), photo(one.path, 64)) and one.image().shape == (3, 224, 224)
    assert one.whole().size == (600, 400) and one.whole().mode == "RGB"


def test_the_packages_are_not_imported():
    """Looking for the files costs no import: neither scikit-image, scikit-learn and matplotlib, nor torch."""
    probe = (
        "import cnnlab, sys; assert len(cnnlab.photographs()) == 19;"
        " print(sorted({'torch', 'skimage', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_without_a_package_the_others_are_there(monkeypatch):
    monkeypatch.setitem(PACKAGES, "scikit-image", ("no_such_package", "data"))
    collection = photographs()
    assert collection.names == ("grace_hopper", "china", "flower")
    assert torch.equal(collection.labels, torch.tensor([6, 7, 8]))  # the classes stay those of the whole list
    with pytest.raises(ValueError, match="pip install scikit-image"):
        collection["chelsea"]


def test_a_set_is_taken_apart_by_number_name_slice_and_list():
    collection = cnnlab.photographs()
    assert collection[0] is collection["chelsea"] and collection[-1].name == "text"
    assert collection[np.int64(1)].name == "coffee"
    assert isinstance(collection[1:4], Photographs) and collection[1:4].names == (
        "coffee",
        "rocket",
        "astronaut",
    )
    few = collection[["flower", "chelsea", 2]]
    assert few.names == ("flower", "chelsea", "rocket") and few.labels.tolist() == [8, 0, 2]
    assert [one.name for one in few] == list(few.names) and few[0] in few and collection.index(few[0]) == 8


def test_the_images_are_what_a_data_set_has():
    few = photographs()[["china", "flower"]]
    images = few.images(32)
    assert images.shape == (2, 3, 32, 32) and images.dtype == torch.uint8
    assert torch.equal(images[1].float() / 255, few["flower"].image(32))
    data = few.dataset(32)
    assert isinstance(data, Labelled) and len(data) == 2 and data.photographs is few
    assert torch.equal(data.images, images) and data.class_names[int(data.labels[0])] == "china"
    assert data.labels.dtype == torch.int64


@pytest.mark.parametrize(
    ("which", "error", "says"),
    [
        ("chelse", ValueError, 'Did you mean "chelsea"'),
        (["chelsea", "cofee"], ValueError, 'Did you mean "coffee"'),
        (19, IndexError, "photograph 19 of a set of 19"),
        (1.5, TypeError, "number, name, slice or list"),
        (["chelsea", "chelsea"], ValueError, "same name"),
    ],
)
def test_a_photograph_that_is_not_there_is_told(which, error, says):
    with pytest.raises(error, match=says):
        photographs()[which]


def test_a_name_that_is_wrong_among_many_gives_the_nearest(tmp_path):
    many = Photographs(Photograph(f"IMG_{n:04d}", tmp_path / f"{n}.jpg", "") for n in range(50))
    with pytest.raises(ValueError, match=r"none of the 50 .* IMG_0042, ") as told:
        many["IMG_042"]
    assert len(str(told.value)) < 250


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ("chelsea", ValueError, r'photographs\(\)\["chelsea"\]'),
        ("imagenete", ValueError, r'photographs\("imagenette"\)'),
        ("no/such/folder", ValueError, "is no folder .* and no data set"),
        (7, TypeError, "a folder or the name of a data set, but got 7"),
        (__file__, ValueError, "is a file, not a folder; one photo is read by `cnnlab.photo`"),
    ],
)
def test_what_is_no_source_is_told(source, error, says):
    with pytest.raises(error, match=says):
        photographs(source)


def test_a_technique_is_given_the_data_set_of_photographs_not_their_list():
    few = photographs()[["china", "flower"]]
    batches = list(picture_batches(few.dataset(32), 1))
    assert len(batches) == 2 and torch.equal(batches[1][0], few[1].image(32))
    with pytest.raises(TypeError, match=r"photographs\.dataset\(224\)"):
        list(picture_batches(few, 1))


def test_a_folder_has_no_split(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="split and root belong to a data set"):
        photographs(tmp_path, split="test")


def test_a_folder_is_read_with_its_subfolders_and_they_are_the_classes(tmp_path):
    save(tmp_path / "dogs" / "rex.jpg"), save(tmp_path / "cats" / "old" / "tom_1.PNG", (0, 0, 250))
    save(tmp_path / "garden.png", size=(30, 10)), save(tmp_path / "cats" / "mia.webp")
    for hidden in (".trash/gone.png", "cats/.cache/small.png", "__pycache__/made.png", "cats/._tom.png"):
        save(tmp_path / hidden)
    (tmp_path / "notes.txt").write_text("of a summer")
    own = photographs(str(tmp_path))
    assert own.names == ("cats/mia", "cats/old/tom_1", "dogs/rex", "garden") and own.skipped == ()
    assert own.class_names == ("cats", "dogs", "photograph") and own.labels.tolist() == [0, 0, 1, 2]
    assert own["cats/old/tom_1"].shows == "tom 1" and own["garden"].imagenet_class is None
    assert own["cats/old/tom_1"].image(4)[:, 0, 0].tolist() == pytest.approx([0, 0, 250 / 255])
    assert not any(one.redistributable for one in own)
    assert own.images(5).shape == (4, 3, 5, 5)


def test_photographs_that_differ_in_their_ending_keep_it(tmp_path):
    save(tmp_path / "a.png"), save(tmp_path / "a.jpg"), save(tmp_path / "b.jpg")
    assert photographs(tmp_path).names == ("a.jpg", "a.png", "b")


def test_a_photograph_of_one_pixel_works(tmp_path):
    save(tmp_path / "dot.png", (255, 0, 255), size=(1, 1))
    own = photographs(tmp_path)
    assert own.images(16).permute(0, 2, 3, 1).reshape(-1, 3).unique(dim=0).tolist() == [[255, 0, 255]]
    patches = own.crops(size=8, per_photo=50)
    assert patches.boxes.tolist() == [[0, 0, 0, 1]] and patches.images.shape == (1, 3, 8, 8)


def test_linked_folders_are_followed_and_a_circle_of_links_ends(tmp_path):
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    elsewhere.mkdir()
    folder.mkdir()
    Image.new("RGB", (9, 9)).save(elsewhere / "one.png")
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    assert [photo.name for photo in photographs(folder)] == ["linked/one"]


def test_a_folder_without_a_photograph_says_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match=r"no photograph in .*\.jpg, .*\.png, .* found none among 1 files"):
        photographs(tmp_path)


def test_files_that_are_no_image_are_named_once_and_left_out(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "broken.jpg").write_bytes(b"this is no image")
    (tmp_path / "empty.png").touch()
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.warns(UserWarning, match="3 of 4 files") as warned:
        own = photographs(tmp_path)
    assert len(warned) == 1 and own.names == ("good",)
    assert {Path(path).name for path, _ in own.skipped} == {"broken.jpg", "empty.png", "phone.heic"}
    for name in ("broken.jpg", "empty.png", "phone.heic", "exported as JPEG"):
        assert name in str(warned[0].message)


def test_a_folder_of_nothing_but_broken_files_is_refused_by_their_names(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"this is no image")
    with pytest.raises(ValueError, match=r"no photograph in .* can be read: .*broken\.jpg"):
        photographs(tmp_path)


def test_a_photograph_that_is_cut_short_is_named_when_its_pixels_are_read(tmp_path):
    """Its head is whole, so that it is in the list: `images` refuses, `dataset` and `crops` leave it out."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:2000])
    save(tmp_path / "good.png")
    own = photographs(tmp_path)
    assert own.names == ("cut", "good")
    for read in (own["cut"].image, own["cut"].whole, own.images):
        with pytest.raises(ValueError, match=r"cut\.jpg is damaged or cut short"):
            read()
    for made in (own.dataset, own.crops):
        with pytest.warns(UserWarning, match=r"1 of 2 photographs are left out: .*cut\.jpg"):
            data = made(16)
        assert data.photographs.names == ("good",) and data.photographs.skipped[0][0] == "cut"
        assert set(data.labels.tolist()) == {0} and len(data.images) == len(data.labels)
    with pytest.raises(ValueError, match=r"not one of 1 photographs can be read: .*cut\.jpg"):
        own[["cut"]].dataset(16)
    (tmp_path / "good.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"good\.png"):
        own["good"].image(16)


def test_ten_thousand_files_are_listed_by_their_heads(tmp_path):
    """Only heads are read: these files are heads of pictures of 12 million pixels and nothing else."""
    Image.new("RGB", (4000, 3000)).save(stream := BytesIO(), "PNG")
    folder = tmp_path / "many"
    for album in range(10):
        place = folder / f"album{album}"
        place.mkdir(parents=True)
        for number in range(1000):
            (place / f"{number:04d}.png").write_bytes(stream.getvalue()[:100])
    own = photographs(folder, progress=False)
    assert len(own) == 10_000 and len(own.class_names) == 10 and own.labels.bincount().tolist() == [1000] * 10
    assert own["album9/0999"] is own[-1]
