"""The controls of an explorer, each declared once: the widget, its label, and the name that a screen reader says.

An explorer hands them to `Explorer.layout`, which makes each an attribute of the explorer and puts them into groups:

    self.layout({"Attack": {"epsilon": slider("Epsilon", 4.0, 0, 32, 0.25, name="Epsilon in steps of 255"),
                            "attack": choice("Attack", ATTACKS, name="Attack")}}, centre=[self.grid])
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, Union

import ipywidgets as widgets

from cnnlab.explorers.search_select import SearchSelect

Control = TypeVar("Control", bound=widgets.Widget)
Controls = Mapping[str, Union[widgets.Widget, "Controls"]]
"""Controls by attribute, from top to bottom; a mapping within is a row of them, from left to right."""

_NAMED_PARTS = {
    widgets.IntSlider: (".noUi-handle", ".widget-readout"),
    widgets.FloatSlider: (".noUi-handle", ".widget-readout"),
    widgets.SelectionSlider: (".noUi-handle",),
    widgets.Dropdown: ("select",),
    widgets.SelectMultiple: ("select",),
    widgets.BoundedIntText: ("input",),
    widgets.Text: ("input",),
    widgets.Checkbox: ("input",),
}
"""Where the name goes within a widget of ipywidgets; a widget of the kit says it in `named_parts`."""


def named(control: Control, name: str) -> Control:
    """The widget, with the name that a screen reader says."""
    control.accessible_name = name
    return control


def choice(label: str, options: Any, value: Any = None, *, name: str) -> widgets.Dropdown:
    """A menu of a few options; the first is chosen if there is no `value`."""
    chosen = {} if value is None else {"value": value}
    return named(widgets.Dropdown(options=options, description=label, **chosen), name)


def search(label: str, options: Iterable = (), *, name: str, asked: str | None = None) -> SearchSelect:
    """A searchable menu, for classes and layers; `asked` is the layer that `choices.offer_layers` chooses first."""
    menu = named(SearchSelect(options, description=label), name)
    menu.asked = asked
    return menu


def slider(
    label: str, value: float, low: float, high: float, step: float = 1, *, name: str, **traits: Any
) -> widgets.IntSlider | widgets.FloatSlider:
    """A slider over whole numbers if its value and step are whole, else over floats."""
    kind = widgets.IntSlider
    if not (isinstance(value, int) and isinstance(step, int)):
        kind, traits = widgets.FloatSlider, {"readout_format": ".4f" if step < 0.01 else ".2f"} | traits
    return named(kind(value, min=low, max=high, step=step, description=label, **traits), name)


def stops(label: str, options: Any, value: Any = None, *, name: str) -> widgets.SelectionSlider:
    """A slider through named options, such as the layers of a network from the first to the last."""
    chosen = {} if value is None else {"value": value}
    return named(widgets.SelectionSlider(options=options, description=label, **chosen), name)


def slow_slider(*arguments: Any, name: str, **traits: Any) -> widgets.IntSlider | widgets.FloatSlider:
    """A slider that reports its value when it is released, for work that takes longer than a key press."""
    return slider(*arguments, name=name, continuous_update=False, **traits)


def number(label: str, value: int, low: int, high: int, *, name: str) -> widgets.BoundedIntText:
    """A field for a whole number, such as a seed."""
    return named(widgets.BoundedIntText(value, min=low, max=high, description=label), name)


def checkbox(label: str, value: bool = False, *, name: str) -> widgets.Checkbox:
    """A checkbox with its label to the right."""
    return named(widgets.Checkbox(value, description=label, indent=False), name)


def button(label: str, *, name: str = "", **traits: Any) -> widgets.Button:
    """A button; its label is its name if it has no other."""
    made = widgets.Button(description=label, **traits)
    return named(made, name) if name else made


def run_button(label: str) -> widgets.Button:
    """The button that starts the work of the explorer."""
    return button(label, button_style="primary")


def stop_button(label: str = "Stop", *, name: str = "") -> widgets.Button:
    """The button that stops it, disabled until it runs."""
    return button(label, name=name, disabled=True)


def row(controls: Iterable[widgets.Widget]) -> widgets.HBox:
    """Controls side by side."""
    return widgets.HBox(list(controls)).add_class("cnnlab-row")


def heading(text: str) -> widgets.HTML:
    """The heading above a group of controls."""
    return widgets.HTML(html.escape(text)).add_class("cnnlab-heading")


def finding() -> widgets.HTML:
    """A paragraph for what the result says."""
    return widgets.HTML().add_class("cnnlab-finding")


def link_opacity(opacity: widgets.FloatSlider, *views: widgets.Widget) -> None:
    """Let a slider set the opacity of overlays, in the browser alone."""
    link(opacity, "opacity", *views)


def link(control: widgets.Widget, trait: str, *views: widgets.Widget) -> None:
    """Let a control set this trait of views, in the browser alone; it keeps the links, so that they can be closed with it."""
    control.links = [widgets.jslink((control, "value"), (view, trait)) for view in views]


def accessible_names(*roots: widgets.Widget) -> list:
    """The entries of `AccessibleNames.attributes` for the named widgets among these and within them; each gets a CSS class of its own."""
    entries = []
    for control in (part for root in roots for part in _walk(root)):
        if name := getattr(control, "accessible_name", ""):
            own = "cnnlab-is-" + re.sub(r"\W+", "-", name.lower()).strip("-")
            control.add_class(own)
            parts = _NAMED_PARTS.get(type(control), getattr(control, "named_parts", ("",)))
            entries += [[f".{own} {part}".strip(), {"aria-label": name}] for part in parts]
    return entries


def _walk(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _walk(child)


class Hold:
    """A flag that is set within `with` blocks: callbacks of controls that the explorer itself sets return at once."""

    def __init__(self) -> None:
        self._depth = 0

    def __bool__(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_exception: object) -> None:
        self._depth -= 1
