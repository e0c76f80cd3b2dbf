"""Corruption error: CE and mCE, the error under corruptions relative to a reference network.

An error rate alone confuses how hard a corruption is with how badly a network handles it. So each corruption's errors are divided
by those of one reference network, and only then averaged. For the corruptions themselves see `corruptions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab.robustness._gradients import batched_logits
from cnnlab.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from cnnlab.robustness.evaluation import batches_of


def corruption_errors(
    models: nn.Module | Sequence[nn.Module],
    data: Any,
    *,
    kinds: Sequence[str] = CORRUPTIONS,
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    batch_size: int = 64,
    progress: bool = False,
) -> Tensor:
    """Error rates under corruption, for each corruption at each severity.

        E[c, s] = share of images with argmax model(corrupt(x, c, s)) != y

    Parameters
    ----------
    models
        One network, or several that are evaluated on the same corrupted images.
    data
        A `cnnlab.world.Dataset`, or any iterable of batches (images N x 3 x H x W in [0, 1], labels N).
    kinds, severities
        Which corruptions, and at which severities; all by default.
    seed
        Seed of the corruptions.
    batch_size
        Images in one batch of a data set.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        kinds x severities error rates in [0, 1] (float64, on the CPU); with an axis of models in front if several are passed.

    Raises
    ------
    ValueError
        If there are no images, or a corruption is not known.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5))
    >>> data = [(torch.rand(4, 3, 32, 32), torch.arange(4))]
    >>> corruption_errors(model, data, kinds=("fog", "snow")).shape
    torch.Size([2, 5])
    """
    networks = [models] if isinstance(models, nn.Module) else list(models)
    wrong = torch.zeros(len(networks), len(kinds), len(severities), dtype=torch.float64)
    count = 0
    batches = list(batches_of(data, batch_size))
    for images, labels in tqdm(batches, desc="corrupting", disable=not progress):
        for i, kind in enumerate(kinds):
            for j, severity in enumerate(severities):
                corrupted = corrupt(images, kind, severity, seed=seed, first=count)
                for row, network in zip(wrong, networks, strict=True):
                    row[i, j] += (batched_logits(network, corrupted).argmax(1).cpu() != labels.cpu()).sum()
        count += len(images)
    if not count:
        raise ValueError("there are no pictures, so there is no error rate.")
    errors = wrong / count
    return errors[0] if isinstance(models, nn.Module) else errors


def corruption_error(errors: Tensor, normaliser: Tensor) -> Tensor:
    """Corruption error (CE): the error rate under each corruption, relative to that of a reference network.

        CE_c^f = sum over s of E_{s,c}^f / sum over s of E_{s,c}^AlexNet

    1 is as bad as the reference; papers give it in per cent.

    Parameters
    ----------
    errors, normaliser
        kinds x 5 error rates of the network and of the reference on the same images, from `corruption_errors`.

    Returns
    -------
    Tensor
        kinds: CE of each corruption.

    Raises
    ------
    ValueError
        If the tables differ in shape or do not have five severities, or the reference makes no errors under a corruption.

    References
    ----------
    Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019, section
    4.1. Lecture K, "Other Forms of Robustness Testing".

    Example
    -------
    >>> corruption_error(torch.full((2, 5), 0.1), torch.full((2, 5), 0.4))
    tensor([0.2500, 0.2500])
    """
    if errors.dim() != 2 or errors.shape != normaliser.shape or errors.shape[1] != len(SEVERITIES):
        raise ValueError(
            "errors and normaliser must both be kinds x 5 severities, but came as"
            f" {tuple(errors.shape)} and {tuple(normaliser.shape)}."
        )
    reference = normaliser.sum(1)
    if not (reference > 0).all():
        raise ValueError(
            "the normaliser makes no error at all under some corruption, so there is nothing to divide by;"
            " take more pictures or a weaker reference."
        )
    return errors.sum(1) / reference


def mean_corruption_error(errors: Tensor, normaliser: Tensor) -> float:
    """mCE, mean corruption error: the mean of CE over exactly the fifteen corruptions.

    Example
    -------
    >>> mean_corruption_error(torch.full((15, 5), 0.1), torch.full((15, 5), 0.2))
    0.5
    """
    if len(errors) != len(CORRUPTIONS):
        raise ValueError(
            f"mCE is the mean over the {len(CORRUPTIONS)} corruptions of `CORRUPTIONS`, but {len(errors)} came."
        )
    return float(corruption_error(errors, normaliser).mean())
