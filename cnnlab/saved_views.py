"""What a saved notebook shows in place of an explorer, whose kernel is gone when the notebook is opened again: its picture.

A server extension of Jupyter, which `cnnlab lab` switches on. In the browser a cell's output holds the live explorer and, for readers
without one, a picture with its text. Only the latter is written to the file, with a line on how to bring the explorer back; the
notebook that is open keeps the live one. Other widgets are left as they are.
"""

from __future__ import annotations

from typing import Any

EXTENSION = __name__
"""The name by which the server finds it."""
VIEW = "application/vnd.jupyter.widget-view+json"
PICTURE = "image/png"
HINT = "*A picture of the explorer as it opens. Run this cell, with the cells above it, to bring it to life.*"


def _load_jupyter_server_extension(server: Any) -> None:
    """Called by the server as it starts."""
    server.contents_manager.register_pre_save_hook(keep_pictures)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What the server asks of every extension."""
    return [{"module": EXTENSION}]


def keep_pictures(model: dict[str, Any], **_more: Any) -> None:
    """Replace explorers in the outputs of a notebook that is about to be saved by their pictures; `model` is changed in place."""
    if model.get("type") != "notebook":
        return
    for cell in model["content"].get("cells", ()):
        if cell.get("outputs"):
            cell["outputs"] = [kept for output in cell["outputs"] for kept in _kept(output)]


def _kept(output: dict[str, Any]) -> list[dict[str, Any]]:
    data = output.get("data", {})
    if VIEW not in data or PICTURE not in data:
        return [output]
    still = {mime: value for mime, value in data.items() if mime != VIEW}
    said = output.get("metadata", {}).get(PICTURE, {}).get("alt", "")  # which JupyterLab reads to nobody
    text = f"{HINT}\n\n{said}".strip()
    hint = {"text/markdown": text, "text/plain": text}
    return [{"output_type": "display_data", "metadata": {}, "data": hint}, {**output, "data": still}]
