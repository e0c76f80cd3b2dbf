"""What the transfer explorer tries: one training of a network on a few pictures of a new task, pass by pass; no widget is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from cnnlab.explorers.sheet import verdict
from cnnlab.explorers.still import draw_row
from cnnlab.figures.colours import LINES
from cnnlab.figures.plate import Plate
from cnnlab.transfer import NewTask, continuation, fine_tune_passes
from cnnlab.transfer.curves import drawn
from cnnlab.transfer.tuning import as_floats

RATE, BATCH = 0.03, 16
SHOWN = 20


@dataclass(frozen=True)
class Plan:
    """What is kept of the network (`layer`; None: nothing), whether it stays as it is, and how it learns."""

    layer: str | None
    frozen: bool
    per_class: int
    passes: int
    seed: int

    @property
    def words(self) -> str:
        """What the plan is called beside its curve."""
        kept = (
            "nothing kept"
            if self.layer is None
            else f"up to {self.layer}, {'frozen' if self.freezes else 'trained on'}"
        )
        return f"{kept}; {self.per_class} a class"

    @property
    def freezes(self) -> bool:
        """Whether any layer stays as it is."""
        return self.frozen and self.layer is not None


@dataclass(frozen=True, eq=False)
class Trial:
    """A training as far as it is.

    Attributes
    ----------
    source, task, classes
        The network's name, the task's, and the names of its classes.
    config
        What was asked for.
    accuracy
        On the test pictures after each pass.
    predicted
        M answers to the test pictures after the last of them.
    """

    source: str
    task: str
    classes: tuple[str, ...]
    plan: Plan
    accuracy: tuple[float, ...]
    predicted: Tensor


def trial(model: nn.Module, source: str, task: NewTask, plan: Plan) -> Iterator[Trial]:
    """The training pass by pass, tried on the test pictures after each."""
    rows = drawn(task.labels, len(task.classes), plan.per_class, plan.seed)
    start = continuation(model, task.classes, plan.layer, seed=plan.seed)
    passes = fine_tune_passes(
        start,
        task.images[rows],
        task.labels[rows],
        freeze_up_to=plan.layer if plan.freezes else None,
        rate=RATE,
        epochs=plan.passes,
        batch_size=BATCH,
        mirror=_mirrors(task),
        seed=plan.seed,
    )
    reached: tuple[float, ...] = ()
    for tuned in passes:
        with torch.inference_mode():
            predicted = tuned.model(as_floats(task.test_images)).argmax(1)
        reached += (float((predicted == task.test_labels).float().mean()),)
        yield Trial(source, task.name, task.classes, plan, reached, predicted)


def trials_figure(trials: Sequence[Trial], chance: float, width: float = 6.0) -> Plate:
    """Accuracy after each pass: the last of the trials drawn strong, those before it as they were."""
    if not trials:
        raise ValueError("there is nothing to show: give at least one trial.")
    names = [f"{one.source}: {one.plan.words}" for one in trials]
    words = f"Accuracy on pictures of the task {trials[-1].task} after each pass: {'; '.join(names)}."
    figure = Plate(figsize=(width, 0.5 * width + 0.2 * len(trials)), words=words)
    axis = figure.subplots()
    for number, (one, name) in enumerate(zip(trials, names, strict=True)):
        last = one is trials[-1]
        colour, dashes, mark = LINES[number % len(LINES)]
        axis.plot(
            range(1, len(one.accuracy) + 1),
            one.accuracy,
            color=colour,
            linestyle="-" if last else dashes,
            marker=mark,
            markersize=5 if last else 3,
            linewidth=2.6 if last else 1.2,
            label=name,
        )
    axis.axhline(chance, color="0.35", linestyle=":", linewidth=1.2, label="chance")
    axis.set(ylim=(0, 1.02), xlabel="passes over the pictures", ylabel="right on test pictures")
    axis.set_xlim(0.5, max(one.plan.passes for one in trials) + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_title(f"task: {trials[-1].task}", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", fontsize=8, frameon=False, ncols=1)
    return figure


def frames(task: NewTask, predicted: Tensor, side: int) -> tuple[list[dict], list[str]]:
    """A frame and a caption for each of the first test pictures: blue where the answer is right, else dashed in orange."""
    boxes, captions = [], []
    for tile, (said, true) in enumerate(
        zip(predicted[:SHOWN].tolist(), task.test_labels.tolist(), strict=False)
    ):
        boxes.append(verdict(tile, side, side, said == true))
        captions.append(
            f"{task.classes[true]}: {'right' if said == true else f'called {task.classes[said]}'}"
        )
    return boxes, captions


def drawn_trials(task: NewTask, trials: Sequence[Trial]) -> Figure:
    """Twelve test pictures with the answers of the last trial, beside the curves of all trials."""
    figure = Figure(figsize=(9.6, 3.9), dpi=90, layout="constrained", facecolor="white")
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1))
    images = as_floats(task.test_images[:12])
    names, truth = task.classes, task.test_labels[: len(images)].tolist()
    answers = list(zip(trials[-1].predicted.tolist(), truth, strict=False))
    words = [names[true] if said == true else f"{names[true]}:\n{names[said]}" for said, true in answers]
    axes = left.subplots(3, 4).ravel()
    draw_row(axes[: len(images)], images, words, [said == true for said, true in answers])
    for axis in axes[len(images) :]:
        axis.set_axis_off()
    axis = right.subplots()
    for one in trials:
        axis.plot(range(1, len(one.accuracy) + 1), one.accuracy, marker="o", label=one.plan.words)
    axis.set(ylim=(0, 1.02), xlabel="passes", ylabel="right on test pictures")
    axis.legend(fontsize=8, loc="lower right")
    return figure


def trial_code(opening: str, task: NewTask, plan: Plan, side: int) -> str:
    """The lines that train without the explorer; `opening` defines `model`."""
    size = f"n={len(task.images)}, test_n={len(task.test_images)}, size={side}"
    lines = [
        "import cnnlab",
        "from cnnlab import transfer",
        "from cnnlab.transfer.curves import drawn",
        "",
        opening,
        f'task = transfer.new_task("{task.name}", model, {size})',
        f"rows = drawn(task.labels, len(task.classes), {plan.per_class}, seed={plan.seed})",
        f"start = transfer.continuation(model, task.classes, {plan.layer!r}, seed={plan.seed})",
        "tuned = transfer.fine_tune(",
        f"    start, task.images[rows], task.labels[rows], freeze_up_to={plan.layer if plan.freezes else None!r},",
        f"    rate={RATE}, epochs={plan.passes}, batch_size={BATCH}, mirror={_mirrors(task)}, seed={plan.seed},",
        ")",
        "print(transfer.accuracy(tuned.model, task.test_images, task.test_labels))",
    ]
    return "\n".join(lines)


def _mirrors(task: NewTask) -> bool:
    return task.name != "handwritten digits"  # a mirrored 2 is no digit
