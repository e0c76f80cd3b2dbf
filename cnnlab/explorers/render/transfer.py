"""Training runs of the transfer explorer: one network on a few pictures of a new task, epoch by epoch; without any widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from cnnlab.explorers.image_grid import correctness_frame
from cnnlab.explorers.snippet import literal, snippet
from cnnlab.explorers.static_preview import canvas, draw_row
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import LINES
from cnnlab.transfer import NewTask, sample_per_class, transfer_init
from cnnlab.transfer.fine_tuning import fine_tune_steps, to_float_images

BATCH_SIZE = 16
N_SHOWN = 20


@dataclass(frozen=True)
class RunConfig:
    """Settings of a run: the last layer that is kept (`layer`; None for none), whether kept layers are frozen, and how it trains."""

    layer: str | None
    frozen: bool
    per_class: int
    epochs: int
    seed: int
    batch_size: int = BATCH_SIZE

    @property
    def label(self) -> str:
        """The label of the run's curve."""
        layers_kept = (
            "nothing kept"
            if self.layer is None
            else f"up to {self.layer}, {'frozen' if self.freezes else 'trained on'}"
        )
        return f"{layers_kept}; {self.per_class} a class"

    @property
    def freezes(self) -> bool:
        """Whether any layer is frozen."""
        return self.frozen and self.layer is not None


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """A training so far.

    Attributes
    ----------
    source, task, classes
        The network's name, the task's, and the names of its classes.
    config
        The settings of the run.
    accuracy
        Accuracy on the test pictures after each epoch.
    predicted
        M predictions for the test pictures after the last epoch.
    """

    source: str
    task: str
    classes: tuple[str, ...]
    config: RunConfig
    accuracy: tuple[float, ...]
    predicted: Tensor


def learning_rate(model: nn.Module, batch_size: int = BATCH_SIZE) -> float:
    """0.03; a sixth of it without batch normalisation, where squeezenet's loss would leave the finite numbers.

    In proportion to the size of the batch (Goyal et al., "Accurate, large minibatch SGD", 2017), with which the noise of a step falls.
    """
    normalised = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())
    return (0.03 if normalised else 0.005) * batch_size / BATCH_SIZE


def training_steps(
    model: nn.Module, source: str, task: NewTask, config: RunConfig
) -> Iterator[TrainingRun | None]:
    """The training so far after each epoch, evaluated on the test pictures, and None after each shorter step."""
    rows = sample_per_class(task.labels, len(task.classes), config.per_class, config.seed)
    start = transfer_init(model, task.classes, config.layer, seed=config.seed)
    steps = fine_tune_steps(
        start,
        task.images[rows],
        task.labels[rows],
        freeze_up_to=config.layer if config.freezes else None,
        learning_rate=learning_rate(model, config.batch_size),
        epochs=config.epochs,
        batch_size=config.batch_size,
        mirror=_mirrors(task),
        seed=config.seed,
    )
    accuracies: tuple[float, ...] = ()
    for fine_tuned in steps:
        if fine_tuned is None:
            yield None
            continue
        parts = []
        for images in task.test_images.split(4 * config.batch_size):
            yield from [None] * bool(parts)
            with torch.inference_mode():
                parts.append(fine_tuned.model(to_float_images(images)).argmax(1))
        predicted = torch.cat(parts)
        accuracies += (float((predicted == task.test_labels).float().mean()),)
        yield TrainingRun(source, task.name, task.classes, config, accuracies, predicted)


def runs_figure(runs: Sequence[TrainingRun], chance: float, width: float = 6.0) -> AltTextFigure:
    """Plot of accuracy after each epoch: the last run with a strong line, the earlier ones faint."""
    if not runs:
        raise ValueError("there is nothing to show: give at least one trial.")
    names = [f"{run.source}: {run.config.label}" for run in runs]
    alt_text = f"Accuracy on pictures of the task {runs[-1].task} after each epoch: {'; '.join(names)}."
    figure = AltTextFigure(figsize=(width, 0.5 * width + 0.2 * len(runs)), alt_text=alt_text)
    axis = figure.subplots()
    for number, (run, name) in enumerate(zip(runs, names, strict=True)):
        last = run is runs[-1]
        colour, dashes, mark = LINES[number % len(LINES)]
        axis.plot(
            range(1, len(run.accuracy) + 1),
            run.accuracy,
            color=colour,
            linestyle="-" if last else dashes,
            marker=mark,
            markersize=5 if last else 3,
            linewidth=2.6 if last else 1.2,
            label=name,
        )
    axis.axhline(chance, color="0.35", linestyle=":", linewidth=1.2, label="chance")
    axis.set(ylim=(0, 1.02), xlabel="epochs", ylabel="right on test pictures")
    axis.set_xlim(0.5, max(run.config.epochs for run in runs) + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_title(f"task: {runs[-1].task}", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", fontsize=8, frameon=False, ncols=1)
    return figure


def prediction_frames(task: NewTask, predicted: Tensor, side: int) -> tuple[list[dict], list[str]]:
    """A frame and a caption for each of the first test pictures: blue where the prediction is correct, else dashed in orange."""
    boxes, captions = [], []
    for tile, (predicted_class, true_class) in enumerate(
        zip(predicted[:N_SHOWN].tolist(), task.test_labels.tolist(), strict=False)
    ):
        boxes.append(correctness_frame(tile, side, side, predicted_class == true_class))
        captions.append(
            f"{task.classes[true_class]}: {'right' if predicted_class == true_class else f'called {task.classes[predicted_class]}'}"
        )
    return boxes, captions


def preview_figure(task: NewTask, runs: Sequence[TrainingRun]) -> Figure:
    """Plot of six test pictures, with the predictions of the last run if there is one, beside the curves of all runs."""
    figure = canvas(9.6, 4.2)
    left, right = figure.subfigures(1, 2, width_ratios=(1.4, 1))
    images = to_float_images(task.test_images[:6])
    names, truth = task.classes, task.test_labels[: len(images)].tolist()
    predicted = runs[-1].predicted.tolist() if runs else truth
    pairs = list(zip(predicted, truth, strict=False))
    captions = [
        names[true_class]
        if predicted_class == true_class
        else f"{names[true_class]}:\n{names[predicted_class]}"
        for predicted_class, true_class in pairs
    ]
    axes = left.subplots(2, 3).ravel()
    draw_row(
        axes[: len(images)],
        images,
        captions,
        [predicted_class == true_class if runs else None for predicted_class, true_class in pairs],
    )
    for axis in axes[len(images) :]:
        axis.set_axis_off()
    axis = right.subplots()
    for run in runs:
        axis.plot(range(1, len(run.accuracy) + 1), run.accuracy, marker="o", label=run.config.label)
    axis.set(ylim=(0, 1.02), xlabel="epochs", ylabel="right on test pictures")
    if runs:
        axis.legend(fontsize=8, loc="lower right")
    return figure


def code(opening: str, task: NewTask, config: RunConfig, side: int, rate: float) -> str:
    """The lines of code that train without the explorer; `opening` defines `model`."""
    layer = literal(config.layer)
    frozen = layer if config.freezes else None
    return snippet(
        opening,
        f'task = transfer.new_task("{task.name}", model, n={len(task.images)}, test_n={len(task.test_images)}, size={side})',
        f"rows = transfer.sample_per_class(task.labels, len(task.classes), {config.per_class}, seed={config.seed})",
        f"start = transfer.transfer_init(model, task.classes, {layer}, seed={config.seed})",
        "tuned = transfer.fine_tune(",
        f"    start, task.images[rows], task.labels[rows], freeze_up_to={frozen},",
        f"    learning_rate={rate}, epochs={config.epochs}, batch_size={config.batch_size}, mirror={_mirrors(task)}, seed={config.seed},",
        ")",
        "print(transfer.accuracy(tuned.model, task.test_images, task.test_labels))",
    )


def _mirrors(task: NewTask) -> bool:
    return task.name != "handwritten digits"  # a mirrored 2 is not a digit
