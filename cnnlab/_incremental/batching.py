"""Batching: the memory layout and the batch size for many forward passes of similar images.

The results do not change. This is a module of its own so that the techniques that need many forward passes
(`cnnlab.attribution.occlusion`) stay short.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.networks.forward import ReplacedParameters, class_logits, without_gradients


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """A network prepared for many images of one size.

    `layout` is the memory layout of the images that suits it, `weights` holds copies in this layout of those parameters that are
    replaced during a forward pass, and `batch_size` is the number of images in one forward pass.
    """

    model: nn.Module
    layout: torch.memory_format
    weights: dict[nn.Parameter, Tensor]
    batch_size: int

    def logits(self, pictures: Tensor) -> Tensor:
        """N x C logits, at least in float32, with the model in eval mode during the forward pass."""
        with without_gradients(self.model), ReplacedParameters(self.weights):
            return class_logits(self.model, pictures)


def prepare(model: nn.Module, image: Tensor) -> tuple[PreparedModel, Tensor]:
    """Prepare the network for images like `image` (3 x H x W); also returns the logits of this one (C, on the CPU).

    With channels last, max pooling on a CPU is ten times faster and convolutions need no reordering of their inputs; weights in
    the same layout are not reordered again for each batch. A model that calls `.view` on its activations, or is compiled, raises
    a RuntimeError in this layout and is run in the ordinary one.
    """
    with suppress(RuntimeError):
        weights = {
            weight: weight.detach().contiguous(memory_format=torch.channels_last)
            for weight in model.parameters()
            if weight.dim() == 4
        }
        return _probe(PreparedModel(model, torch.channels_last, weights, 1), image)
    return _probe(PreparedModel(model, torch.contiguous_format, {}, 1), image)


def _probe(network: PreparedModel, image: Tensor) -> tuple[PreparedModel, Tensor]:
    with MemoryProbe() as footprint:
        logits = network.logits(image.unsqueeze(0).clone(memory_format=network.layout))
    batch_size = batch_size_for(footprint.bytes, image.device)
    return PreparedModel(network.model, network.layout, network.weights, batch_size), logits[0].cpu()


def batch_size_for(footprint: int, device: torch.device) -> int:
    """The number of images in one forward pass, if a single one needs `footprint` bytes."""
    if device.type != "cpu":
        return max(1, int(1.5e9 // footprint))
    # The C library returns blocks to the system that are larger than any it has seen freed (up to 32 MB), and all free memory
    # beyond twice that; the next layer then pages its output in again, which costs up to half as much again. One large block,
    # freed at once, makes it keep more, and batches stay below this.
    torch.empty(31 << 20, dtype=torch.uint8)
    return max(1, int(54e6 // footprint))


class MemoryProbe(TorchFunctionMode):
    """Records, while it is active, the largest number of bytes that three successive results of a single image take together.

    In most networks that many exist at once: the input and the output of a layer, and the output of the next one.
    """

    def __init__(self):
        super().__init__()
        self.bytes, self._last, self._pointer = 1, deque(maxlen=3), 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if _is_one_picture(result):
            if result.data_ptr() != self._pointer:  # views and in-place changes take no memory
                self._last.append(result.numel() * result.element_size())
            self._pointer = result.data_ptr()
            self.bytes = max(self.bytes, sum(self._last))
        return result


def _is_one_picture(result: object) -> bool:
    """Whether this is a batch of one image; results computed from weights alone are not."""
    return isinstance(result, Tensor) and result.dim() > 1 and len(result) == 1
