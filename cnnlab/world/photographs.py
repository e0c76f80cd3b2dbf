"""Photographs: those installed with Python packages, a folder of your own, or torchvision's data sets, in one function.

`photographs()` returns those installed with scikit-image, scikit-learn and matplotlib. Their makers and licences are quoted
from the docstrings of `skimage.data` and from scikit-learn's `images/README.txt`. The files are read in place; none is copied.
"""

from __future__ import annotations

import difflib
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from cnnlab.world.photo import MAX_PIXELS, NOT_STATED, Photograph, readable_formats
from cnnlab.world.photo_datasets import SOURCES, of_dataset
from cnnlab.world.photo_set import Photographs, describe_errors, with_progress

PACKAGES = {
    "scikit-image": ("skimage", "data"),
    "scikit-learn": ("sklearn", "datasets/images"),
    "matplotlib": ("matplotlib", "mpl-data/sample_data"),
}
"""Packages with photographs: the module, and the folder in it."""

_PHOTOGRAPHER = "CC0 by the photographer"
_CC0 = "licensed under the Creative Commons CC0 License"
_FLICKR = "Some rights reserved by danielbuechele"

INSTALLED = {
    # name: package, file, what it shows, ImageNet class, maker, licence, what the package says
    "chelsea": (
        *("scikit-image", "chelsea.png", "the face of a cat", "tabby"),
        *("Stefan van der Walt", "CC0", f"{_PHOTOGRAPHER} (Stefan van der Walt)"),
    ),
    "coffee": (
        *("scikit-image", "coffee.png", "a cup of coffee with a spoon", "espresso"),
        *("Rachel Michetti", "CC0", f"{_PHOTOGRAPHER} (Rachel Michetti)"),
    ),
    "rocket": (
        *("scikit-image", "rocket.jpg", "a rocket at its launch pad", "missile"),
        *("SpaceX", "public domain", "The image was captured by SpaceX and `released in the public domain"),
    ),
    "astronaut": (
        *("scikit-image", "astronaut.png", "Eileen Collins, an astronaut", None),
        *("NASA", "public domain", "No known copyright restrictions, released into the public domain"),
    ),
    "camera": (
        *("scikit-image", "camera.png", "a man with a camera on a tripod, grey", "tripod"),
        *("Lav Varshney", "CC0", f"{_PHOTOGRAPHER} (Lav Varshney)"),
    ),
    "motorcycle": (
        *("scikit-image", "motorcycle_left.png", "a motorcycle in a garage", "moped"),
        *("Middlebury College",),
        *(NOT_STATED, "part of the Middlebury 2014 stereo benchmark"),
    ),
    "grace_hopper": (
        *("matplotlib", "grace_hopper.jpg", "Grace Hopper in uniform", "military uniform"),
        *(NOT_STATED, NOT_STATED, ""),
    ),
    "china": (
        *("scikit-learn", "china.jpg", "a temple in China", "palace"),
        *("danielbuechele", "CC BY 2.0", _FLICKR),
    ),
    "flower": (
        *("scikit-learn", "flower.jpg", "a flower", "daisy"),
        # The text names the maker of the other photograph, but its links lead to the page of this one's.
        *("vultilion", "CC BY 2.0", "https://www.flickr.com/photos/vultilion/6056698931/"),
    ),
    "brick": ("scikit-image", "brick.png", "a brick wall, grey", None, "CC0Textures", "CC0", _CC0),
    "grass": ("scikit-image", "grass.png", "grass from above, grey", None, "linolafett", "CC0", _CC0),
    "gravel": ("scikit-image", "gravel.png", "gravel from above, grey", None, "CC0Textures", "CC0", _CC0),
    "retina": (
        *("scikit-image", "retina.jpg", "the retina of a human eye", None),
        *("Mikael Häggström", "CC0", "Creative Commons CC0 1.0 Universal Public Domain Dedication"),
    ),
    "hubble": (
        *("scikit-image", "hubble_deep_field.jpg", "galaxies, seen by the Hubble telescope", None),
        *(
            "NASA",
            "public domain",
            "The image was captured by NASA and `may be freely used in the public domain",
        ),
    ),
    "coins": (
        *("scikit-image", "coins.png", "Greek coins from Pompeii, grey", None),
        *("Brooklyn Museum Collection", NOT_STATED, "No known copyright restrictions."),
    ),
    "horse": (
        *("scikit-image", "horse.png", "the silhouette of a horse", None),
        *("Andreas Preuss (marauder)", "CC0", "CC0 given by owner (Andreas Preuss (marauder))"),
    ),
    "moon": ("scikit-image", "moon.png", "the surface of the moon, grey", None, NOT_STATED, NOT_STATED, ""),
    "page": ("scikit-image", "page.png", "a scanned page, grey", None, NOT_STATED, NOT_STATED, ""),
    "text": (
        *("scikit-image", "text.png", "handwriting, grey", None, NOT_STATED, "public domain"),
        *("No known copyright restrictions, released into the public domain",),
    ),
}
"""The photographs that come with packages; those without an ImageNet class show something that ImageNet has no class for."""

ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".avif", ".bmp", ".tif", ".tiff"),
    *(".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".ico", ".heic", ".heif"),
)
"""Suffixes of the files that count as photographs in a folder; HEIC cannot be read, and a warning says so."""
_CACHES = frozenset({"__pycache__", "__MACOSX", "node_modules", "@eaDir"})
"""Folders that programs create for themselves; hidden ones begin with a dot."""


def photographs(
    source: str | os.PathLike | None = None,
    *,
    split: str | None = None,
    root: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> Photographs:
    """Photographs as a `Photographs` sequence: the installed ones, those of a folder, or a torchvision data set.

    Parameters
    ----------
    source
        None for the photographs that come with the packages that the kit requires.

        A folder of yours: all its subfolders are searched, except hidden files and caches. Each subfolder is a class, as
        in torchvision's `ImageFolder`; files in none have the class "photograph". Only the headers of the files are read here.

        "imagenette", "oxford_pets", "stl10" or "flowers102": the data set, downloaded on first use (`photo_datasets`).
    split
        Of a data set: "train" (the default) or "test".
    root
        Of a data set: the folder of torchvision's data sets; None for one in the cache of the kit.
    progress
        Show a progress bar: True, False, or None for work of more than a second.

    Raises
    ------
    ConnectionError
        If a data set is missing and cannot be downloaded.
    ValueError
        If there is no such folder or data set, or the folder has no photograph.

    Warns
    -----
    UserWarning
        Names the files of a folder that cannot be read; they are left out, and `skipped` lists them all.

    Example
    -------
    >>> photographs()["china"].credit
    'China, danielbuechele, CC BY 2.0'
    """
    if isinstance(source, str) and source in SOURCES:
        return of_dataset(source, split or "train", root)
    if split is not None or root is not None:
        raise ValueError(
            f"split and root belong to a data set ({', '.join(SOURCES)}), but source is {source!r}."
        )
    return installed_photographs() if source is None else of_folder(_folder(source), progress)


def installed_photographs() -> Photographs:
    """The photographs of `INSTALLED` whose package is installed; `skipped` names the others."""
    entries, skipped = [], []
    for name, (package, file, shows, imagenet_class, maker, licence, note) in INSTALLED.items():
        path = _package_folder(package) / file
        if path.is_file():
            entries.append(Photograph(name, path, shows, imagenet_class, name, maker, licence, note))
        else:
            skipped.append((name, f"it comes with {package}: pip install {package}"))
    return Photographs(entries, tuple(INSTALLED), skipped)


def _package_folder(package: str) -> Path:
    """The folder of a package's photographs; the package is not imported."""
    module, folder = PACKAGES[package]
    spec = find_spec(module)
    locations = spec.submodule_search_locations if spec else None
    return Path(locations[0] if locations else module, folder)


def _folder(source: str | os.PathLike) -> Path:
    """The folder named by `source`."""
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            "photographs takes nothing, a folder or the name of a data set, but got"
            f" {source!r} ({type(source).__name__})."
        )
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ValueError(f'"{folder}" is a file, not a folder; one photo is read by `cnnlab.photo`.')
    calls = {name: f'photographs("{name}")' for name in SOURCES}
    calls |= {name: f'photographs()["{name}"]' for name in INSTALLED}
    close = difflib.get_close_matches(str(source), calls, n=1)
    raise ValueError(
        f'"{source}" is no folder (looked in {Path.cwd()}) and no data set ({", ".join(SOURCES)}).'
        + "".join(f" Did you mean `{calls[name]}`?" for name in close)
    )


def of_folder(folder: Path, progress: bool | None = None) -> Photographs:
    """The photographs in a folder and its subfolders, in the order of their paths."""
    files = list(_files(folder))
    pictures = [file for file in files if file.suffix.lower() in ENDINGS]
    stems = Counter(file.with_suffix("") for file in pictures)
    entries, skipped = [], []
    for file in with_progress(pictures, "looking at files", progress):
        if reason := _unreadable(file):
            skipped.append((str(file), reason))
            continue
        inner = file.relative_to(folder)
        name = inner if stems[file.with_suffix("")] > 1 else inner.with_suffix("")
        title = file.stem.replace("_", " ")
        entries.append(
            Photograph(name.as_posix(), file, title, class_name=(*inner.parts[:-1], "photograph")[0])
        )
    if not entries:
        raise ValueError(_nothing_found_message(folder, len(files), skipped))
    if skipped:
        warnings.warn(
            f'{len(skipped)} of {len(pictures)} files in "{folder}" are left out: {describe_errors(skipped)}',
            stacklevel=3,
        )
    return Photographs(sorted(entries, key=lambda photograph: photograph.path), skipped=skipped)


def _files(folder: Path) -> Iterator[Path]:
    """All files that are neither hidden nor in a hidden folder or a cache; linked folders too, each folder once."""
    seen: set[str] = set()
    for directory, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(directory)) in seen:  # a link to a folder above would never end
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _CACHES)
        yield from (Path(directory, name) for name in sorted(names) if name[0] != ".")


def _unreadable(file: Path) -> str:
    """Why the header of a file cannot be read; empty if it can."""
    if file.suffix.lower() in (".heic", ".heif"):
        return "HEIC photos of a phone are exported as JPEG first"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of unusual metadata and of large pictures
            with Image.open(file, formats=readable_formats()) as image:
                pixels = image.width * image.height
    except UnidentifiedImageError:
        return "it is no image"
    except Exception as error:  # damaged files raise many kinds of exception
        return str(error)
    return f"it has {pixels} pixels, more than {MAX_PIXELS}" if pixels > MAX_PIXELS else ""


def _nothing_found_message(folder: Path, files: int, skipped: list[tuple[str, str]]) -> str:
    """The message for a folder without a photograph."""
    searched = f"looked for files ending in {', '.join(ENDINGS)}, in subfolders too"
    if skipped:
        return f'no photograph in "{folder}" can be read: {describe_errors(skipped)}'
    return f'there is no photograph in "{folder}": {searched}, and found none among {files} files.'
