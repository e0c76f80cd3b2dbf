"""The controls that choose an explorer's picture: class, scene and seed of the world, or a photo of one's own."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from cnnlab.explorers.parts import Upload, names_for
from cnnlab.explorers.sources import Photo, Rendered, Source, as_source, special_fields
from cnnlab.world import OBJECTS, SCENES, sample

LARGEST_SEED = 999_999


class PicturePicker:
    """Class, scene, seed, "another one", and the upload; `source` is what is chosen.

    Calls `changed()` after each choice and `failed(error)` when a photo cannot be read; the last good choice then stands.
    """

    def __init__(self, picture: object, changed: Callable[[], None], failed: Callable[[Exception], None]):
        self.source: Source = as_source(picture)
        recipe = self.source.recipe if isinstance(self.source, Rendered) else sample(0)
        self._special = special_fields(recipe) if isinstance(self.source, Rendered) else {}
        self.shape = widgets.Dropdown(options=OBJECTS, value=_listed(recipe.shape), description="Class")
        self.scene = widgets.Dropdown(options=SCENES, value=recipe.scene, description="Scene")
        self.seed = widgets.BoundedIntText(
            recipe.seed, min=0, max=max(LARGEST_SEED, recipe.seed), description="Seed"
        )
        self.another = widgets.Button(description="Another")
        self.photo = Upload()
        self._changed, self._failed = changed, failed
        for control in (self.shape, self.scene, self.seed):
            control.observe(self._draw, "value")
        self.another.on_click(self._next)
        self.photo.observe(self._receive, "upload")
        self._show_which()

    @property
    def rows(self) -> list[widgets.Widget]:
        """The controls as they stand in the column."""
        row = widgets.HBox([self.seed, self.another]).add_class("cnnlab-row")
        return [self.shape, self.scene, row, self.photo]

    @property
    def names(self) -> list:
        """The accessible names of the controls."""
        return [
            *names_for(self.shape, "shape", "Class of the object in the picture"),
            *names_for(self.scene, "scene", "Scene of the picture"),
            *names_for(self.seed, "seed", "Seed of the picture"),
            *names_for(self.another, "another", "Another picture of the same class and scene"),
        ]

    def use_photo(self, content: bytes | str, name: str = "photo") -> None:
        """Show this photo; one that cannot be read is reported and the picture stays."""
        photo = Photo(name, content)
        try:
            photo.image(96)
        except Exception as error:  # decoders raise many kinds, all of them mean: not a picture
            self._failed(error)
            return
        self._choose(photo)

    def _choose(self, source: Source) -> None:
        self.source = source
        self._show_which()
        self._changed()

    def _show_which(self) -> None:
        """Name the photo in use, and let the world's controls step back meanwhile."""
        in_use = isinstance(self.source, Photo)
        self.photo.shown = self.source.name if in_use else ""
        for control in (self.shape, self.scene, self.seed):
            (control.add_class if in_use else control.remove_class)("cnnlab-idle")

    def _draw(self, _change: dict | None = None) -> None:
        chosen = {"shape": self.shape.value, "scene": self.scene.value}
        self._choose(Rendered(sample(self.seed.value, **chosen).replace(**self._special)))

    def _next(self, _button: widgets.Button) -> None:
        self.seed.value = (self.seed.value + 1) % (self.seed.max + 1)

    def _receive(self, change: dict) -> None:
        came = change["new"]
        if "content" in came:
            self.use_photo(bytes(came["content"]), came["name"])
        elif isinstance(self.source, Photo):
            self._draw()


def _listed(shape: str) -> str:
    return shape if shape in OBJECTS else OBJECTS[0]
