"""The pages of the site: stored notebooks and guides, with navigation, search and a reference, all of it without a connection.

Sphinx builds them, with MyST-NB for notebooks and Furo for their looks: of the tools of the field this is the one that needs no
download while it builds, whose search works from a folder, and whose pages ask no other host for anything. (MyST's own site builder and
Jupyter Book 2 fetch their theme from the network.) Nothing is run: pages show what the notebooks store.

A checkout is copied to a folder of its own first, in which figures become WebP files and explorers their pictures.
"""

from __future__ import annotations

import base64
import html
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
from nbformat import NotebookNode
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils
from tqdm.auto import tqdm

from cnnlab.site.films import FILMS, write_film
from cnnlab.site.living import LIVING, write_living
from cnnlab.site.reference import build_reference

HERE = Path(__file__).parent
GUIDES = (
    *("CONTRIBUTING.md", "LICENSE", "assignments/README.md", "assignments/STUDENTS.md"),
    "cnnlab/networks/weights/README.md",
)
PICTURES = ("image/png", "image/jpeg")
QUALITY = 88
"""Of WebP, for figures: no difference is seen, and they are a fifth as large as PNG."""

SIDEBAR = ("brand", "search", "scroll-start", "navigation", "reference", "scroll-end")
"""Furo's, and the way to the reference."""

CONFIGURATION: dict[str, Any] = {
    "project": "cnnlab",
    "html_title": "cnnlab",
    "extensions": ["myst_nb", "cnnlab.site.formulas"],
    "html_math_renderer": "mathml",
    "nb_execution_mode": "off",
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "myst_heading_anchors": 3,
    "myst_heading_slug_func": "cnnlab.site.pages.anchor",
    "html_theme": "furo",
    "templates_path": [str(HERE / "templates")],
    "html_sidebars": {"**": [f"sidebar/{part}.html" for part in SIDEBAR]},
    "html_static_path": [str(HERE / "site.css"), str(HERE / "browser" / "film.js")],
    "html_css_files": ["site.css"],
    "html_js_files": [("film.js", {"defer": "defer"})],
    "html_copy_source": False,
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_last_updated_fmt": None,
}

ROOM = """<div class="alive" data-explorer="{explorer}">
<button type="button" disabled>Bring it to life</button>
<span role="status">It then runs here, in your browser: some 10 MB are loaded once, and a photo of yours stays with you.</span>
</div>"""
SCRIPT = """<script type="module" src="../alive/page.js"></script>
<script>if (location.protocol === "file:") for (const told of document.querySelectorAll(".alive > [role=status]")) told.textContent =
"A page that is opened from a folder cannot run it: put the site on a host, or show it with cnnlab site --serve.";</script>"""

CONTENTS = """
```{toctree}
:hidden:
:caption: Notebooks

notebooks/README
%s
```

```{toctree}
:hidden:
:caption: Guides

assignments/STUDENTS
%s
assignments/README
cnnlab/networks/weights/README
CONTRIBUTING
```
"""


def build(
    checkout: Path,
    out: Path,
    *,
    repository: str = "",
    living: bool = True,
    reference: bool = True,
    progress: bool = False,
) -> Path:
    """Build the site of a checkout into the folder `out`, and give its first page.

    Parameters
    ----------
    checkout
        The folder of the kit, with `notebooks`, `assignments` and `README.md`.
    out
        Where the pages go; a site that lies there is replaced.
    repository
        Where the course lies on GitHub, as "owner/name": pages then link to Colab and Binder.
    living
        Whether explorers can be brought to life in their pages, and what grows is shown as films (minutes; npm is needed).
    reference
        Whether the reference is built from the docstrings too (half a minute).
    progress
        Whether bars show how far it is.

    Raises
    ------
    FileNotFoundError
        If the checkout has no notebooks.
    FileExistsError
        If something else than a site lies in `out`.
    RuntimeError
        If a page has an error or a link that leads nowhere; all of them are named.
    """
    checkout, out = Path(checkout), Path(out)
    if not any(checkout.glob("notebooks/*.ipynb")):
        raise FileNotFoundError(f"{checkout} has no notebooks; name a checkout of cnnlab.")
    if out.exists() and any(out.iterdir()) and not (out / ".buildinfo").exists():
        raise FileExistsError(f"{out} holds something else than a site; name an empty folder.")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        write_source(checkout, source, repository, living=living, progress=progress)
        _run_sphinx(source, Path(folder, "site"), Path(folder, "doctrees"))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(Path(folder, "site"), out)
    if living:
        write_living(out / "alive", progress=progress)
    if reference:
        build_reference(out / "reference")
    return out / "index.html"


def write_source(
    checkout: Path, source: Path, repository: str = "", *, living: bool = False, progress: bool = False
) -> None:
    """Copy notebooks and guides of a checkout into `source`, as Sphinx reads them; the options are those of `build`."""
    names = {kind: sorted(checkout.glob(f"{kind}.ipynb")) for kind in ("notebooks/*", "assignments/*/*")}
    shutil.copytree(
        checkout / "notebooks", source / "notebooks", ignore=shutil.ignore_patterns("*.ipynb", ".*")
    )
    listed = []
    for kind, paths in names.items():
        for path in tqdm(paths, desc=f"pages of {kind.split('/')[0]}", disable=not progress):
            place = path.relative_to(checkout)
            page = nbformat.read(path, as_version=4)
            store_pictures(page, place.stem, source / "extra" / place.parent / "figures")
            if living:
                add_films(page, place.stem, source / "extra" / place.parent / "figures")
                make_room(page, place.stem)
            page.cells.insert(1, nbformat.v4.new_markdown_cell(links(place, repository)))
            for folder in (source, source / "extra"):
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(page, source / place)
            shutil.copy(path, source / "extra" / place)
        listed.append("\n".join(str(path.relative_to(checkout).with_suffix("")) for path in paths))
    for guide in GUIDES:
        (source / guide).parent.mkdir(parents=True, exist_ok=True)
        text = (checkout / guide).read_text("utf-8")
        (source / guide).write_text(text.replace("](../README.md)", "](../index.md)"), "utf-8")
    readme = (checkout / "README.md").read_text("utf-8")
    (source / "index.md").write_text(readme + CONTENTS % tuple(listed), "utf-8")


def make_room(page: NotebookNode, name: str) -> None:
    """Put a place below the picture of each explorer that can come to life, with the button that asks for it."""
    there = {living.cell for living in LIVING if living.notebook == name}
    for cell in page.cells:
        if cell.id in there:
            room = ROOM.format(explorer=f"{name}-{cell.id}")
            cell.outputs.append(nbformat.v4.new_output("display_data", {"text/html": room}))
    if there:
        page.cells.append(nbformat.v4.new_markdown_cell(SCRIPT))


def add_films(page: NotebookNode, name: str, figures: Path) -> None:
    """Put the films of a notebook below the pictures of the explorers whose runs they show."""
    for film in (film for film in FILMS if film.notebook == name):
        (cell,) = [cell for cell in page.cells if cell.id == film.cell]
        cell.outputs.append(nbformat.v4.new_output("display_data", {"text/html": write_film(film, figures)}))


def links(place: Path, repository: str) -> str:
    """The line below the title of a page that says where its notebook runs."""
    ways = [
        f'<a href="{place.name}" download>download the notebook</a>',
        f"run it: <code>cnnlab lab {place}</code>",
    ]
    if repository:
        path = place.as_posix()
        ways.append(
            f'<a href="https://colab.research.google.com/github/{repository}/blob/main/{path}">Colab</a>'
        )
        ways.append(
            f'<a href="https://mybinder.org/v2/gh/{repository}/HEAD?labpath={quote(path)}">Binder</a>'
        )
    return f'<p class="ways">{" · ".join(ways)}</p>'


def anchor(title: str) -> str:
    """The name by which a heading is linked, as in JupyterLab."""
    return title.replace(" ", "-")


def store_pictures(page: NotebookNode, name: str, folder: Path) -> None:
    """Write the pictures of a notebook's outputs as WebP files into `folder`, and let its outputs name them, with their alt texts."""
    for cell, output in _with_pictures(page):
        mime = next(mime for mime in PICTURES if mime in output.data)
        picture = Image.open(BytesIO(base64.b64decode(output.data[mime])))
        place = folder / f"{name}-{cell.id}-{cell.outputs.index(output)}.webp"
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(place, "WEBP", quality=QUALITY, method=4)
        said = html.escape(output.data.get("text/plain", ""), quote=True)
        size = f'width="{picture.width}" height="{picture.height}"'
        element = f'<img src="{folder.name}/{place.name}" alt="{said}" {size} loading="lazy">'
        output.data = NotebookNode(
            {"text/html": f'<p class="figure"><a href="{folder.name}/{place.name}">{element}</a></p>'}
        )


def _with_pictures(page: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    for cell in page.cells:
        for output in cell.get("outputs", ()):
            if any(mime in output.get("data", {}) for mime in PICTURES):
                yield cell, output


def _run_sphinx(source: Path, out: Path, doctrees: Path) -> None:
    """Build the pages; a warning is an error, since each is a link, a formula or an output that a reader would miss."""
    faults = StringIO()
    settings = CONFIGURATION | {"html_extra_path": [str(source / "extra")], "exclude_patterns": ["extra"]}
    with patch_docutils(), docutils_namespace(), warnings.catch_warnings():
        for kind in (DeprecationWarning, PendingDeprecationWarning):
            warnings.simplefilter("ignore", kind)  # between the builder's own parts
        app = Sphinx(source, None, out, doctrees, "html", settings, status=None, warning=faults)
        app.build(force_all=True)
    if found := faults.getvalue().strip():
        raise RuntimeError(f"the site has faults:\n{found.replace(str(source), '')}")
