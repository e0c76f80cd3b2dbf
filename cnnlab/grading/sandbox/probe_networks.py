"""Networks that a probe may name: small seeded ones, created for each call, and the kit's own.

The same function creates them for the reference and for the answer, so both get the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.grading.sandbox.wire_format import NetworkSpec
from cnnlab.grading.sandbox.wire_format import TensorSpec as Described


def build(network: NetworkSpec) -> nn.Module:
    """The network of this name, in eval mode, its parameters frozen.

    Raises
    ------
    ValueError
        If the name is unknown to this module and to `cnnlab.load`.
    """
    if network.name in SMALL:
        model = _initialise(SMALL[network.name](), network.seed)
    elif network.name == "suspect":
        model = _mystery_network(network.seed)
    else:
        from cnnlab.networks import load

        model = load(network.name)
    return model.eval().requires_grad_(False)


def materialize(value: Any) -> Any:
    """Convert a probe's description to an argument: copies of arrays, tensors and networks replace their descriptions."""
    if isinstance(value, Described):
        return torch.from_numpy(value.array.copy())
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, NetworkSpec):
        return build(value)
    if isinstance(value, list | tuple):
        return type(value)(materialize(part) for part in value)
    if isinstance(value, dict):
        return {key: materialize(part) for key, part in value.items()}
    return value


class PlainNet(nn.Module):
    """conv1, relu1 (in place, as in many networks), pool1, conv2, relu2, pool2, fc: any H and W from 12, 5 logits."""

    LAST = 1.0  # initial scale of the weights of `fc`

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5, padding=2)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.pool2 = nn.AdaptiveAvgPool2d(3)
        self.fc = nn.Linear(72, 5)

    def forward(self, images: Tensor) -> Tensor:
        """Images N x 3 x H x W in [0, 1] to N x 5 logits."""
        maps = self.pool1(self.relu1(self.conv1(images * 2 - 1)))
        return self.fc(self.pool2(self.relu2(self.conv2(maps))).flatten(1))


class DropoutBatchNormNet(PlainNet):
    """As `PlainNet`, with non-trivial batch normalisation, and dropout in train mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        """Images N x 3 x H x W in [0, 1] to N x 5 logits."""
        maps = self.pool1(self.relu1(self.norm1(self.conv1(images * 2 - 1))))
        return self.fc(self.drop(self.pool2(self.relu2(self.conv2(maps))).flatten(1)))


class BatchNormNet(DropoutBatchNormNet):
    """As `DropoutBatchNormNet`, but without dropout, so that train mode changes only the batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Identity()


class FunctionalReluNet(PlainNet):
    """As `PlainNet`, but its two ReLUs are function calls, so there are no modules to find."""

    def __init__(self) -> None:
        super().__init__()
        del self.relu1, self.relu2

    def forward(self, images: Tensor) -> Tensor:
        """Images N x 3 x H x W in [0, 1] to N x 5 logits."""
        maps = self.pool1(F.relu(self.conv1(images * 2 - 1)))
        return self.fc(self.pool2(torch.relu(self.conv2(maps))).flatten(1))


class SmallHeadNet(PlainNet):
    """As `PlainNet`, with small initial weights in the last layer: otherwise the ReLUs die early in a few per cent of trainings."""

    LAST = 0.3


SMALL: dict[str, Callable[[], nn.Module]] = {
    "plain": PlainNet,
    "normed": DropoutBatchNormNet,
    "called": FunctionalReluNet,
    "batched": BatchNormNet,
    "calm": SmallHeadNet,
}
MYSTERY_NETWORKS = ("herd_honest", "herd_meadow", "herd_snow")


def _mystery_network(seed: int) -> nn.Module:
    """One of three networks of the kit, by the seed's remainder; its name does not reveal which."""
    from cnnlab.networks import load

    model = load(MYSTERY_NETWORKS[seed % len(MYSTERY_NETWORKS)])
    model.name = "a suspect"
    return model


def _initialise(model: PlainNet, seed: int) -> nn.Module:
    """Initialise weights from `seed` at a scale that preserves the signal, with non-trivial batch normalisation statistics."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = module.weight[0].numel()
                module.weight.copy_(
                    torch.randn(module.weight.shape, generator=generator) * (2 / fan_in) ** 0.5
                )
                module.bias.copy_(torch.randn(module.bias.shape, generator=generator) * 0.1)
            if isinstance(module, nn.BatchNorm2d):
                for part, low in (
                    (module.weight, 0.5),
                    (module.bias, -0.5),
                    (module.running_mean, -0.5),
                    (module.running_var, 0.5),
                ):
                    part.copy_(torch.rand(part.shape, generator=generator) + low)
        model.fc.weight.mul_(model.LAST)
    return model
