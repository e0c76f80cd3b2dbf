"""Small widgets that every explorer uses: accessible names, the code panel and its first line, and the photo upload."""

from __future__ import annotations

import html
from pathlib import Path

import anywidget
import ipywidgets
from traitlets import Dict, List, Unicode

_HERE = Path(__file__).parent


class AccessibleNames(anywidget.AnyWidget):
    """Sets accessible names of core widgets that have none (slider handles, pictures), and keeps the keyboard focus with the controls.

    `attributes` is a list of [CSS selector, {attribute: value}] within the explorer.
    """

    _esm = (_HERE / "accessible_names.js").read_text(encoding="utf-8")
    _css = (_HERE / "explorer.css").read_text(encoding="utf-8")

    attributes = List().tag(sync=True)


class CodePanel(anywidget.AnyWidget):
    """Code panel: the lines that reproduce the current result, folded under "Show the code"."""

    _esm = (_HERE / "code.js").read_text(encoding="utf-8")

    code = Unicode("").tag(sync=True)


class PhotoUpload(anywidget.AnyWidget):
    """Photo upload: a button that opens a photo, and one that removes it.

    `upload` is {"name": str, "content": bytes} for a new photo and has no content when it is removed; `photo_name` is the name of the
    photo in use, or empty.
    """

    _esm = (_HERE / "upload.js").read_text(encoding="utf-8")

    upload = Dict().tag(sync=True, echo_update=False)
    photo_name = Unicode("").tag(sync=True)


def read_script(name: str) -> str:
    """The script of a widget, with the shared script before it: anywidget takes one text that imports nothing."""
    return "".join((_HERE / part).read_text(encoding="utf-8") for part in ("shared.js", name))


def load_line(network: str) -> str:
    """The line of code that loads a network by its name for `cnnlab.load`; a placeholder where it has no name."""
    return f'model = cnnlab.load("{network}")' if network else "model = ...  # your own network"


def names_for(control: ipywidgets.DOMWidget, key: str, name: str) -> list:
    """The entries of `AccessibleNames.attributes` that name `control`; it gets a CSS class of its own."""
    control.add_class(f"cnnlab-is-{key}")
    parts = {
        ipywidgets.IntSlider: (".noUi-handle", ".widget-readout"),
        ipywidgets.FloatSlider: (".noUi-handle", ".widget-readout"),
        ipywidgets.Dropdown: ("select",),
        ipywidgets.SelectMultiple: ("select",),
        ipywidgets.BoundedIntText: ("input",),
        ipywidgets.Text: ("input",),
        ipywidgets.Checkbox: ("input",),
    }.get(type(control), getattr(control, "named_parts", ("",)))
    return [[f".cnnlab-is-{key} {part}".strip(), {"aria-label": name}] for part in parts]


def heading(text: str) -> ipywidgets.HTML:
    """The heading above a group of controls."""
    return ipywidgets.HTML(html.escape(text)).add_class("cnnlab-heading")
