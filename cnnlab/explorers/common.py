"""Widgets that every explorer has: accessible names, the code panel and the photo upload; and the scripts and styles of all widgets."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Dict, List, Unicode

_HERE = Path(__file__).parent


def read_source(*names: str) -> str:
    """Style sheets, or scripts, as one text."""
    return "".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def read_script(name: str) -> str:
    """The script of a widget, with the shared script before it: anywidget takes one text that imports nothing."""
    return read_source("shared.js", name)


class AccessibleNames(anywidget.AnyWidget):
    """Sets accessible names of core widgets that have none (slider handles, pictures), and keeps the keyboard focus with the controls.

    `attributes` is a list of [CSS selector, {attribute: value}] within the explorer.
    """

    _esm = read_source("accessible_names.js")
    _css = read_source("explorer.css")

    attributes = List().tag(sync=True)


class CodePanel(anywidget.AnyWidget):
    """Code panel: the lines that reproduce the current result, folded under "Show the code"."""

    _esm = read_source("code.js")

    code = Unicode("").tag(sync=True)


class PhotoUpload(anywidget.AnyWidget):
    """Photo upload: a button that opens a photo, and one that removes it.

    `upload` is {"name": str, "content": bytes} for a new photo and has no content when it is removed; `photo_name` is the name of the
    photo in use, or empty.
    """

    _esm = read_source("upload.js")

    upload = Dict().tag(sync=True, echo_update=False)
    photo_name = Unicode("").tag(sync=True)
