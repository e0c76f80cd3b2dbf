from collections.abc import Callable

import pytest
import torch
from torch import nn


@pytest.fixture
def lively() -> Callable[[nn.Module], nn.Module]:
    """Gives a network weights that keep signals alive, and batch-norm statistics that are not trivial.

    Networks as torch initialises them hardly answer to a picture, so tests on them would pass for nothing.
    """

    def enliven(model: nn.Module, seed: int = 0) -> nn.Module:
        chance = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    nn.init.kaiming_normal_(module.weight, generator=chance)
                    if module.bias is not None:
                        module.bias.uniform_(-0.1, 0.1, generator=chance)
                elif isinstance(module, nn.BatchNorm2d):
                    module.weight.uniform_(0.5, 1.5, generator=chance)
                    module.bias.uniform_(-0.2, 0.2, generator=chance)
                    module.running_mean.uniform_(-0.3, 0.3, generator=chance)
                    module.running_var.uniform_(0.5, 2.0, generator=chance)
        return model

    return enliven


@pytest.fixture
def all_paths_open() -> Callable[[nn.Module], nn.Module]:
    """Turns a network into one of the same geometry where every path from pixel to unit has a positive gradient."""

    def open_up(model: nn.Module) -> nn.Module:
        for module in list(model.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.MaxPool2d):
                    mean = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                    setattr(module, name, mean)
                elif isinstance(child, nn.BatchNorm2d):
                    setattr(module, name, nn.Identity())
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(1 / parameter[0].numel() if parameter.dim() > 1 else 0.1)
        return model.double().eval()

    return open_up
