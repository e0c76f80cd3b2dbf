"""Every explorer of the package with little to do, its parts as a reader finds them, and the record of what it offers.

`contract.json` beside this file holds the controls, the accessible names and the words of each explorer as it opens. After a change
that is meant, record them anew:

    python tests/explorers/contract.py
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ipywidgets as widgets
import numpy as np
from PIL import Image

import cnnlab
from cnnlab import explorers, world

RECORD = Path(__file__).with_name("contract.json")
NAMES = sorted(name for name in explorers.__all__ if name.endswith("Explorer") and name != "Explorer")
"""The explorers, from the package itself, so that a new one is among them."""


# Opening an explorer with little to do.


@lru_cache
def folder() -> TemporaryDirectory:
    """A folder with four photographs, which goes with the process."""
    place = TemporaryDirectory(prefix="cnnlab-contract-")
    for number in range(4):
        Path(place.name, f"{number}.png").write_bytes(picture_bytes(number))
    return place


def opened(name: str, **asked: Any) -> explorers.Explorer:
    """The explorer with few pictures and few steps, and with the network that it takes by itself unless one is asked for."""
    kind = getattr(explorers, name)
    little = {
        "pictures": lambda: world.dataset("validation", n=24, progress=False),
        "steps": lambda: 8,
        "generations": lambda: 4,
    }
    little |= {
        "MemorizationExplorer": {"pictures": lambda: 40, "epochs": lambda: 2},
        "RetrievalExplorer": {
            "pictures": lambda: world.instances("test", 5, 4, progress=False),
            "training_set": lambda: world.instances("train", 5, 4, progress=False),
        },
    }.get(name, {})
    given = {key: little[key]() for key in inspect.signature(kind).parameters if key in little}
    return kind(**given | asked)


# The parts of an explorer, found as a reader finds them: in the layout, and as public attributes.


def parts(explorer: explorers.Explorer) -> Iterator[widgets.Widget]:
    """All widgets of the layout, from top to bottom."""

    def walk(widget: widgets.Widget) -> Iterator[widgets.Widget]:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    return walk(explorer.widget)


def is_control(widget: widgets.Widget) -> bool:
    """Whether a reader can choose, type or press here: what has a value, buttons, and the upload of a photo."""
    if isinstance(widget, widgets.HTML | widgets.Label | widgets.FloatProgress):
        return False
    return isinstance(widget, widgets.Button) or widget.has_trait("value") or widget.has_trait("upload")


def reachable(explorer: explorers.Explorer) -> set[widgets.Widget]:
    """The controls that a reader can use now: neither hidden nor disabled."""

    def walk(widget: widgets.Widget) -> Iterator[widgets.Widget]:
        if widget.layout.display != "none":
            yield widget
            for child in getattr(widget, "children", ()):
                yield from walk(child)

    return {
        widget
        for widget in walk(explorer.widget)
        if is_control(widget) and not getattr(widget, "disabled", False)
    }


def attribute_names(explorer: explorers.Explorer) -> dict[widgets.Widget, str]:
    """The public attributes that are widgets; of a dictionary of widgets, the entries."""
    found = {}
    for name, value in vars(explorer).items():
        if not name.startswith("_"):
            entries = value if isinstance(value, dict) else {}
            found |= {
                one: f"{name}[{key!r}]" for key, one in entries.items() if isinstance(one, widgets.Widget)
            }
            if isinstance(value, widgets.Widget):
                found.setdefault(value, name)
    return found


def controls(explorer: explorers.Explorer) -> dict[str, widgets.Widget]:
    """The controls of the layout by attribute, or by accessible name where an attribute leads to none."""
    attributes = attribute_names(explorer)
    found = {}
    for widget in filter(is_control, parts(explorer)):
        key = attributes.get(widget) or accessible_name(explorer, widget)
        assert key not in found, f"two controls are called {key!r}"
        found[key] = widget
    return found


def labels(explorer: explorers.Explorer) -> list[tuple[str, str]]:
    """(selector, aria-label) of what is named in the browser."""
    (given,) = (widget.attributes for widget in parts(explorer) if widget.has_trait("attributes"))
    return [(selector, named["aria-label"]) for selector, named in given if "aria-label" in named]


def accessible_name(explorer: explorers.Explorer, widget: widgets.Widget) -> str:
    """What a screen reader calls a control, as far as the kernel decides it; "" for nothing."""
    given = [
        label
        for selector, label in labels(explorer)
        if any(
            selector.split()[0] == f".{own}" for own in widget._dom_classes if own.startswith("cnnlab-is-")
        )
    ]
    if given:
        return given[0]
    if isinstance(widget, widgets.Button | widgets.Checkbox):
        return widget.description
    if widget.has_trait("upload"):
        return "Own photo"  # the button says it itself
    return "" if isinstance(widget, widgets.ValueWidget) else widget.label


# What a reader sees, and how a reader changes it.


def shown(explorer: explorers.Explorer) -> dict[str, Any]:
    """Words, code, and the pictures and numbers: neither texts about them, nor what only repeats a choice."""
    aside = {"layout", "style", "children", "_dom_classes", "_esm", "_css", "tooltip", "code", "attributes"}
    aside |= {"label", "alt", "selected", "point"}
    texts = {"cnnlab-status", "cnnlab-head", "cnnlab-heading", "cnnlab-error"}
    pictures = [
        {key: value for key, value in part.get_state().items() if key not in aside}
        for part in parts(explorer)
        if not is_control(part) and not texts & set(part._dom_classes)
    ]
    return {"words": explorer.describe(), "code": explorer.code(), "pictures": pictures}


def turn(control: widgets.Widget) -> None:
    """Move a control by one step."""
    if isinstance(control, widgets.Button):
        control.click()
    elif isinstance(control, widgets.Checkbox):
        control.value = not control.value
    elif isinstance(control, widgets.SelectMultiple):
        control.index = control.index[1:] or (1,)
    elif control.has_trait("index"):
        control.index = (control.index + 1) % len(control.options)
    elif control.has_trait("min"):
        step = getattr(control, "step", None) or 1
        control.value += step if control.value + step <= control.max else -step
    elif control.has_trait("upload"):
        control.upload = {"name": "mine.png", "content": picture_bytes(), "turn": 1}
    elif control.has_trait("names"):
        control.value = control.names[control.names.index(control.value) - 1]
    elif control.has_trait("options"):
        control.value = next(value for value, _text in control.options if value != control.value)
    else:
        control.value = folder().name


def noise(width: int = 70, height: int = 50, seed: int = 0) -> Image.Image:
    """A picture of grey noise; with Pillow's own noise, which takes no seed, what a test finds would depend on the tests before it."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    return Image.fromarray(values).convert("RGB")


def picture_bytes(seed: int = 0) -> bytes:
    noise(seed=seed).save(stream := io.BytesIO(), "PNG")
    return stream.getvalue()


def ran(explorer: explorers.Explorer, **given: Any) -> tuple[dict[str, Any], str]:
    """The names that the shown code leaves behind, and what it prints; the network and what is `given` are the reader's own."""
    own = {"model": explorer.model} if hasattr(explorer, "model") else {}
    names = own | given
    lines = explorer.code().splitlines()
    for name in names:
        first = next((line for line in lines if line.startswith(f"{name} = ")), None)
        lines = [line for line in lines if line is not first]
    with contextlib.redirect_stdout(said := io.StringIO()):
        exec(compile("\n".join(lines), "shown code", "exec"), names)
    return names, said.getvalue()


# The record.


def recorded(explorer: explorers.Explorer) -> dict[str, Any]:
    """What is kept of an explorer as it opens."""
    return {
        "controls": {key: traits(control) for key, control in controls(explorer).items()},
        "names": sorted({label for _selector, label in labels(explorer)}),
        "words": explorer.describe(),
    }


def traits(control: widgets.Widget) -> dict[str, Any]:
    """A control's kind, description, value, range and options, if they are fewer than 30."""
    found: dict[str, Any] = {"kind": type(control).__name__}
    for key in ("description", "min", "max", "step", "disabled"):
        if control.has_trait(key):
            found[key] = getattr(control, key)
    if isinstance(control, widgets.SelectMultiple):
        found["value"] = list(control.label)
    elif control.has_trait("index"):
        found["value"] = control.label
    elif control.has_trait("value") and not isinstance(control, widgets.Button):
        found["value"] = control.value
    offered = option_labels(control)
    if 0 < len(offered) < 30:
        found["options"] = offered
    return found


def option_labels(control: widgets.Widget) -> list[str]:
    """The options as they are shown, without networks that must be downloaded, which not every machine has."""
    if control.has_trait("names"):
        return list(control.names)
    if not control.has_trait("options"):
        return []
    pairs = [one if isinstance(one, list | tuple) else (one, one) for one in control.options]
    words = [
        value if isinstance(value, str) and not control.has_trait("index") else label
        for label, value in pairs
    ]
    downloaded = {key for key, network in cnnlab.available().items() if network.source == "torchvision"}
    return [word for word in words if word not in downloaded]


def read_record() -> dict[str, Any]:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def main() -> None:
    """Record all explorers anew."""
    found = {name: recorded(opened(name)) for name in NAMES}
    RECORD.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{RECORD.name}: {len(found)} explorers")


if __name__ == "__main__":
    main()
