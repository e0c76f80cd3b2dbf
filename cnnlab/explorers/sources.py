"""Where an explorer's picture comes from: the rendered world, or a photo.

A source is a plain value that can give its picture at any size, so that one source serves the network (96 x 96), the eye (large)
and the lines of code that reproduce it. The controls that choose a source are in `cnnlab.explorers.pictures`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from os import PathLike, fspath

from torch import Tensor

from cnnlab.world import Picture, Recipe, photo, render, sample


@dataclass(frozen=True)
class Rendered:
    """A picture of the world, drawn from its recipe at the size that is asked for."""

    recipe: Recipe

    def image(self, size: int) -> Tensor:
        """3 x size x size floats in [0, 1]."""
        return _drawn(self.recipe, size).image

    def mask(self, size: int) -> Tensor:
        """size x size booleans: where the main object is seen."""
        return _drawn(self.recipe, size).mask()

    @property
    def words(self) -> str:
        shape = "no object" if self.recipe.shape == "none" else self.recipe.shape
        return f"{shape}, scene {self.recipe.scene}, seed {self.recipe.seed}"

    @property
    def thing(self) -> str:
        return self.recipe.shape

    def code(self, size: int) -> str:
        """Lines that define `image`."""
        said = {"shape": self.recipe.shape, "scene": self.recipe.scene} | special_fields(self.recipe)
        given = "".join(f", {name}={_written(value)}" for name, value in said.items())
        at_size = "" if size == 96 else f", size={size}"
        return f"picture = world.render({self.recipe.seed}{given}{at_size})\nimage = picture.image"


@dataclass(frozen=True)
class Photo:
    """A photo of the reader's own, cut to a square; nobody knows its truth, so it has no mask."""

    name: str
    content: bytes | str

    def image(self, size: int) -> Tensor:
        """3 x size x size floats in [0, 1]."""
        return _developed(self.content, size)

    def mask(self, size: int) -> None:
        return None

    @property
    def words(self) -> str:
        return f"photo {self.name}"

    @property
    def thing(self) -> str:
        return "object"

    def code(self, size: int) -> str:
        """Lines that define `image`, with the photo lying beside the notebook."""
        return f"image = cnnlab.photo({_written(self.name)}, size={size})"


Source = Rendered | Photo


def as_source(picture: object) -> Source:
    """What a caller may mean by a picture: a seed, a recipe, a `Picture`, or a photo's path, address or bytes."""
    if isinstance(picture, Rendered | Photo):
        return picture
    if isinstance(picture, Picture):
        return Rendered(picture.recipe)
    if isinstance(picture, Recipe):
        return Rendered(picture)
    if isinstance(picture, int) and not isinstance(picture, bool):
        return Rendered(sample(picture))
    if isinstance(picture, bytes):
        return Photo("photo", picture)
    if isinstance(picture, str | PathLike):
        return Photo(fspath(picture), fspath(picture))
    raise TypeError(
        "picture must be a seed, a recipe, a picture of cnnlab.world.render, or a photo's path or bytes,"
        f" but got {type(picture).__name__}."
    )


def special_fields(recipe: Recipe) -> dict:
    """What a recipe says beyond seed, shape and scene: the fields that chance would have drawn otherwise."""
    drawn = sample(recipe.seed, shape=recipe.shape, scene=recipe.scene)
    others = (
        field.name for field in fields(Recipe) if getattr(recipe, field.name) != getattr(drawn, field.name)
    )
    return {name: getattr(recipe, name) for name in others}


def _written(value: object) -> str:
    text = repr(value)
    return f'"{value}"' if isinstance(value, str) and text == f"'{value}'" else text


@lru_cache(maxsize=16)  # an object in all scenes, and what is shown large
def _drawn(recipe: Recipe, size: int) -> Picture:
    return render(recipe, size=size)


@lru_cache(maxsize=4)
def _developed(content: bytes | str, size: int) -> Tensor:
    return photo(content, size=size)
