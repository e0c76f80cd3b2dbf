"""Maximally activating patches: the patches of a data set with a unit's strongest activations, found in one pass over the data.

Only the best k of each unit are kept while the images stream by, so memory does not depend on their number. For directions that
mix many units see `cnnlab.units.directions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab._validation import one_or_several, positive_int, whole_number
from cnnlab.networks.data_loading import picture_at
from cnnlab.networks.receptive_field import ReceptiveField, UnknownReceptiveField, receptive_fields
from cnnlab.units.activation_batches import activation_batches, parse_layers


@dataclass(frozen=True, eq=False)
class TopPatches:
    """The k maximally activating patches of each of U units of a layer, strongest first; at most one for each image.

    Attributes
    ----------
    layer
        Name of the layer.
    units
        U channel numbers; for directions, their row numbers.
    value
        U x k, the activation.
    picture
        U x k, the picture's index in the data set. The first column is the maximally activating image.
    position
        U x k x 2, row and column in the layer's map; (0, 0) for a layer without positions.
    box
        U x k x 4, the receptive field there as (top, left, bottom, right), clipped at the picture's borders; bottom and
        right are the first row and column outside.
    centre
        U x k x 2, the pixel (row, column) at the centre of the unclipped field, or the nearest one in the picture.
    """

    layer: str
    units: Tensor
    value: Tensor
    picture: Tensor
    position: Tensor
    box: Tensor
    centre: Tensor

    def crops(self, pictures: Any, row: int) -> list[Tensor]:
        """The k patches of the unit in this row, each 3 x h x w, smaller where the border clips the field.

        `pictures` are those that were searched.

        Example
        -------
        >>> from cnnlab.networks import MiniAlexNet
        >>> pictures = torch.rand(5, 3, 96, 96)
        >>> top_patches(MiniAlexNet(["cat", "dog"]), pictures, "conv1", k=2).crops(pictures, 0)[0].shape[0]
        3
        """
        row = whole_number(row, "row", maximum=len(self.units) - 1)
        patches = []
        for index, (top, left, bottom, right) in zip(self.picture[row], self.box[row].tolist(), strict=True):
            patches.append(picture_at(pictures, int(index))[:, top:bottom, left:right])
        return patches

    def labels(self, maps: Tensor) -> Tensor:
        """U x k: the label at the centre of each patch, from pixel maps N x H x W of the pictures (`dataset.maps("part")`).

        Example
        -------
        >>> from cnnlab.networks import MiniAlexNet
        >>> found = top_patches(MiniAlexNet(["cat", "dog"]), torch.rand(5, 3, 96, 96), "conv1", k=2)
        >>> found.labels(torch.zeros(5, 96, 96)).shape
        torch.Size([48, 2])
        """
        return maps[self.picture, self.centre[..., 0], self.centre[..., 1]]


def top_patches(
    model: nn.Module,
    pictures: Any,
    layers: str | Sequence[str] | None = None,
    k: int = 9,
    *,
    units: Sequence[int] | None = None,
    batch_size: int | None = None,
    progress: bool = False,
) -> TopPatches | dict[str, TopPatches]:
    """Maximally activating patches: those with the strongest activation of each unit in the data set.

    For unit t and picture x the strongest position counts, and of all pictures the k strongest:

        argmax over x in S of max over p, q of Phi(x)^t [p, q]

    and the patch is the receptive field of the position [p, q] in x. One picture gives at most one patch, so the k
    patches show k scenes. Where activations tie, the earlier picture and the upper left position win.

    Activations are taken as the layer outputs them. Batch normalisation behind a convolution can flip a unit's sign: to see
    what is passed on, choose the ReLU ("relu5") instead of the convolution ("conv5").

    Parameters
    ----------
    model
        Any network for images N x 3 x H x W in [0, 1]; it runs in eval mode and is left unchanged.
    pictures
        A tensor N x 3 x H x W in [0, 1], a data set such as `cnnlab.world.dataset("validation")`, or anything with
        a length that yields (picture, label). All pictures have the same size.
    layers
        A name of `layer_names(model)`, several, or None for all convolutional layers: all in one pass over the data.
    k
        Number of patches to keep for each unit; no more than there are pictures.
    units
        The channels to search; None searches all.
    batch_size
        Images in one forward pass; None for as many as have a million pixels together, and 64 at most.

    Returns
    -------
    TopPatches, or dict of them
        For a single layer name the `TopPatches`, else one for each layer name; on the CPU.

    Raises
    ------
    ValueError
        If a layer or unit is not in the network, there are no pictures, or the receptive field is not known
        (`UnknownReceptiveField`).

    References
    ----------
    Zeiler & Fergus (2014), Visualizing and understanding convolutional networks, section 4 (figure 2); lecture L,
    "Pattern sensitivity"; lecture S, "Maximally Activating Patches"; lecture N, the training image that activates
    a unit most.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> found = top_patches(MiniAlexNet(["cat", "dog"]), torch.rand(20, 3, 96, 96), "conv2", k=4)
    >>> found.value.shape, found.box.shape
    (torch.Size([96, 4]), torch.Size([96, 4, 4]))
    """
    names = parse_layers(model, layers)

    def select_units(maps: Tensor) -> Tensor:
        if units is None:
            return maps
        return maps[
            :, [whole_number(unit, "unit", maximum=maps.shape[1] - 1) for unit in one_or_several(units)]
        ]

    patches_by_layer = find_top_patches(
        model, pictures, names, k, select_units, batch_size=batch_size, progress=progress
    )
    if units is not None:
        numbers = torch.tensor([int(unit) for unit in one_or_several(units)])
        patches_by_layer = {
            name: TopPatches(**{**vars(patches), "units": numbers})
            for name, patches in patches_by_layer.items()
        }
    return patches_by_layer[layers] if isinstance(layers, str) else patches_by_layer


def find_top_patches(
    model: nn.Module,
    pictures: Any,
    layers: Sequence[str],
    k: int,
    project: Callable[[Tensor], Tensor],
    *,
    batch_size: int | None,
    progress: bool,
) -> dict[str, TopPatches]:
    """The strongest positions of `project(maps)` (N x U x h x w) for each layer, over all pictures."""
    k = positive_int(k, "k (patches for each unit)")
    best: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
    widths: dict[str, int] = {}
    fields: dict[str, ReceptiveField] = {}
    for rows, images, maps in activation_batches(
        model, pictures, layers, batch_size, progress, "strongest patches"
    ):
        fields = fields or known_fields(model, layers, tuple(images.shape[1:]))
        for name in layers:
            layer_maps = maps.pop(name)
            if layer_maps.dim() not in (2, 4):
                raise ValueError(
                    f'layer "{name}" gives neither maps nor vectors, so it has no units to follow.'
                )
            projected = project(layer_maps if layer_maps.dim() == 4 else layer_maps[:, :, None, None])
            widths[name] = projected.shape[3]
            value, flat_position = projected.flatten(2).max(2)  # b x U; of equal positions the first
            index = torch.arange(rows.start, rows.stop, device=value.device)[:, None].expand_as(value)
            best[name] = _merge_top_k(best.get(name), (value, index, flat_position), k)
    return {name: as_patches(name, best[name], widths[name], fields[name]) for name in layers}


def known_fields(
    model: nn.Module, layers: Sequence[str], shape: tuple[int, ...]
) -> dict[str, ReceptiveField]:
    """The receptive fields of the layers for images of `shape` (C, H, W); raises UnknownReceptiveField if one is not known."""
    fields = receptive_fields(model, layers, shape)
    for field in fields.values():
        if isinstance(field, UnknownReceptiveField):
            raise field
    return fields


def _merge_top_k(best: tuple[Tensor, ...] | None, new: tuple[Tensor, ...], k: int) -> tuple[Tensor, ...]:
    """The k best (value, picture, position), each k x U; the kept ones come from earlier pictures and win where values tie."""
    value, picture, flat_position = (
        new if best is None else (torch.cat(pair) for pair in zip(best, new, strict=True))
    )
    value, order = value.sort(dim=0, descending=True, stable=True)
    return value[:k], picture.gather(0, order[:k]), flat_position.gather(0, order[:k])


def as_patches(layer: str, best: Sequence[Tensor], width: int, field: ReceptiveField) -> TopPatches:
    """The positions `best` (value, picture, flat position in a map of this width; each k x U) as patches of the pictures."""
    value, picture, flat_position = (part.T.cpu().contiguous() for part in best)  # U x k
    position = torch.stack([flat_position // width, flat_position % width], 2)
    boxes = {
        unit_position: field.box(*unit_position)
        for unit_position in {tuple(p) for p in position.flatten(0, 1).tolist()}
    }
    box = torch.tensor([boxes[tuple(p)] for p in position.flatten(0, 1).tolist()]).view(
        *flat_position.shape, 4
    )
    return TopPatches(
        layer=layer,
        units=torch.arange(len(value)),
        value=value,
        picture=picture,
        position=position,
        box=box,
        centre=_centres(position, field),
    )


def _centres(position: Tensor, field: ReceptiveField) -> Tensor:
    offset, size, stride = (
        torch.tensor(pair, dtype=torch.float64) for pair in (field.offset, field.size, field.stride)
    )
    centre = (offset + (size - 1) / 2 + position * stride).round().long()
    return torch.minimum(centre.clamp(min=0), torch.tensor(field.picture) - 1)
