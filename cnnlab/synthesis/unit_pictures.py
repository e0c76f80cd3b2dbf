"""Pictures of units: feature visualisation of single channels, made small first, and kept on disk.

A picture of half the side is there in a fraction of a second and says where the full one will go. What is finished is kept in
the cache folder under a fingerprint of the network's weights, so that a layer's sheet is made once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import positive_int
from cnnlab.networks.eval_mode import model_device_dtype
from cnnlab.synthesis.activation_maximisation import maximise_steps
from cnnlab.synthesis.objectives import Objective, Outputs, channel, diversity
from cnnlab.world import cache

SIZE = 128
"""Side of the pictures in pixels, unless the network's own input is smaller."""
STEPS = 40
"""Steps at full size."""
FIRST_STEPS = 24
"""Steps at half the size, before."""
DIVERSITY = 0.5
"""Weight of the diversity of several versions, as a share of the channel's activation, whose scale differs from layer to layer."""


def unit_picture_steps(
    model: nn.Module,
    layer: str,
    unit: int,
    *,
    versions: int = 1,
    size: int = SIZE,
    steps: int = STEPS,
    seed: int = 0,
) -> Iterator[Tensor]:
    """The picture of a unit as it grows: `maximise` with its defaults, at half the size first; the last one is kept.

    Parameters
    ----------
    model
        As for `maximise`.
    layer, unit
        A layer with maps, and one of its channels.
    versions
        Several pictures that differ, by the diversity of their Gram matrices in the same layer.
    size, steps, seed
        Side in pixels, steps at that size, and seed of the noise.

    Yields
    ------
    Tensor
        versions x 3 x size x size in [0, 1].

    Raises
    ------
    ValueError
        If there is no such layer or unit.

    References
    ----------
    Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> grown = unit_picture_steps(MiniAlexNet(["cat", "dog"]).eval(), "conv2", 3, size=32, steps=2)
    >>> next(grown).shape
    torch.Size([1, 3, 32, 32])
    """
    objective = channel(layer, unit)
    if positive_int(versions, "versions") > 1:
        objective = _diverse(objective, diversity(layer))
    half, start = positive_int(size, "size") // 2, "noise"
    images = None
    if half >= _SMALLEST:
        options = {"steps": min(FIRST_STEPS, steps), "size": half, "jitter": max(1, half // 16), "seed": seed}
        for state in maximise_steps(model, objective, restarts=versions, **options):
            images = _resized(state.images, size)
            yield images
        start = images
    options = {"steps": steps, "jitter": max(1, size // 16), "seed": seed, "size": size}
    for state in maximise_steps(model, objective, restarts=versions, start=start, **options):
        images = state.images if state.step < steps else state.images.mul(255).round() / 255  # as it is kept
        yield images
    _keep(_name(model, layer, unit, versions, size, steps, seed), images)


def kept_unit_picture(
    model: nn.Module,
    layer: str,
    unit: int,
    *,
    versions: int = 1,
    size: int = SIZE,
    steps: int = STEPS,
    seed: int = 0,
) -> Tensor | None:
    """The finished picture of a unit from the cache, versions x 3 x size x size, or None if it has not been made."""
    content = cache.read(_name(model, layer, unit, versions, size, steps, seed))
    return None if content is None else torch.from_numpy(content).float() / 255


def unit_pictures(
    model: nn.Module,
    layer: str,
    units: Sequence[int],
    *,
    size: int = SIZE,
    steps: int = STEPS,
    seed: int = 0,
    progress: bool = False,
) -> Tensor:
    """A sheet of pictures, one for each unit: from the cache, or made now (a second or two each) and kept.

    Returns len(units) x 3 x size x size in [0, 1].

    Example
    -------
    >>> from cnnlab import load
    >>> unit_pictures(load("squeezenet"), "fire5", range(8)).shape  # doctest: +SKIP
    torch.Size([8, 3, 128, 128])
    """
    made = []
    for unit in tqdm(units, desc=f"units of {layer}", disable=not progress or None):
        options = {"size": size, "steps": steps, "seed": seed}
        picture = kept_unit_picture(model, layer, unit, **options)
        if picture is None:
            *_, picture = unit_picture_steps(model, layer, unit, **options)
        made.append(picture[0].float())
    return torch.stack(made)


def fingerprint(model: nn.Module) -> str:
    """A short checksum of a network's layers, weights and statistics: 16 hexadecimal digits; computed again once they have changed."""
    model_device_dtype(model, torch.zeros(()))  # which refuses lazy modules
    weights = model.state_dict().values()
    versions = [(weight.data_ptr(), 0 if weight.is_inference() else weight._version) for weight in weights]
    now = repr(model), versions  # the layers too: a stride is no weight
    if _known.get(model, ((), ""))[0] != now:
        _known[model] = now, _checksum(model)
    return _known[model][1]


_known: WeakKeyDictionary[nn.Module, tuple[tuple, str]] = WeakKeyDictionary()


def _checksum(model: nn.Module) -> str:
    digest = hashlib.sha256(repr(model).encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


_SMALLEST = 40
"""A smaller picture leaves no positions in deep layers."""


def _diverse(objective: Objective, spread: Objective) -> Objective:
    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        activation = objective.score(model, outputs)
        return activation + DIVERSITY * activation.detach().abs() * spread.score(model, outputs)

    return Objective(objective.layers, score)


def _resized(images: Tensor, size: int) -> Tensor:
    return F.interpolate(images, size=(size, size), mode="bilinear").clamp(0, 1)


def _name(model: nn.Module, layer: str, unit: int, *numbers: int) -> str:
    return f"units/{fingerprint(model)}/{layer}-{'-'.join(map(str, (unit, *numbers)))}"


def _keep(name: str, images: Tensor) -> None:
    content = images.mul(255).round().byte().cpu().numpy()
    cache.kept(name, lambda: content)
