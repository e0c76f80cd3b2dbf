"""Networks as ONNX graphs for the pages: class scores, the maps of layers, gradients by the picture, and class maps.

    scores    image N x 3 x H x W                 -> logits N x C
    maps      image 1 x 3 x H x W                 -> logits, and the output of each layer under its name
    gradient  image, seed 1 x C, rule             -> logits, gradient of seed . logits
    units     image, seed 1 x U, rule             -> gradient of seed . the largest activations of the U channels of all layers
    cams      image, seed 1 x C                   -> logits, and for each layer with maps its class map, h x w, of seed . logits

The gradient is a graph like any other: the steps of backpropagation are written down by autograd while it runs once (`make_fx`), and
those that ONNX has no operation for are put into words that it has. The graphs of several networks share a file of weights, in which
each tensor stands once.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx_ir
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from cnnlab.explorers.choices import Layer, network_layers
from cnnlab.networks.layer_names import resolve_layer

aten = torch.ops.aten

RULES = {"gradient": (0.0, 1.0), "deconvnet": (1.0, 0.0), "guided backprop": (0.0, 0.0)}
"""What a graph takes as `rule`: whether a ReLU counts as open where it was closed, and whether it passes negative signals back."""
SMALL = 1024
"""Bytes of a tensor that stays in its graph."""


class Weights:
    """The file with the weights of many graphs: each tensor once, found by its bytes."""

    def __init__(self, file: Path):
        self.file = file
        self._places: dict[bytes, tuple[int, int]] = {}
        file.write_bytes(b"")

    def place(self, content: bytes) -> tuple[int, int]:
        """Offset and length of these bytes in the file, to which they are added if they are new."""
        key = hashlib.sha256(content).digest()
        if key not in self._places:
            self._places[key] = self.file.stat().st_size, len(content)
            with self.file.open("ab") as end:
                end.write(content)
        return self._places[key]

    def take_from(self, model: onnx_ir.Model, exchanged: Mapping[bytes, bytes]) -> onnx_ir.Model:
        """A copy of a model that only names the places of its large tensors, some of them exchanged for others of their size."""
        copy = model.clone()
        for name, value in copy.graph.initializers.items():
            tensor = value.const_value
            content = exchanged.get(tensor.tobytes(), tensor.tobytes())
            if tensor.nbytes > SMALL:
                place = (self.file.name, *self.place(content), tensor.dtype)
                value.const_value = onnx_ir.ExternalTensor(
                    *place, shape=tensor.shape, name=name, base_dir=self.file.parent
                )
            elif content != tensor.tobytes():
                numbers = np.frombuffer(content, tensor.dtype.numpy()).reshape(tensor.shape.numpy())
                value.const_value = onnx_ir.Tensor(numbers, name=name)
        return copy


def write_graph(kind: str, models: Mapping[Path, nn.Module], side: int, weights: Weights) -> None:
    """Write a graph of a `kind` of the table above, for pictures of side x side in [0, 1]; its weights go to `weights`.

    Several networks must differ in their weights alone: then the graph is made of the first, and the others are the same graph.
    """
    first = next(iter(models.values()))
    program = _exported(kind, first.eval().requires_grad_(False), side)
    for file, model in models.items():
        pairs = zip(first.state_dict().values(), model.state_dict().values(), strict=True)
        exchanged = {one.numpy().tobytes(): other.numpy().tobytes() for one, other in pairs}
        onnx_ir.save(weights.take_from(program, exchanged), file)


def _exported(kind: str, model: nn.Module, side: int) -> onnx_ir.Model:
    image = torch.zeros(1, 3, side, side)
    if kind == "scores":
        batch = ({0: torch.export.Dim("n")},)
        return _in_onnx(model, (torch.zeros(2, 3, side, side),), ["image"], ["logits"], batch)
    layers = network_layers(model, side)
    with torch.no_grad():
        classes = model(image).shape[1]
    names, arguments = ["logits", "gradient"], {"image": image}
    if kind == "maps":
        names = ["logits", *(layer.name for layer in layers)]
        traced = _traced(lambda image: _logits_and_outputs(model, layers, image), image)
    elif kind == "cams":
        layers = [layer for layer in layers if layer.has_maps]
        names = ["logits", *(layer.name for layer in layers)]
        arguments |= {"seed": torch.zeros(1, classes)}
        traced = _traced(lambda image, seed: _class_maps(model, layers, image, seed), *arguments.values())
    elif kind == "gradient":
        arguments |= {"seed": torch.zeros(1, classes), "rule": torch.tensor(RULES["gradient"])}
        traced = _traced(lambda image, seed, _rule: _gradient(model, image, seed), *arguments.values())
    else:
        units = sum(layer.shape[0] for layer in layers)
        arguments |= {"seed": torch.zeros(1, units), "rule": torch.tensor(RULES["gradient"])}
        traced = _traced(
            lambda image, seed, _rule: _unit_gradient(model, layers, image, seed), *arguments.values()
        )
    return _in_onnx(_Graph(traced), tuple(arguments.values()), list(arguments), names)


# What the graphs compute.


def _logits_and_outputs(model: nn.Module, layers: Sequence[Layer], image: Tensor) -> list[Tensor]:
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable:
        def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
            outputs[name] = output.clone()  # a ReLU behind it may work in place
            return outputs[name]

        return hook

    handles = [resolve_layer(model, layer.name).register_forward_hook(keep(layer.name)) for layer in layers]
    try:
        logits = model(image)
    finally:
        for handle in handles:
            handle.remove()
    return [logits, *(outputs[layer.name] for layer in layers)]


def _gradient(model: nn.Module, image: Tensor, seed: Tensor) -> list[Tensor]:
    image = image.detach().requires_grad_()
    logits = model(image)
    return [logits, *torch.autograd.grad(logits, image, seed)]


def _unit_gradient(model: nn.Module, layers: Sequence[Layer], image: Tensor, seed: Tensor) -> list[Tensor]:
    """The score of a channel is its largest activation, at the first place if several are as large."""
    image = image.detach().requires_grad_()
    logits, *outputs = _logits_and_outputs(model, layers, image)
    seeds = []
    for output, part in zip(outputs, seed.split([layer.shape[0] for layer in layers], 1), strict=True):
        flat = output.detach().flatten(2) if output.dim() == 4 else output.detach()[:, :, None]
        place = flat.argmax(2, keepdim=True)
        at = (0 * flat).scatter(2, place, part[:, :, None])
        seeds.append(at.view(output.shape))
    return [logits, *torch.autograd.grad(outputs, image, seeds)]


def _class_maps(model: nn.Module, layers: Sequence[Layer], image: Tensor, seed: Tensor) -> list[Tensor]:
    """sum over k of (mean of d score / d A_k) A_k, before the ReLU of Grad-CAM; 0 for a layer that the score does not depend on."""
    logits, *outputs = _logits_and_outputs(model, layers, image.detach().requires_grad_())
    gradients = torch.autograd.grad(logits, outputs, seed, allow_unused=True)
    return [
        logits,
        *(
            torch.zeros_like(A[0, 0]) if dA is None else (dA.mean((2, 3), keepdim=True) * A).sum(1)[0]
            for A, dA in zip(outputs, gradients, strict=True)
        ),
    ]


# Tracing and writing.


class _Graph(nn.Module):
    """A traced graph as a module with named arguments, as the exporter wants it."""

    def __init__(self, graph: nn.Module):
        super().__init__()
        self.traced = graph  # `graph` is what the exporter calls its own

    def forward(self, image: Tensor, seed: Tensor | None = None, rule: Tensor | None = None) -> list[Tensor]:
        return self.traced(*(part for part in (image, seed, rule) if part is not None))


def _traced(function: Callable[..., list[Tensor]], *arguments: Tensor) -> nn.Module:
    """The steps of a function of (image, seed, rule), the gradient's in the words of ONNX."""
    rule: list[Tensor] = []

    def noting_the_rule(*given: Tensor) -> list[Tensor]:
        rule[:] = given[2:]
        return [part.detach() for part in function(*given)]

    words = {
        aten.convolution_backward.default: _convolution,
        aten.threshold_backward.default: lambda gradient, x, _threshold: _relu(gradient, x, *rule),
        aten.max_pool2d_with_indices_backward.default: _max_pool,
        aten.avg_pool2d_backward.default: _mean_pool,
        aten.native_batch_norm_backward.default: _batch_norm,
    }
    graph = make_fx(noting_the_rule, decomposition_table=words)(*arguments)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _in_onnx(
    model: nn.Module,
    arguments: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    dynamic: tuple | None = None,
) -> onnx_ir.Model:
    for package in ("onnx_ir", "onnxscript"):
        logging.getLogger(package).setLevel(logging.WARNING)  # they tell of each step
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, on its own parts
        exported = torch.export.export(model, arguments, dynamic_shapes=dynamic)
        program = torch.onnx.export(
            exported, dynamo=True, input_names=inputs, output_names=outputs, verbose=False
        )
    ClearMetadataAndDocStringPass()(program.model)  # where each node comes from in Python: most of the file
    return program.model


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


def _relu(gradient, x, rule=None):
    opened = (x > 0).to(gradient.dtype)
    if rule is None:
        return gradient * opened
    passed = (gradient > 0).to(gradient.dtype)
    return gradient * torch.maximum(opened, rule[0]) * torch.maximum(passed, rule[1])


def _batch_norm(gradient, _x, weight, _mean, variance, _saved_mean, _saved_scale, _train, epsilon, _mask):
    """In eval mode: a factor for each channel."""
    return gradient * (weight * (variance + epsilon).rsqrt())[None, :, None, None], None, None


def _max_pool(gradient, x, _kernel, _stride, _padding, _dilation, _ceil_mode, indices):
    """Each number goes back to the place that its maximum came from."""
    nothing = 0 * x.flatten(2)  # zeros as a constant would be stored
    return nothing.scatter_add(2, indices.flatten(2), gradient.flatten(2)).view(x.shape)


def _mean_pool(gradient, x, kernel, stride, padding, _ceil_mode, _counts_padding, _divisor):
    channels = x.shape[1]
    share = torch.full((channels, 1, *kernel), 1 / (kernel[0] * kernel[1]))
    return _convolution(
        gradient, x, share, None, stride or kernel, padding, [1, 1], False, None, channels, None
    )[0]
