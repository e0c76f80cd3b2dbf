"""Survey of units: for every unit of several layers, its peak and its mean on each picture of a set, in one pass over the pictures.

From these few numbers follow the strongest patches of any unit (as in `cnnlab.units.patches`) and its nearest units: those whose
activations rise and fall with its own. The maps themselves are not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab._validation import positive_int, whole_number
from cnnlab.networks.receptive_field import ReceptiveField
from cnnlab.units.activation_batches import activation_batches, parse_layers
from cnnlab.units.patches import TopPatches, as_patches


@dataclass(frozen=True, eq=False)
class UnitSurvey:
    """What U units of a layer do on N pictures.

    Attributes
    ----------
    peak
        N x U, the largest activation on each picture.
    place
        N x U, its position in the map as row * width + column.
    mean
        N x U, the mean activation.
    width
        Columns of the map; 1 for a layer without positions.
    """

    peak: Tensor
    place: Tensor
    mean: Tensor
    width: int

    def strongest(self, layer: str, unit: int, k: int, field: ReceptiveField) -> TopPatches:
        """The k strongest patches of a unit, as `top_patches` finds them; `field` is the layer's receptive field."""
        unit = whole_number(unit, "unit", maximum=self.peak.shape[1] - 1)
        order = self.peak[:, unit].argsort(descending=True, stable=True)[: positive_int(k, "k")]
        best = self.peak[order, unit, None], order[:, None], self.place[order, unit, None]
        return as_patches(layer, best, self.width, field)

    def correlations(self, unit: int) -> Tensor:
        """U: the correlation over the pictures of each unit's mean activation with this unit's; 0 for a unit that never changes."""
        unit = whole_number(unit, "unit", maximum=self.mean.shape[1] - 1)
        centred = self.mean.double() - self.mean.double().mean(0)
        scaled = centred / centred.norm(dim=0).clamp_min(1e-12)
        return (scaled * scaled[:, unit, None]).sum(0).float()

    def nearest(self, unit: int, k: int) -> tuple[Tensor, Tensor]:
        """The k other units with the largest correlation, and these correlations; none for a unit that never changes."""
        others, k = self.correlations(unit), positive_int(k, "k")
        changes = float(others[unit]) > 0.5  # 1, or 0 but for rounding
        others[unit] = -2.0
        values, units = others.topk(min(k, len(others) - 1) if changes else 0)
        return units, values


def survey_units(
    model: nn.Module,
    pictures: Any,
    layers: str | Sequence[str] | None = None,
    *,
    batch_size: int = 16,
    progress: bool = False,
) -> UnitSurvey | dict[str, UnitSurvey]:
    """Survey all units of some layers in one pass over the pictures.

    Parameters
    ----------
    model
        Any network for images N x 3 x H x W in [0, 1]; it runs in eval mode and is left unchanged.
    pictures
        A tensor N x 3 x H x W in [0, 1], a data set, or anything with a length that yields (picture, label).
    layers
        A name of `layer_names(model)`, several, or None for all convolutional layers.

    Returns
    -------
    UnitSurvey, or dict of them
        For a single layer name its survey, else one for each name; on the CPU.

    Raises
    ------
    ValueError
        If a layer is not in the network or has no units, or there are no pictures.

    References
    ----------
    Zeiler & Fergus (2014), section 4 (strongest patches). Units that fire together: Olah et al., "Zoom In", Distill 2020.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> survey_units(MiniAlexNet(["cat", "dog"]), torch.rand(5, 3, 96, 96), "conv2").peak.shape
    torch.Size([5, 96])
    """
    names = parse_layers(model, layers)
    parts: dict[str, list[UnitSurvey]] = {name: [] for name in names}
    for _, _, outputs in activation_batches(model, pictures, names, batch_size, progress, "survey of units"):
        for name in names:
            maps = outputs.pop(name).cpu()
            if maps.dim() not in (2, 4):
                raise ValueError(f'layer "{name}" gives neither maps nor vectors, so it has no units.')
            rows = maps.flatten(2) if maps.dim() == 4 else maps[:, :, None]
            peak, place = rows.max(2)
            width = maps.shape[3] if maps.dim() == 4 else 1
            parts[name].append(UnitSurvey(peak, place.int(), rows.mean(2), width))
    surveys = {name: joined(found) for name, found in parts.items()}
    return surveys[layers] if isinstance(layers, str) else surveys


def joined(parts: Sequence[UnitSurvey]) -> UnitSurvey:
    """The surveys of several batches of the same layer as one."""
    columns = (torch.cat([getattr(part, key) for part in parts]) for key in ("peak", "place", "mean"))
    return UnitSurvey(*columns, parts[0].width)
