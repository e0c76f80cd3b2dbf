"""Networks as ONNX graphs for the pages: class scores, and scores with their gradient by the picture.

The gradient is a graph like any other: the steps of backpropagation are written down by autograd while it runs once (`make_fx`), and
those that ONNX has no operation for are put into words that it has. Batch normalisation is folded into the convolutions first.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torch.fx.experimental.proxy_tensor import make_fx

aten = torch.ops.aten


def write_scores(model: nn.Module, side: int, file: Path) -> None:
    """Write the network as a graph from "image", N x 3 x side x side in [0, 1], to "logits", N x C."""
    sample = torch.zeros(2, 3, side, side)
    _write(folded(model), (sample,), file, ["image"], ["logits"], ({0: torch.export.Dim("n")},))


def write_gradient(model: nn.Module, side: int, file: Path) -> None:
    """Write a graph from "image", 1 x 3 x side x side, and "seed", 1 x C, to "logits" and "gradient", of seed . logits."""
    network = folded(model)
    image = torch.zeros(1, 3, side, side)
    with torch.no_grad():
        seed = torch.zeros_like(network(image))

    def forward_and_backward(image: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
        logits, backward = torch.func.vjp(network, image)
        return logits, backward(seed)[0]

    graph = make_fx(forward_and_backward, decomposition_table=_IN_ONNX_WORDS)(image, seed)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    _write(_Graph(graph), (image, seed), file, ["image", "seed"], ["logits", "gradient"], None)


def folded(model: nn.Module) -> nn.Module:
    """A frozen copy in eval mode, with batch normalisation folded into the convolutions before it."""
    copy = fuse(model.eval()) if any(isinstance(m, nn.BatchNorm2d) for m in model.modules()) else model
    return copy.eval().requires_grad_(False)


class _Graph(nn.Module):
    """A traced graph as a module with named arguments, as the exporter wants it."""

    def __init__(self, graph: nn.Module):
        super().__init__()
        self.traced = graph  # `graph` is what the exporter calls its own

    def forward(self, image: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
        return self.traced(image, seed)


def _write(
    model: nn.Module,
    arguments: tuple[Tensor, ...],
    file: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic: Any,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, on its own parts
        exported = torch.export.export(model, arguments, dynamic_shapes=dynamic)
        program = torch.onnx.export(
            exported, dynamo=True, input_names=list(inputs), output_names=list(outputs), verbose=False
        )
        program.save(str(file))


# Steps of backpropagation in the words of ONNX. Only gradients by the picture are needed, none by the weights.


def _convolution(gradient, x, weight, _bias, stride, padding, dilation, _transposed, _output, groups, _mask):
    """The transposed convolution, with as much room at the border as the convolution left out."""
    left_out = [
        x.shape[i + 2]
        - (
            (gradient.shape[i + 2] - 1) * stride[i]
            - 2 * padding[i]
            + dilation[i] * (weight.shape[i + 2] - 1)
            + 1
        )
        for i in range(2)
    ]
    back = aten.convolution.default(gradient, weight, None, stride, padding, dilation, True, left_out, groups)
    return back, None, None


def _relu(gradient, x, _threshold):
    return gradient * (x > 0).to(gradient.dtype)


def _max_pool(gradient, x, _kernel, _stride, _padding, _dilation, _ceil_mode, indices):
    """Each number goes back to the place that its maximum came from."""
    back = torch.zeros_like(x).flatten(2)
    return back.scatter_add(2, indices.flatten(2), gradient.flatten(2)).view(x.shape)


def _mean_pool(gradient, x, kernel, stride, padding, _ceil_mode, _counts_padding, _divisor):
    channels = x.shape[1]
    share = torch.full((channels, 1, *kernel), 1 / (kernel[0] * kernel[1]))
    return _convolution(
        gradient, x, share, None, stride or kernel, padding, [1, 1], False, None, channels, None
    )[0]


_IN_ONNX_WORDS = {
    aten.convolution_backward.default: _convolution,
    aten.threshold_backward.default: _relu,
    aten.max_pool2d_with_indices_backward.default: _max_pool,
    aten.avg_pool2d_backward.default: _mean_pool,
}
