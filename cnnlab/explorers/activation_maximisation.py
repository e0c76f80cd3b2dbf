"""Activation maximisation explorer: the picture that maximises a class, a channel or a unit, with a slider for each regulariser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import ipywidgets as widgets
from torch import nn

from cnnlab._validation import class_index
from cnnlab.explorers.charts import ProbabilityBars, probability_rows
from cnnlab.explorers.choices import CLASSIFIERS, of_the_same_classes, offer_classes, offer_judges
from cnnlab.explorers.controls import Controls, Hold, button, choice, heading, search, slow_slider
from cnnlab.explorers.optimisation_base import PARAMETRISATIONS, OptimisationExplorer, cached_load
from cnnlab.explorers.render import maximisation
from cnnlab.explorers.render.maximisation import DEFAULTS, OFF
from cnnlab.explorers.step_player import Frame
from cnnlab.networks.eval_mode import input_side
from cnnlab.networks.forward import class_names, probabilities

RECOGNISED = "flamingo"
"""A class whose picture is easily recognised."""

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


class ActivationMaximisationExplorer(OptimisationExplorer):
    """Activation maximisation explorer: gradient ascent on the picture, with a slider for each regulariser.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        The start of the ascent, where it starts from a picture.
    kind, number, layer, steps
        The first target: "class", "channel" or "unit", its number (or the name of a class; None takes a class that is
        easily recognised), the layer, and the number of steps.
    """

    name = "Activation maximisation explorer"
    title = "Activation maximisation"
    question = "Which picture does the network want?"
    picture_group = None
    kinds = (*CLASSIFIERS, "digits", "random labels")
    curve_label = "Mean of what shall grow"
    run_label = "Maximise"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        *,
        kind: str = "class",
        number: int | str | None = None,
        layer: str = "",
        steps: int = 64,
    ):
        super().__init__(model, picture)
        self.bars, self.grid.max_tile_size, self.grid.min_tile_size = ProbabilityBars(), 420, 110
        self._initial_layer, self._runs, self._lines = layer, [], []
        number = first_number(number, getattr(self.model, "class_names", ()), kind)
        self._regularisers = Regularisers(lambda: self.run_safely(self.on_control_change))
        self.sliders = self._regularisers.sliders
        self._picture_rows = widgets.VBox(self.image_picker.rows)
        starts = [("noise", "noise"), ("grey", "zero"), ("a picture", "picture")]
        self.second_network = choice(
            "Ask also", [("nobody", "")], name="Another network that is asked about the picture"
        )
        self.assemble(
            {
                "What it wants": {
                    "kind": choice("Kind", maximisation.KINDS, kind, name="Kind of what shall grow"),
                    "target": search("Class", [("", number)], name="Class that shall grow"),
                    "layer": search("Layer", name="Layer of the channel or unit"),
                    "number": slow_slider(
                        "Number", number, 0, max(1, number), name="Number of the channel or unit"
                    ),
                    "n_targets": slow_slider(
                        *("At once", 1, 1, maximisation.MAX_IMAGES),
                        name="How many classes or channels at once",
                    ),
                    "restarts": slow_slider(
                        "Restarts", 1, 1, 6, name="Pictures for each, from different noise"
                    ),
                },
                "Ascent": {
                    "start": choice("Start", starts, name="Where the ascent starts"),
                    "picture_rows": self._picture_rows,
                    "parametrisation": choice("In", PARAMETRISATIONS, name="Coordinates of the picture"),
                    "steps": slow_slider("Steps", steps, 8, 256, 8, name="Number of steps"),
                    "comparison": choice("Beside", [("nothing", "")], name="What is shown beside it"),
                },
                "Regularisers": self._regularisers.controls,
            },
            silent=["layer", *self.sliders],
            result=[heading("What the network says"), self.bars, self.second_network],
        )
        self.on_change(self._layer_chosen, self.layer)
        self.on_change(self._slider_moved, *self.sliders.values())
        self.on_change(self._show_predictions, self.grid, name="selected")
        self.on_change(self._show_predictions, self.second_network)

    @property
    def state(self) -> maximisation.State:
        """The settings of the controls."""
        kind = self.kind.value
        number = self.target.value if kind == "class" else self.number.value
        count = len(self._classes) if kind == "class" else self._widths[self.layer.value]
        side = self.made_side
        start = self.image_picker.source.image(side) if self.start.value == "picture" else self.start.value
        options = {"steps": self.steps.value, "parametrisation": self.parametrisation.value, "seed": 0}
        options |= {} if side == input_side(self.model) else {"size": side}
        return maximisation.State(
            kind=kind,
            number=number,
            layer="" if kind == "class" else self.layer.value,
            n_targets=min(self.n_targets.value, count - number),
            restarts=self.restarts.value,
            start=start,
            options=options | self._regularisers.values,
        )

    def update_options(self) -> None:
        self._classes = class_names(self.model, len(probabilities(self.model, self.image)))
        self._widths = maximisation.layer_widths(self.model, self.side)
        number = min(self.target.value or 0, len(self._classes) - 1)
        offer_classes(self.target, self._classes)
        self.target.value = number
        self.set_layer_options(self.layer, self._initial_layer, maps=False)
        judges = _judges(self.network_name, self._classes)
        comparison = self.comparison.value
        comparisons = [("nothing", ""), ("the other coordinates", "coordinates")]
        self.comparison.options = [*comparisons, *((name, name) for name in judges)]
        self.comparison.value = comparison if comparison in ("coordinates", *judges) else ""
        offer_judges(self.second_network, judges)
        self._fit()

    def frames(self) -> tuple[Iterator[Frame], int]:
        state, comparison = self.state, self.comparison.value
        runs = [(self.display_name, self.model, state)]
        if comparison == "coordinates":
            parametrisation = state.options["parametrisation"]
            other = "fourier" if parametrisation == "pixels" else "pixels"
            other_state = replace(state, options={**state.options, "parametrisation": other})
            runs = [(parametrisation, self.model, state), (other, self.model, other_state)]
        elif comparison:
            runs.append((comparison, cached_load(comparison), state))
        run_frames = maximisation.frames(runs)
        several = len(runs) > 1
        self._runs = runs
        self._lines = [
            line
            for name, _, run_state in runs
            for line in maximisation.captions(run_state, self._classes, name if several else "")
        ]
        return run_frames, self.steps.value

    def captions(self) -> list[str]:
        return self._lines

    def on_control_change(self) -> None:
        self._fit()
        super().on_control_change()

    def show_frame(self, frame: Frame, finished: bool) -> None:
        super().show_frame(frame, finished)
        count = len(self._lines)
        self.grid.columns = 1 if count == 1 else 2 if count < 5 else 3
        if finished or not self.bars.entries:
            self._show_predictions()

    def code(self) -> str:
        picture = self.image_picker.source.code(self.made_side)
        return maximisation.code(self.state, self.network_name, self._classes, picture)

    def summary(self) -> str:
        comparison = self.comparison.label if self.comparison.value else ""
        return maximisation.summary(self.state, self.network_name, self._classes, comparison)

    def _fit(self) -> None:
        """Show the controls that matter for the kind and the start, and fit their ranges."""
        of_class = self.kind.value == "class"
        self.number.max = self._widths[self.layer.value] - 1
        for control, visible in (
            (self.target, of_class),
            (self.layer, not of_class),
            (self.number, not of_class),
        ):
            control.layout.display = "" if visible else "none"
        self._picture_rows.layout.display = "" if self.start.value == "picture" else "none"

    # Callbacks of the controls.

    def _slider_moved(self) -> None:
        if not self._regularisers.setting:
            self.on_control_change()

    def _layer_chosen(self) -> None:
        if self.kind.value != "class":
            self.on_control_change()

    def _show_predictions(self) -> None:
        """Show the predictions for the chosen picture: of the network that it was made for, and of another one, if any."""
        if not self.player.frames or not self._runs:
            return
        tile = max(self.grid.selected, 0)
        image = self.player.frames[self.player.current_step].images[tile]
        run_name, model, state = self._runs[tile // (len(self._lines) // len(self._runs))]
        probability = probabilities(model, image)
        judge = self.second_network.value
        self.bars.series_names = [run_name, *([judge] if judge else [])]
        other = probabilities(cached_load(judge), image) if judge else None
        of_class = state.kind == "class"
        target = (
            state.numbers[tile % state.count // state.restarts] if of_class else int(probability.argmax())
        )
        self.bars.entries = probability_rows(probability, other, self._classes, target)


def first_number(number: int | str | None, names: Sequence[str], kind: str) -> int:
    """The target's index, from an index or a class name; by default the class `RECOGNISED` where the network has it."""
    if isinstance(number, str):
        return class_index(number, names)
    if number is None:
        return class_index(RECOGNISED, names) if kind == "class" and RECOGNISED in names else 0
    return number


def _judges(own: str, classes: tuple[str, ...]) -> list[str]:
    """The available networks with the same classes; the robust one first."""
    same = of_the_same_classes(own, classes)
    return sorted(same, key=lambda name: ("robust" not in name, name != "mini_resnet"))


class Regularisers:
    """`sliders` by name, and the buttons `defaults_button` and `off_button`; a click on a button calls `on_change()` once."""

    def __init__(self, on_change: Callable[[], None]):
        self._on_change = on_change
        self.setting = Hold()
        self.sliders = {name: _slider(name) for name in SLIDERS}
        self.defaults_button, self.off_button = button("as usual"), button("none")
        self.defaults_button.on_click(lambda _button: self.set_all(DEFAULTS))
        self.off_button.on_click(lambda _button: self.set_all(OFF))

    @property
    def controls(self) -> Controls:
        """The controls in their order, for `Explorer.layout`."""
        buttons = {"defaults_button": self.defaults_button, "off_button": self.off_button}
        return {"buttons": buttons, **self.sliders, "off_note": heading("0 is off")}

    @property
    def values(self) -> dict[str, float]:
        """The settings of the sliders, as arguments of `cnnlab.synthesis.maximise`."""
        return {name: control.value for name, control in self.sliders.items()}

    def set_all(self, values: dict[str, float]) -> None:
        """Set all sliders and call `on_change` once."""
        with self.setting:
            for name, value in values.items():
                self.sliders[name].value = value
        self._on_change()


def _slider(name: str) -> widgets.Widget:
    label, maximum, step, accessible_name = SLIDERS[name]
    default = int(DEFAULTS[name]) if step == 1 else DEFAULTS[name]
    return slow_slider(label, default, 0, maximum, step, name=accessible_name)
