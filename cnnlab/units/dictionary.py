"""Sparse dictionary of a layer: does a basis of more directions than units, few of them active at a time, take mixed units apart?

A sparse autoencoder learns it. Its encoder is a 1 x 1 convolution with a ReLU, so its codes are a layer like any other: `with_dictionary`
puts it into the network, and `dissect`, `top_patches`, `ablate_each` and the explorers work on the codes as on units. (Dictionary
learning by least angle regression, as in scikit-learn, solves an optimisation for each position of each picture, and gives no layer.)
"""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import positive_int
from cnnlab.networks.eval_mode import layered, model_device_dtype
from cnnlab.networks.layer_names import resolve_layer
from cnnlab.units.activation_batches import activation_batches

VECTORS_AT_ONCE = 1024


class SparseDictionary(nn.Module):
    """A dictionary of K directions in the space of C channels, for maps N x C x h x w.

        codes = ReLU(E (h - b) + e),    h ~ D codes + b

    with D the C x K atoms, columns of length 1. `encode` gives the codes, N x K x h x w, `decode` the maps that they stand for; the module
    itself maps h to its reconstruction.

    Example
    -------
    >>> dictionary = SparseDictionary(channels=8, atoms=16)
    >>> maps = torch.rand(2, 8, 5, 5)
    >>> dictionary.encode(maps).shape, dictionary(maps).shape
    (torch.Size([2, 16, 5, 5]), torch.Size([2, 8, 5, 5]))
    """

    def __init__(self, channels: int, atoms: int):
        super().__init__()
        channels, atoms = positive_int(channels, "channels"), positive_int(atoms, "atoms")
        self.codes = nn.Sequential(nn.Conv2d(channels, atoms, 1), nn.ReLU())
        self.decoder = nn.Conv2d(atoms, channels, 1)

    @property
    def atoms(self) -> Tensor:
        """C x K, the directions."""
        return self.decoder.weight[:, :, 0, 0]

    def encode(self, maps: Tensor) -> Tensor:
        """The codes N x K x h x w of maps N x C x h x w; a ValueError for what has no maps, or other channels."""
        channels = self.decoder.out_channels
        if maps.dim() not in (3, 4) or maps.shape[-3] != channels:
            raise ValueError(
                f"this dictionary is for maps N x {channels} x h x w, but they came as {tuple(maps.shape)}."
            )
        return self.codes(maps)

    def decode(self, codes: Tensor) -> Tensor:
        """The maps N x C x h x w that the codes N x K x h x w stand for."""
        return self.decoder(codes)

    def forward(self, maps: Tensor) -> Tensor:
        """The reconstruction of the maps, of the same shape."""
        return self.decode(self.encode(maps))


@dataclass(frozen=True, eq=False)
class DictionaryFit:
    """How well a dictionary describes activations.

    Fields
    ------
    explained
        Share of the variance of the activations that the reconstruction explains, at most 1.
    active
        Mean number of codes above 0 at a position.
    dead
        Number of atoms that are never active.
    """

    explained: float
    active: float
    dead: int


def fit_dictionary(
    vectors: Tensor,
    atoms: int,
    *,
    sparsity: float = 0.1,
    steps: int = 2000,
    learning_rate: float = 3e-3,
    seed: int = 0,
    progress: bool = False,
) -> SparseDictionary:
    """Sparse dictionary by a sparse autoencoder: few atoms at a time, whose sum is the activation vector.

        min over D, E, b, e of mean |h - D c - b|^2 + sparsity * |c|_1,    c = ReLU(E (h - b) + e),    columns of D of length 1

    for activations h that are centred and divided by one number, so that their mean square length is C and `sparsity` means the same for
    every layer.

    Parameters
    ----------
    vectors
        M x C activations, one row for each position (`activation_vectors`).
    atoms
        K, the number of directions, usually more than C.
    sparsity
        Weight of the penalty: larger, and fewer codes are active at a time.
    steps, learning_rate
        Steps of Adam with 1024 vectors each, and its learning rate, which falls linearly to 0.
    seed
        Seed of the first directions and of the batches.
    progress
        Show a progress bar.

    Returns
    -------
    SparseDictionary
        For maps in the units of `vectors`.

    Raises
    ------
    ValueError
        If the vectors are no M x C floats, are not finite or do not vary; if the sparsity is negative, or the learning rate not above 0.

    References
    ----------
    Olshausen & Field (1996), Emergence of simple-cell receptive field properties by learning a sparse code for natural images. With an
    autoencoder: Cunningham, Ewart, Riggs, Huben & Sharkey (2023), Sparse autoencoders find highly interpretable features in language
    models, section 2; for vision: Fel et al. (2023), A holistic approach to unifying automatic concept extraction.

    Example
    -------
    >>> fit_dictionary(torch.rand(500, 6), 12, steps=20).atoms.norm(dim=0).allclose(torch.ones(12))
    True
    """
    atoms, steps = positive_int(atoms, "atoms"), positive_int(steps, "steps")
    if not (0 <= sparsity < math.inf and 0 < learning_rate < math.inf):
        raise ValueError(
            f"sparsity must be 0 or above and learning_rate above 0, but got {sparsity!r} and {learning_rate!r}."
        )
    wide, mean, scale = _centre_and_scale(vectors)
    channels, generator = vectors.shape[1], torch.Generator().manual_seed(seed)
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
    ):  # tensors made in inference mode cannot be learned from
        rows = ((wide - mean) / scale).float()
        decoder = nn.functional.normalize(torch.randn(channels, atoms, generator=generator), dim=0)
        encoder, bias, offset = decoder.T.clone(), torch.zeros(atoms), torch.zeros(channels)
        parameters = [one.requires_grad_() for one in (decoder, encoder, bias, offset)]
        optimiser = torch.optim.Adam(parameters, lr=learning_rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 1e-3, steps)
        for _ in tqdm(range(steps), desc="dictionary", disable=not progress):
            batch = rows[torch.randint(len(rows), (VECTORS_AT_ONCE,), generator=generator)]
            directions = nn.functional.normalize(decoder, dim=0)
            codes = (encoder @ (batch - offset).T + bias[:, None]).relu()  # K x 1024
            error = (directions @ codes).T + offset - batch
            loss = error.square().sum(1).mean() + sparsity * channels**0.5 * codes.sum(0).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    with torch.random.fork_rng(
        devices=[]
    ):  # its first weights are overwritten: they cost the reader's random numbers nothing
        found = SparseDictionary(channels, atoms).requires_grad_(False)
    with torch.no_grad():
        # Back to the units of the vectors: codes are lengths along atoms of length 1.
        centre = mean.float() + scale * offset
        found.codes[0].weight.copy_(encoder[:, :, None, None])
        found.codes[0].bias.copy_(scale * bias - encoder @ centre)
        found.decoder.weight.copy_(nn.functional.normalize(decoder, dim=0)[:, :, None, None])
        found.decoder.bias.copy_(centre)
    return found.eval()


def activation_vectors(
    model: nn.Module,
    pictures: Any,
    layer: str,
    count: int = 50_000,
    *,
    batch_size: int = 50,
    seed: int = 0,
    progress: bool = False,
) -> Tensor:
    """Activations of a layer at random positions of pictures, M x C with M at most `count`: equally many of each picture.

    `pictures` is N x 3 x H x W in [0, 1] or a data set, `layer` a name of `layer_names(model)`. Where `count` is no multiple of N, rows
    are left out at random. A ValueError says that there are no pictures, or that the layer has no maps.
    """
    generator, found = torch.Generator().manual_seed(seed), []
    each = -(-positive_int(count, "count") // max(1, len(pictures)))
    for _, _, maps in activation_batches(model, pictures, [layer], batch_size, progress, "activations"):
        if maps[layer].dim() != 4:
            raise ValueError(f'layer "{layer}" has no maps, so it has no positions to take vectors from.')
        positions = maps[layer].flatten(2).transpose(1, 2)  # n x hw x C
        chosen = (
            torch.rand(positions.shape[:2], generator=generator).argsort(1)[:, :each].to(positions.device)
        )
        found.append(positions.gather(1, chosen[..., None].expand(-1, -1, positions.shape[2])).flatten(0, 1))
    rows = torch.cat(found)
    if len(rows) > count:
        rows = rows[torch.randperm(len(rows), generator=generator)[:count].sort().values.to(rows.device)]
    return rows


def with_dictionary(model: nn.Module, layer: str, dictionary: SparseDictionary) -> nn.Module:
    """A copy of the network that passes a layer's activations through a dictionary; the codes are its layer `<layer>.dictionary.codes`.

    What follows receives the reconstruction, so the accuracy of the copy says what the dictionary leaves out.

    Raises
    ------
    ValueError
        If there is no such layer.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet, layer_names
    >>> model = with_dictionary(MiniAlexNet(["cat", "dog"]), "relu5", SparseDictionary(128, 256))
    >>> "relu5.dictionary.codes" in layer_names(model)
    True
    """
    resolve_layer(model, layer)
    twin = copy.deepcopy(layered(model))
    module = resolve_layer(twin, layer)
    path = next(name for name, one in twin.named_modules() if one is module)
    own = copy.deepcopy(dictionary).to(*model_device_dtype(twin, dictionary.decoder.weight))
    twin.set_submodule(path, nn.Sequential(OrderedDict(layer=module, dictionary=own)))
    if path != layer:  # an alias: the codes are found under it too
        twin.layer_aliases = {**twin.layer_aliases, codes_of(layer): codes_of(path)}
    return twin


def codes_of(layer: str) -> str:
    """The name of the layer of codes behind `layer`."""
    return f"{layer}.dictionary.codes"


def dictionary_fit(dictionary: SparseDictionary, vectors: Tensor) -> DictionaryFit:
    """How much of M x C activations a dictionary explains, and with how many of its atoms at a time; give vectors that it has not seen.

    Raises
    ------
    ValueError
        If the vectors are no M x C floats, are not finite or do not vary.
    """
    wide, mean, scale = _centre_and_scale(vectors)
    with torch.inference_mode():
        maps = vectors.to(dictionary.decoder.weight).T[None, :, :, None]
        codes = dictionary.encode(maps)[0, :, :, 0]
        rebuilt = dictionary.decode(codes[None, :, :, None])[0, :, :, 0].T.cpu().double()
        rest = ((rebuilt - wide) / scale).square().mean()
    active = codes > 0
    return DictionaryFit(float(1 - rest), float(active.sum(0).double().mean()), int((~active.any(1)).sum()))


def _centre_and_scale(vectors: Tensor) -> tuple[Tensor, Tensor, float]:
    """The vectors M x C in double precision on the CPU, their mean, and the root of the mean variance of their numbers."""
    if vectors.dim() != 2 or not vectors.is_floating_point() or len(vectors) < 2:
        raise ValueError(
            f"vectors must be M x C floats, one row for each of 2 positions or more, but came as {tuple(vectors.shape)}."
        )
    wide = vectors.detach().double().cpu()
    if not bool(torch.isfinite(wide).all()):
        raise ValueError("the vectors hold values that are not finite.")
    mean = wide.mean(0)
    scale = float((wide - mean).square().mean().sqrt())
    if not scale > 0:
        raise ValueError("the vectors are all the same, so there is nothing to take apart.")
    return wide, mean, scale
