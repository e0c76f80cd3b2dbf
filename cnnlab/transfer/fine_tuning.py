"""Fine-tuning: train from pretrained weights, on few pictures; freeze layers, or set a learning rate for each."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import labelled_images, labels_within, positive_int, whole_number
from cnnlab.networks import mixed_precision
from cnnlab.networks.activations import resolve_layer
from cnnlab.networks.data_loading import to_float_images
from cnnlab.networks.eval_mode import layered, match_device_dtype
from cnnlab.networks.forward import ONE_OUTPUT, forward, pictures_at_once, training_logits, without_gradients
from cnnlab.networks.seeding import Chance
from cnnlab.transfer.heads import freeze, split_at_layer


@dataclass(frozen=True, eq=False)
class FineTuned:
    """Result of `fine_tune`.

    Attributes
    ----------
    model
        The trained copy, in eval mode; its parameters require gradients as before.
    losses
        The mean loss of each epoch.
    """

    model: nn.Module
    losses: tuple[float, ...]


def fine_tune(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    freeze_up_to: str | None = None,
    learning_rate: float = 0.02,
    learning_rates: Mapping[str, float] | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    decay: float = 5e-4,
    momentum: float = 0.9,
    mirror: bool = True,
    seed: int = 0,
    progress: bool = False,
    on_epoch: Callable[[int, float], None] | None = None,
) -> FineTuned:
    """Fine-tune a network on another task: all of it, or the layers that are not frozen.

    Stochastic gradient descent on the cross entropy; the rates rise for a tenth of the steps and fall as half a cosine. Layers up to
    `freeze_up_to` keep their weights and their batch-norm statistics exactly. The usual order is to train a new head first
    (`new_head`), with all else frozen, then all layers at a lower rate.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits (or N x C x H x W); a copy is trained, the model itself is unchanged.
    images
        N x 3 x H x W: floats in [0, 1], or the bytes of a data set.
    labels
        N class indices, or N x H x W of them for a segmentation network.
    freeze_up_to
        A name of `layer_names(model)`; None trains all parameters that require a gradient (see `freeze`).
    learning_rate
        Learning rate of all layers that `learning_rates` does not name.
    learning_rates
        Rates of single layers, such as {"fc8": 0.05, "conv1": 0.001}; if several names contain a parameter, the last counts.
    epochs
        Number of epochs.
    mirror
        Whether to flip a random half of the pictures horizontally, with their masks.
    seed
        Seed of the order of the pictures, flips and dropout; torch's global generator is unchanged. The same seed gives the same
        weights, bit for bit, on the same machine with the same number of threads.
    on_epoch
        Called after each epoch with its number, from 1, and its loss, for a live curve. An interruption, there or elsewhere, changes
        nothing else.

    Returns
    -------
    FineTuned

    Raises
    ------
    ValueError
        If labels do not fit, a layer is not known, or all layers are frozen.
    FloatingPointError
        If the loss is no longer finite.

    References
    ----------
    Yosinski, Clune, Bengio & Lipson (2014); Girshick, Donahue, Darrell & Malik (2014), section 2.3; lecture N, "Fine tuning pre-trained
    model"; lecture L, "How to fine-tune".

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> pictures, labels = torch.rand(8, 3, 96, 96), torch.arange(8) % 2
    >>> tuned = fine_tune(MiniAlexNet(["cat", "dog"]), pictures, labels, freeze_up_to="relu7", epochs=2)
    >>> len(tuned.losses)
    2
    """
    epochs, losses = positive_int(epochs, "epochs"), []
    training = fine_tune_epochs(
        model,
        images,
        labels,
        freeze_up_to=freeze_up_to,
        learning_rate=learning_rate,
        learning_rates=learning_rates,
        epochs=epochs,
        batch_size=batch_size,
        decay=decay,
        momentum=momentum,
        mirror=mirror,
        seed=seed,
    )
    for tuned in tqdm(training, desc="epochs", total=epochs, disable=not progress or None):
        losses.append(tuned.losses[-1])
        if on_epoch is not None:
            on_epoch(len(losses), losses[-1])
    return tuned


@torch.inference_mode(False)
def fine_tune_epochs(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    freeze_up_to: str | None = None,
    learning_rate: float = 0.02,
    learning_rates: Mapping[str, float] | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    decay: float = 5e-4,
    momentum: float = 0.9,
    mirror: bool = True,
    seed: int = 0,
) -> Iterator[FineTuned]:
    """Fine-tune, epoch by epoch: yields the same network after each epoch, in eval mode.

    Stop iterating to stop training; no other state is kept.
    """
    options = {"freeze_up_to": freeze_up_to, "learning_rate": learning_rate, "learning_rates": learning_rates}
    options |= {"epochs": epochs, "batch_size": batch_size, "decay": decay, "momentum": momentum}
    steps = fine_tune_steps(model, images, labels, **options, mirror=mirror, seed=seed)
    yield from (tuned for tuned in steps if tuned is not None)


@torch.inference_mode(False)
def fine_tune_steps(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    freeze_up_to: str | None = None,
    learning_rate: float = 0.02,
    learning_rates: Mapping[str, float] | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    decay: float = 5e-4,
    momentum: float = 0.9,
    mirror: bool = True,
    seed: int = 0,
) -> Iterator[FineTuned | None]:
    """`fine_tune_epochs` in shorter steps: None after each batch, and the network after each epoch."""
    images, labels = labelled_images(images, labels)
    with without_gradients(model):
        labels_within(labels, _logits(model, images[:1]).shape[1])
    epochs, size = positive_int(epochs, "epochs"), min(positive_int(batch_size, "batch_size"), len(images))
    trained = copy.deepcopy(layered(model)) if freeze_up_to is None else freeze(model, freeze_up_to)
    optimizer = torch.optim.SGD(
        parameter_groups(trained, learning_rate, learning_rates or {}), momentum=momentum, weight_decay=decay
    )
    frozen = frozen_modules(trained, freeze_up_to)
    requires_grad = [parameter.requires_grad for parameter in trained.parameters()]
    max_rates = [group["lr"] for group in optimizer.param_groups]
    steps, losses = epochs * math.ceil(len(images) / size), []
    for epoch in range(epochs):
        trained.train()
        for module in frozen:
            module.eval()
        for after, flag in zip(trained.parameters(), requires_grad, strict=True):
            after.requires_grad_(flag)
        steps_done, total = epoch * (steps // epochs), 0.0
        chance = Chance(whole_number(seed, "seed"), f"fine tuning {epoch}")
        for step, (batch, truth) in enumerate(_batches(images, labels, size, mirror, chance.generator)):
            for group, max_rate in zip(optimizer.param_groups, max_rates, strict=True):
                group["lr"] = max_rate * lr_factor((steps_done + step) / steps)
            with torch.inference_mode(False), torch.enable_grad(), chance.resumed():
                total += _step(trained, optimizer, batch, truth) * len(batch)
            yield None
        losses.append(total / len(images))
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"the loss is not finite after epoch {epoch + 1}; a lower rate helps.")
        for after, before in zip(trained.parameters(), model.parameters(), strict=True):
            after.requires_grad_(before.requires_grad).grad = None
        yield FineTuned(trained.eval(), tuple(losses))


def parameter_groups(
    model: nn.Module, learning_rate: float, learning_rates: Mapping[str, float]
) -> list[dict]:
    """The parameters that require a gradient, in one group for each learning rate."""
    rate_of = {id(p): float(learning_rate) for p in model.parameters() if p.requires_grad}
    for name, layer_rate in learning_rates.items():
        for parameter in resolve_layer(model, name).parameters():
            if id(parameter) not in rate_of:
                raise ValueError(f'layer "{name}" is frozen, so it can have no rate of its own.')
            rate_of[id(parameter)] = float(layer_rate)
    if not rate_of:
        raise ValueError("all layers are frozen, so there is nothing to train; freeze fewer.")
    if min(rate_of.values()) < 0:
        raise ValueError("a learning rate must not be negative.")
    by_rate: dict[float, list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if id(parameter) in rate_of:
            by_rate.setdefault(rate_of[id(parameter)], []).append(parameter)
    return [{"params": parameters, "lr": number} for number, parameters in by_rate.items()]


def frozen_modules(model: nn.Module, up_to: str | None) -> list[nn.Module]:
    """The modules that stay in eval mode: those up to a layer, and those whose own parameters require no gradient."""
    below = [] if up_to is None else split_at_layer(model, up_to)[0]
    direct_parameters = [(module, list(module.parameters(recurse=False))) for module in model.modules()]
    return below + [
        module
        for module, parameters in direct_parameters
        if parameters and not any(p.requires_grad for p in parameters)
    ]


def lr_factor(progress: float) -> float:
    """Learning-rate factor after a share `progress` of the steps: a linear warm-up for a tenth, then half a cosine to 0."""
    return 0.1 + 9 * progress if progress < 0.1 else 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))


def accuracy(model: nn.Module, images: Tensor, labels: Tensor, *, batch_size: int | None = None) -> float:
    """Accuracy: the share of the pictures (or, for masks, of the pixels) classified correctly; images as for `fine_tune`."""
    images, labels = labelled_images(images, labels)
    correct, batch_size = 0, pictures_at_once(images.shape, batch_size)
    with without_gradients(model):
        for start in range(0, len(images), batch_size):
            rows = slice(start, start + batch_size)
            logits = _logits(model, images[rows])
            labels_within(labels[rows], logits.shape[1])
            correct += int((logits.argmax(1).cpu() == labels[rows]).sum())
    return correct / labels.numel()


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    """N x C logits, or N x C x H x W of a segmentation network."""
    logits = forward(model, to_float_images(images))
    if logits.dim() not in (2, 4) or len(logits) != len(images):
        raise ValueError(
            f"the network must give N x classes logits (or N x classes x H x W), but gave {tuple(logits.shape)} for {len(images)} pictures."
        )
    if logits.shape[1] == 1:
        raise ValueError(ONE_OUTPUT)
    return logits


def _batches(
    images: Tensor, labels: Tensor, size: int, mirror: bool, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    chunks = list(torch.randperm(len(images), generator=generator).split(size))
    if len(chunks) > 1 and len(chunks[-1]) == 1:  # batch normalisation takes no batch of one
        chunks[-2:] = [torch.cat(chunks[-2:])]
    for rows in chunks:
        batch, truth = to_float_images(images[rows]), labels[rows].long()
        if mirror:
            mirrored = torch.rand(len(rows), generator=generator) < 0.5
            batch = torch.where(mirrored[:, None, None, None].to(batch.device), batch.flip(-1), batch)
            truth = truth if truth.dim() == 1 else torch.where(mirrored[:, None, None], truth.flip(-1), truth)
        yield batch, truth


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, batch: Tensor, truth: Tensor) -> float:
    batch = match_device_dtype(model, batch)
    with mixed_precision.autocast_for(batch.device):
        logits = training_logits(model, batch)
    if logits.dtype is torch.bfloat16:
        logits = logits.float()
    loss = F.cross_entropy(logits, truth.to(batch.device))
    if not loss.requires_grad:
        raise ValueError(
            "nothing can be trained: the network computes its output without gradients (no_grad, detach, argmax)."
        )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
