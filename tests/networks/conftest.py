from collections.abc import Callable

import pytest
import torch
from enlivening import enliven
from torch import nn


@pytest.fixture
def lively() -> Callable[[nn.Module], nn.Module]:
    """Gives a network weights that keep signals alive, and batch-norm statistics that are not trivial."""
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
                elif isinstance(child, nn.BatchNorm2d | nn.ReLU6):  # a ReLU6 would close at 6
                    setattr(module, name, nn.Identity())
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(1 / parameter[0].numel() if parameter.dim() > 1 else 0.1)
        return model.double().eval()

    return open_up
