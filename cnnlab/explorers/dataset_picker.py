"""Controls for the data set that an explorer searches: rendered pictures, crops of photographs, or a folder."""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from torch import nn

from cnnlab.explorers.activation_store import N_IMAGES, ImageSet, first_images
from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.controls import Controls, choice, named
from cnnlab.explorers.image_sources import installed_photographs, knows_photographs
from cnnlab.explorers.picture_sets import installed_crops, reading, spread
from cnnlab.world import Photographs, photographs

GIVEN, RENDERED, CROPS, FOLDER = "pictures", "rendered pictures", "crops of photographs", "photographs"
"""The data sets, by the name of their members in sentences; the set given to the explorer comes first."""


class DatasetPicker:
    """A menu of data sets and a field for a folder; `collection` is the set in use.

    Parameters
    ----------
    given
        The `pictures` argument of the explorer; None takes crops of photographs for a network with ImageNet's classes, else
        the rendered world.
    class_names
        The classes of the network.
    n
        Number of pictures of a set.
    rendered
        Function that makes the rendered set; None takes the validation split.
    others
        Functions that make further sets, by name; called when a set is chosen.
    changed, failed, say
        Callbacks: `changed()` after a change of set, `failed(error)` when one cannot be read (the previous one stays), `say(text)`
        with the progress while a folder is read.
    """

    def __init__(
        self,
        given: Any,
        class_names: Sequence[str],
        changed: Callable[[], None],
        failed: Callable[[Exception], None],
        say: Callable[[str], None],
        n: int = N_IMAGES,
        rendered: Callable[[], ImageSet] | None = None,
        others: Mapping[str, Callable[[], ImageSet]] | None = None,
    ):
        self._changed, self._failed, self._say, self._n = changed, failed, say, n
        self._makers = {RENDERED: rendered or self._rendered, CROPS: crops_of_photographs, **(others or {})}
        self._kept: dict[str, ImageSet] = {}
        self._fitting: dict[tuple[ImageSet, int], ImageSet] = {}
        self._background: BackgroundSteps[Any] = BackgroundSteps(failed)
        if given is None:
            first = CROPS if knows_photographs(class_names) else RENDERED
            self._kept[first] = self._makers[first]()
            options = []
        else:
            first, options = GIVEN, [("as given", GIVEN)]
            self._kept[GIVEN] = first_images(given, n)
        self.collection, self.name = self._kept[first], first
        options += [("rendered world", RENDERED)]
        options += [("crops of photos", CROPS)] if installed_photographs() else []
        options += [(name, name) for name in others or {}]
        options += [("a folder …", FOLDER)]
        self.data = choice("From", options, first, name="Pictures that are searched")
        self.folder = named(
            widgets.Text(placeholder="path, then Enter", description="Folder", continuous_update=False),
            "Path of a folder of your photographs",
        )
        self.note = widgets.HTML().add_class("cnnlab-quiet")
        self._show_folder(False)
        self.data.observe(self._choose, "value")
        self.folder.observe(self._open, "value")

    @property
    def controls(self) -> Controls:
        """The controls in their order, for `Explorer.layout`."""
        return {"data": self.data, "folder": self.folder, "folder_note": self.note}

    def _show_folder(self, shown: bool) -> None:
        self.folder.layout.display = self.note.layout.display = None if shown else "none"

    def fitting(self, model: nn.Module, side: int) -> ImageSet:
        """The set for a network; always the same object for the same set, side and number of pictures."""
        key = (self.collection, side, self.collection.within_reach(model, side))
        if key not in self._fitting:
            self._fitting[key] = self.collection.fitting(model, side)
        return self._fitting[key]

    def _choose(self, _change: dict) -> None:
        self._background.stop()
        name = self.data.value
        self._show_folder(name == FOLDER)
        if name == FOLDER and FOLDER not in self._kept:
            self._say("Type the path of a folder with photographs.")
            return
        if name == self.name:
            return
        try:
            if name not in self._kept:
                self._kept[name] = self._makers[name]()
        except Exception as error:  # any error: the explorer keeps the previous set
            self._failed(error)
            return
        self._use(name)

    def _use(self, name: str) -> None:
        self.collection, self.name = self._kept[name], name
        self._changed()

    def _rendered(self) -> ImageSet:
        return first_images(None, self._n)

    def _open(self, _change: dict) -> None:
        """Read the folder, photo by photo, while the controls stay responsive."""
        path = self.folder.value.strip()
        if path:
            self._background.start(self._read(path), self._read_so_far)

    def _read(self, path: str) -> Iterator[Any]:
        self._say(f"Looks for photographs in {path} ...")
        yield None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # unreadable files are reported below
            whole = photographs(Path(path).expanduser())
        some, expression = spread(whole, self._n, f'cnnlab.photographs("{path}")')
        for found in reading(some):
            if isinstance(found, int):
                self._say(f"Reads {len(some)} of {len(whole)} photographs: {found} done.")
                yield None
            else:
                yield ImageSet(found.images, found.labels, found.class_names, found, expression)

    def _read_so_far(self, found: ImageSet | None) -> None:
        if found is not None:
            self._kept[FOLDER] = found
            self.note.value = html.escape(_told(found.source.photographs))
            self._use(FOLDER)


def _told(read: Photographs) -> str:
    """A sentence with the number of photographs read and of files left out."""
    told = "1 photograph." if len(read) == 1 else f"{len(read)} photographs."
    if read.skipped:
        name, reason = read.skipped[0]
        told += f" Left out: {len(read.skipped)}, the first {Path(name).name} ({reason})."
    return told


def crops_of_photographs() -> ImageSet:
    """Crops of the installed photographs."""
    crops, expression = installed_crops()
    return ImageSet(crops.images, crops.labels, crops.class_names, crops, expression)


def usual_pictures(class_names: Sequence[str]) -> ImageSet:
    """What a network is asked about if nothing is given: crops of photographs if it knows ImageNet's classes, else the rendered world."""
    return crops_of_photographs() if knows_photographs(class_names) else first_images()
