"""Regularisers of activation maximisation: a slider for each, and two buttons that set all of them."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.render.maximisation import DEFAULTS, OFF

SLIDERS = {
    "jitter": ("Jitter", 24, 1, "Jitter: largest shift in pixels before each step"),
    "zoom": ("Zoom", 0.5, 0.05, "Largest change of size before each step"),
    "rotate": ("Rotate", 45, 1, "Largest rotation in degrees before each step"),
    "l2": ("L2", 0.005, 0.0001, "L2: weight of the squared distance from grey"),
    "tv": ("TV", 0.02, 0.0005, "TV: weight of the total variation"),
    "blur": ("Blur", 2, 0.1, "Blur: sigma in pixels, every fourth step"),
    "clip_small_norms": (
        "Pixels",
        0.9,
        0.05,
        "Share of the pixels that are made grey, those closest to grey",
    ),
    "clip_small_contributions": (
        "Gradients",
        0.9,
        0.05,
        "Share of the pixels that are made grey, those whose gradient says that they do least",
    ),
}
"""For each regulariser: label, maximum, step, accessible name; the minimum is 0, which turns it off."""


class Regularisers:
    """`sliders` by name, and the buttons `defaults_button` and `off_button`; a click on a button calls `on_change()` once."""

    def __init__(self, on_change: Callable[[], None]):
        self._on_change = on_change
        self.is_setting = False
        self.sliders = {name: _slider(name) for name in SLIDERS}
        self.defaults_button = widgets.Button(description="as usual")
        self.off_button = widgets.Button(description="none")
        self.defaults_button.on_click(lambda _button: self.set_all(DEFAULTS))
        self.off_button.on_click(lambda _button: self.set_all(OFF))
        row = widgets.HBox([self.defaults_button, self.off_button]).add_class("cnnlab-row")
        self.rows = [row, *self.sliders.values(), heading("0 is off")]

    @property
    def accessible_names(self) -> list:
        """Accessible names of the controls."""
        return [
            entry
            for name, control in self.sliders.items()
            for entry in names_for(control, name.replace("_", "-"), SLIDERS[name][3])
        ]

    @property
    def values(self) -> dict[str, float]:
        """The settings of the sliders, as arguments of `cnnlab.synthesis.maximise`."""
        return {name: control.value for name, control in self.sliders.items()}

    def set_all(self, values: dict[str, float]) -> None:
        """Set all sliders and call `on_change` once."""
        self.is_setting = True
        try:
            for name, value in values.items():
                self.sliders[name].value = value
        finally:
            self.is_setting = False
        self._on_change()


def _slider(name: str) -> widgets.Widget:
    label, maximum, step, _ = SLIDERS[name]
    if step == 1:
        return widgets.IntSlider(
            int(DEFAULTS[name]), min=0, max=maximum, description=label, continuous_update=False
        )
    options = {"readout_format": ".4f" if step < 0.01 else ".2f", "continuous_update": False}
    return widgets.FloatSlider(DEFAULTS[name], min=0, max=maximum, step=step, description=label, **options)
