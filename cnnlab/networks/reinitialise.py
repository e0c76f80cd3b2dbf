"""Reinitialisation: an untrained copy of a network, with the same architecture and random weights."""

from __future__ import annotations

import copy

import torch
from torch import nn

from cnnlab.networks.eval_mode import layered


@torch.inference_mode(False)
def reinitialise(model: nn.Module, seed: int = 0) -> nn.Module:
    """Reinitialise a copy of the network: every layer gets torch's random initialisation, nothing learned is left.

    Parameters
    ----------
    model
        Any network; it is left unchanged.
    seed
        Seed of the new weights; torch's global generator is unchanged.

    Returns
    -------
    nn.Module
        In eval mode, with the names and sizes of the original. Parameters that no layer can reset keep their values.

    References
    ----------
    Lecture S, "Visualize Filters" (of a trained model); the untrained network is the control that shows the effect of training.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model = MiniAlexNet(["cat", "dog"])
    >>> bool((reinitialise(model).conv1.weight == model.conv1.weight).any())
    False
    """
    network = copy.deepcopy(layered(model))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in network.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return network.eval()
