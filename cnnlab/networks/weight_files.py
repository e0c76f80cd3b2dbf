"""Weight files: one safetensors file and one card (JSON) for each shipped network, in the folder `weight_files` beside this file.

The card describes what the network is for and how it was made, and contains the checksum of the weights. A damaged or missing file is
refused with the command that makes it again. For a network on a trunk from ImageNet, only the trained layers are stored.
Building a network from its weights belongs to `cnnlab.networks.zoo`, training it to `cnnlab.networks.training`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as unpack
from safetensors.torch import save as pack
from torch import Tensor, nn

FOLDER = Path(__file__).with_name("weights")


def shipped() -> list[str]:
    """Names of the networks whose weights and card are in the package."""
    return sorted(file.stem for file in FOLDER.glob("*.safetensors") if file.with_suffix(".json").is_file())


def card(name: str | os.PathLike) -> dict[str, Any]:
    """The card of `name`: purpose, data, recipe, accuracy, machine and checksum of the weights.

    Raises
    ------
    FileNotFoundError
        If there is no such network.
    ValueError
        If the card cannot be read.
    """
    file = weight_path(name).with_suffix(".json")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(_missing(name)) from None
    except ValueError:
        raise ValueError(_damaged(file, "is not readable")) from None
    if not isinstance(content, dict) or not isinstance(content.get("sha256"), str):
        raise ValueError(_damaged(file, "holds no checksum of the weights"))
    return content


def read_weights(name: str | os.PathLike) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights of a shipped network as a float32 state dict, and its card; without the weights of its trunk, if it has one.

    Parameters
    ----------
    name
        A name from `shipped()`, or the path of a .safetensors file with its card beside it.

    Raises
    ------
    FileNotFoundError
        If there is no such network.
    ValueError
        If the file is not the one that the card describes.
    """
    about = card(name)
    file = weight_path(name)
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(_missing(name)) from None
    if hashlib.sha256(data).hexdigest() != about["sha256"]:
        raise ValueError(_damaged(file, "is damaged (its checksum is not the one on its card)"))
    return {key: tensor.float() for key, tensor in unpack(data).items()}, about


def write_weights(
    name: str | os.PathLike, model: nn.Module, card: Mapping[str, Any], layers: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the weights of `model` and the card, completed by parameters, bytes, torch version and sha256; returns that card.

    `layers` are the outermost layers to store, all if empty. Each file is written completely or not at all: to a temporary file
    that is then moved.
    """
    file = weight_path(name)
    stored = {key: tensor.contiguous() for key, tensor in to_half(model.state_dict(), layers).items()}
    data = pack(stored)
    about = {
        "name": file.stem,
        **card,
        "parameters": sum(p.numel() for p in model.parameters()),
        "bytes": len(data),
        "torch": torch.__version__,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(about, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(file, data)
    write_atomically(file.with_suffix(".json"), text.encode("utf-8"))
    return about


def to_half(state: Mapping[str, Tensor], layers: Sequence[str] = ()) -> dict[str, Tensor]:
    """A state dict in the shipped precision: weights of convolutions and linear layers in float16, the few other numbers in float32.

    Biases and batch-norm statistics stay exact, since small variances would underflow in float16; the batch counters
    play no part in evaluation and are left out, and so is all that is not in one of these outermost `layers`, if any are named.
    """
    tensors = {
        key: value.detach().cpu()
        for key, value in state.items()
        if not key.endswith("num_batches_tracked") and (not layers or key.partition(".")[0] in layers)
    }
    stored = {
        key: value.half() if value.dim() > 1 and key.endswith("weight") else value.float()
        for key, value in tensors.items()
    }
    for key, value in stored.items():
        if not value.isfinite().all():
            raise ValueError(
                f"{key} holds values that are not finite or too large for float16; the network is not written."
            )
    return stored


def weight_path(name: str | os.PathLike) -> Path:
    """The weights file of a network: in the package for a bare name, else the path itself."""
    path = Path(name)
    if path.parent == Path() and path.suffix != ".safetensors":
        return FOLDER / f"{path}.safetensors"
    return path if path.suffix == ".safetensors" else path.with_name(f"{path.name}.safetensors")


def write_atomically(file: Path, data: bytes) -> None:
    """Write to a temporary file in the same folder, then rename it: if the process is killed, the old file stays intact."""
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # a temporary file is private; a package file is readable by all
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _missing(name: str | os.PathLike) -> str:
    names = ", ".join(shipped()) or "none"
    return f'there are no weights of "{name}"; shipped are: {names}. `cnnlab train {weight_path(name).stem}` makes them.'


def _damaged(file: Path, what: str) -> str:
    return f"{file.name} {what}. `cnnlab train {file.stem}` makes it again. (The file is {file}.)"
