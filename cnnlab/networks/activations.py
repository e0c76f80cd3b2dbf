"""Activations of a network's layers: record them in a forward pass, or compute them for many images.

Everything that hooks into a network goes through `record_activations`, everything that needs eval mode through
`eval_mode`; both restore the network, also after an exception. They work on any `torch.nn.Module`. For the shapes of the
outputs see `cnnlab.networks.summary`, for the names of the layers `cnnlab.networks.layer_names`; what activations mean is the
subject of the technique packages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch
from cnnlab.networks.channel_axis import back_to_axis, channels_second, following_channels
from cnnlab.networks.eval_mode import eval_mode
from cnnlab.networks.forward import COMPLEX, at_least_float32, forward, pictures_at_once, without_gradients
from cnnlab.networks.layer_names import layer_names, resolve_layer

__all__ = ["activations", "eval_mode", "layer_names", "record_activations", "resolve_layer"]


@contextmanager
def record_activations(model: nn.Module, layers: str | Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Record the activations of `layers` in every forward pass inside the `with` block.

    The dictionary is filled in the order in which the layers run, under the requested names. Each
    tensor is a copy, so an in-place ReLU behind the layer cannot overwrite it. With gradients on, the recorded
    tensor is part of the graph from image to logits, so `torch.autograd.grad(logit, recorded["conv5"])` works.
    Channels are always second, N x C x ..., also of a layer that keeps them last, as a transformer's do.
    A layer that runs several times keeps its last run; of several forward passes, the last one stays. Forward passes of other
    threads are not recorded: in a notebook a slider may move while a cell computes.

    Raises
    ------
    ValueError
        If a layer is not in the network.
    TypeError
        In the forward pass, if the output of a layer is not a single tensor of real numbers.
    ValueError
        In the forward pass, if it is not known which axis of the output holds the channels (the weights of attention).

    Example
    -------
    >>> import torch
    >>> from cnnlab.networks import MiniAlexNet, record_activations
    >>> model = MiniAlexNet(["cat", "dog"]).eval()
    >>> with record_activations(model, "conv5") as recorded:
    ...     logits = model(torch.rand(1, 3, 96, 96))
    >>> recorded["conv5"].shape
    torch.Size([1, 128, 12, 12])
    """
    modules = {name: resolve_layer(model, name) for name in _as_names(layers)}
    recorded: dict[str, Tensor] = {}
    handles = []
    try:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(this_thread_only(_recording_hook(recorded, name))))
        with following_channels(model):
            yield recorded
    finally:
        for handle in handles:
            handle.remove()


def activations(
    model: nn.Module,
    images: Tensor,
    layers: str | Sequence[str],
    *,
    batch_size: int | None = None,
    progress: bool = False,
) -> dict[str, Tensor]:
    """Activations of `layers` for `images`: maps from convolutional layers, vectors from fully connected ones.

    Parameters
    ----------
    model
        Any network for images N x 3 x H x W in [0, 1]; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    layers
        One name of `layer_names(model)`, or several.
    batch_size
        Images in one forward pass; None for as many as have a million pixels together, and 64 at most, so that large ones need no
        more memory than small ones.
    progress
        Whether to show a progress bar.

    Returns
    -------
    dict
        For each layer, in the requested order, a tensor N x C x H' x W' (N x C for fully connected layers),
        without the first axis for a single image; on the model's device, without gradient, half precision as float32.

    Raises
    ------
    ValueError
        If a layer is not in the network or does not run, or the images do not lie in [0, 1].

    Example
    -------
    >>> import torch
    >>> from cnnlab.networks import MiniAlexNet, activations
    >>> maps = activations(MiniAlexNet(["cat", "dog"]), torch.rand(3, 96, 96), ["conv1", "fc7"])
    >>> maps["conv1"].shape, maps["fc7"].shape
    (torch.Size([48, 48, 48]), torch.Size([192]))
    """
    batch, single = image_batch(images)
    names = _as_names(layers)
    chunks = batch.split(pictures_at_once(batch.shape, batch_size))
    parts: dict[str, list[Tensor]] = {name: [] for name in names}
    with without_gradients(model):
        for chunk in tqdm(chunks, desc="pictures", disable=not progress or None):
            with record_activations(model, names) as recorded:
                forward(model, chunk)
            for name in names:
                parts[name].append(_checked_output(recorded, name, len(chunk)))
    # Joined outside inference mode: so the result is an ordinary tensor, on which a linear probe can be trained.
    joined = {name: at_least_float32(torch.cat(parts.pop(name))) for name in names}
    return {name: rows[0] if single else rows for name, rows in joined.items()}


def this_thread_only(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook, restricted to the current thread."""
    thread_id = threading.get_ident()
    return lambda *arguments: hook(*arguments) if threading.get_ident() == thread_id else None


def _recording_hook(recorded: dict[str, Tensor], name: str):
    def hook(module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor | None:
        if not isinstance(output, Tensor):
            received = type(output).__name__
            raise TypeError(f'layer "{name}" gives a {received}, not one tensor; choose a layer inside it.')
        if output.is_complex():
            raise TypeError(COMPLEX.format(what=f'layer "{name}"'))
        values, axis = channels_second(module, name, output)
        # In the usual order in memory, which `view` asks for.
        recorded[name] = values.clone(memory_format=torch.contiguous_format)
        # With gradients the copy is passed on (copied again, in the output's order): else it would not be part of the graph from
        # image to logits, and no gradient would reach it.
        passed = back_to_axis(recorded[name], axis)
        return torch.empty_like(output).copy_(passed) if output.requires_grad else None

    return hook


def _checked_output(recorded: dict[str, Tensor], name: str, pictures: int) -> Tensor:
    if name not in recorded:
        raise ValueError(f'layer "{name}" does not run in eval mode; see layer_names(model).')
    if recorded[name].dim() == 0 or len(recorded[name]) != pictures:
        shape = " x ".join(str(n) for n in recorded[name].shape)
        raise ValueError(f'layer "{name}" gives {shape} for {pictures} pictures, not one row for each.')
    return recorded[name]


def _as_names(layers: str | Sequence[str]) -> list[str]:
    names = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
    if not names:
        raise ValueError("layers is empty; give at least one name of layer_names(model).")
    return names
