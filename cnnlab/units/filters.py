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


FILTER_PARTS = ("brightness", "colour", "grey pattern", "colour pattern")
"""The four parts of a first-layer filter, as in `filter_energy`."""


def filter_energy(weights: Tensor) -> Tensor:
    """How much of each first-layer filter is a grey pattern (edge, stripes, checkerboard), and how much is colour?

    A weight w[c, y, x] is the sum of four parts, in the order of `FILTER_PARTS`,

        w = m  +  (w_c - m)  +  (w_yx - m)  +  (w - w_c - w_yx + m),

    where m is the mean of the filter, w_c its mean over positions and w_yx its mean over colours: brightness, a constant colour, a
    pattern that all colours share, and a pattern that differs between colours (a colour edge). The parts are orthogonal, so
    their sums of squares add up to that of the filter. Any size of filter will do, 3 x 3 too.

    Parameters
    ----------
    weights
        N x 3 x k x k, such as `filters(model)`.

    Returns
    -------
    Tensor
        N x 4 shares of the sum of squares, each row with the sum 1; 0 for a filter of zeros.

    Raises
    ------
    ValueError
        If the weights are not N x C x k x k.

    References
    ----------
    The decomposition of a two-way analysis of variance. Lecture B, "Visualize Filters/Kernels", names edges, checkerboards,
    striations, colour blobs and colour edges.

    Example
    -------
    >>> edge = torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]).expand(1, 3, 2, 2)
    >>> filter_energy(edge)
    tensor([[0., 0., 1., 0.]])
    """
    if weights.dim() != 4:
        raise ValueError(f"weights must be N x C x k x k, but came as {tuple(weights.shape)}.")
    mean = weights.mean((1, 2, 3), keepdim=True)
    colour = weights.mean((2, 3), keepdim=True) - mean
    pattern = weights.mean(1, keepdim=True) - mean
    parts = (mean, colour, pattern, weights - mean - colour - pattern)
    energy = torch.stack([part.expand_as(weights).square().sum((1, 2, 3)) for part in parts], 1)
    return energy / energy.sum(1, keepdim=True).clamp(min=1e-30)


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
