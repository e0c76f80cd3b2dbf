"""Training: from a recipe (`cnnlab.networks.recipes`) and the world's pictures to weights and a card.

Read `train` first, then `train_epoch`, which is the loop itself. The data come from `training_data`, batches from `data_loading`,
the precision from `mixed_precision`; weights are averaged in `weight_averaging`, runs saved and resumed, bit for bit, in
`checkpoints`, networks evaluated in `evaluation`, results logged in `training_log`, files written in `weight_files`; `seeding`
seeds the random generators.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from cnnlab._validation import one_of, positive_int, whole_number
from cnnlab.networks import (
    checkpoints,
    imagenet,
    mixed_precision,
    training_log,
    weight_averaging,
    weight_files,
)
from cnnlab.networks.checkpoints import Run
from cnnlab.networks.data_loading import training_batches
from cnnlab.networks.evaluation import Evaluation, accuracy_from_confusion, confusion_matrix, evaluate
from cnnlab.networks.recipes import RECIPES, TrainingConfig
from cnnlab.networks.seeding import num_threads, seeding
from cnnlab.networks.training_data import architecture_class, load_split

__all__ = ["Evaluation", "evaluate", "train"]


def train(
    name: str,
    *,
    epochs: int | None = None,
    pictures: int | None = None,
    out: str | os.PathLike | None = None,
    resume: bool = True,
    progress: bool = True,
    seed: int = 0,
    threads: int | None = None,
    on_epoch: Callable[[Mapping[str, Sequence[float]]], None] | None = None,
) -> dict[str, Any]:
    """Train the network `name` by its recipe, write weights and card, and return the card.

    The run is saved after each epoch. If interrupted (Ctrl-C, or the stop button of a notebook), it resumes from there
    when `train` is called again, and on the same machine ends with exactly the same weights.

    Parameters
    ----------
    name
        A name from `RECIPES`.
    epochs, pictures
        Fewer epochs, or fewer pictures, than in the recipe: for a trial.
    out
        File or folder for the result. By default, a run that follows the recipe goes into the package, and a trial into the cache, so
        that it does not replace the shipped network.
    resume
        Whether to resume an interrupted run.
    progress
        Show a progress bar in a terminal, else print a line for each epoch.
    seed
        Seed of the initial weights, the order of the pictures and all noise. torch's global generator is restored.
    threads
        Number of threads; all cores by default.
    on_epoch
        Called after each epoch with the history so far: lists "loss", "accuracy" and "validation", one number for each epoch.
        `cnnlab.explorers.TrainingCurve` plots it while the training runs.

    Raises
    ------
    KeyboardInterrupt
        If interrupted; the message says how to resume.
    ModuleNotFoundError
        If the recipe builds on a trunk whose package is not installed.

    Examples
    --------
    >>> card = train("mini_alexnet", epochs=1, pictures=200)  # doctest: +SKIP
    >>> card["accuracy"], card["history"]["loss"]  # doctest: +SKIP
    """
    config = resolve_config(name, epochs, pictures)
    whole_number(seed, "seed")
    file = destination(name, out, shipped=config == RECIPES[name] and seed == 0)
    trunk = (
        imagenet.load_imagenet(config.trunk) if config.trunk else None
    )  # a missing package is reported before any work
    cores = os.cpu_count() or 1
    with num_threads(positive_int(cores if threads is None else threads, "threads")):
        training, validation = (
            load_split(config, split_name, progress) for split_name in ("train", "validation")
        )
        run = start_run(name, config, training.class_names, seed, trunk)
        checkpoint_file = checkpoints.checkpoint(run, checkpoints.fingerprint(training))
        if resume and checkpoints.restore(run, checkpoint_file) and progress:
            print(f"going on with {name} after epoch {run.epoch} of {config.epochs}", flush=True)
        try:
            run_epochs(run, training, validation, checkpoint_file, progress, on_epoch)
            model, result = finish_run(run, training, validation)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(training_log.resume_message(run, checkpoint_file)) from None
        card = weight_files.write_weights(
            file, model, training_log.make_card(run, training, result), config.trained
        )
    with suppress(OSError):  # there is no checkpoint if the cache cannot be written
        checkpoint_file.unlink()
    if progress:
        print(
            f"{name}: {training_log.accuracy_name(config)} {result.accuracy:.1%} on {len(validation)} validation pictures,"
            f" written to {file}",
            flush=True,
        )
    return card


def resolve_config(name: str, epochs: int | None, pictures: int | None) -> TrainingConfig:
    config = RECIPES[one_of(name, RECIPES, "network")]
    if epochs is not None:
        config = replace(config, epochs=positive_int(epochs, "epochs"))
    if pictures is not None:
        count = positive_int(pictures, "pictures")
        config = replace(config, pictures=count, validation=min(config.validation, count))
    return config


def destination(name: str, out: str | os.PathLike | None, *, shipped: bool) -> Path:
    """The file for the weights, determined before the training starts, so that a wrong path is reported at once."""
    if out is None:
        file = weight_files.weight_path(name) if shipped else checkpoints.folder(name) / f"{name}.safetensors"
    else:
        file = (
            Path(out) / f"{name}.safetensors"
            if Path(out).is_dir()
            else weight_files.weight_path(Path(out).absolute())
        )
    parent = next(folder for folder in file.absolute().parents if folder.exists())
    if not os.access(parent, os.W_OK):
        raise PermissionError(
            f"{parent} cannot be written, so the weights would be lost; name another place with `out`."
        )
    return file


def start_run(
    name: str, config: TrainingConfig, classes: Iterable[str], seed: int, trunk: nn.Module | None = None
) -> Run:
    """A new network, initialised at random or with the weights of a trunk where they fit, and its optimiser."""
    with seeding(seed, "weights"):
        model = architecture_class(config.architecture)(classes)
    if trunk is not None:
        model.load_state_dict(imagenet.fitting_state(trunk, model), strict=False)
        for layer, parameter in model.named_parameters():
            parameter.requires_grad_(layer.partition(".")[0] in config.trained)
            if len(config.trained) == 1 and parameter.requires_grad:
                nn.init.zeros_(
                    parameter
                )  # the loss of a classifier alone is convex: from 0, no initial noise is left
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = config.dropout
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Channels last in memory: convolutions are faster, and the pictures are stored in this order.
    model = model.to(device, memory_format=torch.channels_last)
    groups = parameter_groups(model, config)
    return Run(
        name, config, seed, model, torch.optim.SGD(groups, config.peak_rate, config.momentum, nesterov=True)
    )


def parameter_groups(model: nn.Module, config: TrainingConfig) -> list[dict[str, Any]]:
    """Parameter groups by weight decay: the first convolution, all other weights, and biases and normalisation without decay.

    Frozen parameters get no gradient, so that the optimiser does not change them, decay included.
    """
    first = next(module.weight for module in model.modules() if isinstance(module, nn.Conv2d))
    other_weights = [p for p in model.parameters() if p.dim() > 1 and p is not first]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    return [
        {"params": [first], "weight_decay": config.decay_first},
        {"params": other_weights, "weight_decay": config.decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def run_epochs(
    run: Run,
    training: Any,
    validation: Any,
    checkpoint_file: Path,
    progress: bool,
    on_epoch: Callable[[Mapping[str, Sequence[float]]], None] | None = None,
) -> None:
    steps = steps_per_epoch(run.config)
    with tqdm(
        total=run.config.epochs * steps,
        initial=run.epoch * steps,
        desc=run.name,
        unit="step",
        disable=None if progress else True,  # None: no bar without a terminal
    ) as bar:
        while run.epoch < run.config.epochs:
            start_time = time.perf_counter()
            loss, accuracy = train_epoch(run, training, bar)
            validation_accuracy = evaluate(run.model, validation).accuracy
            for key, value in zip(run.history, (loss, accuracy, validation_accuracy), strict=True):
                run.history[key].append(value)
            run.epoch += 1
            run.seconds += time.perf_counter() - start_time
            checkpoints.save(run, checkpoint_file)
            if progress:
                training_log.log_epoch(run, bar)
            if on_epoch is not None:
                on_epoch({key: list(values) for key, values in run.history.items()})


def train_epoch(run: Run, training: Any, bar: tqdm) -> tuple[float, float]:
    """One epoch of training; returns its mean loss and the training accuracy along the way."""
    config, model, device = run.config, run.model, next(run.model.parameters()).device
    step, steps = run.epoch * steps_per_epoch(config), config.epochs * steps_per_epoch(config)
    losses, images_seen, confusion, accuracy = 0.0, 0, 0, 0.0
    model.train()
    with seeding(run.seed, f"epoch {run.epoch}") as generator:
        for images, labels in training_batches(training, config, generator, device):
            for group in run.optimizer.param_groups:
                group["lr"] = one_cycle_rate(step / steps, config)
            if config.adversarial:
                # Weak adversarial images first: at full strength from the start the network would not begin to learn.
                epsilon = config.adversarial * min(1.0, 2 * step / steps)
                images = adversarial_batch(model, images, labels, epsilon, generator)
            with mixed_precision.autocast_for(device):
                logits = model(images).float()
            loss = training_loss(logits, labels, config)
            run.optimizer.zero_grad()
            loss.backward()
            run.optimizer.step()
            step += 1
            if step > config.average_from * steps:
                weight_averaging.update_average(run)
            losses += loss.item() * len(labels)
            images_seen += len(labels)
            confusion = confusion + confusion_matrix(labels, logits.argmax(1), logits.shape[1])
            accuracy = accuracy_from_confusion(confusion, masks=labels.dim() == 3)
            bar.set_postfix(
                {
                    "loss": f"{losses / images_seen:.3f}",
                    training_log.accuracy_name(config): f"{accuracy:.1%}",
                },
                refresh=False,
            )
            bar.update()
    if not math.isfinite(losses):
        raise FloatingPointError(
            f"the loss of {run.name} is not finite after epoch {run.epoch + 1}; a lower peak_rate helps."
        )
    return losses / images_seen, accuracy


def training_loss(logits: Tensor, labels: Tensor, config: TrainingConfig) -> Tensor:
    """Training loss: cross entropy with the labels, averaged over images, or over all pixels that have a label.

    Pixels are weighted alike, whatever their class: weights for rare classes would move the edges outwards, and lower the mean
    intersection over union.
    """
    if labels.dim() == 3:  # one row for each pixel, classes contiguous in memory: several times as fast
        logits, labels = logits.movedim(1, -1).flatten(0, 2), labels.flatten()
    return F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)


def adversarial_batch(
    model: nn.Module, images: Tensor, labels: Tensor, epsilon: float, generator: torch.Generator
) -> Tensor:
    """Adversarial batch: images changed by at most `epsilon` in each pixel to raise the loss, by one step from a random start.

    One step is enough for training if it starts anywhere in the ball and is a little longer than the radius (Wong, Rice & Kolter, 2020).
    For attacks to evaluate a network see `cnnlab.robustness`.
    """
    start = torch.rand(images.shape, generator=generator).to(images) * (2 * epsilon) - epsilon
    start = (images + start).clamp_(0, 1).requires_grad_()
    with mixed_precision.autocast_for(images.device):
        loss = F.cross_entropy(model(start).float(), labels)
    (slope,) = torch.autograd.grad(loss, start)
    stepped = start.detach() + 1.25 * epsilon * slope.sign()
    return torch.minimum(torch.maximum(stepped, images - epsilon), images + epsilon).clamp_(0, 1)


def one_cycle_rate(progress: float, config: TrainingConfig) -> float:
    """One-cycle learning rate after a share `progress` of all steps: a linear rise to the peak, then half a cosine down to 0."""
    if progress < config.warm_up:
        return config.peak_rate * (0.04 + 0.96 * progress / config.warm_up)
    return (
        config.peak_rate * 0.5 * (1 + math.cos(math.pi * (progress - config.warm_up) / (1 - config.warm_up)))
    )


def finish_run(run: Run, training: Any, validation: Any) -> tuple[nn.Module, Evaluation]:
    """The averaged network, with its own batch-norm statistics and rounded as it is shipped; and its evaluation."""
    model = copy.deepcopy(run.model)
    model.load_state_dict(run.average, strict=False)  # parameters only: the statistics are estimated next
    with seeding(run.seed, "statistics") as generator:
        device = next(model.parameters()).device
        weight_averaging.estimate_statistics(
            model, (images for images, _ in training_batches(training, run.config, generator, device))
        )
    rounded = weight_files.to_half(model.state_dict(), run.config.trained)
    model.load_state_dict(rounded, strict=False)  # all but the batch counters and the trunk
    return model.eval(), evaluate(model, validation)


def steps_per_epoch(config: TrainingConfig) -> int:
    return config.pictures // min(config.batch_size, config.pictures)
