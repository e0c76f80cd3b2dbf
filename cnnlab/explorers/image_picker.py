"""The controls that choose an explorer's picture: a photograph, a rendered picture by class, scene and seed, or a photo of one's own."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from cnnlab.explorers.parts import Upload, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sources import (
    CollectionPhoto,
    Photo,
    Rendered,
    Source,
    as_source,
    installed,
    special_fields,
)
from cnnlab.explorers.thumbnails import Switch, Thumbnails, described, installed_thumbnails, thumbnail_sheet
from cnnlab.world import OBJECTS, SCENES, sample

LARGEST_SEED = 999_999
KINDS = {"photograph": "Photograph", "rendered": "Rendered", "own": "Own photo"}


class PicturePicker:
    """A switch between three kinds of pictures, and the controls of the kind that is chosen; `source` is the picture.

    `kind` is the switch, `thumbnails` shows the installed photographs, `shape`, `scene`, `seed` and `another` choose a rendered
    picture, `photo` uploads one. Setting any of them chooses a picture of its kind.

    Calls `changed()` after each choice and `failed(error)` when a photo cannot be read; the last good choice then stands.
    """

    def __init__(self, picture: object, changed: Callable[[], None], failed: Callable[[Exception], None]):
        self.source: Source = as_source(picture)
        recipe = self.source.recipe if isinstance(self.source, Rendered) else sample(0)
        self._special = special_fields(recipe) if isinstance(self.source, Rendered) else {}
        self._changed, self._failed = changed, failed
        self._showing = False
        self._last: dict[str, Source] = {}
        self._make_rendered(recipe)
        self.thumbnails = Thumbnails(label="Photographs", **described(installed()))
        self.photo = Upload()
        offered = [[value, word] for value, word in KINDS.items() if value != "photograph" or installed()]
        self.kind = Switch(options=offered, value=self.source.kind, label="Kind of picture")
        self._panels = {"photograph": self.thumbnails, "rendered": self._rendered, "own": self.photo}
        self._show_which()
        self.kind.observe(self._turn, "value")
        self.thumbnails.observe(self._look_at, "value")
        for control in (self.shape, self.scene, self.seed):
            control.observe(self._draw, "value")
        self.another.on_click(self._next)
        self.photo.observe(self._receive, "upload")

    def _make_rendered(self, recipe) -> None:
        self.shape = SearchSelect(OBJECTS, value=_listed(recipe.shape), description="Class")
        self.scene = widgets.Dropdown(options=SCENES, value=recipe.scene, description="Scene")
        self.seed = widgets.BoundedIntText(
            recipe.seed, min=0, max=max(LARGEST_SEED, recipe.seed), description="Seed"
        )
        self.another = widgets.Button(description="Another")
        seed_row = widgets.HBox([self.seed, self.another]).add_class("cnnlab-row")
        self.rendered_rows = [self.shape, self.scene, seed_row]  # alone for what takes rendered pictures only
        self._rendered = widgets.VBox(self.rendered_rows).add_class("cnnlab-panel")

    @property
    def rows(self) -> list[widgets.Widget]:
        """The controls as they stand in the column."""
        return [self.kind, *self._panels.values()]

    @property
    def names(self) -> list:
        """The accessible names of the controls."""
        return [
            *names_for(self.shape, "shape", "Class of the object in the picture"),
            *names_for(self.scene, "scene", "Scene of the picture"),
            *names_for(self.seed, "seed", "Seed of the picture"),
            *names_for(self.another, "another", "Another picture of the same class and scene"),
        ]

    def use_photo(self, content: bytes | str, name: str = "") -> None:
        """Show this photo; one that cannot be read is reported and the picture stays."""
        self._try(Photo(name, content))

    def _try(self, source: Source) -> None:
        """Choose a source whose file may turn out to be no picture."""
        try:
            source.image(96)
        except Exception as error:  # decoders raise many kinds, all of them mean: not a picture
            self._show_which()
            self._failed(error)
            return
        self._choose(source)

    def _choose(self, source: Source) -> None:
        self.source = source
        self._show_which()
        self._changed()

    def _show_which(self) -> None:
        """Bring the controls to what is shown, and show those of its kind."""
        source = self.source
        self._last.pop(source.kind, None)  # the latest stands last
        self._last[source.kind] = source
        self._showing = True
        try:
            self.kind.value = source.kind
            self.thumbnails.value = source.name if source.kind == "photograph" else self.thumbnails.value
            self.photo.shown = (source.name or "without a name") if source.kind == "own" else ""
        finally:
            self._showing = False
        self._show_panel(source.kind)

    def _show_panel(self, kind: str) -> None:
        for name, panel in self._panels.items():
            panel.layout.display = None if name == kind else "none"
        if (
            kind == "photograph" and not self.thumbnails.sheet
        ):  # not before they are seen: this reads all of them
            self.thumbnails.sheet = thumbnail_sheet(installed_thumbnails())

    def _turn(self, change: dict) -> None:
        """Another kind: what was chosen of it before, or first."""
        if self._showing:
            return
        kind = change["new"]
        if kind == self.source.kind:
            self._show_which()  # it was left for an empty panel
        elif kind in self._last:
            self._choose(self._last[kind])
        elif kind == "photograph":
            self._try(CollectionPhoto(installed()[0]))
        elif kind == "rendered":
            self._draw()
        else:
            self._show_panel(kind)  # nothing to look at before a photo comes

    def _look_at(self, change: dict) -> None:
        if not self._showing and change["new"]:
            self._try(CollectionPhoto(installed()[change["new"]]))

    def _draw(self, _change: dict | None = None) -> None:
        chosen = {"shape": self.shape.value, "scene": self.scene.value}
        self._choose(Rendered(sample(self.seed.value, **chosen).replace(**self._special)))

    def _next(self, _button: widgets.Button) -> None:
        self.seed.value = (self.seed.value + 1) % (self.seed.max + 1)

    def _receive(self, change: dict) -> None:
        came = change["new"]
        if "content" in came:
            self.use_photo(bytes(came["content"]), came["name"])
        elif self._last.pop("own", None) is not None:
            self.photo.shown = ""
            if self.source.kind == "own":
                self._leave()

    def _leave(self) -> None:
        """Back to what was shown before the photo came."""
        if self._last:
            self._choose(list(self._last.values())[-1])
        else:
            self._draw()


def _listed(shape: str) -> str:
    return shape if shape in OBJECTS else OBJECTS[0]
