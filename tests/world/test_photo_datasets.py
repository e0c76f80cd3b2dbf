"""torchvision's data sets of photographs, on small files in the formats that torchvision reads; no connection is needed.

Where torchvision checks a sum of the files (STL-10, Flowers102, every download), it is told the sums of ours.
"""

from __future__ import annotations

import hashlib
import socket
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision import datasets
from torchvision.models import get_weight

from cnnlab.world import photographs
from cnnlab.world.photo_datasets import SOURCES

CATEGORIES = get_weight("SqueezeNet1_1_Weights.IMAGENET1K_V1").meta["categories"]


def save(path: Path, red: int, size: tuple[int, int] = (20, 14)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (red, 0, 100)).save(path)


def sum_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()  # what torchvision compares


def make_imagenette(root: Path) -> None:
    """split/wordnet id/*.JPEG"""
    for split, count in {"train": 3, "val": 1}.items():
        for number, wnid in enumerate(["n01440764", "n02102040", "n03394916"]):
            for which in range(count):
                save(root / "imagenette2-320" / split / wnid / f"{wnid}_{split}{which}.JPEG", 60 * number)


def make_oxford_pets(root: Path) -> None:
    """images/Breed_number.jpg; annotations/split.txt with lines "name class species breed"."""
    folder = root / "oxford-iiit-pet"
    (folder / "annotations").mkdir(parents=True)
    breeds = {"Abyssinian": 1, "american_bulldog": 2, "pug": 2}
    for split, numbers in {"trainval": (1, 2), "test": (100,)}.items():
        lines = []
        for label, (breed, species) in enumerate(breeds.items(), start=1):
            for number in numbers:
                save(folder / "images" / f"{breed}_{number}.jpg", 60 * label)
                lines.append(f"{breed}_{number} {label} {species} 1\n")
        (folder / "annotations" / f"{split}.txt").write_text("".join(lines))


def make_stl10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """split_X.bin: N x 3 x columns x rows bytes; split_y.bin: N bytes, classes from 1; class_names.txt"""
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    (folder / "class_names.txt").write_text("airplane\nbird\ncar\n")
    for split, count in {"train": 6, "test": 3}.items():
        pixels = np.zeros((count, 3, 96, 96), dtype=np.uint8)
        pixels[:, 0] = 10 * np.arange(count)[:, None, None]  # red tells the picture
        pixels[:, 1] = np.arange(96)[:, None]  # green tells the column, which is the third axis in the file
        pixels.tofile(folder / f"{split}_X.bin")
        (np.arange(count) % 3 + 1).astype(np.uint8).tofile(folder / f"{split}_y.bin")
    names = {"train_list": ("train_X.bin", "train_y.bin"), "test_list": ("test_X.bin", "test_y.bin")}
    for attribute, files in names.items():
        monkeypatch.setattr(datasets.STL10, attribute, [[file, sum_of(folder / file)] for file in files])


def make_flowers102(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """jpg/image_number.jpg; imagelabels.mat: the class of each, from 1; setid.mat: the numbers in each split"""
    folder = root / "flowers-102"
    labels = [1, 48, 1, 48, 102]
    for number, label in enumerate(labels, start=1):
        save(folder / "jpg" / f"image_{number:05d}.jpg", label)
    savemat(folder / "imagelabels.mat", {"labels": np.array([labels])})
    savemat(folder / "setid.mat", {"trnid": [[1, 2]], "valid": [[3]], "tstid": [[4, 5]]})
    files = {
        "label": ("imagelabels.mat", sum_of(folder / "imagelabels.mat")),
        "setid": ("setid.mat", sum_of(folder / "setid.mat")),
    }
    monkeypatch.setattr(datasets.Flowers102, "_file_dict", datasets.Flowers102._file_dict | files)


@pytest.fixture
def dead_addresses(monkeypatch) -> None:
    """Every download goes to a port at which nobody listens."""
    nobody = "http://127.0.0.1:9/"
    monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", {"320px": (f"{nobody}imagenette2-320.tgz", "0")})
    monkeypatch.setattr(datasets.OxfordIIITPet, "_RESOURCES", ((f"{nobody}images.tar.gz", "0"),))
    monkeypatch.setattr(datasets.STL10, "url", f"{nobody}stl10_binary.tar.gz")
    monkeypatch.setattr(datasets.Flowers102, "_download_url_prefix", nobody)


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which its files can be downloaded."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_imagenette_is_read_with_its_imagenet_classes(tmp_path):
    make_imagenette(tmp_path)
    train, test = (photographs("imagenette", split=split, root=tmp_path) for split in ("train", "test"))
    assert (len(train), len(test)) == (9, 3)
    assert train.class_names == ("tench", "English springer", "French horn")
    assert train.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert test[2].imagenet_class == test[2].class_name == "French horn" == test[2].shows
    assert test["n03394916_val0"].image(8)[0].mean() == pytest.approx(120 / 255, abs=0.02)
    assert test.dataset(16).images.shape == (3, 3, 16, 16)


def test_all_classes_of_imagenette_are_classes_of_imagenet():
    names = [names[0] for names in datasets.Imagenette._WNID_TO_CLASS.values()]
    assert len(names) == 10 and set(names) <= set(CATEGORIES)


def test_oxford_pets_are_read_with_readable_breeds(tmp_path):
    make_oxford_pets(tmp_path)
    train = photographs("oxford_pets", root=tmp_path)
    assert train.class_names == ("Abyssinian", "American Bulldog", "Pug") and len(train) == 6
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert [one.imagenet_class for one in train[::2]] == [None, None, "pug"]  # as ImageNet spells it
    assert train["pug_2"].image(8)[0].mean() == pytest.approx(180 / 255, abs=0.02)
    assert photographs("oxford_pets", split="test", root=tmp_path).names == (
        "Abyssinian_100",
        "american_bulldog_100",
        "pug_100",
    )


def test_stl10_is_read_from_its_one_large_file(tmp_path, monkeypatch):
    make_stl10(tmp_path, monkeypatch)
    train = photographs("stl10", root=tmp_path)
    assert train.class_names == ("airplane", "bird", "car") and train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert train[4].path.name == "train_X.bin" and train[4].whole().size == (96, 96)
    image = train["train_00004"].image(96)
    assert torch.equal(image[0], torch.full((96, 96), 40 / 255))
    assert torch.equal(
        image[1], (torch.arange(96) / 255).expand(96, 96)
    )  # upright: columns from left to right
    assert torch.equal(train.images(96)[4].float() / 255, image)
    assert train.crops(size=8, per_photo=5).images.shape == (30, 3, 8, 8)
    test = photographs("stl10", split="test", root=tmp_path)
    assert len(test) == 3 and test[2].image(4)[0].mean() == pytest.approx(20 / 255)


def test_flowers102_are_read_with_their_names(tmp_path, monkeypatch):
    make_flowers102(tmp_path, monkeypatch)
    train, test = (photographs("flowers102", split=split, root=tmp_path) for split in ("train", "test"))
    assert len(train.class_names) == 102 and train.names == ("image_00001", "image_00002")
    assert [one.class_name for one in (*train, test[1])] == ["pink primrose", "buttercup", "blackberry lily"]
    assert test.labels.tolist() == [47, 101]
    assert train.labels.tolist() == [0, 47]
    assert test[1].image(8)[0].mean() == pytest.approx(102 / 255, abs=0.02)


@pytest.mark.usefixtures("dead_addresses", "empty_cache")
@pytest.mark.parametrize("name", SOURCES)
def test_without_a_connection_it_is_said_what_works(name, tmp_path):
    with pytest.raises(ConnectionError, match=f"{name} is not in .*cannot download it") as told:
        photographs(name)
    for hint in ("`cnnlab.photographs()`", "`cnnlab.photographs(folder)`", SOURCES[name].folder, "`root=`"):
        assert hint in str(told.value)
    assert not list((tmp_path / "cache" / "photographs").iterdir()), "what was begun is left behind"


def test_a_connection_that_is_silent_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules["cnnlab.world.photo_datasets"], "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/imagenette2-320.tgz"
        monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", {"320px": (address, "0")})
        with pytest.raises(ConnectionError, match="timed out"):
            photographs("imagenette", root=tmp_path)
    assert socket.getdefaulttimeout() is None


def test_a_data_set_is_downloaded_once_and_found_again(server, empty_cache, monkeypatch):
    folder, address = server
    make_imagenette(folder)
    archive = folder / "imagenette2-320.tgz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder / "imagenette2-320", "imagenette2-320")
    archives = {"320px": (f"{address}/{archive.name}", sum_of(archive))}
    monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", archives)
    assert len(photographs("imagenette")) == 9
    archive.unlink()
    assert len(photographs("imagenette", split="test")) == 3
    assert [path.name for path in (empty_cache / "photographs").iterdir()] == ["imagenette2-320"]


def test_a_download_that_is_not_what_was_promised_is_refused(server, empty_cache, monkeypatch):
    folder, address = server
    (folder / "imagenette2-320.tgz").write_bytes(b"something else")
    archives = {"320px": (f"{address}/imagenette2-320.tgz", "0" * 32)}
    monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", archives)
    with pytest.raises(ConnectionError, match="corrupted"):
        photographs("imagenette")
    assert not list((empty_cache / "photographs").iterdir())


def test_a_data_set_that_is_damaged_names_the_folder_to_remove(tmp_path):
    make_oxford_pets(tmp_path)
    (tmp_path / "oxford-iiit-pet" / "annotations" / "trainval.txt").unlink()
    with pytest.raises(
        ValueError, match=r"oxford_pets in .*oxford-iiit-pet is damaged or not complete .* remove"
    ):
        photographs("oxford_pets", root=tmp_path)
    with pytest.raises(ValueError, match="split 'validation' is not known"):
        photographs("oxford_pets", split="validation", root=tmp_path)
