"""torchvision's pretrained networks (ImageNet, 1000 classes), with the interface of the kit.

They are downloaded once into torch's own cache, whose folder the environment variable TORCH_HOME moves. `Pretrained`
includes the normalisation, so that they take images in [0, 1] like all networks of the kit, and gives the layers of AlexNet,
VGG, SqueezeNet and DenseNet the names used in papers and lectures.

torchvision is imported inside the functions: it takes seconds, and the kit's own networks do without.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor, nn

from cnnlab._validation import one_of
from cnnlab.networks.architectures import Normalise
from cnnlab.networks.imagenet import PACKAGED, is_installed
from cnnlab.networks.weight_files import shipped

NOTES = {
    "alexnet": "the network of the lectures: five convolutions, three fully connected layers, large filters",
    "vgg16": "thirteen 3 x 3 convolutions in five blocks; usual for inversion and style, and slow",
    "resnet18": "small residual network",
    "resnet50": "residual network with bottlenecks",
    "resnet101": "deep residual network",
    "densenet121": "each layer sees all earlier layers of its block",
    "squeezenet1_1": "as right as AlexNet with a fiftieth of its parameters; the smallest file",
}
"""The names that load, and what they are suited for."""

FILES = {
    "alexnet": "alexnet-owt-7be5be79.pth",
    "vgg16": "vgg16-397923af.pth",
    "resnet18": "resnet18-f37072fd.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "densenet121": "densenet121-a639ec97.pth",
    "squeezenet1_1": "squeezenet1_1-b8a52dc0.pth",
}
"""The file of weights of each, the end of torchvision's URL: written down, since importing torchvision takes seconds."""

LECTURE_NAMES = {
    "alexnet": {
        "features": "conv1 relu1 pool1 conv2 relu2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5",
        "classifier": "drop6 fc6 relu6 drop7 fc7 relu7 fc8",
    },
    "vgg16": {
        "features": "conv1_1 relu1_1 conv1_2 relu1_2 pool1 conv2_1 relu2_1 conv2_2 relu2_2 pool2"
        " conv3_1 relu3_1 conv3_2 relu3_2 conv3_3 relu3_3 pool3 conv4_1 relu4_1 conv4_2 relu4_2 conv4_3 relu4_3"
        " pool4 conv5_1 relu5_1 conv5_2 relu5_2 conv5_3 relu5_3 pool5",
        "classifier": "fc6 relu6 drop6 fc7 relu7 drop7 fc8",
    },
    "densenet121": {
        "features": "conv0 norm0 relu0 pool0 denseblock1 transition1 denseblock2 transition2 denseblock3 transition3"
        " denseblock4 norm5",
    },
    "squeezenet1_1": {
        "features": "conv1 relu1 pool1 fire2 fire3 pool3 fire4 fire5 pool5 fire6 fire7 fire8 fire9",
        "classifier": "drop9 conv10 relu10 pool10",
    },
}
"""For the blocks of a network: the names of their layers, in order. Other layers keep torchvision's names."""

UNREADABLE = (
    AttributeError, EOFError, IndexError, KeyError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError,
)  # fmt: skip
"""The errors that torch raises for a file that is not a state dict of the network."""


class Pretrained(nn.Module):
    """A torchvision network that normalises its images itself: N x 3 x H x W in [0, 1] to N x C logits.

    torchvision's network is the child `network`. `layer_aliases` maps names such as "conv1" to paths such as
    "network.features.0"; torchvision's own names ("features.0", "layer4") work too.
    """

    memory_format = torch.channels_last

    def __init__(
        self,
        network: nn.Module,
        *,
        name: str,
        class_names: Sequence[str],
        input_size: int,
        mean: Sequence[float],
        std: Sequence[float],
    ):
        super().__init__()
        self.name = name
        self.class_names = tuple(class_names)
        self.input_size = input_size
        self.normalise = Normalise(mean, std)
        self.network = network
        self.layer_aliases = _aliases(network, LECTURE_NAMES.get(name, {}))

    def forward(self, images: Tensor) -> Tensor:
        """Logits N x C of images N x 3 x H x W in [0, 1]."""
        return self.network(self.normalise(images))


def load_pretrained(name: str) -> Pretrained:
    """Load a torchvision network with its weights, from torch's cache or, the first time, from the internet.

    Raises
    ------
    ConnectionError
        If the weights are not in the cache and cannot be downloaded; the message says what works offline.
    ValueError
        If the file in the cache is damaged; the message says what to delete. Or if there is no such network.
    OSError
        If the cache folder cannot be written, or the file cannot be read.
    """
    from torchvision import models

    weights, file = _weights(name), weights_file(name)
    cached = file.exists()
    try:
        network = models.get_model(name, weights=weights)
    except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
        raise ConnectionError(
            _download_failed(name, weights.url, file, getattr(error, "reason", error))
        ) from error
    except OSError as error:
        raise OSError(
            f"the cache for the weights of {name} does not work ({error}). If {file.parent} cannot be written, set the"
            " environment variable TORCH_HOME to a folder that can, and start Python again."
        ) from error
    except UNREADABLE as error:
        if not cached and not file.exists():  # torch deletes a file with a wrong checksum
            raise ConnectionError(_download_failed(name, weights.url, file, "it came damaged")) from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"the file with the weights of {name} is damaged. Delete {file} and load {name} again. ({reason})"
        ) from error
    preset = weights.transforms()
    return Pretrained(
        network.eval(),
        name=name,
        class_names=weights.meta["categories"],
        input_size=preset.crop_size[0],
        mean=preset.mean,
        std=preset.std,
    ).eval()


def weights_file(name: str) -> Path:
    """The path in torch's cache of the weights of this network, whether they are there or not."""
    return Path(torch.hub.get_dir(), "checkpoints", FILES[one_of(name, NOTES, "network")])


def is_cached(name: str) -> bool:
    """Whether the network loads without the internet."""
    return weights_file(name).exists()


def _weights(name: str):
    """The first published weights, those of the papers; later ones use other recipes and sizes."""
    from torchvision.models import get_model_weights

    return get_model_weights(one_of(name, NOTES, "network")).IMAGENET1K_V1


def _download_failed(name: str, url: str, file: Path, reason: object) -> str:
    local_networks = [*(network_name for network_name in PACKAGED if is_installed(network_name)), *shipped()]
    offline = (
        ", ".join([*local_networks, *(network_name for network_name in NOTES if is_cached(network_name))])
        or "none yet"
    )
    return (
        f"the weights of {name} are not on this machine and could not be fetched ({reason}). The file {file.name} is"
        f" missing; it belongs into {file.parent}. Try again with an internet connection, or fetch it elsewhere"
        f" ({url}) and put it there. Networks that work without: {offline}."
    )


def _aliases(network: nn.Module, lecture_names: Mapping[str, str]) -> dict[str, str]:
    """Names to paths inside the wrapper: first the display names, then torchvision's own."""
    renamed = {}
    for block, names in lecture_names.items():
        children = [child for child, _ in network.get_submodule(block).named_children()]
        renamed |= {f"{block}.{c}": n for c, n in zip(children, names.split(), strict=True)}
    paths = [path for path, _ in network.named_modules() if path]
    aliases = {}
    for path in paths:
        block = ".".join(path.split(".")[:2])
        aliases[renamed.get(block, block) + path.removeprefix(block)] = f"network.{path}"
    return aliases | {path: f"network.{path}" for path in paths}
