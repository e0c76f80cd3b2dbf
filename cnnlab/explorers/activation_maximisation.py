"""Activation maximisation explorer: the picture that maximises a class, a channel or a unit, with a slider for each regulariser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import ipywidgets as widgets
from torch import nn

from cnnlab._validation import class_index
from cnnlab.explorers.choices import CLASSIFIERS, of_the_same_classes, offer_classes
from cnnlab.explorers.common import heading
from cnnlab.explorers.optimisation_base import OptimisationExplorer, accessible_names_of, slider
from cnnlab.explorers.predictions import class_names, probabilities
from cnnlab.explorers.probability_bars import ProbabilityBars, probability_rows
from cnnlab.explorers.regularisers import Regularisers
from cnnlab.explorers.render import maximisation
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.step_player import Frame
from cnnlab.networks.zoo import load

RECOGNISED = "flamingo"
"""A class whose picture is easily recognised."""


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

    Controls
    --------
    network, kind, target, layer, number, n_targets, restarts
        The target, the number of consecutive classes or channels, and the pictures for each.
    start, parametrisation, steps, comparison, second_network
        The start and the parametrisation; what is shown beside the picture; a second network that classifies it.
    sliders, defaults_button, off_button
        The regularisers by name, as in `explorer.sliders["jitter"].value = 0`, and the buttons that set all of them.
    player
        `player.run_button`, `player.stop_button`, `player.scrubber`, `player.auto_run`.
    """

    kinds = (*CLASSIFIERS, "digits", "random labels")
    title = "Activation maximisation"
    question = "Which picture does the network want?"
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
        self.bars, self.grid.max_tile_size = ProbabilityBars(), 420
        self._initial_layer, self._runs, self._lines = layer, [], []
        number = first_number(number, getattr(self.model, "class_names", ()), kind)
        self.kind = widgets.Dropdown(options=maximisation.KINDS, value=kind, description="Kind")
        self.target = SearchSelect([("", number)], description="Class")
        self.layer = SearchSelect(description="Layer")
        self.number = slider("Number", number, 0, max(1, number))
        self.n_targets = slider("At once", 1, 1, maximisation.MAX_IMAGES)
        self.restarts = slider("Restarts", 1, 1, 6)
        starts = [("noise", "noise"), ("grey", "zero"), ("a picture", "picture")]
        self.start = widgets.Dropdown(options=starts, description="Start")
        parametrisations = [("waves (Fourier)", "fourier"), ("pixels", "pixels")]
        self.parametrisation = widgets.Dropdown(options=parametrisations, description="In")
        self.steps = slider("Steps", steps, 8, 256, 8)
        self.comparison = widgets.Dropdown(options=[("nothing", "")], description="Beside")
        self.second_network = widgets.Dropdown(options=[("nobody", "")], description="Ask also")
        self._regularisers = Regularisers(lambda: self.run_safely(self.on_control_change))
        self.sliders = self._regularisers.sliders
        self.defaults_button, self.off_button = (
            self._regularisers.defaults_button,
            self._regularisers.off_button,
        )
        self._lay_out()
        self.on_change(self._layer_chosen, self.layer)
        self.on_change(self._slider_moved, *self.sliders.values())
        self.on_change(self._show_predictions, self.grid, name="selected")
        self.on_change(self._show_predictions, self.second_network)

    @property
    def state(self) -> maximisation.MaximisationState:
        """The settings of the controls."""
        kind = self.kind.value
        number = self.target.value if kind == "class" else self.number.value
        count = len(self._classes) if kind == "class" else self._widths[self.layer.value]
        side = self.made_side
        start = self.image_picker.source.image(side) if self.start.value == "picture" else self.start.value
        options = {"steps": self.steps.value, "parametrisation": self.parametrisation.value, "seed": 0}
        options |= {} if side == self.side else {"size": side}
        return maximisation.MaximisationState(
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
        same_class_networks = _judges(self.network_name, self._classes)
        comparison, second_network = self.comparison.value, self.second_network.value
        comparisons = [("nothing", ""), ("the other coordinates", "coordinates")]
        self.comparison.options = [*comparisons, *((name, name) for name in same_class_networks)]
        self.comparison.value = comparison if comparison in ("coordinates", *same_class_networks) else ""
        self.second_network.options = [("nobody", ""), *((name, name) for name in same_class_networks)]
        self.second_network.value = (
            second_network
            if second_network in same_class_networks
            else (same_class_networks[0] if same_class_networks else "")
        )
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
            runs.append((comparison, _cached_load(comparison), state))
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
        self.grid.columns = 1 if count == 1 else 2 if count < 5 else 4
        if finished or not self.bars.entries:
            self._show_predictions()

    def code(self) -> str:
        picture = self.image_picker.source.code(self.made_side)
        return maximisation.code(self.state, self.network_name, self._classes, picture)

    def describe(self) -> str:
        comparison = self.comparison.label if self.comparison.value else ""
        return maximisation.describe(self.state, self.network_name, self._classes, comparison)

    # Layout.

    def _lay_out(self) -> None:
        self._picture_rows = widgets.VBox(self.image_picker.rows)
        target_controls = [self.kind, self.target, self.layer, self.number, self.n_targets, self.restarts]
        ascent = [self.start, self.parametrisation, self.steps, self.comparison]
        groups = {
            "Picture": [],
            "What it wants": target_controls,
            "Ascent": [self.start, self._picture_rows, *ascent[1:]],
            "Regularisers": self._regularisers.rows,
        }
        names = accessible_names_of(
            kind=(self.kind, "Kind of what shall grow"),
            target=(self.target, "Class that shall grow"),
            layer=(self.layer, "Layer of the channel or unit"),
            number=(self.number, "Number of the channel or unit"),
            n_targets=(self.n_targets, "How many classes or channels at once"),
            restarts=(self.restarts, "Pictures for each, from different noise"),
            start=(self.start, "Where the ascent starts"),
            coordinates=(self.parametrisation, "Coordinates of the picture"),
            steps=(self.steps, "Number of steps"),
            beside=(self.comparison, "What is shown beside it"),
            judge=(self.second_network, "Another network that is asked about the picture"),
        )
        controls = [self.kind, self.target, self.number, self.n_targets, self.restarts, *ascent]
        predictions = [heading("What the network says"), self.bars, self.second_network]
        self.assemble(groups, [*names, *self._regularisers.accessible_names], controls, result=predictions)

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
        if not self._regularisers.is_setting:
            self.on_control_change()

    def _layer_chosen(self) -> None:
        if self.kind.value != "class":
            self.on_control_change()

    def _show_predictions(self) -> None:
        """Show the predictions for the chosen picture: of the network that it was made for, and of another one."""
        if not self.player.frames or not self._runs:
            return
        tile = max(self.grid.selected, 0)
        image = self.player.frames[self.player.current_step].images[tile]
        run_name, model, state = self._runs[tile // (len(self._lines) // len(self._runs))]
        probability = probabilities(model, image)
        second = _cached_load(self.second_network.value) if self.second_network.value else model
        self.bars.series_names = [run_name, self.second_network.value or "the same"]
        of_class = state.kind == "class"
        target = (
            state.numbers[tile % state.count // state.restarts] if of_class else int(probability.argmax())
        )
        self.bars.entries = probability_rows(probability, probabilities(second, image), self._classes, target)


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


_cached_load = lru_cache(maxsize=4)(load)
