"""Step player: start and stop an optimisation, and scroll through its steps.

`StepPlayer` holds the frames of a run and its controls; the explorer draws a frame. It serves every picture that is
optimised step by step: activation maximisation, inversion, DeepDream, style transfer, fooling.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import ipywidgets as widgets
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.controls import Hold, checkbox, row, run_button, slider, stop_button
from cnnlab.explorers.static_preview import BESIDE, INK, canvas, draw_curve
from cnnlab.figures.axes import show_image
from cnnlab.figures.colours import LINES

REPAINT_SECONDS = 0.1
"""Seconds between two repaints of the pictures."""
BEGIN = 0.7
"""Seconds that a run computes at once before it continues in the background."""

STRIP_LEAST = 6.0
"""Least width of a strip of pictures, in inches, so that its title has room."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One step of a run: `pixels` N x 3 x H x W in 0 ... 255, a quarter of the memory of floats, and numbers by name."""

    pixels: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def images(self) -> Tensor:
        """N x 3 x H x W floats in [0, 1]."""
        return self.pixels.float() / 255


def make_frame(images: Tensor, **metrics: float) -> Frame:
    """A frame of pictures N x 3 x H x W in [0, 1] and the metrics measured on them."""
    return Frame(images.detach().cpu().clamp(0, 1).mul(255).round().byte(), metrics)


class StepPlayer:
    """The frames of a run, and its controls: `run_button`, `stop_button`, `scrubber`, `auto_run`.

    `show(frame, finished)` draws a frame; while the run goes on `finished` is False, and slow drawing may wait. `report(text)` sets the
    status line, `on_error(error)` shows an error.
    """

    def __init__(
        self,
        show: Callable[[Frame, bool], None],
        report: Callable[[str], None],
        on_error: Callable[[Exception], None],
        label: str = "Run",
    ):
        self._show, self._report, self._on_error = show, report, on_error
        self._at_last_step, self._setting_slider = False, Hold()
        self._painted, self._total = 0.0, 0
        self.frames: list[Frame] = []
        self._previous_frames: list[Frame] = []
        self.run_button, self.stop_button = run_button(label), stop_button()
        self.auto_run = checkbox(
            "run anew after each change", True, name="Run anew after each change of a control"
        )
        self.scrubber = slider("Step", 0, 0, 1, name="Step of the run that is shown")
        self._background: BackgroundSteps[Frame] = BackgroundSteps(self._failed)
        self._background.link(self.run_button, self.stop_button)
        self.scrubber.observe(lambda change: self._scrub(change["new"]), "value")
        self.stop_button.on_click(lambda _button: self.stop())
        self.panel = widgets.VBox([row([self.run_button, self.stop_button, self.auto_run]), self.scrubber])

    @property
    def running(self) -> bool:
        return self._background.running

    @property
    def current_step(self) -> int:
        """The step that is shown."""
        return min(self.scrubber.value, len(self.frames) - 1)

    def start(self, steps: Iterator[Frame], total: int) -> None:
        """Show the frames of `steps`, `total` of them after the first, as they are computed."""
        self._open(total)
        self._report("It grows.")
        self._background.start(steps, self._add_frame, self._finish)

    def begin(self, steps: Iterator[Frame], total: int, seconds: float = BEGIN) -> None:
        """Compute frames at once for a while, so that there is a result to show, and the others in the background."""
        self._open(total)
        until = time.monotonic() + seconds
        for one in steps:
            self.frames.append(one)
            if time.monotonic() > until:
                break
        else:
            self._finish()
            return
        self._set_slider(len(self.frames) - 1)
        self._show(self.frames[-1], False)
        self._report("It grows.")
        self._background.start(steps, self._add_frame, self._finish)

    def stop(self) -> None:
        """Stop the run; the frames so far stay."""
        if self.running:
            self._background.stop()
            self._set_idle(f"Stopped at step {len(self.frames) - 1} of {self._total}.")

    def invalidate(self) -> None:
        """Stop, and report that the frames no longer match the controls."""
        self._background.stop()
        self._report("The controls have changed: press the button to run anew.")

    def metric_history(self, name: str) -> list[float]:
        """The values of one metric over the steps so far."""
        return [frame.metrics[name] for frame in self.frames]

    def _open(self, total: int) -> None:
        self._background.stop()
        self._previous_frames, self.frames = self.frames or self._previous_frames, []
        self._total, self._at_last_step = total, True
        self._set_slider(0, total)

    def _add_frame(self, frame: Frame) -> None:
        self.frames.append(frame)
        if time.monotonic() - self._painted > REPAINT_SECONDS and self._at_last_step:
            self._set_slider(len(self.frames) - 1)
            self._show(frame, False)
            self._painted = time.monotonic()

    def _finish(self) -> None:
        self._set_idle(f"Done: {self._total} steps. Move the slider to go back over them.")

    def _failed(self, error: Exception) -> None:
        if not self.frames:  # the last valid run stays
            self.frames = self._previous_frames
            self._set_slider(len(self.frames) - 1, len(self.frames) - 1)
        self._on_error(error)

    def _set_idle(self, text: str) -> None:
        if self._at_last_step:
            self._set_slider(len(self.frames) - 1)
        self._report(text)
        if self.frames:
            self._show(self.frames[self.current_step], True)

    def _scrub(self, step: int) -> None:
        if not self._setting_slider and self.frames:
            self._at_last_step = step >= len(self.frames) - 1
            self._show(self.frames[self.current_step], not self.running)

    def _set_slider(self, step: int, total: int | None = None) -> None:
        """Set the slider without triggering its callback."""
        with self._setting_slider:
            if total is not None:
                self.scrubber.value = 0
                self.scrubber.max = max(1, total)
            self.scrubber.value = max(0, step)


def curves_figure(curves: Mapping[str, list[float]], step: int | None = None) -> Figure:
    """Plot of metrics over the steps, a line for each; a vertical line marks the step that is shown."""
    figure = canvas(BESIDE, 1.9)
    axis = figure.subplots()
    for (name, values), (colour, line, _) in zip(curves.items(), LINES, strict=False):
        axis.plot(values, line, color=colour, linewidth=1.6, label=name)
    if step is not None:
        axis.axvline(step, color=INK, linewidth=0.8)
    draw_curve(axis, "step")
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if len(curves) > 1:
        axis.legend(fontsize=7.5, frameon=False)
    return figure


def strip_figure(pictures: Tensor, captions: list[str], columns: int = 5) -> Figure:
    """Pictures N x 3 x H x W in rows, with captions; the figure is as wide as they are, and a few are drawn larger."""
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    side = min(3.0, 9.2 / columns)
    figure = canvas(max(STRIP_LEAST, side * columns), 0.4 + side * rows * 1.12)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
        axis.set_anchor("W")
    for axis, picture, caption in zip(axes, pictures, captions, strict=False):
        show_image(axis, picture, caption, 8, interpolation="nearest")
    return figure
