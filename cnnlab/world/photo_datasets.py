"""Photograph data sets that torchvision downloads: Imagenette, Oxford pets, STL-10 and Oxford flowers.

They are read from a folder, downloaded into it once if they are missing, and returned as `Photographs`.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab._validation import one_of
from cnnlab.world import cache
from cnnlab.world.photo import TIMEOUT, Photograph
from cnnlab.world.photo_set import Photographs


@dataclass(frozen=True)
class Source:
    """One of torchvision's data sets.

    Fields
    ------
    kind
        The name of its class in `torchvision.datasets`.
    folder
        The folder in which torchvision keeps it.
    splits
        torchvision's names of our "train" and "test".
    options
        The options of its class besides the split.
    files
        Instance of the class -> (file, class index) of each photograph.
    class_names
        Instance of the class -> the names of its classes.
    """

    kind: str
    folder: str
    splits: dict[str, str]
    options: dict[str, Any]
    files: Callable[[Any], Iterator[tuple[Path, int]]]
    class_names: Callable[[Any], list[str]]


def _paths(data: Any) -> Iterator[tuple[Path, int]]:
    """The items of a data set whose loader is `Path`: paths instead of pixels."""
    return (data[number] for number in range(len(data)))


SOURCES = {
    "imagenette": Source(
        *("Imagenette", "imagenette2-320", {"train": "train", "test": "val"}),
        *({"size": "320px", "loader": Path}, _paths),
        lambda data: [names[0] for names in data.classes],  # synonyms follow
    ),
    "oxford_pets": Source(
        *("OxfordIIITPet", "oxford-iiit-pet", {"train": "trainval", "test": "test"}, {}),
        lambda data: zip(data._images, data._labels, strict=True),  # this class has no loader option
        lambda data: data.classes,
    ),
    "stl10": Source(
        *("STL10", "stl10_binary", {"train": "train", "test": "test"}, {}),
        lambda data: (
            (Path(data.root, data.base_folder, f"{data.split}_X.bin"), int(i)) for i in data.labels
        ),
        lambda data: data.classes,
    ),
    "flowers102": Source(
        *("Flowers102", "flowers-102", {"train": "train", "test": "test"}, {"loader": Path}, _paths),
        lambda data: data.classes,
    ),
}
"""The data sets by name."""


def of_dataset(name: str, split: str = "train", root: str | os.PathLike | None = None) -> Photographs:
    """A torchvision data set as `Photographs`.

    Parameters
    ----------
    name
        One of `SOURCES`: "imagenette" (ten easy classes of ImageNet), "oxford_pets" (37 breeds of cats and dogs), "stl10" (ten classes,
        96 x 96 pixels) or "flowers102" (102 flowers).
    split
        "train" or "test".
    root
        The folder of torchvision's data sets; None for one in the cache of the kit.

    Raises
    ------
    ConnectionError
        If it is not in the folder and cannot be downloaded.
    ValueError
        If the name or split is not known, or the files are damaged.
    """
    source = SOURCES[one_of(name, SOURCES, "data set")]
    name_there = source.splits[one_of(split, source.splits, "split")]
    folder = cache.folder() / "photographs" if root is None else Path(root).expanduser()
    if not (folder / source.folder).is_dir():
        _download(name, source, folder)
    try:
        data = _torchvision_dataset(source, folder, name_there)
        class_names = list(source.class_names(data))
        has_labels = [(path, class_names[label]) for path, label in source.files(data)]
    except (RuntimeError, OSError, ValueError, LookupError) as problem:
        raise ValueError(
            f"{name} in {folder / source.folder} is damaged or not complete ({problem});"
            " remove this folder, and it will be downloaded again."
        ) from None
    return Photographs(_photographs(data, split, has_labels), class_names)


def _torchvision_dataset(source: Source, folder: Path, split: str, **options: Any) -> Any:
    """The data set as an instance of torchvision's class."""
    from torchvision import datasets

    return getattr(datasets, source.kind)(folder, split=split, **source.options, **options)


def _photographs(data: Any, split: str, has_labels: list[tuple[Path, str]]) -> Iterator[Photograph]:
    """Each file with its class; for STL-10, which is one large file, each picture in it."""
    imagenet_names = _imagenet_classes()
    pixels = getattr(data, "data", None)
    for number, (path, class_name) in enumerate(has_labels):
        yield Photograph(
            name=path.stem if pixels is None else f"{split}_{number:05d}",
            path=path,
            shows=class_name,
            imagenet_class=imagenet_names.get(class_name.lower()),
            class_name=class_name,
            pixels=None if pixels is None else pixels[number].transpose(1, 2, 0),
        )


def _imagenet_classes() -> dict[str, str]:
    """ImageNet's class names in lower case, for data sets that spell them otherwise ("Pug" is "pug")."""
    from torchvision.models import get_weight

    return {
        name.lower(): name for name in get_weight("SqueezeNet1_1_Weights.IMAGENET1K_V1").meta["categories"]
    }


def _download(name: str, source: Source, folder: Path) -> None:
    """Let torchvision download a data set; its folder appears only when it is complete."""
    part = cache.incomplete(folder / f".{source.folder}")
    try:
        part.mkdir(parents=True)
        with _socket_timeout(TIMEOUT):
            _torchvision_dataset(source, part, source.splits["train"], download=True)
        if not (folder / source.folder).exists():  # else another process was faster
            (part / source.folder).rename(folder / source.folder)
    except (
        urllib.error.URLError,
        ConnectionError,
        TimeoutError,
        http.client.HTTPException,
        RuntimeError,
    ) as error:
        raise ConnectionError(
            f"{name} is not in {folder}, and torchvision cannot download it ({getattr(error, 'reason', error)})."
            " Without a connection there are the photographs that are installed, `cnnlab.photographs()`, and a folder"
            " of yours, `cnnlab.photographs(folder)`. A copy of the data set made elsewhere is read from"
            f' "{folder / source.folder}", or from another folder by `root=`.'
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """A timeout for silent connections; torchvision itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
