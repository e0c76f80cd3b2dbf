"""Heads and frozen layers: a new classifier on a trained network, freezing, and reinitialising layers."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from cnnlab._validation import whole_number
from cnnlab.networks.activations import layer_names, resolve_layer
from cnnlab.networks.eval_mode import layered

HEADS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


@torch.inference_mode(False)
def new_head(model: nn.Module, classes: Sequence[str], *, seed: int = 0) -> nn.Module:
    """Replace the head: a copy whose last layer with weights is new, with one output for each of `classes`.

    All other layers keep their weights: they are the representation that is transferred. Works for classifiers (the last layer is
    fully connected) and for segmentation networks (it is a convolution, plain or transposed).

    Parameters
    ----------
    model
        Any network whose last layer with weights computes the logits. It is left unchanged.
    classes
        The names of the new classes, which become the `class_names` of the copy.
    seed
        Seed of the weights of the new layer; torch's global generator is unchanged.

    Returns
    -------
    nn.Module
        In eval mode.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or the network has no such layer.

    References
    ----------
    Oquab, Bottou, Laptev & Sivic (2014); lecture N, "Fine tuning pre-trained model"; lecture L, "Fine-tuning".

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> new_head(MiniAlexNet(["cat", "dog"]), ["elm", "oak", "fir"]).fc8
    Linear(in_features=192, out_features=3, bias=True)
    """
    if isinstance(classes, str) or len(classes) < 2:
        raise ValueError(f"classes must be at least two names, but got {classes!r}.")
    copied = copy.deepcopy(layered(model))
    name = head_name(copied)
    old = resolve_layer(copied, name)
    # Built like the old one, with the same kernel, stride and bias.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(whole_number(seed, "seed"))
        new = _layer_like(old, len(classes)).to(old.weight)
    parent, _, last = _path(copied, old).rpartition(".")
    setattr(copied.get_submodule(parent), last, new)
    copied.class_names = tuple(classes)
    return copied.eval()


def head_name(model: nn.Module) -> str:
    """The name of the last layer with weights, in the order in which layers run: the one that computes the logits."""
    names = layer_names(model)
    heads = [name for name in names if isinstance(resolve_layer(model, name), HEADS)]
    if heads:
        for name in names[names.index(heads[-1]) + 1 :]:
            layer = resolve_layer(model, name)
            if _computes(layer):
                raise ValueError(
                    f'the logits are computed by "{name}", a {type(layer).__name__}, which is neither nn.Linear nor nn.Conv2d: it is not'
                    " known how to build one like it for other classes. Replace it by hand; of a quantised network, take the one that it"
                    " was made from."
                )
    if not heads:
        raise ValueError(
            "the network has neither a fully connected layer nor a convolution, so it has no head to replace."
        )
    return heads[-1]


@torch.inference_mode(False)
def freeze(model: nn.Module, up_to: str | None) -> nn.Module:
    """Freeze layers: a copy in which no parameter up to and including the layer `up_to` requires a gradient.

    The layers are counted in the order in which they run. Choose the last layer of a stage, such as "relu3" or "pool2", so that the
    normalisation behind a convolution is frozen with it. `fine_tune` also keeps the statistics of frozen normalisation layers.

    Parameters
    ----------
    model
        Any network; it is left unchanged.
    up_to
        A name of `layer_names(model)`; None freezes nothing, and requires gradients everywhere.

    Returns
    -------
    nn.Module
        In eval mode.

    References
    ----------
    Yosinski, Clune, Bengio & Lipson (2014), section 2; lecture L, "How to fine-tune".

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model = freeze(MiniAlexNet(["cat", "dog"]), "pool1")
    >>> [name for name, p in model.named_parameters() if not p.requires_grad]
    ['conv1.weight', 'norm1.weight', 'norm1.bias']
    """
    copied = copy.deepcopy(layered(model))
    earlier, later = split_at_layer(copied, up_to)
    for part, flag in ((earlier, False), (later, True)):
        for module in part:
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(flag)
    return copied.eval()


@torch.inference_mode(False)
def reinitialise_after(model: nn.Module, layer: str | None, *, seed: int = 0) -> nn.Module:
    """Reinitialise all layers after `layer` in a copy of the network, as torch initialises them.

    With None nothing is kept: the same architecture from scratch. torch's global generator is unchanged.
    """
    copied = copy.deepcopy(layered(model))
    _, later = split_at_layer(copied, layer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(whole_number(seed, "seed"))
        for module in later:
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return copied.eval()


def split_at_layer(model: nn.Module, up_to: str | None) -> tuple[list[nn.Module], list[nn.Module]]:
    """All modules of the network in two lists: those that have run when the layer `up_to` is done, and those that run later."""
    order = layer_names(model)
    earlier: list[nn.Module] = []
    if up_to is not None:
        boundary = resolve_layer(model, up_to)
        for name in order:
            earlier.append(resolve_layer(model, name))
            if earlier[-1] is boundary:
                break
        else:
            raise ValueError(f'layer "{up_to}" does not run by itself; choose one of layer_names(model).')
    earlier_ids = {id(module) for module in earlier}
    return earlier, [module for module in model.modules() if id(module) not in earlier_ids]


def _path(model: nn.Module, target: nn.Module) -> str:
    return next(path for path, module in model.named_modules() if module is target)


def _layer_like(old: nn.Module, outputs: int) -> nn.Module:
    bias = old.bias is not None
    if isinstance(old, nn.Linear):
        return nn.Linear(old.in_features, outputs, bias)
    options = {
        name: getattr(old, name) for name in ("kernel_size", "stride", "padding", "dilation", "groups")
    }
    if isinstance(old, nn.ConvTranspose2d):
        options["output_padding"] = old.output_padding
    return type(old)(old.in_channels, outputs, bias=bias, **options)


def _computes(layer: nn.Module) -> bool:
    """Whether a layer without layers inside has a matrix of weights, also of whole numbers, as a quantised one has."""
    if next(layer.children(), None) is not None and not hasattr(layer, "_packed_params"):
        return False
    return hasattr(layer, "_packed_params") or any(p.dim() > 1 for p in layer.parameters(recurse=False))
