"""Memorization explorer: recorded runs on random labels or scrambled pixels, and a training of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab.experiments import Record, load_record
from cnnlab.experiments.memorization import INPUTS, MemorizationTask, make_task, train_epochs
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart
from cnnlab.explorers.controls import button, choice, finding, heading, slider, stop_button
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, tile_frame
from cnnlab.explorers.snippet import snippet
from cnnlab.explorers.static_preview import BESIDE
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

    Example
    -------
    >>> explorer = MemorizationExplorer()
    >>> explorer.share.value = 60
    """

    name = "Memorization explorer"
    title = "Memorization"
    question = "Can a network learn what cannot be understood?"
    invitation = "change the lesson and to let a network learn it"
    pickers = ()

    def __init__(self, pictures: int = 300, epochs: int = 20):
        self.records: tuple[Record, Record] = (load_record("random_labels"), load_record("scrambled"))
        self.size, self.epochs = pictures, epochs
        self.task: MemorizationTask | None = None
        self.history: Mapping[str, Sequence[float]] = {}
        super().__init__()
        shares = [round(100 * row["share"]) for row in self.records[0].rows]
        range_of_shares = shares[0], shares[-1], shares[1] - shares[0]
        self.grid = ImageGrid(columns=6, max_tile_size=160, min_tile_size=90)
        self.curves, self.shares, self._finding = Chart(), Chart(), finding()
        self.layout(
            {
                "What is learned": {
                    "inputs": choice("Learn", CHOICES, name="What is learned"),
                    "share": slider(
                        "Random", 100, *range_of_shares, name="Per cent of labels that are drawn by chance"
                    ),
                },
                "Here and now": {
                    "buttons": {
                        "train_button": button("Train it now", name="Let a network learn it now"),
                        "stop_button": stop_button(name="Stop learning"),
                    }
                },
            },
            centre=[heading("Right answers while learning"), self.curves],
            result=[heading("At the end, by share of random labels"), self.shares, self._finding],
            below=[self.grid],
        )
        self.background.link(self.train_button, self.stop_button)
        self.show()
        self.on_change(self._new_task, self.inputs, self.share)
        self.on_click(self.train, self.train_button)
        self.on_click(self.background.stop, self.stop_button)

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
        seed = self.records[0].recipe["options"]["seed"]
        self.in_background(train_epochs(self.task, epochs=self.epochs, seed=seed), self._epoch_done)

    def refresh(self) -> None:
        self._new_task()

    def code(self) -> str:
        inputs, share = self.task_options
        return snippet(
            f'task = experiments.make_task("{inputs}", {share:g}, pictures={self.size})',
            f"for history in experiments.train_epochs(task, epochs={self.epochs}):",
            '    print(history["accuracy"][-1], history["validation"][-1])',
        )

    def summary(self) -> str:
        row = self.recorded_run
        return (
            f"{self._task_name()}: the recorded run ends with {row['train']:.0%} of the training pictures and"
            f" {row['test']:.0%} of other pictures."
        )

    def preview_title(self) -> str:
        return ""  # the figure has one

    def preview(self) -> AltTextFigure:
        return self._figure()

    # Callbacks of the controls.

    def _new_task(self) -> None:
        """Show another task: its first pictures, and its recorded run."""
        self.background.stop()
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
            self.grid.labels = [names[label] for label in task_labels]
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
            f"{self._task_name()}, recorded: {row['train']:.0%} of the training pictures, {row['test']:.0%} of other pictures;"
            " chance would be 5%."
        )
        figure = random_labels_figure(self.records[0].rows)
        axis = figure.axes[0]
        axis.get_legend().remove()
        figure.legend(fontsize=8, frameon=False, loc="outside lower center")
        figure.set_size_inches(BESIDE, 2.7)
        if not self.share.disabled:
            axis.axvline(share, color="0.3", linewidth=1)
        self.shares.show_figure(figure)
        self.set_status(
            f"{self._task_name()}. Press the button to let a network learn it: {self.epochs} epochs."
        )
        self._draw()

    def _epoch_done(self, history: Mapping[str, Sequence[float]]) -> None:
        self.history = history
        n_epochs = len(history["loss"])
        self.set_status(
            f"Epoch {n_epochs} of {self.epochs}: {history['accuracy'][-1]:.0%} of the training pictures,"
            f" {history['validation'][-1]:.0%} of other pictures."
        )
        self._draw()

    def _draw(self) -> None:
        figure = self._figure()
        # Narrow enough for the middle column.
        figure.set_size_inches(4.8, 2.8)
        for axis in figure.axes:
            axis.xaxis.get_major_locator().set_params(nbins=5)
        self.curves.show_figure(figure)

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
