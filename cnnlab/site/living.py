"""Explorers that live in a page: what the page needs of each, written into the folder of the site.

In a notebook an explorer is a tree of widgets, whose state lies in the kernel. A page gets the same tree with its state as it opens, and
`browser/*.js` answers in the kernel's place: networks are ONNX graphs, and pictures are files. What the browser runs is

    vendor/      packages of npm (`packages.py`)
    page.js      builds the widgets when the reader asks for it
    kernel.js    traits of widgets, and the pickers of network and picture
    snippets.js  the lines of "Show the code"
    networks.js, pictures.js, random.js   graphs that run, pictures and colours, the random numbers of torch
    <name>.js    the answers of one explorer, such as occlusion.js
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ipywidgets import Widget
from ipywidgets.embed import dependency_state
from tqdm.auto import tqdm

from cnnlab import explorers, networks
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.image_grid import ImageGrid
from cnnlab.explorers.render.adversarial import SINGLE_DIRECTION
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.thumbnails import THUMB, Thumbnails, thumbnail_atlas
from cnnlab.figures.colours import CLASSES, class_colours
from cnnlab.figures.palette_png import colours_of
from cnnlab.site import page_data
from cnnlab.site.onnx_graphs import Weights
from cnnlab.site.packages import write_packages

SCRIPTS = Path(__file__).parent / "browser"
NETWORKS = ("squeezenet", "mini_alexnet")
SHORTCUTS = ("sheep_goat_meadow", "sheep_goat", "wolf_husky_snow", "wolf_husky")
"""The networks of 07, half of which have learned the scene instead of the animal."""
FAMILIES = ((("squeezenet",), SHORTCUTS), (("mini_alexnet",),))
"""Networks that share a file of weights, and among them those that differ in their weights alone."""
PALETTES = ("viridis", "gray", "magma", "PuOr_r")


@dataclass(frozen=True)
class Living:
    """An explorer of a page: its notebook and cell, the script that answers, the kinds of graphs, networks and pictures that it needs.

    `graphs` are those of its first answer, `later` those that some of its controls ask for.
    """

    notebook: str
    cell: str
    script: str
    make: Callable[[], Explorer]
    graphs: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    networks: tuple[str, ...] = NETWORKS
    rendered: Callable[[], page_data.Sources] = page_data.rendered
    parts: Callable[[Explorer], Mapping[str, Widget]] = lambda _explorer: {}
    """Widgets without a name of their own in the explorer, by the names that the script gives them."""


def _parts_of_the_map(explorer: Explorer) -> dict[str, Widget]:
    panel = explorer._map_panel
    return {"progress": panel._progress, "count": panel._count_text, "summary": panel._summary_text}


def _one_step_attacks() -> Explorer:
    """Attacks of one step alone: the others take a gradient for each of many steps."""
    explorer = explorers.AdversarialExplorer("squeezenet", "chelsea", epsilon=1)
    explorer.target.value = explorer.model.class_names.index("ostrich")
    explorer.attack.options = SINGLE_DIRECTION
    return explorer


def _goat_in_a_meadow() -> Explorer:
    picture = page_data.moved()["goat-meadow"].recipe
    return explorers.GradCamExplorer(
        picture=picture, networks={name: networks.load(name) for name in SHORTCUTS}
    )


LIVING = (
    Living(
        *("01_layers_and_shapes", "convolution", "convolution"),
        make=lambda: explorers.ConvolutionExplorer("squeezenet", "chelsea"),
    ),
    Living(
        *("03_activations_and_patches", "explorer", "activation"),
        make=lambda: explorers.ActivationExplorer("squeezenet", "astronaut", layer="fire7", channel=142),
        graphs=("maps",),
    ),
    Living(
        *("05_occlusion", "explorer", "occlusion"),
        make=lambda: explorers.OcclusionExplorer("squeezenet", "chelsea"),
        graphs=("scores",),
        parts=_parts_of_the_map,
    ),
    Living(
        *("06_saliency", "explorer", "saliency"),
        make=lambda: explorers.SaliencyExplorer("squeezenet", "chelsea"),
        graphs=("scores", "gradient"),
        later=("units",),
        parts=lambda explorer: {"finding": explorer._finding},
    ),
    Living(
        *("07_grad_cam", "explorer", "grad_cam"),
        make=_goat_in_a_meadow,
        graphs=("scores", "cams"),
        later=("gradient",),
        networks=SHORTCUTS,
        rendered=page_data.moved,
        parts=lambda explorer: {"finding": explorer._finding},
    ),
    Living(
        *("11_adversarial_examples", "explorer", "adversarial"),
        make=_one_step_attacks,
        graphs=("scores", "gradient"),
        parts=lambda explorer: {"flip_text": explorer._flip_text},
    ),
)


def write_living(out: Path, *, progress: bool = False) -> None:
    """Write everything that the explorers of the pages need into `out`; `progress` shows a bar of the networks and explorers.

    Raises
    ------
    RuntimeError
        If npm is missing or a package cannot be had, or is not the one that is pinned.
    """
    out.mkdir(parents=True)
    write_packages(out / "vendor")
    for script in SCRIPTS.glob("*.js"):
        shutil.copy(script, out)
    (out / "networks").mkdir()
    bar = tqdm(total=len(NETWORKS) + len(LIVING), desc="living explorers", disable=not progress)
    for family in FAMILIES:
        weights = Weights(out / "networks" / f"{family[0][0]}.bin")
        for alike in family:
            needing = [living for living in LIVING if set(alike) <= set(living.networks)]
            graphs = {kind for living in needing for kind in (*living.graphs, *living.later)}
            page_data.write_networks(alike, sorted(graphs), out / "networks", weights)
        page_data.write_patches(family[0][0], out / "patches")
        bar.update()
    sources = {**page_data.photographs(), **page_data.rendered(), **page_data.moved()}
    sides = sorted({networks.load(name).input_size for name in NETWORKS})
    page_data.write_pictures(sources, sides, out / "pictures")
    (out / "colours.json").write_text(json.dumps(colours()), "utf-8")
    for living in LIVING:
        (out / f"{living.notebook}-{living.cell}.json").write_text(json.dumps(page_state(living)), "utf-8")
        bar.update()
    bar.close()


def colours() -> dict[str, list]:
    """The colour maps of the explorers, 255 colours each, and the colours of the classes."""
    found = {name: colours_of(name).tolist() for name in PALETTES}
    return found | {
        "classes": [[round(255 * part) for part in one] for one in class_colours(range(len(CLASSES)))]
    }


def page_state(living: Living) -> dict:
    """The widgets of an explorer with their state, the names by which its script finds them, and its menus for each network."""
    explorer, other = living.make(), living.make()
    menus = {explorer.network.label: _menus(explorer)}
    for label, value in other.network.options:
        if label in living.networks and label not in menus:
            other.network.value = value
            menus[label] = _menus(other)
    explorer.network.options = living.networks
    picker = explorer.image_picker
    rendered = living.rendered()
    described = [source.description for source in rendered.values()]
    thumbnails = Thumbnails(
        label="Rendered pictures",
        names=list(rendered),
        descriptions=described,
        captions=described,
        atlas=thumbnail_atlas([source.image(THUMB) for source in rendered.values()]),
        value=next((name for name, source in rendered.items() if source == picker.source), ""),
    )
    picker.rendered_panel.children = (thumbnails,)
    parts = {
        name: part for name, part in vars(explorer).items() if isinstance(part, Widget) and name[0] != "_"
    }
    parts |= living.parts(explorer) | {
        "kind": picker.kind,
        "photographs": picker.thumbnails,
        "rendered": thumbnails,
        "upload": picker.photo_upload,
        "rendered_panel": picker.rendered_panel,
        "alert": explorer._alert,
        "code": explorer._code,
    }
    for grid in parts.values():
        if isinstance(grid, ImageGrid):
            grid.tiles, grid.overlay = {}, {}  # the script makes them at once
    state = dependency_state([explorer.widget], drop_defaults=False)
    for name, part in list(parts.items()):
        if part.model_id not in state:
            del parts[name]
    return {
        "script": f"./{living.script}.js",
        "network": explorer.network.label,
        "graphs": living.graphs,
        "root": explorer.widget.model_id,
        "names": {name: part.model_id for name, part in parts.items()},
        "state": {"version_major": 2, "version_minor": 0, "state": state},
        "menus": menus,
    }


def _menus(explorer: Explorer) -> dict[str, dict]:
    """The searchable menus of an explorer for its network: what they show, and the values behind it."""
    menus = {name: getattr(explorer, name) for name in explorer.controls}
    return {
        name: {trait: getattr(menu, trait) for trait in ("_labels", "_groups", "_keywords", "index")}
        | {"values": menu._values}
        for name, menu in menus.items()
        if isinstance(menu, SearchSelect)
    }
