"""Model zoo: networks by name, from packages (ImageNet), from the kit, and from torchvision.

`load` returns any of them in eval mode, with `.name`, `.class_names`, `.input_size`, and the normalisation inside. For weights from
packages see `cnnlab.networks.imagenet`, for the kit's own `cnnlab.networks.weight_files`, for torchvision's
`cnnlab.networks.pretrained`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from cnnlab._validation import one_of
from cnnlab.networks import imagenet, pretrained, weight_files
from cnnlab.networks.recipes import RECIPES
from cnnlab.networks.training_data import architecture_class

PHOTOGRAPHS = "1000 classes of photographs"
"""The task of the ImageNet networks."""


@dataclass(frozen=True)
class NetworkInfo:
    """An entry of `available`; `ready` means that the network loads without the internet and without training.

    `source` is where its weights come from: the kit ("shipped"), an installed package ("package") or a download ("torchvision").
    """

    name: str
    source: Literal["shipped", "package", "torchvision"]
    ready: bool
    task: str
    note: str


def available() -> dict[str, NetworkInfo]:
    """Available networks, all that `load` accepts: installed ImageNet networks, the kit's own, and those that are downloaded once.

    Example
    -------
    >>> import cnnlab
    >>> cnnlab.available()["alexnet"].source
    'torchvision'
    """
    networks = {name: _package_info(name) for name in imagenet.PACKAGED}
    shipped = weight_files.shipped()
    networks |= {name: _shipped_info(name, name in shipped) for name in _own_names()}
    for name, note in pretrained.NOTES.items():
        ready = pretrained.is_cached(name)
        networks[name] = NetworkInfo(name, "torchvision", ready, PHOTOGRAPHS, note)
    return networks


def load(name: str, device: str | torch.device | None = None) -> nn.Module:
    """Load a trained network in eval mode, which takes images N x 3 x H x W in [0, 1] and returns N x C logits.

    Parameters
    ----------
    name
        One of `available()`.
    device
        The device, such as "cuda"; the CPU by default.

    Returns
    -------
    torch.nn.Module
        With `.name`, `.class_names` (in the order of the logits) and `.input_size` (side of the images that it was
        trained on).

    Raises
    ------
    ValueError
        If there is no network of this name, or the file with its weights, or with those of its trunk, is damaged.
    FileNotFoundError
        If the network is one of the kit's own, but its weights are missing.
    ModuleNotFoundError
        If its weights, or those of its trunk, come in a package that is not installed; the message contains the command that installs it.
    ConnectionError
        If the weights are torchvision's, not in torch's cache, and there is no internet connection.

    Example
    -------
    >>> import cnnlab
    >>> model = cnnlab.load("squeezenet")
    >>> cat = cnnlab.photographs()["chelsea"].image(224)
    >>> model.class_names[model(cat[None]).argmax()]
    'Egyptian cat'
    """
    one_of(name, [*imagenet.PACKAGED, *_own_names(), *pretrained.NOTES], "network")
    target_device = torch.device("cpu" if device is None else device)
    if name in imagenet.PACKAGED:
        return imagenet.load_imagenet(name).to(target_device)
    if name in pretrained.NOTES:
        return pretrained.load_pretrained(name).to(target_device)
    state, card = weight_files.read_weights(name)
    model = architecture_class(card["architecture"])(card["classes"])
    if "trunk" in card:
        state = _trunk_of(name, card, model) | state
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {name} do not fit the network {card['architecture']} of this version of cnnlab;"
            f" `cnnlab train {name}` makes new ones. ({error})"
        ) from error
    model.name = name
    return model.eval().to(target_device)


def _trunk_of(name: str, card: dict, model: nn.Module) -> dict[str, torch.Tensor]:
    """The weights that a network takes over from its trunk, and that are not stored with it."""
    about = card["trunk"]
    if about["sha256"] != imagenet.trunk_card(about["name"])["sha256"]:
        raise ValueError(
            f"{name} was trained on the {about['name']} of {about['package']} {about['version']}, and this version of cnnlab"
            f" knows another one; `cnnlab train {name}` makes new weights."
        )
    return imagenet.fitting_state(imagenet.load_imagenet(about["name"]), model)


def _package_info(name: str) -> NetworkInfo:
    about = imagenet.PACKAGED[name]
    ready = imagenet.is_installed(name)
    note = about.note if ready else f"not installed: `{imagenet.install_command(name)}`"
    return NetworkInfo(name, "package", ready, PHOTOGRAPHS, note)


def _own_names() -> list[str]:
    return list(dict.fromkeys([*RECIPES, *weight_files.shipped()]))


def _shipped_info(name: str, is_trained: bool) -> NetworkInfo:
    if not is_trained:
        config = RECIPES[name]
        return NetworkInfo(name, "shipped", False, config.task, f"not trained yet: `cnnlab train {name}`")
    card = weight_files.card(name)
    trunk = card.get("trunk", {}).get("name")
    ready = trunk is None or imagenet.is_installed(trunk)
    note = (
        card.get("purpose", "")
        if ready
        else f"its trunk is not installed: `{imagenet.install_command(trunk)}`"
    )
    return NetworkInfo(name, "shipped", ready, card.get("task", "object"), note)
