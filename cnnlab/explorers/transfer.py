"""The transfer explorer: keep some layers of a network, freeze them or not, and let it learn a new task from a few examples."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
from torch import nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import offer_layers
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.parts import heading, load_line, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Chart, Sheet, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.explorers.trials import SHOWN, Plan, Trial, drawn_trials, frames, trial, trial_code, trials_figure
from cnnlab.networks import layer_names
from cnnlab.networks.zoo import available
from cnnlab.transfer import STAGES, NewTask, new_task, tasks_for
from cnnlab.transfer.tuning import as_floats

SOURCES = ("half_a", "half_b", "mini_alexnet", "mini_alexnet_scenes")
KEPT = 4
"""How many trials of one task stay in the chart."""
MOST = 20
"""Examples of a class, at most."""
PICTURES = 400
"""From which they are drawn: of twenty classes as many; scenes come as they fall, and all have more than that."""


class TransferExplorer(Explorer):
    """What is a network's knowledge worth for another task? Keep its first layers, freeze them or not, and train the rest.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own with the layers of mini_alexnet.
    task
        One of `cnnlab.transfer.tasks_for(model)`; None takes the first.
    networks
        The networks to choose from, by name; those that ship with the kit unless said.

    Controls
    --------
    network, task
        Whose knowledge, and for what.
    layer, frozen
        The last layer that is kept ("nothing": from scratch), and whether what is kept stays as it is.
    per_class, epochs, random_seed
        How many examples of each class, how often they are seen, and the seed of everything that is drawn.
    run_button, stop_button, clear_button, auto_run
        Train, stop, forget the earlier curves; and whether each change trains anew.

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
        self.trials: list[Trial] = []
        self.now: Trial | None = None
        self._tasks: dict[tuple, NewTask] = {}
        self._growth: Growth[Trial] = Growth()
        self._known: nn.Module | None = None
        self._first = task
        self._make_controls()
        self._lay_out()
        self.begin()
        controls = (self.task, self.layer, self.frozen, self.per_class, self.passes, self.chance)
        self.watch(self._changed, *controls)
        self.run_button.on_click(lambda _button: self.attempt(self.run))
        self.stop_button.on_click(lambda _button: self.attempt(self.stop))
        self.clear_button.on_click(lambda _button: self.attempt(self._clear))

    @property
    def plan(self) -> Plan:
        """What the controls say."""
        options = self.layer.value, self.frozen.value, self.per_class.value, self.passes.value
        return Plan(*options, self.chance.value)

    @property
    def data(self) -> NewTask:
        """The pictures of the chosen task."""
        key = (self.model, self.task.value)
        if key not in self._tasks:
            self._tasks[key] = new_task(self.task.value, self.model, n=PICTURES, test_n=60, size=self.side)
        return self._tasks[key]

    def refresh(self) -> None:
        if self._known is not self.model:
            self._offer()
        if self.now is None:  # the first training: at once, so that there is something to see
            *_, found = trial(self.model, self.called, self.data, self.plan)
            self._show(found)
        else:
            self.run()

    def run(self) -> None:
        """Train as the controls say, pass by pass."""
        self._keep()
        self.stop_button.disabled = False
        self.say(f"{self.called} learns {self.task.value}: {self.plan.words} ...")
        self._growth.start(trial(self.model, self.called, self.data, self.plan), self._show, self._finished)

    def stop(self) -> None:
        """Take no further pass; what was learnt stays."""
        self._growth.stop()
        self.stop_button.disabled = True

    def code(self) -> str:
        return trial_code(load_line(self.network_name), self.data, self.plan, self.side)

    def describe(self) -> str:
        return (
            f"Transfer explorer. {self.called} learns the task {self.task.value} ({self.plan.words},"
            f" {self.passes.value} passes): answers to test pictures, and accuracy after each pass."
            " Run the cell to keep other layers, freeze them or not, and give more examples."
        )

    def still(self) -> bytes:
        figure = drawn_trials(self.data, [*self.trials, self.now])
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.task = widgets.Dropdown(options=[""], description="Task")
        self.layer = SearchSelect([("nothing", None)], description="Keep to")
        self.frozen = widgets.Checkbox(False, description="what is kept stays frozen", indent=False)
        self.per_class = widgets.IntSlider(
            4, min=1, max=MOST, description="Examples", continuous_update=False
        )
        self.passes = widgets.IntSlider(6, min=1, max=20, description="Passes", continuous_update=False)
        self.chance = widgets.BoundedIntText(0, min=0, max=99, description="Seed")
        self.run_button = widgets.Button(description="Train", button_style="primary")
        self.stop_button = widgets.Button(description="Stop", disabled=True)
        self.clear_button = widgets.Button(description="Forget curves")
        self.live = widgets.Checkbox(True, description="train anew after each change", indent=False)
        self.sheet, self.curves = Sheet(columns=10, largest=80, label="Test pictures"), Chart()

    def _lay_out(self) -> None:
        buttons = widgets.HBox([self.run_button, self.stop_button, self.clear_button]).add_class("cnnlab-row")
        self.arrange(
            {
                "Picture": [],
                "New task": [self.task, self.per_class],
                "What is kept": [self.layer, self.frozen],
                "Training": [self.passes, self.chance, self.live],
            },
            stage=[
                buttons,
                heading("Test pictures: right or wrong"),
                self.sheet,
                heading("This trial beside earlier ones"),
                self.curves,
            ],
            result=[],
            names=[
                *names_for(self.task, "task", "The new task"),
                *names_for(self.layer, "layer", "Last layer that is kept"),
                *names_for(self.frozen, "frozen", "Kept layers stay as they are"),
                *names_for(self.per_class, "per-class", "Examples of each class"),
                *names_for(self.passes, "passes", "Passes over the examples"),
                *names_for(self.chance, "chance", "Seed of what is drawn by chance"),
                *names_for(self.live, "live", "Train anew after each change of a control"),
            ],
        )
        self.widget.add_class("cnnlab-wide")

    # What happens when a control changes.

    def _offer(self) -> None:
        stages = [name for name in STAGES if name in layer_names(self.model)]
        if not stages:
            raise ValueError(
                f"the network has none of the layers {', '.join(STAGES)}, so nothing can be kept of it."
            )
        tasks, wanted = tasks_for(self.model), self._first or self.task.value
        if self._first and self._first not in tasks:
            raise ValueError(f'task "{self._first}" is not offered; choose one of: {", ".join(tasks)}.')
        self._first = None
        self.task.options = tasks
        self.task.value = wanted if wanted in tasks else tasks[0]
        nothing = [("nothing (from scratch)", None)]
        offer_layers(
            self.layer, stages, before=nothing, otherwise=stages[-1] if self._known is None else None
        )
        self._known = self.model

    def _changed(self) -> None:
        if self.live.value:
            self.run()

    def _keep(self) -> None:
        """The trial that is shown becomes an earlier one; curves of other classes do not stand beside those of these."""
        before = [one for one in self.trials if one is not self.now]
        self.trials = [one for one in [*before, self.now] if one.classes == self.data.classes][-(KEPT - 1) :]

    def _clear(self) -> None:
        self.trials = []
        self._show(self.now)

    def _show(self, now: Trial) -> None:
        self.now, data = now, self.data
        self.trials = [one for one in self.trials if one is not now]
        boxes, captions = frames(data, now.predicted, self.side)
        with self.sheet.hold_sync():
            self.sheet.tiles = picture_tiles(as_floats(data.test_images[:SHOWN]))
            self.sheet.boxes, self.sheet.captions = boxes, captions
            self.sheet.label = (
                f"test pictures of {data.name}, framed blue where the answer is right, else dashed in orange"
            )
        figure = trials_figure([*self.trials, now], 1 / len(data.classes))
        self.curves.show(figure.png(), figure.words)
        self.say(
            f"{self.called}, {data.name}, {now.plan.words}: after {len(now.accuracy)} of {now.plan.passes} passes"
            f" {now.accuracy[-1]:.0%} of {len(data.test_labels)} test pictures are right (chance {1 / len(data.classes):.0%})."
        )

    def _finished(self, error: Exception | None) -> None:
        self.stop_button.disabled = True
        if error is not None:
            self.fail(error)
