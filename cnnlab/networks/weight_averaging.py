"""Weight averaging: the mean of the weights over the last training steps, and batch-norm statistics for it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cnnlab.networks.checkpoints import Run


def update_average(run: Run) -> None:
    """Move the averaged parameters towards the current ones: a plain mean at first, then a slow exponential moving average."""
    run.averaged = min(run.averaged + 1, run.config.average_steps)
    with torch.no_grad():
        for key, value in run.model.named_parameters():
            mean = run.average.setdefault(key, value.detach().clone())
            mean.lerp_(value, 1 / run.averaged)


def estimate_statistics(model: nn.Module, batches: Iterable[Tensor], max_batches: int = 50) -> None:
    """Re-estimate the batch-norm means and variances, as plain means over `max_batches` batches.

    Averaged weights were never run in training: the stored statistics belong to other weights.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    model.eval()
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # None: cumulative mean
        norm.train()
    with torch.no_grad():
        for _, images in zip(range(max_batches), batches, strict=False):
            model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
