"""All that a technique must leave as it was."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def state(model: nn.Module) -> tuple:
    """Of a network its modes, hooks, attributes, weights, gradients, flags and memory layout; around it, whether gradients are recorded,
    and chance.
    """
    modules = [
        (
            name,
            module.training,
            getattr(module, "inplace", None),
            sorted(vars(module)),
            [list(hooks) for key, hooks in sorted(vars(module).items()) if key.endswith("_hooks")],
        )
        for name, module in model.named_modules()
    ]
    tensors = [
        (
            name,
            *(id(tensor), tensor.data_ptr(), tensor.stride(), numbers(tensor)),
            0 if tensor.is_inference() else tensor._version,
            *(tensor.requires_grad, None if tensor.grad is None else (id(tensor.grad), numbers(tensor.grad))),
        )
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]
        if not isinstance(tensor, nn.UninitializedParameter)
    ]
    around = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), numbers(torch.get_rng_state())
    return modules, tensors, around


def numbers(tensor: Tensor) -> bytes:
    """All numbers of a tensor, to the bit."""
    return tensor.detach().flatten().contiguous().view(torch.uint8).numpy().tobytes()
