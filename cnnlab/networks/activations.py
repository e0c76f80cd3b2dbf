"""What flows out of a layer: recording it in a forward pass, and computing it for many pictures.

Everything that hooks into a network goes through `record_activations`, everything that needs eval mode through
`eval_mode`; both give the network back as they found it, also after an exception. They work on any
`torch.nn.Module`. What a layer's output means is asked in the technique rooms; how large it is, in
`cnnlab.networks.summary`; how the layers are called, in `cnnlab.networks.layer_names`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.eval_mode import eval_mode, match_device_dtype
from cnnlab.networks.layer_names import layer_names, resolve_layer

__all__ = ["activations", "eval_mode", "layer_names", "record_activations", "resolve_layer"]


@contextmanager
def record_activations(model: nn.Module, layers: str | Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Record what flows out of `layers` in every forward pass inside the `with` block.

    The dictionary fills in the order in which the layers run, under the names that were asked for. Each
    tensor is a copy, so an in-place ReLU behind the layer cannot overwrite it. With gradients on, the recorded
    tensor lies on the way from picture to logits, so `torch.autograd.grad(logit, recorded["conv5"])` works.
    A layer that runs several times keeps its last run; of several forward passes, the last one stays. What other threads ask the same
    network meanwhile is not recorded: in a notebook a slider may move while a cell computes.

    Raises
    ------
    ValueError
        If a layer is not in the network.
    TypeError
        In the forward pass, if a layer gives something else than one tensor.

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
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def activations(
    model: nn.Module,
    images: Tensor,
    layers: str | Sequence[str],
    *,
    batch_size: int = 64,
    progress: bool = False,
) -> dict[str, Tensor]:
    """What `layers` answer to `images`: maps from convolutional layers, vectors from fully connected ones.

    Parameters
    ----------
    model
        Any network for pictures N x 3 x H x W in [0, 1]; it runs in eval mode and is left as it was found.
    images
        N x 3 x H x W in [0, 1], or one picture 3 x H x W.
    layers
        One name of `layer_names(model)`, or several.
    batch_size
        How many pictures go through the network at a time.
    progress
        Whether to show a progress bar.

    Returns
    -------
    dict
        For each layer, in the order asked for, a tensor N x C x H' x W' (N x C for fully connected layers),
        without the first axis if one picture came without it; on the model's device, without gradient.

    Raises
    ------
    ValueError
        If a layer is not in the network or does not run, or the images are not pictures in [0, 1].

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
    chunks = batch.split(positive_int(batch_size, "batch_size"))
    parts: dict[str, list[Tensor]] = {name: [] for name in names}
    with eval_mode(model):
        for chunk in tqdm(chunks, desc="pictures", disable=not progress or None):
            with torch.inference_mode(), record_activations(model, names) as recorded:
                model(match_device_dtype(model, chunk))
            for name in names:
                parts[name].append(_checked_output(recorded, name, len(chunk)))
    # Joined outside inference mode: so the result is an ordinary tensor, on which a probe can be trained.
    joined = {name: torch.cat(parts.pop(name)) for name in names}
    return {name: rows[0] if single else rows for name, rows in joined.items()}


def this_thread_only(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook, but silent in all threads other than this one."""
    thread_id = threading.get_ident()
    return lambda *arguments: hook(*arguments) if threading.get_ident() == thread_id else None


def _recording_hook(recorded: dict[str, Tensor], name: str):
    def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor | None:
        if not isinstance(output, Tensor):
            received = type(output).__name__
            raise TypeError(f'layer "{name}" gives a {received}, not one tensor; choose a layer inside it.')
        recorded[name] = output.clone()
        # With gradients the copy is passed on (copied again): else it would be a dead end beside the way to
        # the logits, and no gradient would reach it.
        return recorded[name].clone() if output.requires_grad else None

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
