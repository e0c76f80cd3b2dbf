"""Occlusion map panel: start, stop, colours and summary of the whole map in the occlusion explorer."""

from __future__ import annotations

import html
import time
from collections.abc import Callable

import ipywidgets as widgets

from cnnlab.attribution import OcclusionMap, occluder_positions, occlusion_steps
from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.occluder_canvas import OccluderCanvas
from cnnlab.explorers.occlusion_overlays import MapSummary, class_overlay, probability_overlay, summarise_map
from cnnlab.explorers.render.occlusion import State

STEP_SECONDS = 0.03
"""Seconds of work in one step: short enough to keep the controls responsive."""
REPAINT_SECONDS = 0.06
"""Seconds between two repaints of the map."""
VIEWS = (("none", ""), ("target's probability", "probability"), ("class that wins", "class"))


class OcclusionMapPanel:
    """Controls of the occlusion map and the map itself; draws on `canvas`.

    `report(text)` sets the status line, `on_error(error)` shows an error.
    """

    def __init__(
        self, canvas: OccluderCanvas, report: Callable[[str], None], on_error: Callable[[Exception], None]
    ):
        self.canvas, self._report, self._on_error = canvas, report, on_error
        self.occlusion_map: OcclusionMap | None = None
        self.summary: MapSummary | None = None
        self._background: BackgroundSteps[OcclusionMap] = BackgroundSteps()
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
        self._count_text = widgets.HTML().add_class("cnnlab-quiet")
        self._summary_text = widgets.HTML().add_class("cnnlab-finding")
        self._progress = widgets.FloatProgress(0, min=0, max=1).add_class("cnnlab-progress")
        buttons = widgets.HBox([self.map_button, self.stop_button]).add_class("cnnlab-row")
        rows = [buttons, self._progress, self._count_text, self._summary_text, self.jump_button]
        self.panel = widgets.VBox([heading("Whole map"), *rows]).add_class("cnnlab-group")
        widgets.jslink((self.opacity, "value"), (canvas, "opacity"))
        self.show_map.observe(self._choose_view, "value")
        self.stretch.observe(lambda _change: self.paint(), "value")
        self._set_idle()

    @property
    def accessible_names(self) -> list:
        """Accessible names of the controls."""
        return [
            [".cnnlab-progress", {"aria-hidden": "true"}],  # the status line reports it
            *names_for(self.show_map, "show-map", "Map laid over the picture"),
            *names_for(self.opacity, "opacity", "Opacity of the map"),
            *names_for(self.stretch, "stretch", "Stretch the map's colours over the range that occurs"),
        ]

    @property
    def running(self) -> bool:
        return self._background.running

    def start(self, state: State, names: tuple[str, ...], target: int, seconds: float) -> None:
        """Compute the map for `state`; `seconds` is the time of one forward pass."""
        self.clear()
        self._state, self._names = state, names
        batch = min(max(round(STEP_SECONDS / seconds), 1), 32)
        options = {"size": state.box[2], "stride": state.stride, "fill": state.fill, "seed": state.seed}
        steps = occlusion_steps(state.model, state.image, target, **options, batch_size=batch)
        self.map_button.disabled, self.stop_button.disabled = True, False
        self._progress.layout.visibility = "visible"
        self.show_map.value = self.show_map.value or "probability"
        self._report("The map grows: 0%.")
        self._background.start(steps, self._receive, self._finish)

    def stop(self) -> None:
        """Stop the computation; the map so far stays."""
        if self.running:
            self._background.stop()
            self._set_idle()
            self._report(
                f"Stopped; {self.occlusion_map.fraction_done:.0%} of the map is there."
                if self.occlusion_map
                else "Stopped."
            )

    def clear(self) -> None:
        """Remove the map, which no longer matches the setting."""
        self._background.stop()
        self.occlusion_map = self.summary = None
        self._set_idle()

    def count(self, side: int, size: int, stride: int) -> None:
        """Report how many forward passes the map takes."""
        per_side = len(occluder_positions(side, size, stride))
        self._count_text.value = f"{per_side} × {per_side} places of the occluder, one forward pass each"

    def paint(self) -> None:
        """Show the map so far in the chosen view."""
        if not self.occlusion_map or not self.show_map.value:
            self.canvas.show_map = False
            return
        if self.show_map.value == "class":
            overlay, legend = class_overlay(self.occlusion_map, self._names)
        else:
            overlay, legend = probability_overlay(
                self.occlusion_map, self._names[self.occlusion_map.target], self.stretch.value
            )
        with self.canvas.hold_sync():
            self.canvas.overlay, self.canvas.legend, self.canvas.show_map = overlay, legend, True
        self._painted = time.monotonic()

    def _choose_view(self, change: dict) -> None:
        self.paint()
        if change["new"] and not self.occlusion_map and self.stop_button.disabled:
            self._report("There is no map for this setting yet; fill it in.")

    def _receive(self, partial: OcclusionMap) -> None:
        self.occlusion_map = partial
        if partial.fraction_done == 1 or time.monotonic() - self._painted > REPAINT_SECONDS:
            self.paint()
            self._progress.value = partial.fraction_done
            self._report(f"The map grows: {partial.fraction_done:.0%}.")

    def _finish(self, error: Exception | None) -> None:
        self._set_idle()
        if error:
            self._on_error(error)
        elif self.occlusion_map:
            self._report(f"The map is whole: {self.occlusion_map.probability.numel()} places.")

    def _set_idle(self) -> None:
        self.map_button.disabled, self.stop_button.disabled = False, True
        self._progress.value, self._progress.layout.visibility = 0, "hidden"
        if self.occlusion_map:
            source, side = self._state.source, self._state.image.shape[-1]
            self.summary = summarise_map(
                self.occlusion_map, self._names, source.mask(side), source.object_name
            )
        self.paint()
        self._show_summary()

    def _show_summary(self) -> None:
        sentences = self.summary.sentences if self.summary else ()
        self.jump_button.layout.display = "" if sentences else "none"
        self._summary_text.value = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
