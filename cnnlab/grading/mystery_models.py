"""Mystery networks: three anonymous networks, two of which rely on the background; the reader finds out which."""

from __future__ import annotations

from torch import nn

from cnnlab.networks.zoo import load

KINDS = {"A": "snow", "B": "honest", "C": "meadow"}
"""The kind of each network: the key of the exercise "07.suspects"."""


def mystery_networks() -> dict[str, nn.Module]:
    """Three networks, called A, B and C, that classify sheep, goats, wolves and huskies.

    One was trained with each animal on every background. Of the other two, one has only seen sheep on meadows and goats on rocks, the other
    huskies in snow and wolves in forests. The names do not reveal which is which.

    Raises
    ------
    FileNotFoundError
        If the weights of one of them are not installed.

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
