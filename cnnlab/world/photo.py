"""A photo as the square tensor that a network takes, with its maker and licence.

This module turns a file, a URL or bytes into pixels: reading, rotating upright, cropping to a square,
scaling; `Photograph` is a file with its maker and licence. For many of them see `cnnlab.world.photo_set`; for pictures
with known ground truth, `cnnlab.world.picture`.
"""

from __future__ import annotations

import http.client
import os
import struct
import urllib.error
import urllib.request
import warnings
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from cnnlab._validation import positive_int

if TYPE_CHECKING:
    from torch import Tensor

MAX_PIXELS = 120_000_000
"""Larger pictures are refused: decoded they would fill the memory, however small the file."""
MAX_BYTES = 50_000_000
"""Longer responses from the network are refused."""
TIMEOUT = 10.0
"""Timeout of downloads in seconds."""

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "JPEG2000", "PPM", "ICO")
"""Image formats that are read; others (EPS, say) would start external programs."""

NOT_STATED = "not stated"
"""Maker or licence of a photograph if the source does not state them."""
FREE_LICENCES = ("CC0", "public domain", "CC BY 2.0")
"""Licences under which a photograph may be shown to others, with its credit."""
_ORIENTATION = 0x0112  # EXIF: the orientation of the camera
_WIDTH, _HEIGHT, _BITS_PER_SAMPLE, _PHOTOMETRIC, _PROFILE = 256, 257, 258, 262, 34675  # TIFF
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # kinds of photometric


def photo(path_or_url_or_bytes: str | os.PathLike | bytes, size: int = 96) -> Tensor:
    """Read a photo: upright, opaque, its central square, scaled to `size`.

    In this order: first frame of an animation; grey, palette, CMYK and 16 bits to RGB, by the file's colour profile to
    sRGB; the largest
    central square, scaled with Lanczos filtering (which averages when it shrinks); transparent parts
    over white; rotated by the EXIF orientation of the camera. Every aspect ratio is accepted: of a strip of 20 000 x
    10 the central 10 x 10 pixels are enlarged, a single pixel becomes a plain picture.

    Parameters
    ----------
    path_or_url_or_bytes
        A path, an http or https address, or the content of an image file (bytes, as from an upload).
    size
        Side of the square in pixels.

    Returns
    -------
    Tensor
        3 x size x size floats in [0, 1].

    Raises
    ------
    FileNotFoundError
        If there is no such file, or the address has no content.
    ConnectionError
        If the address cannot be reached.
    ValueError
        If it is not an image, the file is cut short, or it has more than 120 million pixels. Each message names
        the file.

    Example
    -------
    >>> from io import BytesIO
    >>> from PIL import Image
    >>> Image.new("L", (300, 200), 128).save(file := BytesIO(), "PNG")
    >>> photo(file.getvalue(), size=64).shape
    torch.Size([3, 64, 64])
    """
    import torch

    square = middle_square(path_or_url_or_bytes, positive_int(size, "size"))
    pixels = np.asarray(square, dtype=np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


@dataclass(frozen=True)
class Photograph:
    """A photograph with its maker and licence; its pixels are read on demand.

    Fields
    ------
    name
        Its name in the set that it belongs to.
    path
        The file.
    shows
        A short description of what it shows.
    imagenet_class
        The ImageNet class of its object, spelled as torchvision's `weights.meta["categories"]` spell it; None if it has none.
    class_name
        Its class in the set that it belongs to.
    maker, licence
        Its maker, and the terms under which it may be used, as its source states; "not stated" if it does not.
    note
        Further statements of its source, quoted.
    pixels
        H x W x 3 bytes if the photograph is part of a larger file, else None.
    """

    name: str
    path: Path
    shows: str
    imagenet_class: str | None = None
    class_name: str = "photograph"
    maker: str = NOT_STATED
    licence: str = NOT_STATED
    note: str = ""
    pixels: np.ndarray | None = field(default=None, repr=False, compare=False)

    def image(self, size: int = 224) -> Tensor:
        """The central square as 3 x size x size floats in [0, 1], read as by `cnnlab.photo`.

        Raises
        ------
        FileNotFoundError, ValueError
            If the file is missing, damaged or cut short; the message names it.
        """
        if self.pixels is None:
            return photo(self.path, size)
        import torch

        return torch.from_numpy(self.square(positive_int(size, "size"))).permute(2, 0, 1).float().div_(255)

    def whole(self) -> Image.Image:
        """The whole photograph in its own size, upright, as a Pillow RGB image."""
        return whole_photo(self.path) if self.pixels is None else Image.fromarray(self.pixels)

    @property
    def credit(self) -> str:
        """One line for a caption: name, maker, licence, as in "Chelsea, Stefan van der Walt, CC0"."""
        if self.maker == self.licence == NOT_STATED:
            return f"{self.name}, maker and licence {NOT_STATED}"
        maker = f"maker {NOT_STATED}" if self.maker == NOT_STATED else self.maker
        licence = f"licence {NOT_STATED}" if self.licence == NOT_STATED else self.licence
        return f"{self.name.replace('_', ' ').title()}, {maker}, {licence}"

    @property
    def redistributable(self) -> bool:
        """Whether its licence (CC0, public domain, CC BY with the credit) allows it to be published."""
        return self.licence in FREE_LICENCES

    def square(self, size: int) -> np.ndarray:
        """The central square as size x size x 3 bytes."""
        if self.pixels is None:
            return np.array(middle_square(self.path, size))
        return np.array(_square(Image.fromarray(self.pixels), size))


def middle_square(path_or_url_or_bytes: str | os.PathLike | bytes, size: int) -> Image.Image:
    """The central square of a photo as an RGB image of size x size, as described in `photo`."""
    return _decode(*_fetch(path_or_url_or_bytes), size)


def whole_photo(path_or_url_or_bytes: str | os.PathLike | bytes) -> Image.Image:
    """The whole photo as an RGB image, upright and opaque, in its own size; errors as in `photo`."""
    return _decode(*_fetch(path_or_url_or_bytes), None)


def _fetch(source: str | os.PathLike | bytes) -> tuple[bytes, str]:
    """The content of the file, and its name for messages."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), f"the image ({len(source)} bytes)"
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"photo takes a path, an http address or bytes, but got {type(source).__name__}.")
    name = os.fspath(source)
    if isinstance(source, str) and name.lower().startswith(("http://", "https://")):
        return _download(name), name
    path = Path(name).expanduser()
    if not os.path.exists(path):
        raise FileNotFoundError(f'there is no file "{path}" (looked in {Path.cwd()}).')
    if path.is_dir():
        raise ValueError(f'"{path}" is a folder; give the path of one image in it.')
    return path.read_bytes(), str(path)


def _download(address: str) -> bytes:
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "cnnlab"})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            content = response.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        kind = FileNotFoundError if error.code in (404, 410) else ConnectionError
        raise kind(f"{address} answered {error.code} ({error.reason}); is the address right?") from None
    except (OSError, http.client.HTTPException, ValueError) as error:  # no route, a timeout, not an address
        reason = getattr(error, "reason", error)
        raise ConnectionError(
            f"{address} cannot be reached ({reason}). Without a network, save the picture and give its path."
        ) from None
    if len(content) > MAX_BYTES:
        raise ValueError(
            f"{address} is longer than {MAX_BYTES // 10**6} million bytes; give a smaller picture."
        )
    return content


def _decode(content: bytes, name: str, size: int | None) -> Image.Image:
    """The finished picture, RGB: its central square in size x size, or the whole where `size` is None."""
    with warnings.catch_warnings():
        # Pillow warns of large pictures and of unusual metadata; what matters is checked here.
        warnings.simplefilter("ignore")
        image = _open_image(content, name)
        try:
            if size:  # a JPEG can be decoded at a half, a quarter ... of its size
                image.draft(None, (2 * size, 2 * size))
            picture = _square(_to_rgb(image), size) if size else _over_white(_to_rgb(image))
            orientation = image.getexif().get(_ORIENTATION, 1)  # read late: by now Pillow has rotated a TIFF
        except Exception as error:  # damaged files raise many kinds of exception
            raise ValueError(f"{name} is damaged or cut short and cannot be read ({error}).") from None
    # Rotated last: the central square stays where it is, and is small. Of all metadata only the orientation is
    # used.
    picture.info.clear()
    picture.getexif()[_ORIENTATION] = orientation
    return ImageOps.exif_transpose(picture)


def readable_formats() -> list[str]:
    """The `FORMATS` that this build of Pillow can read."""
    Image.init()
    return [kind for kind in FORMATS if kind in Image.OPEN]


def _open_image(content: bytes, name: str) -> Image.Image:
    """The image with its header read, and its pixels mostly not yet decoded."""
    try:
        image = _tiff_of_many_bits(content) or Image.open(BytesIO(content), formats=readable_formats())
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} is too large: {error}") from None
    except (UnidentifiedImageError, OSError, ValueError, EOFError, SyntaxError, struct.error):
        formats = ", ".join(FORMATS)
        hint = " Export HEIC photos of a phone as JPEG first." if b"ftyp" in content[:12] else ""
        raise ValueError(f"{name} is no image that can be read here; these can: {formats}.{hint}") from None
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"{name} has {image.width} x {image.height} pixels, more than the {MAX_PIXELS // 10**6} million"
            " that are read; save it smaller."
        )
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """sRGB, or sRGB with alpha where something may be transparent."""
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":  # as some scanners and editors write TIFF; Pillow converts it by profiles alone
        lab, srgb = (ImageCms.createProfile(space) for space in ("LAB", "sRGB"))
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if image.mode.startswith(("I", "F")):  # grey of more than 8 bits, which Pillow would clip at 255
        levels = np.asarray(image)
        image = _to_bytes(levels, _white(levels, 16) if image.format == "TIFF" else 65535.0)
    transparent = "transparency" in image.info or "A" in image.getbands()
    plain = image.convert("RGBA" if transparent else "RGB")
    if not profile:
        return plain
    space = {"CMYK": "CMYK", "L": "GRAY", "LA": "GRAY"}.get(image.mode, "RGB ")
    source = {"CMYK": image, "GRAY": image.convert("L")}.get(space, plain.convert("RGB"))
    rgb = _by_profile(source, profile, space)
    if transparent:
        rgb.putalpha(plain.getchannel("A"))
    return rgb


def _by_profile(image: Image.Image, profile: bytes, space: str) -> Image.Image:
    """The image in sRGB, by the ICC profile of its file; without it if the profile is damaged or one of other colours."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        # Photographs often carry sRGB's own profile, which would only add rounding.
        if source.profile.xcolor_space == space and "sRGB" not in (source.profile.profile_description or ""):
            return ImageCms.profileToProfile(
                image,
                source,
                ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
    except (ImageCms.PyCMSError, OSError, ImportError):  # the last for a Pillow without LittleCMS
        pass
    return image.convert("RGB")


def _tiff_of_many_bits(content: bytes) -> Image.Image | None:
    """A grey or colour TIFF of more than 8 bits a sample, as 8 bits; None for everything else.

    Of these Pillow drops the lower bits, takes unsigned numbers for signed ones, or reads nothing; OpenCV gives the numbers as they are.
    """
    if content[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    file = BytesIO(content)
    tags = ImageFileDirectory_v2(file.read(16 if b"+" in content[:4] else 8))  # the plus is that of BigTIFF
    file.seek(tags.next)
    tags.load(file)
    pixels = tags.get(_WIDTH, 0) * tags.get(_HEIGHT, 0)
    bits, kind = max(tags.get(_BITS_PER_SAMPLE, (1,))), tags.get(_PHOTOMETRIC)
    if pixels > MAX_PIXELS or bits <= 8 or kind not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        return None
    import cv2  # late: it takes longer to load than most photos to read

    levels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if levels is None:  # half precision, say
        return None
    if levels.ndim == 3:
        levels = levels[..., [2, 1, 0, 3][: levels.shape[2]]]  # OpenCV has blue first
    white = _white(levels, bits)
    image = _to_bytes(white - levels if kind == _WHITE_IS_ZERO else levels, white)
    image.getexif()[_ORIENTATION] = tags.get(_ORIENTATION, 1)
    if _PROFILE in tags:
        image.info["icc_profile"] = tags[_PROFILE]
    return image


def _white(levels: np.ndarray, bits: int) -> float:
    """The number that means white in a TIFF, which does not tell.

    Floats up to 1 are common, up to 255 less so, both with a little more where a filter overshoots; integers are often those of 8, 10
    or 12 bits of a camera in 16 or 32. What is packed in fewer than 16 bits comes as the upper ones of 16.
    """
    if bits < 16:
        return 65536.0 - 2 ** (16 - bits)
    whole = np.issubdtype(levels.dtype, np.integer)
    highest = float(levels.max(initial=0, where=np.isfinite(levels)))
    if not whole and highest <= 16:  # as numbers of 0 to 255 nearly black
        return 1.0
    room = 1.0 if whole else 1.1
    return next((w for w in (255.0, 1023.0, 4095.0, 65535.0) if highest <= room * w), highest)


def _to_bytes(levels: np.ndarray, white: float) -> Image.Image:
    """Numbers as an image of 8 bits, from black at 0 to white."""
    shares = np.nan_to_num(levels / np.float64(white), posinf=1.0).clip(0, 1)
    return Image.fromarray(np.rint(shares * 255).astype(np.uint8))


def _square(image: Image.Image, size: int) -> Image.Image:
    """The central square of an RGB or RGBA image, scaled with Lanczos filtering, over white."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = image.crop((left, top, left + side, top + side))
    return _over_white(middle.resize((size, size), Image.Resampling.LANCZOS))


def _over_white(image: Image.Image) -> Image.Image:
    """The image composed over white where it is transparent."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")
