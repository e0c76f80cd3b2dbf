"""Image sources: where an explorer's picture comes from.

A source is a plain value that gives its picture at any size: the rendered world, a photograph, or a file or tensor of the reader's.
The same source serves the network (96 x 96 or 224 x 224), the display (large) and the code. Only rendered pictures have a mask. The
controls that choose a source are in `cnnlab.explorers.image_picker`.
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

from cnnlab._validation import image_batch
from cnnlab.world import Photograph, Photographs, Picture, Recipe, photo, photographs, render, sample

NO_MASK = "A photograph has no known mask, so this cannot be checked against the truth."
"""Message of an explorer in place of a comparison with the true mask."""
FIRST_PHOTOGRAPH = "chelsea"
"""The first picture of an explorer of an ImageNet network: a cat."""


@dataclass(frozen=True)
class RenderedSource:
    """A picture of the world, rendered from its recipe at the requested size."""

    recipe: Recipe

    kind = "rendered"

    def image(self, size: int) -> Tensor:
        """3 x size x size floats in [0, 1]."""
        return _render_cached(self.recipe, size).image

    def mask(self, size: int) -> Tensor:
        """size x size booleans: where the main object is visible."""
        return _render_cached(self.recipe, size).mask()

    @property
    def description(self) -> str:
        shape = "no object" if self.recipe.shape == "none" else self.recipe.shape
        return f"{shape}, scene {self.recipe.scene}, seed {self.recipe.seed}"

    @property
    def object_name(self) -> str:
        return self.recipe.shape

    def code(self, size: int) -> str:
        """Lines of code that define `image`."""
        arguments = {"shape": self.recipe.shape, "scene": self.recipe.scene} | extra_fields(self.recipe)
        argument_text = "".join(f", {name}={_literal(value)}" for name, value in arguments.items())
        size_text = "" if size == 96 else f", size={size}"
        return f"picture = world.render({self.recipe.seed}{argument_text}{size_text})\nimage = picture.image"


@dataclass(frozen=True)
class PhotographSource:
    """One of `cnnlab.photographs`, with its author and licence; it has no mask, since the object's outline is not known."""

    photograph: Photograph

    @property
    def kind(self) -> str:
        """The kind in the image picker: installed photographs are chosen among thumbnails, others count as the reader's own."""
        return "photograph" if self._is_installed else "own"

    @property
    def name(self) -> str:
        return self.photograph.name

    @property
    def class_name(self) -> str:
        return self.photograph.class_name

    def image(self, size: int) -> Tensor:
        """3 x size x size floats in [0, 1]."""
        return _read_photograph_cached(self.photograph, size)

    def mask(self, size: int) -> None:
        return None

    @property
    def description(self) -> str:
        return f"photograph {self.photograph.credit}" if self._is_installed else f"photo {self.name}"

    @property
    def object_name(self) -> str:
        return self.photograph.imagenet_class or "object"

    def code(self, size: int) -> str:
        """Lines of code that define `image`."""
        if self._is_installed:
            return f'image = cnnlab.photographs()["{self.name}"].image({size})'
        if self.photograph.pixels is None:
            return f"image = cnnlab.photo({_literal(str(self.photograph.path))}, size={size})"
        return _reader_code(f"{self.name} of your data set", size)

    @property
    def _is_installed(self) -> bool:
        return (
            self.name in installed_photographs().names
            and installed_photographs()[self.name].path == self.photograph.path
        )


@dataclass(frozen=True)
class PhotoSource:
    """A photo of the reader's own, cropped to a square: a file, an address, or bytes, which may have a name."""

    name: str
    content: bytes | str

    kind = "own"
    class_name = ""

    def image(self, size: int) -> Tensor:
        """3 x size x size floats in [0, 1]."""
        return _read_photo_cached(self.content, size)

    def mask(self, size: int) -> None:
        return None

    @property
    def description(self) -> str:
        return f"photo {self.name}" if self.name else "photo of your own"

    @property
    def object_name(self) -> str:
        return "object"

    def code(self, size: int) -> str:
        """Lines of code that define `image`, for a photo stored beside the notebook."""
        if not self.name:
            return _reader_code("your own photo", size)
        return f"image = cnnlab.photo({_literal(self.name)}, size={size})"


@dataclass(frozen=True, eq=False)
class TensorSource:
    """A tensor 3 x H x W in [0, 1]; one that is not square is cropped to its middle."""

    tensor: Tensor

    kind = "own"
    name = "your own picture"
    class_name = ""
    description = "picture of your own"
    object_name = "object"

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
        """A line of code that leaves `image` to the reader."""
        return _reader_code(self.name, size)


ImageSource = RenderedSource | PhotographSource | PhotoSource | TensorSource


def as_source(picture: object) -> ImageSource:
    """The image source for a `picture` argument.

    Accepted are a seed, a recipe or a `Picture` of the rendered world; a `Photograph` or the name of an installed one; the path, address or
    bytes of a photo, or a Pillow image; a tensor 3 x H x W in [0, 1]. A file takes precedence over a photograph of the same name.

    Raises
    ------
    FileNotFoundError
        If a string is neither a photograph's name nor a file; similar names are listed.
    TypeError, ValueError
        If it is none of these, or the tensor is no picture in [0, 1].
    """
    if isinstance(picture, RenderedSource | PhotographSource | PhotoSource | TensorSource):
        return picture
    if isinstance(picture, Picture):
        return RenderedSource(picture.recipe)
    if isinstance(picture, Recipe):
        return RenderedSource(picture)
    if isinstance(picture, int) and not isinstance(picture, bool):
        return RenderedSource(sample(picture))
    if isinstance(picture, Photograph):
        return PhotographSource(picture)
    if isinstance(picture, str):
        return _photo_or_photograph(picture)
    if isinstance(picture, PathLike):
        return PhotoSource(fspath(picture), fspath(picture))
    if isinstance(picture, bytes):
        return PhotoSource("", picture)
    if isinstance(picture, Image.Image):
        return _from_pillow(picture)
    if isinstance(picture, Tensor):
        return _from_tensor(picture)
    raise TypeError(
        "picture must be a seed, a recipe, a picture of cnnlab.world.render, a photograph or its name, a photo's path or"
        f" bytes, an image of Pillow or a tensor 3 x H x W, but got {type(picture).__name__}."
    )


@lru_cache(maxsize=1)
def installed_photographs() -> Photographs:
    """The photographs that come with installed packages, listed once."""
    return photographs()


def knows_photographs(class_names: Sequence[str]) -> bool:
    """Whether a network with these classes has the class of the first photograph, one of ImageNet's."""
    known = installed_photographs()
    return FIRST_PHOTOGRAPH in known.names and known[FIRST_PHOTOGRAPH].imagenet_class in class_names


def default_image(class_names: Sequence[str], fallback: object) -> object:
    """The default picture: a photograph for a network trained on such, else `fallback`."""
    return installed_photographs()[FIRST_PHOTOGRAPH] if knows_photographs(class_names) else fallback


def extra_fields(recipe: Recipe) -> dict:
    """The fields of a recipe beyond seed, shape and scene that differ from those drawn at random."""
    default = sample(recipe.seed, shape=recipe.shape, scene=recipe.scene)
    names = (
        field.name for field in fields(Recipe) if getattr(recipe, field.name) != getattr(default, field.name)
    )
    return {name: getattr(recipe, name) for name in names}


def _photo_or_photograph(text: str) -> ImageSource:
    """The photo at a path or address, else the photograph of this name."""
    if text.lower().startswith(("http://", "https://")) or Path(text).expanduser().exists():
        return PhotoSource(text, text)
    listed = installed_photographs()
    if text in listed.names or text in dict(listed.skipped):
        return PhotographSource(listed[text])  # if its package is missing, the error says what to install
    near = difflib.get_close_matches(Path(text).stem.lower(), listed.names, n=3, cutoff=0.5)
    among = f"near: {', '.join(near)}" if near else f"there are {', '.join(listed.names)}"
    raise FileNotFoundError(
        f'there is no file "{text}" (looked in {Path.cwd()}), and no photograph of this name; {among}.'
    )


def _from_pillow(picture: Image.Image) -> PhotoSource:
    """A Pillow image as the file that it was read from, else as bytes."""
    if file := getattr(picture, "filename", ""):
        return PhotoSource(fspath(file), fspath(file))
    upright = ImageOps.exif_transpose(picture)
    png_modes = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
    upright = upright if upright.mode in png_modes else upright.convert("RGB")
    upright.save(stream := BytesIO(), "PNG", compress_level=1)
    return PhotoSource("", stream.getvalue())


def _from_tensor(picture: Tensor) -> TensorSource:
    images, _single = image_batch(picture.detach(), "picture")
    if len(images) != 1:
        raise ValueError(f"picture must be one picture 3 x H x W, but came as a batch of {len(images)}.")
    return TensorSource(images[0].float().cpu())


def _reader_code(what: str, size: int) -> str:
    return f"image = ...  # {what}: 3 x {size} x {size} floats in [0, 1]"


def _literal(value: object) -> str:
    text = repr(value)
    return f'"{value}"' if isinstance(value, str) and text == f"'{value}'" else text


@lru_cache(maxsize=16)  # an object in all scenes, and the enlarged view
def _render_cached(recipe: Recipe, size: int) -> Picture:
    return render(recipe, size=size)


@lru_cache(maxsize=8)
def _read_photograph_cached(photograph: Photograph, size: int) -> Tensor:
    return photograph.image(size)


@lru_cache(maxsize=4)
def _read_photo_cached(content: bytes | str, size: int) -> Tensor:
    return photo(content, size=size)
