"""Parts of the occlusion explorer: the canvas with the occluder, drawn by `occluder_canvas.js`, and the panel of the whole map."""

from __future__ import annotations

import html
import time
from collections.abc import Callable

import anywidget
import ipywidgets as widgets
from traitlets import Bool, Bytes, Dict, Float, Int, List, Unicode

from cnnlab.attribution import OcclusionMap, occluder_positions, occlusion_steps
from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.common import read_script, read_source
from cnnlab.explorers.controls import (
    Controls,
    button,
    checkbox,
    choice,
    finding,
    heading,
    link_opacity,
    row,
    run_button,
    slider,
    stop_button,
)
from cnnlab.explorers.render.occlusion import (
    MapSummary,
    State,
    class_overlay,
    probability_overlay,
    summarise_map,
)

STEP_SECONDS = 0.03
"""Seconds of work in one step: short enough to keep the controls responsive."""
REPAINT_SECONDS = 0.06
"""Seconds between two repaints of the map."""
NO_MAP_YET = "There is no map for this setting yet; fill it in."
VIEWS = (("none", ""), ("target's probability", "probability"), ("class that wins", "class"))


class OccluderCanvas(anywidget.AnyWidget):
    """Canvas with a picture of `side` x `side` pixels and a square occluder, in the picture's own pixels.

    Traits
    ------
    box
        [left, top, size] of the occluder; the browser writes it while it is moved, the kernel may write it too.
    side, stride
        Side of the network's input, and the step of the arrow keys, in pixels.
    picture
        {"eye": bytes, "network": bytes, "mask": bytes}: at display size, as the network's input, and the mask of the object.
    fill_image, smooth
        The picture that fills the occluder, and whether it is smoothed when enlarged.
    moving_fill, cover
        Whether this picture moves along, as a patch does, or lies behind a window that moves; and what the occluder is called.
    overlay
        {"png": bytes, "rows": [...], "columns": [...], "size": int}: one pixel for each position of the occluder.
    legend
        The legend of the overlay, see `cnnlab.explorers.render.occlusion`.
    result
        The prediction: {"name", "now", "before", "says", "flipped", "box"}.
    label
        Alt text of the picture.
    """

    _esm = read_script("occluder_canvas.js")
    _css = read_source("occluder_canvas.css")

    side = Int(96).tag(sync=True)
    box = List(Int(), [36, 36, 24]).tag(sync=True)
    stride = Int(4).tag(sync=True)
    picture = Dict().tag(sync=True)
    fill_image = Bytes(b"").tag(sync=True)
    smooth = Bool(False).tag(sync=True)
    moving_fill = Bool(False).tag(sync=True)
    cover = Unicode("occluder").tag(sync=True)
    overlay = Dict().tag(sync=True)
    legend = Dict().tag(sync=True)
    result = Dict().tag(sync=True)
    label = Unicode("picture").tag(sync=True)
    view = Unicode("eye", help="eye or network").tag(sync=True)
    show_map = Bool(False).tag(sync=True)
    show_mask = Bool(False).tag(sync=True)
    opacity = Float(0.85).tag(sync=True)

    def resize(self, size: int) -> None:
        """Give the occluder another size about its centre, within the picture."""
        left, top, old = self.box
        if grown := size - old:
            self.box = [min(max(corner - grown // 2, 0), self.side - size) for corner in (left, top)] + [size]


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
        self._state: State | None = None
        self._names: tuple[str, ...] = ()
        self._painted = 0.0
        self.map_button, self.stop_button = run_button("Fill in the map"), stop_button()
        self.jump_button = button("Move the occluder there").add_class("cnnlab-wide")
        self._background: BackgroundSteps[OcclusionMap] = BackgroundSteps(self._failed)
        self._background.link(self.map_button, self.stop_button)
        self.show_map = choice("Map", VIEWS, "", name="Map laid over the picture")
        self.opacity = slider("Opacity", 0.85, 0, 1, 0.05, name="Opacity of the map", readout=False)
        self.stretch = checkbox(
            "stretch its colours", name="Stretch the map's colours over the range that occurs"
        )
        self._count_text = widgets.HTML().add_class("cnnlab-quiet")
        self._summary_text = finding()
        self._progress = widgets.FloatProgress(0, min=0, max=1).add_class("cnnlab-progress")
        buttons = row([self.map_button, self.stop_button])
        rows = [buttons, self._progress, self._count_text, self._summary_text, self.jump_button]
        self.panel = widgets.VBox([heading("Whole map"), *rows]).add_class("cnnlab-group")
        link_opacity(self.opacity, canvas)
        self.show_map.observe(self._choose_view, "value")
        self.stretch.observe(lambda _change: self.paint(), "value")
        self._set_idle()

    @property
    def controls(self) -> Controls:
        """The controls of the overlay, for `Explorer.layout`."""
        return {"show_map": self.show_map, "opacity": self.opacity, "stretch": self.stretch}

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
        self._progress.layout.visibility = "visible"
        self.show_map.value = self.show_map.value or "probability"
        self._report("The map grows: 0%.")
        self._background.start(steps, self._receive, self._finish)

    def stop(self) -> None:
        """Stop the computation; the map so far stays."""
        if self.running:
            self._background.stop()
            self._set_idle()
            done = self.occlusion_map
            self._report(f"Stopped; {done.fraction_done:.0%} of the map is there." if done else "Stopped.")

    def clear(self) -> None:
        """Remove the map, which no longer matches the setting."""
        if self.running or self.occlusion_map:
            self._report(NO_MAP_YET)
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
            self._report(NO_MAP_YET)

    def _receive(self, partial: OcclusionMap) -> None:
        self.occlusion_map = partial
        if partial.fraction_done == 1 or time.monotonic() - self._painted > REPAINT_SECONDS:
            self.paint()
            self._progress.value = partial.fraction_done
            self._report(f"The map grows: {partial.fraction_done:.0%}.")

    def _finish(self) -> None:
        self._set_idle()
        if self.occlusion_map:
            self._report(f"The map is whole: {self.occlusion_map.probability.numel()} places.")

    def _failed(self, error: Exception) -> None:
        self._set_idle()
        self._on_error(error)

    def _set_idle(self) -> None:
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
