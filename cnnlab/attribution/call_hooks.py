"""Recorders for operations outside named layers: the last maps of a network, and the pooling and linear layer at its end.

Layers that have a name are recorded by `cnnlab.networks.record_activations`. But the sum of a residual block, a ReLU that is
written as `F.relu(x)`, or the mean over all positions need not be layers; they are recorded here when they are called.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnnlab.networks.forward import at_least_float32


class LastConvRecorder(TorchFunctionMode):
    """Records, while it is active, the maps of the last convolution, and what they become as long as they keep their h x w.

    `maps` are those of the last convolution, `read` its input maps, `attends` says whether attention comes after it.
    """

    def __init__(self):
        super().__init__()
        self.maps: Tensor | None = None
        self.read: Tensor | None = None
        self.attends = False
        self._pooled: Tensor | None = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.dim() == 4 and result.requires_grad:
            if function is torch.conv2d and result[0, 0].numel() > 1:
                self.read = None if self.maps is None else args[0]  # the first convolution reads the image
                self.maps, self.attends, self._pooled = result, False, None
            elif self.maps is not None and result.shape[2:] == self.maps.shape[2:]:
                self.maps = result
        if function in _ATTENTION or (function in _SOFTMAXES and result.dim() > 2):
            self.attends = True
        elif (
            args
            and isinstance(args[0], Tensor)
            and args[0] is self.maps
            and _is_global_pooling(args[0], result)
        ):
            self._pooled = result
        return result

    def are_scores(self, found: Tensor, classes: Tensor, of: str) -> bool:
        """Whether the last maps, pooled, are already the class scores `found` (N), logits or probabilities."""
        if self._pooled is None or self._pooled.shape[1] <= int(classes.max()):
            return False
        scores = self._pooled.detach().flatten(1)
        scores = (scores if of == "logit" else scores.softmax(1))[torch.arange(len(found)), classes]
        return _agree(scores, found, scores.abs())


class GapHeadRecorder(TorchFunctionMode):
    """Records, while it is active, the maps that are averaged over all positions last, and the linear layer after it."""

    def __init__(self):
        super().__init__()
        self.maps = self.weight = self.bias = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        source = args[0] if args else None
        if function is F.linear:
            arguments = dict(zip(("input", "weight", "bias"), args, strict=False)) | (kwargs or {})
            self.weight, self.bias = arguments["weight"], arguments.get("bias")
        elif isinstance(source, Tensor) and (
            _is_global_pooling(source, result) or (function in _AVERAGES and source.shape[2:] == (1, 1))
        ):
            self.maps = source
        return result

    @torch.no_grad()
    def class_maps(self, found: Tensor, classes: Tensor) -> Tensor | None:
        """N x h x w: the map of each image's class whose mean, up to a bias, is the score `found` (N); None if there is none."""
        if self.maps is None:
            return None
        rows = torch.arange(len(found))
        if self.maps.shape[1] > int(classes.max()):
            own = self.maps[rows, classes]
            if _agree(own.mean((1, 2)), found, own.abs().mean((1, 2))):
                return at_least_float32(own)
        if self.weight is None or self.weight.shape[1] != self.maps.shape[1]:
            return None
        maps = at_least_float32(self.maps)
        weight, bias = self.weight.to(maps), None if self.bias is None else self.bias.to(maps)
        means = maps.mean((2, 3))
        again = F.linear(means, weight, bias).to(self.maps.dtype)  # as coarse as the network's own
        terms = F.linear(means.abs(), weight.abs(), None if bias is None else bias.abs())
        if len(again) != len(found) or again.shape[1] <= int(classes.max()):
            return None
        if not _agree(again[rows, classes], found, terms[rows, classes]):
            return None
        return torch.einsum("nk,nkij->nij", weight[classes], maps)


_AVERAGES = {F.adaptive_avg_pool2d, F.avg_pool2d, torch.mean, Tensor.mean}
_ATTENTION = {F.scaled_dot_product_attention, F.multi_head_attention_forward}
_SOFTMAXES = {F.softmax, torch.softmax, Tensor.softmax}


def _agree(expected: Tensor, found: Tensor, terms: Tensor) -> bool:
    """Equal but for rounding, which grows with the sum of the absolute `terms` of a score, not with the score."""
    rounding = max(1e-4, 4 * torch.finfo(expected.dtype).eps)
    return bool(((expected.to(found) - found).abs() <= rounding * terms.to(found)).all())


def _is_global_pooling(source: Tensor, result: object) -> bool:
    """From N x K x h x w, more than a single position, to one number for each map."""
    if not isinstance(result, Tensor) or source.dim() != 4 or source[0, 0].numel() == 1:
        return False
    return result.shape[:2] == source.shape[:2] and result[0].numel() == source.shape[1]
