"""The part of the occlusion explorer that fills in the whole map: start, stop, colours, and what the map says."""

from __future__ import annotations

import html
import time
from collections.abc import Callable

import ipywidgets as widgets

from cnnlab.attribution import OcclusionMap, occluder_positions, occlusion_steps
from cnnlab.explorers.covered import State
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.overlays import Finding, class_overlay, find, probability_overlay
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.stage import Stage

STEP = 0.03
"""Seconds of work in one step: short enough for the controls to stay live."""
REPAINT = 0.06
"""Seconds between two pictures of the growing map."""
VIEWS = (("none", ""), ("target's probability", "probability"), ("class that wins", "class"))


class WholeMap:
    """Controls of the map and the map itself; paints on `stage`.

    `report(text)` puts a sentence into the status line, `failed(error)` shows what went wrong.
    """

    def __init__(self, stage: Stage, report: Callable[[str], None], failed: Callable[[Exception], None]):
        self.stage, self._report, self._failed = stage, report, failed
        self.found: OcclusionMap | None = None
        self.finding: Finding | None = None
        self._growth: Growth[OcclusionMap] = Growth()
        self._state: State | None = None
        self._names: tuple[str, ...] = ()
        self._painted = 0.0
        self.map_button = widgets.Button(description="Fill in the map", button_style="primary")
        self.stop_button = widgets.Button(description="Stop", disabled=True)
        self.jump_button = widgets.Button(description="Move the occluder there").add_class("cnnlab-wide")
        self.show_map = widgets.Dropdown(options=VIEWS, value="", description="Map")
        self.stretch = widgets.Checkbox(False, description="stretch its colours", indent=False)
        self.opacity = widgets.FloatSlider(
            0.85, min=0, max=1, step=0.05, description="Opacity", readout=False
        )
        self._places = widgets.HTML().add_class("cnnlab-quiet")
        self._words = widgets.HTML().add_class("cnnlab-finding")
        self._progress = widgets.FloatProgress(0, min=0, max=1).add_class("cnnlab-progress")
        buttons = widgets.HBox([self.map_button, self.stop_button]).add_class("cnnlab-row")
        rows = [buttons, self._progress, self._places, self._words, self.jump_button]
        self.panel = widgets.VBox([heading("Whole map"), *rows]).add_class("cnnlab-group")
        widgets.jslink((self.opacity, "value"), (stage, "opacity"))
        self.show_map.observe(self._choose_view, "value")
        self.stretch.observe(lambda _change: self.paint(), "value")
        self._rest()

    @property
    def names(self) -> list:
        """The accessible names of the controls."""
        return [
            [".cnnlab-progress", {"aria-hidden": "true"}],  # the status line says it
            *names_for(self.show_map, "show-map", "Map laid over the picture"),
            *names_for(self.opacity, "opacity", "Opacity of the map"),
            *names_for(self.stretch, "stretch", "Stretch the map's colours over the range that occurs"),
        ]

    @property
    def running(self) -> bool:
        return self._growth.running

    def start(self, state: State, names: tuple[str, ...], target: int, seconds: float) -> None:
        """Fill in the map for `state`; `seconds` is what one forward pass takes."""
        self.forget()
        self._state, self._names = state, names
        batch = min(max(round(STEP / seconds), 1), 32)
        options = {"size": state.box[2], "stride": state.stride, "fill": state.fill, "seed": state.seed}
        steps = occlusion_steps(state.model, state.image, target, **options, batch_size=batch)
        self.map_button.disabled, self.stop_button.disabled = True, False
        self._progress.layout.visibility = "visible"
        self.show_map.value = self.show_map.value or "probability"
        self._report("The map grows: 0%.")
        self._growth.start(steps, self._take, self._finish)

    def stop(self) -> None:
        """Keep what there is of the map and compute no more."""
        if self.running:
            self._growth.stop()
            self._rest()
            self._report(
                f"Stopped; {self.found.fraction_done:.0%} of the map is there." if self.found else "Stopped."
            )

    def forget(self) -> None:
        """The setting has changed: the map, whole or not, says nothing about it any more."""
        self._growth.stop()
        self.found = self.finding = None
        self._rest()

    def count(self, side: int, size: int, stride: int) -> None:
        """Say how many forward passes the map takes."""
        along = len(occluder_positions(side, size, stride))
        self._places.value = f"{along} × {along} places of the occluder, one forward pass each"

    def paint(self) -> None:
        """Show the map, as far as it is there, in the chosen view."""
        if not self.found or not self.show_map.value:
            self.stage.show_map = False
            return
        if self.show_map.value == "class":
            overlay, legend = class_overlay(self.found, self._names)
        else:
            overlay, legend = probability_overlay(
                self.found, self._names[self.found.target], self.stretch.value
            )
        with self.stage.hold_sync():
            self.stage.overlay, self.stage.legend, self.stage.show_map = overlay, legend, True
        self._painted = time.monotonic()

    def _choose_view(self, change: dict) -> None:
        self.paint()
        if change["new"] and not self.found and self.stop_button.disabled:
            self._report("There is no map for this setting yet; fill it in.")

    def _take(self, partial: OcclusionMap) -> None:
        self.found = partial
        if partial.fraction_done == 1 or time.monotonic() - self._painted > REPAINT:
            self.paint()
            self._progress.value = partial.fraction_done
            self._report(f"The map grows: {partial.fraction_done:.0%}.")

    def _finish(self, error: Exception | None) -> None:
        self._rest()
        if error:
            self._failed(error)
        elif self.found:
            self._report(f"The map is whole: {self.found.probability.numel()} places.")

    def _rest(self) -> None:
        self.map_button.disabled, self.stop_button.disabled = False, True
        self._progress.value, self._progress.layout.visibility = 0, "hidden"
        if self.found:
            source, side = self._state.source, self._state.image.shape[-1]
            self.finding = find(self.found, self._names, source.mask(side), source.thing)
        self.paint()
        self._tell()

    def _tell(self) -> None:
        sentences = self.finding.words if self.finding else ()
        self.jump_button.layout.display = "" if sentences else "none"
        self._words.value = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
