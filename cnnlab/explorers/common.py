"""The small widgets that every explorer has: accessible names, the code panel and its first line, and the upload of a photo."""

from __future__ import annotations

import html
from pathlib import Path

import anywidget
import ipywidgets
from traitlets import Dict, List, Unicode

_HERE = Path(__file__).parent


class AccessibleNames(anywidget.AnyWidget):
    """Gives names to what core widgets leave nameless (slider handles, pictures), and keeps the keyboard with the controls.

    `attributes` is a list of [CSS selector, {attribute: value}] within the explorer.
    """

    _esm = (_HERE / "accessible_names.js").read_text(encoding="utf-8")
    _css = (_HERE / "explorer.css").read_text(encoding="utf-8")

    attributes = List().tag(sync=True)


class CodePanel(anywidget.AnyWidget):
    """The lines that reproduce the current picture, folded away under "Show the code"."""

    _esm = (_HERE / "code.js").read_text(encoding="utf-8")

    code = Unicode("").tag(sync=True)


class PhotoUpload(anywidget.AnyWidget):
    """A button that asks for a photo, and one that goes back.

    `upload` is {"name": str, "content": bytes} when a photo came and has no content when it shall go; `photo_name` is the name of the
    photo in use, or empty.
    """

    _esm = (_HERE / "upload.js").read_text(encoding="utf-8")

    upload = Dict().tag(sync=True, echo_update=False)
    photo_name = Unicode("").tag(sync=True)


def read_script(name: str) -> str:
    """The script of a widget that draws, with what is shared before it: anywidget takes one text that imports nothing."""
    return "".join((_HERE / part).read_text(encoding="utf-8") for part in ("shared.js", name))


def load_line(network: str) -> str:
    """The line of code that loads the network that `cnnlab.load` knows by this name; nothing is known of one without a name."""
    return f'model = cnnlab.load("{network}")' if network else "model = ...  # your own network"


def names_for(control: ipywidgets.DOMWidget, key: str, name: str) -> list:
    """The entries of `AccessibleNames.attributes` that call `control` by `name`; marks the control with a class of its own."""
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
    """The small title over a group of controls."""
    return ipywidgets.HTML(html.escape(text)).add_class("cnnlab-heading")
