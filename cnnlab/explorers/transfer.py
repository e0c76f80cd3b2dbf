"""Transfer explorer: keep the first layers of a network, frozen or not, and train the rest on a new task with few examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import ipywidgets as widgets
from torch import nn

from cnnlab.explorers.activation_store import LARGE_SIDE
from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import first_layers, offer_layers
from cnnlab.explorers.common import heading, load_line, names_for
from cnnlab.explorers.image_grid import Chart, ImageGrid, image_tiles
from cnnlab.explorers.optimisation_base import takes
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import figure_png
from cnnlab.explorers.transfer_runs import (
    N_SHOWN,
    RunConfig,
    TrainingRun,
    code,
    prediction_frames,
    preview_figure,
    runs_figure,
    training_run,
)
from cnnlab.networks import layer_names, resolve_layer
from cnnlab.networks.zoo import available
from cnnlab.transfer import STAGES, NewTask, new_task, tasks_for
from cnnlab.transfer.fine_tuning import to_float_images

SOURCES = ("half_a", "half_b", "mini_alexnet", "mini_alexnet_scenes")
MAX_RUNS = 4
"""Largest number of runs of one task in the chart."""
MAX_PER_CLASS = 20
"""Largest number of examples of a class."""
N_IMAGES = 400
SMALL_SIDE = 96
"""Pictures from which the examples are drawn: equally many of each of twenty classes; scenes vary in number, but all have enough."""


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

    Controls
    --------
    network, task
        The pretrained network, and the new task.
    layer, frozen
        The last layer that is kept ("nothing": from scratch), and whether the kept layers are frozen.
    per_class, epochs, random_seed
        Number of examples of each class, number of epochs, and the seed of all random choices.
    run_button, stop_button, clear_button, auto_run
        Train, stop, delete the earlier curves; and whether each change starts a training.

    Example
    -------
    >>> explorer = TransferExplorer("half_a", task="scenes")
    >>> explorer.layer.value, explorer.frozen.value = "relu3", True
    """

    title = "Transfer"
    question = "What is knowledge of one task worth for another?"

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
        self._background: BackgroundSteps[TrainingRun] = BackgroundSteps()
        self._model_shown: nn.Module | None = None
        self._initial_task = task
        self._make_controls()
        self._lay_out()
        self.show()
        controls = (self.task, self.layer, self.frozen, self.per_class, self.epochs, self.random_seed)
        self.on_change(self._on_control_change, *controls)
        self.run_button.on_click(lambda _button: self.run_safely(self.run))
        self.stop_button.on_click(lambda _button: self.run_safely(self.stop))
        self.clear_button.on_click(lambda _button: self.run_safely(self._clear))

    @property
    def config(self) -> RunConfig:
        """The settings of the controls."""
        options = self.layer.value, self.frozen.value, self.per_class.value, self.epochs.value
        return RunConfig(*options, self.random_seed.value)

    @property
    def is_large(self) -> bool:
        """Whether the network's own input is so large that the first training runs in the background."""
        return super().side >= LARGE_SIDE

    @property
    def side(self) -> int:
        """Side of the pictures: of a large network that accepts smaller ones, `SMALL_SIDE`, so that it learns within seconds."""
        small = self.is_large and takes(self.model, SMALL_SIDE)
        return SMALL_SIDE if small else super().side

    @property
    def data(self) -> NewTask:
        """The pictures of the chosen task."""
        key = (self.model, self.task.value)
        if key not in self._tasks:
            self._tasks[key] = new_task(self.task.value, self.model, n=N_IMAGES, test_n=60, size=self.side)
        return self._tasks[key]

    def refresh(self) -> None:
        if self._model_shown is not self.model:
            self._set_options()
        if (
            self.current_run is None
        ):  # the first training at once, or its first epoch, so that there is a result to show
            training = training_run(self.model, self.display_name, self.data, self.config)
            for run in islice(training, 1) if self.is_large else training:
                self._show(run)
            if self.is_large:
                self._start(training)
        else:
            self.run()

    def run(self) -> None:
        """Train with the settings of the controls, epoch by epoch."""
        self._archive_run()
        self.set_status(f"{self.display_name} learns {self.task.value}: {self.config.label} ...")
        self._start(training_run(self.model, self.display_name, self.data, self.config))

    def _start(self, training: Iterator[TrainingRun]) -> None:
        self.stop_button.disabled = False
        self._background.start(training, self._show, self._on_finish)

    def stop(self) -> None:
        """Stop the training; the result so far stays."""
        self._background.stop()
        self.stop_button.disabled = True

    def code(self) -> str:
        return code(load_line(self.network_name), self.data, self.config, self.side)

    def describe(self) -> str:
        return (
            f"Transfer explorer. {self.display_name} learns the task {self.task.value} ({self.config.label},"
            f" {self.epochs.value} epochs): answers to test pictures, and accuracy after each epoch."
            " Run the cell to keep other layers, freeze them or not, and give more examples."
        )

    def static_preview(self) -> bytes:
        figure = preview_figure(self.data, [*self.runs, self.current_run])
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.task = widgets.Dropdown(options=[""], description="Task")
        self.layer = SearchSelect([("nothing", None)], description="Keep to")
        self.frozen = widgets.Checkbox(False, description="what is kept stays frozen", indent=False)
        self.per_class = widgets.IntSlider(
            4, min=1, max=MAX_PER_CLASS, description="Examples", continuous_update=False
        )
        self.epochs = widgets.IntSlider(6, min=1, max=20, description="Epochs", continuous_update=False)
        self.random_seed = widgets.BoundedIntText(0, min=0, max=99, description="Seed")
        self.run_button = widgets.Button(description="Train", button_style="primary")
        self.stop_button = widgets.Button(description="Stop", disabled=True)
        self.clear_button = widgets.Button(description="Forget curves")
        self.auto_run = widgets.Checkbox(True, description="train anew after each change", indent=False)
        self.grid, self.curves = ImageGrid(columns=10, max_tile_size=80, label="Test pictures"), Chart()

    def _lay_out(self) -> None:
        buttons = widgets.HBox([self.run_button, self.stop_button, self.clear_button]).add_class("cnnlab-row")
        self.layout(
            {
                "Picture": [],
                "New task": [self.task, self.per_class],
                "What is kept": [self.layer, self.frozen],
                "Training": [self.epochs, self.random_seed, self.auto_run],
            },
            centre=[
                buttons,
                heading("Test pictures: right or wrong"),
                self.grid,
                heading("This trial beside earlier ones"),
                self.curves,
            ],
            result=[],
            accessible_names=[
                *names_for(self.task, "task", "The new task"),
                *names_for(self.layer, "layer", "Last layer that is kept"),
                *names_for(self.frozen, "frozen", "Kept layers stay as they are"),
                *names_for(self.per_class, "per-class", "Examples of each class"),
                *names_for(self.epochs, "epochs", "Epochs: passes over the examples"),
                *names_for(self.random_seed, "random-seed", "Random seed"),
                *names_for(self.auto_run, "live", "Train anew after each change of a control"),
            ],
        )
        self.widget.add_class("cnnlab-wide")

    # Callbacks of the controls.

    def _set_options(self) -> None:
        names = layer_names(self.model)
        blocks = [
            name
            for name in first_layers(names)[:-1]
            if next(resolve_layer(self.model, name).parameters(), None) is not None
        ]
        stages = [name for name in STAGES if name in names]
        stages = stages if len(stages) > 1 else blocks
        if not stages:
            raise ValueError("the network has one layer with weights only, so nothing can be kept of it.")
        tasks, task_name = tasks_for(self.model), self._initial_task or self.task.value
        if self._initial_task and self._initial_task not in tasks:
            raise ValueError(
                f'task "{self._initial_task}" is not offered; choose one of: {", ".join(tasks)}.'
            )
        self._initial_task = None
        self.task.options = tasks
        self.task.value = task_name if task_name in tasks else tasks[0]
        nothing = [("nothing (from scratch)", None)]
        offer_layers(
            self.layer, stages, before=nothing, otherwise=stages[-1] if self._model_shown is None else None
        )
        self._model_shown = self.model

    def _on_control_change(self) -> None:
        if self.auto_run.value:
            self.run()

    def _archive_run(self) -> None:
        """Add the shown run to the earlier ones; runs with other classes are dropped."""
        earlier = [run for run in self.runs if run is not self.current_run]
        self.runs = [run for run in [*earlier, self.current_run] if run.classes == self.data.classes][
            -(MAX_RUNS - 1) :
        ]

    def _clear(self) -> None:
        self.runs = []
        self._show(self.current_run)

    def _show(self, run: TrainingRun) -> None:
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
        self.curves.show(figure.png(), figure.alt_text)
        self.set_status(
            f"{self.display_name}, {data.name}, {run.config.label}: after {len(run.accuracy)} of {run.config.epochs} epochs"
            f" {run.accuracy[-1]:.0%} of {len(data.test_labels)} test pictures are right (chance {1 / len(data.classes):.0%})."
        )

    def _on_finish(self, error: Exception | None) -> None:
        self.stop_button.disabled = True
        if error is not None:
            self.fail(error)
