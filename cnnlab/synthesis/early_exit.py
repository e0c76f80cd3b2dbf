"""Early exit: the activations of some layers, from a forward pass that stops after the last layer needed.

A network whose head takes images of one size only can thus be used up to its last convolutional layer at any size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cnnlab.networks.activations import record_activations, resolve_layer, this_thread_only
from cnnlab.networks.eval_mode import input_side
from cnnlab.networks.forward import at_least_float32, class_logits, forward, without_gradients
from cnnlab.synthesis.objectives import LOGITS, Outputs


class StopForward(Exception):
    """Raised in the forward pass once all requested layers have run."""


def reader(model: nn.Module, layers: tuple[str, ...], size: tuple[int, int]) -> Callable[[Tensor], Outputs]:
    """A function from images N x 3 x H x W to the activations of `layers`, for a model in eval mode; gradients flow through it.

    `size` is that of the images. If a layer runs several times, its last run counts, as in `cnnlab.networks.activations`; the
    number of runs is counted once, on a blank image of the network's own input size if it has one.
    """
    if LOGITS in layers:
        return lambda images: _full_forward(model, layers, images)
    runs = _run_counts(model, layers, size)

    def read(images: Tensor) -> Outputs:
        with (
            _small_pictures_named(layers, tuple(images.shape[-2:])),
            record_activations(model, layers) as outputs,
            _stop_early(model, runs),
        ):
            forward(model, images)
        return {layer: at_least_float32(maps) for layer, maps in outputs.items()}

    return read


@contextmanager
def _small_pictures_named(layers: Iterable[str], size: tuple[int, int]) -> Iterator[None]:
    """A clear error where maps would have no pixels."""
    try:
        yield
    except ValueError as error:
        if "output size is too small" not in str(error).lower():
            raise
        raise ValueError(
            f"pictures of {size[0]} x {size[1]} do not reach {' and '.join(layers)} ({error}); take a larger picture, or fewer octaves."
        ) from error


def _full_forward(model: nn.Module, layers: tuple[str, ...], images: Tensor) -> Outputs:
    inner = [layer for layer in layers if layer != LOGITS]
    if not inner:
        return {LOGITS: class_logits(model, images)}
    with record_activations(model, inner) as outputs:
        logits = class_logits(model, images)
    _require_all_ran(inner, outputs)
    return {**{layer: at_least_float32(maps) for layer, maps in outputs.items()}, LOGITS: logits}


def _run_counts(model: nn.Module, layers: tuple[str, ...], size: tuple[int, int]) -> Counter[str]:
    """How often each layer runs in one forward pass."""
    side = input_side(model)
    height, width = size if side is None else (side, side)
    runs: Counter[str] = Counter()
    with (
        _small_pictures_named(layers, (height, width)),
        _count_runs(model, layers, runs.update),
        without_gradients(model),
    ):
        forward(model, torch.full((1, 3, height, width), 0.5))
    _require_all_ran(layers, runs)
    return runs


def _require_all_ran(layers: Iterable[str], ran: Container[str]) -> None:
    for layer in layers:
        if layer not in ran:
            raise ValueError(f'layer "{layer}" does not run in eval mode; see layer_names(model).')


@contextmanager
def _stop_early(model: nn.Module, runs: Counter[str]) -> Iterator[None]:
    """Leave the block in the middle of the forward pass, once every layer has run as often as `runs` requires."""
    remaining = Counter(runs)

    def note(names: list[str]) -> None:
        remaining.subtract(names)
        if not any(remaining.values()):
            raise StopForward

    try:
        with _count_runs(model, tuple(runs), note):
            yield
    except StopForward:
        pass


@contextmanager
def _count_runs(
    model: nn.Module, layers: tuple[str, ...], note: Callable[[list[str]], None]
) -> Iterator[None]:
    handles = []
    try:
        for name in layers:
            module = resolve_layer(model, name)
            handles.append(module.register_forward_hook(this_thread_only(lambda *_, name=name: note([name]))))
        yield
    finally:
        for handle in handles:
            handle.remove()
