"""Explorers that live in a page: what the page needs of each, written into the folder of the site.

In a notebook an explorer is a tree of widgets, whose state lies in the kernel. A page gets the same tree with its state as it opens, and
`browser/*.js` answers in the kernel's place: networks are ONNX graphs, and pictures are files. What the browser runs is

    vendor/      Jupyter's HTML manager and ONNX Runtime, packages of npm whose versions are pinned here; anywidget's own script
    page.js      builds the widgets when the reader asks for it
    kernel.js    networks, pictures and colours
    <name>.js    the answers of one explorer, such as occlusion.js
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any

from ipywidgets.embed import dependency_state

from cnnlab import explorers, networks, world
from cnnlab.explorers import image_bytes
from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.choices import offer_classes
from cnnlab.explorers.image_sources import PhotographSource, RenderedSource
from cnnlab.explorers.render.adversarial import SINGLE_DIRECTION
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.thumbnails import THUMB, Thumbnails, thumbnail_atlas
from cnnlab.figures.colours import CLASSES, PROBABILITY, class_colours
from cnnlab.figures.palette_png import colours_of
from cnnlab.site.onnx_graphs import write_gradient, write_scores

SCRIPTS = Path(__file__).parent / "browser"
NETWORKS = ("squeezenet", "mini_alexnet")
RENDERED = 50
"""Number of rendered pictures on offer; a page cannot render."""


@dataclass(frozen=True)
class Living:
    """An explorer of a page: its notebook and cell, the script that answers, the kinds of graphs that it needs."""

    notebook: str
    cell: str
    script: str
    make: Callable[[], Explorer]
    graphs: tuple[str, ...]
    parts: Callable[[Explorer], dict[str, Any]] = lambda _explorer: {}


def _parts_of_the_map(explorer: Explorer) -> dict[str, Any]:
    panel = explorer._map_panel
    return {"progress": panel._progress, "count": panel._count_text, "summary": panel._summary_text}


def _one_step_attacks() -> Explorer:
    """Attacks of one step alone: the others take a gradient for each of many steps."""
    explorer = explorers.AdversarialExplorer("squeezenet", "chelsea", epsilon=1)
    explorer.target.value = explorer.model.class_names.index("ostrich")
    explorer.attack.options = SINGLE_DIRECTION
    return explorer


def _flip_text(explorer: Explorer) -> dict[str, Any]:
    return {"flip_text": explorer._flip_text}


LIVING = (
    Living(
        "05_occlusion",
        "explorer",
        "occlusion",
        lambda: explorers.OcclusionExplorer("squeezenet", "chelsea"),
        ("scores",),
        _parts_of_the_map,
    ),
    Living(
        "11_adversarial_examples",
        "explorer",
        "adversarial",
        _one_step_attacks,
        ("scores", "gradient"),
        _flip_text,
    ),
)
GRAPHS = {"scores": write_scores, "gradient": write_gradient}


@dataclass(frozen=True)
class Package:
    """A package of npm: its version, the hash of its archive as npm gives it, and the files that pages use."""

    name: str
    version: str
    integrity: str
    files: tuple[str, ...]


PACKAGES = (
    Package(
        "@jupyter-widgets/html-manager",
        "1.0.15",
        "sha512-5thBIV6ymNgmPVOHvzx+gGy8ZSKmSazhtGw4/c4xJDVzRhG9PTeQsRjF3FUTopvFi//SABeNz1yp47bCrJ3CQA==",
        ("dist/embed-amd.js",),
    ),
    Package(
        "onnxruntime-web",
        "1.30.0",
        "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        ("dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.mjs", "dist/ort-wasm-simd-threaded.wasm"),
    ),
)


def write_living(out: Path) -> None:
    """Write everything that the explorers of the pages need into `out`.

    Raises
    ------
    RuntimeError
        If npm is missing or a package cannot be had, or is not the one that is pinned here.
    """
    out.mkdir(parents=True)
    for script in SCRIPTS.glob("*.js"):
        shutil.copy(script, out)
    write_vendor(out / "vendor")
    for name in NETWORKS:
        write_network(name, out / "networks")
    write_pictures(out / "pictures")
    for living in LIVING:
        (out / f"{living.notebook}-{living.cell}.json").write_text(json.dumps(page_state(living)), "utf-8")


def write_vendor(folder: Path) -> None:
    """Fetch the pinned packages of npm, and write the files of them that pages use, compressed, into `folder`."""
    folder.mkdir()
    for package in PACKAGES:
        archive = fetch(package)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for name in package.files:
                content = tar.extractfile(f"package/{name}").read()
                _write_compressed(content, folder / Path(name).name)
    (script,) = [file for file in files("anywidget") if file.parts[-2:] == ("nbextension", "index.js")]
    _write_compressed(script.locate().read_bytes(), folder / "anywidget.js")


def fetch(package: Package) -> bytes:
    """The archive of a package, by npm, which keeps a copy for the next time."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            "living explorers need npm, which is not here; `cnnlab site --still` builds the pages without them."
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"npm cannot fetch {package.name} {package.version}: {done.stderr.strip()[-300:]}"
            )
        (file,) = Path(folder).iterdir()
        archive = file.read_bytes()
    if hashlib.sha512(archive).digest() != b64decode(package.integrity.removeprefix("sha512-")):
        raise RuntimeError(f"the archive of {package.name} {package.version} is not the one that is pinned.")
    return archive


def write_network(name: str, folder: Path) -> None:
    """Write the graphs of a network, and what pages must know of it: side, classes and the menu of classes."""
    folder.mkdir(exist_ok=True)
    model = networks.load(name)
    for kind in sorted({kind for living in LIVING for kind in living.graphs}):
        GRAPHS[kind](model, model.input_size, folder / f"{name}.{kind}.onnx")
    menu = SearchSelect()
    offer_classes(menu, model.class_names, [("predicted class", None)])
    about = {
        "side": model.input_size,
        "classes": [str(label) for label in model.class_names],
        "menu": {trait: getattr(menu, trait) for trait in ("_labels", "_groups", "_keywords")},
        "values": menu._values,
    }
    (folder / f"{name}.json").write_text(json.dumps(about), "utf-8")


def sources() -> dict[str, PhotographSource | RenderedSource]:
    """The pictures on offer in pages, by the names of their files."""
    photographs = {photo.name: PhotographSource(photo) for photo in world.photographs()}
    recipes = [world.sample(seed, shape=world.OBJECTS[seed % len(world.OBJECTS)]) for seed in range(RENDERED)]
    return photographs | {f"rendered-{recipe.seed}": RenderedSource(recipe) for recipe in recipes}


def write_pictures(folder: Path) -> None:
    """Write each picture as it is displayed, as each network sees it, and its mask; and a list of all."""
    folder.mkdir()
    sides = sorted({networks.load(name).input_size for name in NETWORKS})
    listed = {}
    for name, source in sources().items():
        (folder / f"{name}.jpg").write_bytes(image_bytes.jpeg(source.image(DISPLAY_SIZE)))
        for side in sides:
            (folder / f"{name}-{side}.png").write_bytes(image_bytes.png(source.image(side)))
        mask = source.mask(DISPLAY_SIZE)
        if mask is not None:
            (folder / f"{name}-mask.png").write_bytes(image_bytes.mask_png(mask))
        listed[name] = {
            "description": source.description,
            "object": source.object_name,
            "mask": mask is not None,
            "code": {side: source.code(side) for side in sides},
        }
    (folder / "list.json").write_text(json.dumps(listed), "utf-8")


def page_state(living: Living) -> dict:
    """The widgets of an explorer with their state, and the names by which its script finds them."""
    explorer = living.make()
    explorer.network.options = NETWORKS
    picker = explorer.image_picker
    rendered = {name: source for name, source in sources().items() if source.kind == "rendered"}
    thumbnails = Thumbnails(
        label="Rendered pictures",
        names=list(rendered),
        descriptions=[source.description for source in rendered.values()],
        captions=[source.description for source in rendered.values()],
        atlas=thumbnail_atlas([source.image(THUMB) for source in rendered.values()]),
    )
    picker.rendered_panel.children = (thumbnails,)
    parts = {
        name: getattr(explorer, name) for name in (*explorer.controls, *_PARTS) if hasattr(explorer, name)
    }
    parts |= living.parts(explorer) | {
        "kind": picker.kind,
        "photographs": picker.thumbnails,
        "rendered": thumbnails,
        "upload": picker.photo_upload,
        "rendered_panel": picker.rendered_panel,
        "alert": explorer._alert,
    }
    explorer._code.layout.display = "none"  # the code of a page stands above it
    state = dependency_state([explorer.widget], drop_defaults=False)
    palette = [[int(part) for part in colour] for colour in colours_of(PROBABILITY)]
    return {
        "script": f"./{living.script}.js",
        "root": explorer.widget.model_id,
        "names": {name: part.model_id for name, part in parts.items()},
        "state": {"version_major": 2, "version_minor": 0, "state": state},
        "palette": palette,
        "classes": [[round(255 * part) for part in colour] for colour in class_colours(range(len(CLASSES)))],
    }


_PARTS = (
    "canvas",
    "bars",
    "grid",
    "chart",
    "status",
    "map_button",
    "stop_button",
    "jump_button",
    "flip_button",
)


def _write_compressed(content: bytes, file: Path) -> None:
    """A page unpacks these itself, so that they are small on hosts that compress nothing."""
    file.with_name(file.name + ".gz").write_bytes(gzip.compress(content, mtime=0))
