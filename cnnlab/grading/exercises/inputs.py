"""Inputs of the exercises: tensors and small networks from fixed seeds, and pixel gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def rand(*shape: int, seed: int) -> Tensor:
    """Random numbers, uniform in [0, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def randn(*shape: int, seed: int) -> Tensor:
    """Random numbers, normally distributed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def mask(*shape: int, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    """A boolean mask that is true on a rectangle, excluding the ends of its rows and columns."""
    result = torch.zeros(shape, dtype=torch.bool)
    result[slice(*rows), slice(*columns)] = True
    return result


def seeded_network(*layers: nn.Module, seed: int, scale: float) -> nn.Sequential:
    """A sequential network of the layers, with normally distributed weights of standard deviation `scale`."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(*layers).eval()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * scale
        parameter.requires_grad_(False)
    return model


def input_gradient(model: nn.Module, image: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """The gradient of a score of the logits with respect to the pixels of one image."""
    with torch.enable_grad():
        pixels = image.clone().requires_grad_()
        return torch.autograd.grad(score(model(pixels[None])[0]), pixels)[0]


def row_numbers(result: object) -> list[int]:
    """Indices in a result as a flat list."""
    return torch.as_tensor(result).flatten().long().tolist()
