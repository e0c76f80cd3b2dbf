"""Filters: the weights of a layer, in the shape of its input.

These are the raw numbers. Scaling them to grey or colour is left to the figures (`cnnlab.figures`); for the shape of a filter see
`cnnlab.units.filter_fit`.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from cnnlab.networks.activations import layer_names, record_activations, resolve_layer
from cnnlab.networks.forward import forward, without_gradients
from cnnlab.networks.receptive_field.tracer import input_shape


def filters(model: nn.Module, layer: str | None = None) -> Tensor:
    """Filters of a layer: the weights of each unit as one stack of small maps.

    The first convolution reads the image, so its filters are images themselves: red, green and blue.
    Deeper filters read feature maps. A fully connected layer behind feature maps is a filter as large as these maps: its
    weights are returned in the shape of its input.

    Parameters
    ----------
    model
        Any network; it is left unchanged.
    layer
        A convolution or fully connected layer of `layer_names(model)`; None takes the first convolution.

    Returns
    -------
    Tensor
        units x inputs x rows x columns, signed and not scaled, a copy without gradient. Inputs are those that a
        unit reads (fewer than the input channels in grouped convolutions). A fully connected layer that reads
        a plain vector gives units x inputs x 1 x 1.

    Raises
    ------
    ValueError
        If there is no such layer, it has no weights of this kind, or the network has no convolution.

    References
    ----------
    Lecture S, "Visualize Filters"; lecture B, "Visualize Filters/Kernels"; lecture K. Krizhevsky, Sutskever &
    Hinton (2012), figure 3.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model = MiniAlexNet(["cat", "dog"])
    >>> filters(model, "conv2").shape, filters(model, "fc8").shape
    (torch.Size([96, 48, 5, 5]), torch.Size([2, 192, 1, 1]))
    """
    layer = convolution_names(model)[0] if layer is None else layer
    module = resolve_layer(model, layer)
    if isinstance(module, nn.Conv2d):
        return module.weight.detach().clone()
    if isinstance(module, nn.Linear):
        return module.weight.detach().clone().view(module.out_features, *_input_shape(model, layer))
    raise ValueError(
        f'layer "{layer}" is a {type(module).__name__}, which has no filters; choose a convolution'
        f" ({', '.join(convolution_names(model))}) or a fully connected layer."
    )


def convolution_names(model: nn.Module) -> list[str]:
    """The names of all convolutional layers, in the order in which they run.

    Raises
    ------
    ValueError
        If the network has none.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> convolution_names(MiniAlexNet(["cat", "dog"]))
    ['conv1', 'conv2', 'conv3', 'conv4', 'conv5']
    """
    names = [name for name in layer_names(model) if isinstance(resolve_layer(model, name), nn.Conv2d)]
    if not names:
        raise ValueError(f"{type(model).__name__} has no convolutional layer.")
    return names


def _input_shape(model: nn.Module, layer: str) -> tuple[int, int, int]:
    """C x H x W of the maps that the fully connected `layer` reads, or inputs x 1 x 1 if it reads a vector.

    Between the maps and the layer there are only layers that keep all numbers (flattening, dropout, ReLU), so the
    search backwards ends at the first maps, or where the count of numbers changes.
    """
    inputs = resolve_layer(model, layer).in_features
    names = layer_names(model)
    earlier = names[: names.index(layer)] if layer in names else []
    with without_gradients(model), record_activations(model, earlier or [layer]) as recorded:
        forward(model, torch.zeros(1, *input_shape(model, None)))
    for name in reversed(earlier):
        output = recorded.get(name)
        if output is None or output.numel() != inputs or isinstance(resolve_layer(model, name), nn.Linear):
            break
        if output.dim() == 4 and prod(output.shape[1:]) == inputs:
            return tuple(output.shape[1:])
    return inputs, 1, 1
