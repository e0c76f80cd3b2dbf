"""Transfer explorer: keep the first layers of a network, frozen or not, and train the rest on a new task with few examples."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure
from torch import nn

from cnnlab.explorers import effort
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart
from cnnlab.explorers.choices import first_layers, offer_layers
from cnnlab.explorers.controls import (
    button,
    checkbox,
    choice,
    heading,
    number,
    row,
    run_button,
    search,
    slow_slider,
    stop_button,
)
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.optimisation_base import takes
from cnnlab.explorers.render.transfer import (
    BATCH_SIZE,
    N_SHOWN,
    RunConfig,
    TrainingRun,
    code,
    learning_rate,
    prediction_frames,
    preview_figure,
    runs_figure,
    training_steps,
)
from cnnlab.networks import layer_names, resolve_layer
from cnnlab.networks.zoo import available
from cnnlab.transfer import STAGES, NewTask, head_name, new_task, tasks_for
from cnnlab.transfer.fine_tuning import to_float_images

SOURCES = ("half_a", "half_b", "mini_alexnet", "mini_alexnet_scenes")
MAX_RUNS = 4
"""Largest number of runs of one task in the chart."""
MAX_PER_CLASS = 20
"""Largest number of examples of a class."""
FIRST_EPOCH = 5.0
"""Seconds that a large network may take for its first epoch before it goes on in the background."""
LARGE_EPOCHS = 4
"""Epochs of a large network, which the status line counts; fewer, at least two, for one with much work."""
N_IMAGES = 400
"""Pictures from which the examples are drawn: equally many of each of twenty classes; scenes vary in number, but all have enough."""
N_TESTS = 60
"""Test pictures; fewer for a network with much work."""
SMALL_SIDE = 96
"""Side of the pictures of a large network, in pixels, if it takes such."""


class TransferExplorer(Explorer):
    """Transfer explorer: keep a network's first layers, freeze them or not, and train the rest on a new task. What does pretraining help?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own with the layers of mini_alexnet.
    task
        One of `cnnlab.transfer.tasks_for(model)`; None takes the first.
    networks
        The networks to choose from, by name; by default those that ship with the kit.

    Example
    -------
    >>> explorer = TransferExplorer("half_a", task="scenes")
    >>> explorer.layer.value, explorer.frozen.value = "relu3", True
    """

    name = "Transfer explorer"
    title = "Transfer"
    question = "What is knowledge of one task worth for another?"
    invitation = "keep other layers, freeze them or not, and give more examples"
    pickers = ("network",)
    wide = True

    def __init__(
        self,
        model: str | nn.Module = "half_a",
        task: str | None = None,
        networks: Mapping[str, str | nn.Module] | None = None,
    ):
        ready = {name: name for name in SOURCES if name in available() and available()[name].ready}
        super().__init__(model, networks=networks or (ready if isinstance(model, str) else {}))
        self.runs: list[TrainingRun] = []
        self.current_run: TrainingRun | None = None
        self._tasks: dict[tuple, NewTask] = {}
        self._initial_task = task
        self.grid, self.curves = ImageGrid(columns=10, max_tile_size=80, label="Test pictures"), Chart()
        self.run_button, self.stop_button = run_button("Train"), stop_button()
        self.clear_button = button("Forget curves")
        self.layout(
            {
                "New task": {
                    "task": choice("Task", [""], name="The new task"),
                    "per_class": slow_slider("Examples", 4, 1, MAX_PER_CLASS, name="Examples of each class"),
                },
                "What is kept": {
                    "layer": search("Keep to", [("nothing", None)], name="Last layer that is kept"),
                    "frozen": checkbox("what is kept stays frozen", name="Kept layers stay as they are"),
                },
                "Training": {
                    "epochs": slow_slider("Epochs", 6, 1, 20, name="Epochs: passes over the examples"),
                    "random_seed": number("Seed", 0, 0, 99, name="Random seed"),
                    "auto_run": checkbox(
                        "train anew after each change", True, name="Train anew after each change of a control"
                    ),
                },
            },
            centre=[
                row([self.run_button, self.stop_button, self.clear_button]),
                *(heading("Test pictures: right or wrong"), self.grid),
                *(heading("This trial beside earlier ones"), self.curves),
            ],
        )
        self.background.link(None, self.stop_button)
        self.show()
        controls = (self.task, self.layer, self.frozen, self.per_class, self.epochs, self.random_seed)
        self.on_change(self._on_control_change, *controls)
        self.on_click(self.run, self.run_button)
        self.on_click(self.background.stop, self.stop_button)
        self.on_click(self._clear, self.clear_button)

    @property
    def config(self) -> RunConfig:
        """The settings of the controls."""
        options = self.layer.value, self.frozen.value, self.per_class.value, self.epochs.value
        return RunConfig(*options, self.random_seed.value, self._scaled(BATCH_SIZE, least=2))

    def looks_at(self) -> tuple[int, int]:
        return self._scaled(N_TESTS), N_TESTS

    def _scaled(self, usual: int, least: int = effort.LEAST) -> int:
        """A number of pictures, fewer for a network with much work."""
        return effort.within_reach(self.model, self.side, usual, least)

    @property
    def is_large(self) -> bool:
        """Whether the network, with its own input, is so large that the first training runs in the background."""
        return effort.is_large(self.model, super().side)

    @property
    def side(self) -> int:
        """Side of the pictures: of a large network that accepts smaller ones, `SMALL_SIDE`, so that it learns within seconds."""
        own = super().side
        small = own >= effort.LARGE_SIDE and takes(self.model, SMALL_SIDE)
        return SMALL_SIDE if small else own

    @property
    def data(self) -> NewTask:
        """The pictures of the chosen task."""
        key = (self.model, self.task.value)
        if key not in self._tasks:
            counts = {"n": N_IMAGES, "test_n": self._scaled(N_TESTS)}
            self._tasks[key] = new_task(self.task.value, self.model, **counts, size=self.side)
        return self._tasks[key]

    def refresh(self) -> None:
        if self.is_new_network():
            self._set_options()
        if self.current_run is not None:
            self.run()
            return
        training = self._training()  # at once, or its first epoch, so that there is a result to show
        if self.is_large:
            self._show_pictures()
            self._begin(training)
        self.in_background(training, self._show, at_once=not self.is_large)

    def _begin(self, training: Iterator[TrainingRun | None]) -> None:
        """Train one epoch, unless that takes long."""
        until = time.monotonic() + (FIRST_EPOCH if self.config.batch_size == BATCH_SIZE else 0)
        while self.current_run is None and time.monotonic() < until:
            self._show(next(training))

    def run(self) -> None:
        """Train with the settings of the controls, epoch by epoch."""
        self._archive_run()
        self._say_that_it_learns()
        self.in_background(self._training(), self._show)

    def _say_that_it_learns(self) -> None:
        self.set_status(f"{self.display_name} learns {self.task.value}: {self.config.label} ...")

    def _training(self) -> Iterator[TrainingRun | None]:
        return training_steps(self.model, self.display_name, self.data, self.config)

    def code(self) -> str:
        config, rate = self.config, learning_rate(self.model, self.config.batch_size)
        return code(self.load_line, self.data, config, self.side, rate)

    def summary(self) -> str:
        return (
            f"{self.display_name} learns the task {self.task.value} ({self.config.label},"
            f" {self.epochs.value} epochs): answers to test pictures, and accuracy after each epoch."
        )

    def preview(self) -> Figure:
        return preview_figure(self.data, self._all_runs)

    @property
    def _all_runs(self) -> list[TrainingRun]:
        """The earlier runs, and the one that is shown."""
        earlier = [run for run in self.runs if run is not self.current_run]
        return earlier if self.current_run is None else [*earlier, self.current_run]

    # Callbacks of the controls.

    def _set_options(self) -> None:
        names = layer_names(self.model)
        blocks = [
            name
            for name in first_layers(names)
            if names.index(name) < names.index(head_name(self.model))
            and next(resolve_layer(self.model, name).parameters(), None) is not None
        ]
        stages = [name for name in STAGES if name in names]
        stages = stages if len(stages) > 1 else blocks
        if not stages:
            raise ValueError("the network has one layer with weights only, so nothing can be kept of it.")
        self.per_class.value = self._scaled(self.per_class.value, least=1)
        if self.is_large:
            self.epochs.value = self._scaled(min(self.epochs.value, LARGE_EPOCHS), least=2)
        tasks, task_name = tasks_for(self.model), self._initial_task or self.task.value
        if self._initial_task and self._initial_task not in tasks:
            raise ValueError(
                f'task "{self._initial_task}" is not offered; choose one of: {", ".join(tasks)}.'
            )
        self._initial_task = None
        self.task.options = tasks
        self.task.value = task_name if task_name in tasks else tasks[0]
        nothing = [("nothing (from scratch)", None)]
        offer_layers(self.layer, stages, None if self._is_shown else stages[-1], before=nothing)

    def _on_control_change(self) -> None:
        if self.auto_run.value:
            self.run()

    def _archive_run(self) -> None:
        """Add the shown run to the earlier ones; runs with other classes are dropped."""
        same_task = [run for run in self._all_runs if run.classes == self.data.classes]
        self.runs = same_task[-(MAX_RUNS - 1) :]

    def _clear(self) -> None:
        self.runs = []
        self._show(self.current_run)

    def _show_pictures(self) -> None:
        """Show the test pictures alone, until the first epoch has been trained."""
        data = self.data
        with self.grid.hold_sync():
            self.grid.tiles = image_tiles(to_float_images(data.test_images[:N_SHOWN]))
            self.grid.boxes = []
            self.grid.captions = [data.classes[label] for label in data.test_labels[:N_SHOWN].tolist()]
            self.grid.label = f"test pictures of {data.name}"
        self._say_that_it_learns()

    def _show(self, run: TrainingRun | None) -> None:
        """Show the training so far; nothing new within an epoch."""
        if run is None:
            return
        self.current_run, data = run, self.data
        self.runs = [earlier for earlier in self.runs if earlier is not run]
        boxes, captions = prediction_frames(data, run.predicted, self.side)
        with self.grid.hold_sync():
            self.grid.tiles = image_tiles(to_float_images(data.test_images[:N_SHOWN]))
            self.grid.boxes, self.grid.captions = boxes, captions
            self.grid.label = (
                f"test pictures of {data.name}, framed blue where the answer is right, else dashed in orange"
            )
        figure = runs_figure([*self.runs, run], 1 / len(data.classes))
        self.curves.show_figure(figure)
        self.set_status(
            f"{self.display_name}, {data.name}, {run.config.label}: after {len(run.accuracy)} of {run.config.epochs} epochs"
            f" {run.accuracy[-1]:.0%} of {len(data.test_labels)} test pictures are right (chance {1 / len(data.classes):.0%})."
        )
