"""A network before its training: the same architecture, with weights as chance made them."""

from __future__ import annotations

import copy

import torch
from torch import nn


def reinitialise(model: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of the network whose every layer starts anew, as torch initialises it: what was learned is gone.

    Parameters
    ----------
    model
        Any network; it is left as it was found.
    seed
        For the new weights; torch's own chance is not touched.

    Returns
    -------
    nn.Module
        In eval mode, with the names and sizes of the original. Parameters that no layer can set anew keep their values.

    References
    ----------
    Lecture S, "Visualize Filters" (of a trained model): the control that it takes to see what training did.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model = MiniAlexNet(["cat", "dog"])
    >>> bool((reinitialise(model).conv1.weight == model.conv1.weight).any())
    False
    """
    network = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in network.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return network.eval()
