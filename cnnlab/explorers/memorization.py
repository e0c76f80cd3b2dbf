"""Memorization explorer: recorded runs on random labels or scrambled pixels, and a training of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from cnnlab.experiments import Record, load_record
from cnnlab.experiments.memorization import INPUTS, MemorizationTask, make_task, small_network, train_epochs
from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.image_grid import Chart, ImageGrid, image_tiles, tile_frame
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import OUTLINE
from cnnlab.figures.memorization import memorization_figure, random_labels_figure

N_SHOWN = 24
"""Number of pictures shown."""
CHOICES = ("labels by share", *INPUTS[2:])


class MemorizationExplorer(Explorer):
    """Memorization explorer: recorded and live trainings on random labels or scrambled pixels. Can a network fit labels without any rule?

    Parameters
    ----------
    pictures, epochs
        Number of pictures and epochs of the run that the button starts.

    Controls
    --------
    inputs
        Labels of which a share is random, or pictures with scrambled pixels.
    share
        Per cent of random labels.
    train_button, stop_button
        Train a network on the task, epoch by epoch; stop it at any time.

    Example
    -------
    >>> explorer = MemorizationExplorer()
    >>> explorer.share.value = 60
    """

    title = "Memorization"
    question = "Can a network learn what cannot be understood?"

    def __init__(self, pictures: int = 300, epochs: int = 20):
        self.records: tuple[Record, Record] = (load_record("random_labels"), load_record("scrambled"))
        self.size, self.epochs = pictures, epochs
        self.task: MemorizationTask | None = None
        self.history: Mapping[str, Sequence[float]] = {}
        self._background: BackgroundSteps[Mapping[str, Sequence[float]]] = BackgroundSteps()
        super().__init__(small_network(20))
        self._make_controls()
        self._lay_out()
        self.show()
        self.on_change(self._new_task, self.inputs, self.share)
        self.train_button.on_click(lambda _button: self.run_safely(self.train))
        self.stop_button.on_click(lambda _button: self.run_safely(self.stop))

    @property
    def task_options(self) -> tuple[str, float]:
        """(kind of inputs, share of random labels), as `cnnlab.experiments.memorization.make_task` takes them."""
        if self.inputs.value == CHOICES[0]:
            return INPUTS[0], self.share.value / 100
        return self.inputs.value, 0.0

    @property
    def recorded_run(self) -> Mapping[str, Any]:
        """The recorded run for the chosen task."""
        inputs, share = self.task_options
        by_share, scrambled = self.records
        if inputs in INPUTS[2:]:
            return next(row for row in scrambled.rows if row["inputs"] == inputs)
        return next(row for row in by_share.rows if abs(row["share"] - share) < 1e-6)

    def train(self) -> None:
        """Train a new network on the task, epoch by epoch."""
        self.history = {}
        self.train_button.disabled, self.stop_button.disabled = True, False
        seed = self.records[0].recipe["options"]["seed"]
        self._background.start(
            train_epochs(self.task, epochs=self.epochs, seed=seed), self._epoch_done, self._finished
        )

    def stop(self) -> None:
        """Stop the training; the result so far stays."""
        self._background.stop()
        self._finished(None)

    def refresh(self) -> None:
        self._new_task()

    def code(self) -> str:
        inputs, share = self.task_options
        arguments = f'"{inputs}", {share:g}'
        return "\n".join(
            [
                "from cnnlab.experiments.memorization import make_task, train_epochs",
                "",
                f"task = make_task({arguments}, pictures={self.size})",
                f"for history in train_epochs(task, epochs={self.epochs}):",
                '    print(history["accuracy"][-1], history["validation"][-1])',
            ]
        )

    def describe(self) -> str:
        row = self.recorded_run
        return (
            f"Memorization explorer. {self._task_name()}: the recorded run ends with {row['train']:.0%} of what was learnt and"
            f" {row['test']:.0%} of other pictures. Run the cell to change the lesson and to let a network learn it."
        )

    def static_preview(self) -> bytes:
        return self._figure().png()

    # Building the widget.

    def _make_controls(self) -> None:
        self.inputs = widgets.Dropdown(options=CHOICES, description="Learn")
        shares = [round(100 * row["share"]) for row in self.records[0].rows]
        step = shares[1] - shares[0]
        self.share = widgets.IntSlider(100, min=shares[0], max=shares[-1], step=step, description="Random")
        self.train_button = widgets.Button(description="Train it now")
        self.stop_button = widgets.Button(description="Stop", disabled=True)
        self.grid = ImageGrid(columns=8, max_tile_size=80)
        self.curves, self.shares = Chart(), Chart()
        self._finding = widgets.HTML().add_class("cnnlab-finding")

    def _lay_out(self) -> None:
        buttons = widgets.HBox([self.train_button, self.stop_button]).add_class("cnnlab-row")
        self.layout(
            {
                "Network": [],
                "Picture": [],
                "What is to be learnt": [self.inputs, self.share],
                "Here and now": [buttons],
            },
            centre=[self.grid, heading("Right answers while learning"), self.curves],
            result=[heading("At the end, by share of random labels"), self.shares, self._finding],
            accessible_names=[
                *names_for(self.inputs, "inputs", "What is to be learnt"),
                *names_for(self.share, "share", "Per cent of labels that are drawn by chance"),
                *names_for(self.train_button, "learn", "Let a network learn it now"),
                *names_for(self.stop_button, "stop", "Stop learning"),
            ],
        )

    # Callbacks of the controls.

    def _new_task(self) -> None:
        """Show another task: its first pictures, and its recorded run."""
        if self._background.running:
            self.stop()
        self.history = {}
        inputs, share = self.task_options
        self.share.disabled = inputs != INPUTS[0]
        seed = self.records[0].recipe["options"]["seed"]
        self.task = task = make_task(inputs, share, pictures=self.size, seed=seed)
        true = make_task(pictures=self.size).labels[:N_SHOWN].tolist()
        task_labels = task.labels[:N_SHOWN].tolist()
        names, side = task.class_names, task.images.shape[-1]
        with self.grid.hold_sync():
            self.grid.tiles = image_tiles(task.images[:N_SHOWN])
            self.grid.label = "The first pictures; a pink frame: the label is not the true one"
            self.grid.captions = [
                names[label] if label == truth else f"{names[label]} (in truth {names[truth]})"
                for label, truth in zip(task_labels, true, strict=True)
            ]
            self.grid.boxes = [
                tile_frame(tile, side, side, OUTLINE)
                for tile, (label, truth) in enumerate(zip(task_labels, true, strict=True))
                if label != truth
            ]
        row = self.recorded_run
        self._finding.value = (
            f"{self._task_name()}, recorded: {row['train']:.0%} of what was learnt, {row['test']:.0%} of other pictures;"
            " chance would be 5%."
        )
        figure = random_labels_figure(self.records[0].rows)
        axis = figure.axes[0]
        axis.legend(fontsize=9, frameon=False, loc="center")
        figure.set_size_inches(4.2, 2.6)
        if not self.share.disabled:
            axis.axvline(share, color="0.3", linewidth=1)
        self.shares.show(figure.png(), figure.alt_text)
        self.set_status(
            f"{self._task_name()}. Press the button to let a network learn it: {self.epochs} epochs."
        )
        self._draw()

    def _epoch_done(self, history: Mapping[str, Sequence[float]]) -> None:
        self.history = history
        n_epochs = len(history["loss"])
        self.set_status(
            f"Epoch {n_epochs} of {self.epochs}: {history['accuracy'][-1]:.0%} of what is learnt,"
            f" {history['validation'][-1]:.0%} of other pictures."
        )
        self._draw()

    def _finished(self, error: Exception | None) -> None:
        self.train_button.disabled, self.stop_button.disabled = False, True
        if error:
            self.fail(error)

    def _draw(self) -> None:
        figure = self._figure()
        # Narrow enough for the middle column.
        figure.set_size_inches(6.0, 3.2)
        self.curves.show(figure.png(), figure.alt_text)

    def _figure(self) -> AltTextFigure:
        """Plot the recorded run and the reader's own."""
        row = self.recorded_run
        curves = {"recorded": (row["train_curve"], row["test_curve"])}
        if self.history:
            curves["yours"] = (self.history["accuracy"], self.history["validation"])
        return memorization_figure(
            curves, epochs=max(self.epochs, len(row["train_curve"])), title=self._task_name()
        )

    def _task_name(self) -> str:
        inputs, share = self.task_options
        if inputs != INPUTS[0]:
            return f"True labels, {inputs}"
        return f"{share:.0%} of the labels random" if share else "True labels"
