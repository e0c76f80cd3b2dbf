"""Image picker: a photograph, a rendered picture by class, scene and seed, or a photo of one's own."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from cnnlab.explorers.common import PhotoUpload
from cnnlab.explorers.controls import Hold, button, choice, number, row, search
from cnnlab.explorers.image_sources import (
    ImageSource,
    PhotographSource,
    PhotoSource,
    RenderedSource,
    as_source,
    extra_fields,
    installed_photographs,
)
from cnnlab.explorers.thumbnails import (
    Switch,
    Thumbnails,
    installed_thumbnails,
    photograph_traits,
    thumbnail_atlas,
)
from cnnlab.world import OBJECTS, SCENES, sample

LARGEST_SEED = 999_999
KINDS = {"photograph": "Photograph", "rendered": "Rendered", "own": "Own photo"}


class ImagePicker:
    """Image picker: a switch between three kinds of pictures, and the controls of the chosen kind; `source` is the picture.

    `kind` is the switch, `thumbnails` shows the installed photographs, `shape`, `scene`, `seed` and `another_button` choose a rendered
    picture, `photo_upload` uploads one. Setting any of them switches to its kind.

    Calls `on_change()` after each choice and `on_error(error)` when a photo cannot be read; the previous choice then stays.
    """

    def __init__(self, picture: object, on_change: Callable[[], None], on_error: Callable[[Exception], None]):
        self.source: ImageSource = as_source(picture)
        recipe = self.source.recipe if isinstance(self.source, RenderedSource) else sample(0)
        self._extra_fields = extra_fields(recipe) if isinstance(self.source, RenderedSource) else {}
        self._on_change, self._on_error = on_change, on_error
        self._showing = Hold()
        self._last: dict[str, ImageSource] = {}
        self._make_rendered(recipe)
        self.thumbnails = Thumbnails(label="Photographs", **photograph_traits(installed_photographs()))
        self.photo_upload = PhotoUpload()
        kinds = {
            value: label for value, label in KINDS.items() if value != "photograph" or installed_photographs()
        }
        self.kind = Switch(
            options=[list(pair) for pair in kinds.items()], value=self.source.kind, label="Kind of picture"
        )
        self._panels = {
            "photograph": self.thumbnails,
            "rendered": self.rendered_panel,
            "own": self.photo_upload,
        }
        self._show_which()
        self.kind.observe(self._switch_kind, "value")
        self.thumbnails.observe(self._choose_photograph, "value")
        for control in (self.shape, self.scene, self.seed):
            control.observe(self._render, "value")
        self.another_button.on_click(self._next)
        self.photo_upload.observe(self._receive, "upload")

    def _make_rendered(self, recipe) -> None:
        shape = recipe.shape if recipe.shape in OBJECTS else OBJECTS[0]
        self.shape = search("Class", OBJECTS, name="Class of the object in the picture")
        self.shape.value = shape
        self.scene = choice("Scene", SCENES, recipe.scene, name="Scene of the picture")
        largest = max(LARGEST_SEED, recipe.seed)
        self.seed = number("Seed", recipe.seed, 0, largest, name="Seed of the picture")
        self.another_button = button("Another", name="Another picture of the same class and scene")
        self.rendered_rows = [self.shape, self.scene, row([self.seed, self.another_button])]
        self.rendered_panel = widgets.VBox(self.rendered_rows).add_class("cnnlab-panel")

    @property
    def rows(self) -> list[widgets.Widget]:
        """The controls in their order."""
        return [self.kind, *self._panels.values()]

    def use_photo(self, content: bytes | str, name: str = "") -> None:
        """Use this photo; an unreadable one is reported and the picture stays."""
        self._try(PhotoSource(name, content))

    def _try(self, source: ImageSource) -> None:
        """Use a source whose file may not be an image."""
        try:
            source.image(96)
        except Exception as error:  # decoders raise many types, all of which mean: not an image
            self._show_which()
            self._on_error(error)
            return
        self._choose(source)

    def _choose(self, source: ImageSource) -> None:
        self.source = source
        self._show_which()
        self._on_change()

    def _show_which(self) -> None:
        """Set the controls to the current picture, and show those of its kind."""
        source = self.source
        self._last.pop(source.kind, None)  # the latest comes last
        self._last[source.kind] = source
        with self._showing:
            self.kind.value = source.kind
            self.thumbnails.value = source.name if source.kind == "photograph" else self.thumbnails.value
            self.photo_upload.photo_name = (source.name or "without a name") if source.kind == "own" else ""
        self._show_panel(source.kind)

    def _show_panel(self, kind: str) -> None:
        for name, panel in self._panels.items():
            panel.layout.display = None if name == kind else "none"
        if (
            kind == "photograph" and not self.thumbnails.atlas
        ):  # only once they are visible: this reads all of them
            self.thumbnails.atlas = thumbnail_atlas(installed_thumbnails())

    def _switch_kind(self, change: dict) -> None:
        """Switch to another kind: its previous choice, or its first."""
        if self._showing:
            return
        kind = change["new"]
        if kind == self.source.kind:
            self._show_which()  # the panel was empty when it was left
        elif kind in self._last:
            self._choose(self._last[kind])
        elif kind == "photograph":
            self._try(PhotographSource(installed_photographs()[0]))
        elif kind == "rendered":
            self._render()
        else:
            self._show_panel(kind)  # no picture to show before a photo is uploaded

    def _choose_photograph(self, change: dict) -> None:
        if not self._showing and change["new"]:
            self._try(PhotographSource(installed_photographs()[change["new"]]))

    def _render(self, _change: dict | None = None) -> None:
        chosen = {"shape": self.shape.value, "scene": self.scene.value}
        self._choose(RenderedSource(sample(self.seed.value, **chosen).replace(**self._extra_fields)))

    def _next(self, _button: widgets.Button) -> None:
        self.seed.value = (self.seed.value + 1) % (self.seed.max + 1)

    def _receive(self, change: dict) -> None:
        upload = change["new"]
        if "content" in upload:
            self.use_photo(bytes(upload["content"]), upload["name"])
        elif self._last.pop("own", None) is not None:
            self.photo_upload.photo_name = ""
            if self.source.kind == "own":
                self._remove_photo()

    def _remove_photo(self) -> None:
        """Go back to the picture shown before the photo was uploaded."""
        if self._last:
            self._choose(list(self._last.values())[-1])
        else:
            self._render()
