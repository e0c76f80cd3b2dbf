"""Three networks under false names: one is honest, two cheat, and the reader finds out which."""

from __future__ import annotations

from torch import nn

from cnnlab.networks.zoo import load

KINDS = {"A": "snow", "B": "honest", "C": "meadow"}
"""What each network is: the key of the exercise "07.suspects"."""


def mystery_networks() -> dict[str, nn.Module]:
    """Three networks that tell sheep, goats, wolves and huskies apart, called A, B and C.

    One has seen each animal everywhere. Of the other two, one has only ever seen sheep on meadows and goats on rocks, the other
    huskies in snow and wolves in forests. Which is which, the names do not tell.

    Raises
    ------
    FileNotFoundError
        If the weights of one of them are not here.

    Example
    -------
    >>> from cnnlab.grading import mystery_networks
    >>> mystery_networks()["A"].class_names  # doctest: +SKIP
    ('sheep', 'goat', 'wolf', 'husky')
    """
    models = {}
    for name, kind in KINDS.items():
        models[name] = load(f"herd_{kind}")
        models[name].name = f"network {name}"
    return models
