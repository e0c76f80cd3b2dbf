"""What a network computes where no layer has a name: its last maps, and the pooling and linear layer at its end.

Layers that have a name are recorded by `cnnlab.networks.recording`. But the sum of a residual block, the ReLU that a network writes
as `F.relu(x)`, or the mean over all positions need not be layers; they are seen here as they are called.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class LastMaps(TorchFunctionMode):
    """Notes, while it is active, the maps of the last convolution, and what becomes of them while they keep their h x w."""

    def __init__(self):
        super().__init__()
        self.maps: Tensor | None = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.dim() == 4 and result.requires_grad:
            starts = function is torch.conv2d and result[0, 0].numel() > 1
            if starts or (self.maps is not None and result.shape[2:] == self.maps.shape[2:]):
                self.maps = result
        return result


class Head(TorchFunctionMode):
    """Notes, while it is active, the maps that are averaged over all positions last, and the linear layer after it."""

    def __init__(self):
        super().__init__()
        self.maps = self.weight = self.bias = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        source = args[0] if args else None
        if function is F.linear:
            given = dict(zip(("input", "weight", "bias"), args, strict=False)) | (kwargs or {})
            self.weight, self.bias = given["weight"], given.get("bias")
        elif isinstance(source, Tensor) and isinstance(result, Tensor) and _may_be_pooled(source, result):
            self.maps = source
        return result

    def explains(self, found: Tensor, classes: Tensor) -> bool:
        """Whether pooling these maps and applying this linear layer gives the scores that were found (N)."""
        if self.maps is None or self.weight is None or self.weight.shape[1] != self.maps.shape[1]:
            return False
        again = F.linear(self.maps.mean((2, 3)), self.weight, self.bias)
        if len(again) != len(found) or again.shape[1] <= int(classes.max()):
            return False
        return torch.allclose(again[torch.arange(len(found)), classes], found, rtol=1e-3, atol=1e-4)


def _may_be_pooled(source: Tensor, result: Tensor) -> bool:
    """From N x K x h x w, more than a single position, to one number for each map."""
    if source.dim() != 4 or source[0, 0].numel() == 1:
        return False
    return result.shape[:2] == source.shape[:2] and result[0].numel() == source.shape[1]
