"""Where an explorer's picture comes from: the rendered world, the collection of photographs, or the reader.

A source is a plain value that can give its picture at any size, so that one source serves the network (96 x 96, or 224 x 224), the
eye (large) and the lines of code that reproduce it. Only a rendered picture has a mask. The controls that choose a source are in
`cnnlab.explorers.pictures`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from io import BytesIO
from os import PathLike, fspath
from pathlib import Path

from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from cnnlab.inputs import image_batch
from cnnlab.world import Photograph, Photographs, Picture, Recipe, photo, photographs, render, sample

NO_MASK = "A photograph has no known mask, so this cannot be checked against the truth."
"""What an explorer says where it compares with the truth otherwise."""
FIRST_PHOTOGRAPH = "chelsea"
"""What an explorer of an ImageNet network shows first: a cat."""


@dataclass(frozen=True)
class Rendered:
    """A picture of the world, drawn from its recipe at the size that is asked for."""

    recipe: Recipe

    kind = "rendered"

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
class CollectionPhoto:
    """One of `cnnlab.photographs`, with its maker and licence; where its object lies is not known, so it has no mask."""

    photograph: Photograph

    @property
    def kind(self) -> str:
        """Those that are installed are chosen among thumbnails; others are the reader's own."""
        return "photograph" if self._installed else "own"

    @property
    def name(self) -> str:
        return self.photograph.name

    @property
    def class_name(self) -> str:
        return self.photograph.class_name

    def image(self, size: int) -> Tensor:
        """3 x size x size floats in [0, 1]."""
        return _read(self.photograph, size)

    def mask(self, size: int) -> None:
        return None

    @property
    def words(self) -> str:
        return f"photograph {self.photograph.credit}" if self._installed else f"photo {self.name}"

    @property
    def thing(self) -> str:
        return self.photograph.imagenet_class or "object"

    def code(self, size: int) -> str:
        """Lines that define `image`."""
        if self._installed:
            return f'image = cnnlab.photographs()["{self.name}"].image({size})'
        if self.photograph.pixels is None:
            return f"image = cnnlab.photo({_written(str(self.photograph.path))}, size={size})"
        return _unknown(f"{self.name} of your data set", size)

    @property
    def _installed(self) -> bool:
        return self.name in installed().names and installed()[self.name].path == self.photograph.path


@dataclass(frozen=True)
class Photo:
    """A photo of the reader's own, cut to a square: a file, an address, or bytes, which may have a name."""

    name: str
    content: bytes | str

    kind = "own"
    class_name = ""

    def image(self, size: int) -> Tensor:
        """3 x size x size floats in [0, 1]."""
        return _developed(self.content, size)

    def mask(self, size: int) -> None:
        return None

    @property
    def words(self) -> str:
        return f"photo {self.name}" if self.name else "photo of your own"

    @property
    def thing(self) -> str:
        return "object"

    def code(self, size: int) -> str:
        """Lines that define `image`, with the photo lying beside the notebook."""
        if not self.name:
            return _unknown("your own photo", size)
        return f"image = cnnlab.photo({_written(self.name)}, size={size})"


@dataclass(frozen=True, eq=False)
class TensorPicture:
    """A tensor 3 x H x W in [0, 1]; of one that is not square the middle is taken."""

    tensor: Tensor

    kind = "own"
    name = "your own picture"
    class_name = ""
    words = "picture of your own"
    thing = "object"

    def image(self, size: int) -> Tensor:
        """3 x size x size floats in [0, 1]; the tensor itself where it has this size."""
        height, width = self.tensor.shape[1:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        middle = self.tensor[:, top : top + side, left : left + side]
        if side == size:
            return middle
        scaled = F.interpolate(middle[None], size=(size, size), mode="bicubic", antialias=True)
        return scaled[0].clamp(0, 1)

    def mask(self, size: int) -> None:
        return None

    def code(self, size: int) -> str:
        """A line that leaves `image` to the reader."""
        return _unknown(self.name, size)


Source = Rendered | CollectionPhoto | Photo | TensorPicture


def as_source(picture: object) -> Source:
    """What a caller may mean by a picture.

    A seed, a recipe or a `Picture` of the rendered world; a `Photograph` or the name of one that is installed; the path, address or
    bytes of a photo, or an image of Pillow; a tensor 3 x H x W in [0, 1]. Where a file has the name of a photograph, the file is meant.

    Raises
    ------
    FileNotFoundError
        If a text is neither a photograph's name nor a file; near names are listed.
    TypeError, ValueError
        If it is none of these, or a tensor is no picture in [0, 1].
    """
    if isinstance(picture, Rendered | CollectionPhoto | Photo | TensorPicture):
        return picture
    if isinstance(picture, Picture):
        return Rendered(picture.recipe)
    if isinstance(picture, Recipe):
        return Rendered(picture)
    if isinstance(picture, int) and not isinstance(picture, bool):
        return Rendered(sample(picture))
    if isinstance(picture, Photograph):
        return CollectionPhoto(picture)
    if isinstance(picture, str):
        return _named(picture)
    if isinstance(picture, PathLike):
        return Photo(fspath(picture), fspath(picture))
    if isinstance(picture, bytes):
        return Photo("", picture)
    if isinstance(picture, Image.Image):
        return _from_pillow(picture)
    if isinstance(picture, Tensor):
        return _from_tensor(picture)
    raise TypeError(
        "picture must be a seed, a recipe, a picture of cnnlab.world.render, a photograph or its name, a photo's path or"
        f" bytes, an image of Pillow or a tensor 3 x H x W, but got {type(picture).__name__}."
    )


@lru_cache(maxsize=1)
def installed() -> Photographs:
    """The photographs that come with packages, listed once."""
    return photographs()


def knows_photographs(class_names: Sequence[str]) -> bool:
    """Whether a network with these classes has learned what the first photograph shows: one of ImageNet's."""
    known = installed()
    return FIRST_PHOTOGRAPH in known.names and known[FIRST_PHOTOGRAPH].imagenet_class in class_names


def usual_picture(class_names: Sequence[str], otherwise: object) -> object:
    """What is shown if no picture is given: a photograph to a network that has learned from such, else `otherwise`."""
    return installed()[FIRST_PHOTOGRAPH] if knows_photographs(class_names) else otherwise


def special_fields(recipe: Recipe) -> dict:
    """What a recipe says beyond seed, shape and scene: the fields that chance would have drawn otherwise."""
    drawn = sample(recipe.seed, shape=recipe.shape, scene=recipe.scene)
    others = (
        field.name for field in fields(Recipe) if getattr(recipe, field.name) != getattr(drawn, field.name)
    )
    return {name: getattr(recipe, name) for name in others}


def _named(text: str) -> Source:
    """The photo at a path or address, else the photograph of this name."""
    if text.lower().startswith(("http://", "https://")) or Path(text).expanduser().exists():
        return Photo(text, text)
    listed = installed()
    if text in listed.names or text in dict(listed.skipped):
        return CollectionPhoto(listed[text])  # of one whose package is missing this says what to install
    near = difflib.get_close_matches(Path(text).stem.lower(), listed.names, n=3, cutoff=0.5)
    among = f"near: {', '.join(near)}" if near else f"there are {', '.join(listed.names)}"
    raise FileNotFoundError(
        f'there is no file "{text}" (looked in {Path.cwd()}), and no photograph of this name; {among}.'
    )


def _from_pillow(picture: Image.Image) -> Photo:
    """An image of Pillow as the file that it was read from, else as bytes."""
    if file := getattr(picture, "filename", ""):
        return Photo(fspath(file), fspath(file))
    upright = ImageOps.exif_transpose(picture)
    kept = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")  # what a PNG can hold
    upright = upright if upright.mode in kept else upright.convert("RGB")
    upright.save(stream := BytesIO(), "PNG", compress_level=1)
    return Photo("", stream.getvalue())


def _from_tensor(picture: Tensor) -> TensorPicture:
    images, _single = image_batch(picture.detach(), "picture")
    if len(images) != 1:
        raise ValueError(f"picture must be one picture 3 x H x W, but came as a batch of {len(images)}.")
    return TensorPicture(images[0].float().cpu())


def _unknown(what: str, size: int) -> str:
    return f"image = ...  # {what}: 3 x {size} x {size} floats in [0, 1]"


def _written(value: object) -> str:
    text = repr(value)
    return f'"{value}"' if isinstance(value, str) and text == f"'{value}'" else text


@lru_cache(maxsize=16)  # an object in all scenes, and what is shown large
def _drawn(recipe: Recipe, size: int) -> Picture:
    return render(recipe, size=size)


@lru_cache(maxsize=8)
def _read(photograph: Photograph, size: int) -> Tensor:
    return photograph.image(size)


@lru_cache(maxsize=4)
def _developed(content: bytes | str, size: int) -> Tensor:
    return photo(content, size=size)
