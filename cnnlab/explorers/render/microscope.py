"""What the microscope explorer shows of a unit: layers, survey of pictures, strongest units at a place, classes; without any widget."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.activation_store import Floats, ImageSet, pictures_in_a_step
from cnnlab.explorers.choices import Layer, deepest, first_layers, network_layers, rectified
from cnnlab.explorers.snippet import snippet
from cnnlab.explorers.static_preview import ACCENT, INK, PLAIN, canvas
from cnnlab.figures.axes import bare, show_image
from cnnlab.synthesis.unit_pictures import fingerprint
from cnnlab.units import UnitSurvey, logit_attribution, silenced_falls, survey_units
from cnnlab.units.survey import joined
from cnnlab.world import cache

NEAREST = 5
"""Units shown at a place, and beside a unit."""
CLASSES = 6
"""Classes shown of those that a unit feeds."""


def microscope_layers(model: nn.Module, side: int) -> tuple[dict[str, Layer], str]:
    """The layers of the slider, first to last: ReLUs and blocks with maps; and the one to begin with.

    Raises
    ------
    ValueError
        If the network has no layer with maps.
    """
    layers = network_layers(model, side)
    with_maps = {layer.name: layer for layer in layers if layer.has_maps}
    if not with_maps:
        raise ValueError(
            "this network has no layer with maps, so there is nothing to put under the microscope."
        )
    names = rectified(list(with_maps.values())) or list(with_maps)
    outer = first_layers(names)
    names = [name for name in names if name in outer]
    return {name: with_maps[name] for name in names}, deepest(layers, names)


# The survey of a set of pictures.


class Survey:
    """The survey of all units of some layers over several sets of pictures: taken in steps, and kept on disk when it is complete."""

    def __init__(self, model: nn.Module, sets: Sequence[ImageSet], side: int, layers: dict[str, Layer]):
        self._model, self._sets, self._side, self._layers = model, sets, side, layers
        self._parts: list[list[dict[str, UnitSurvey]]] = [[] for _ in sets]
        self._kept: list[dict[str, UnitSurvey] | None] = [self._read(number) for number in range(len(sets))]

    @property
    def done(self) -> bool:
        """Whether all pictures have been looked at."""
        return all(found is not None for found in self._kept)

    def steps(self) -> Iterator[int]:
        """Look at some more pictures of each set with each step; yields how many of a set have been looked at."""
        step = pictures_in_a_step(self._side)
        while not self.done:
            for number in range(len(self._sets)):
                if self._kept[number] is None:
                    yield self._look(number, step)

    def _look(self, number: int, count: int) -> int:
        pictures, parts = Floats(self._sets[number], self._side), self._parts[number]
        start = sum(len(next(iter(part.values())).peak) for part in parts)
        stop = min(start + count, len(pictures))
        parts.append(survey_units(self._model, pictures[start:stop], list(self._layers), batch_size=count))
        if stop == len(pictures):
            self._finish(number)
        return stop

    def of(self, layer: str, number: int) -> UnitSurvey | None:
        """What is known so far of a layer on the set of this number."""
        if self._kept[number] is not None:
            return self._kept[number][layer]
        parts = [part[layer] for part in self._parts[number]]
        return joined(parts) if parts else None

    def nearest(self, layer: str, unit: int) -> tuple[Tensor, Tensor]:
        """The units nearest to a unit, over the pictures of all sets so far, and their correlations."""
        found = [
            one for one in (self.of(layer, number) for number in range(len(self._sets))) if one is not None
        ]
        if sum(len(one.mean) for one in found) < 3:
            return torch.zeros(0, dtype=torch.long), torch.zeros(0)
        return joined(found).nearest(unit, NEAREST)

    def _finish(self, number: int) -> None:
        parts, self._parts[number] = self._parts[number], []
        self._kept[number] = {name: joined([part[name] for part in parts]) for name in self._layers}
        columns = [
            torch.stack([one.peak.float(), one.place.float(), one.mean.float()])
            for one in self._kept[number].values()
        ]
        content = torch.cat(columns, 2).numpy()
        cache.kept(self._name(number), lambda: content)

    def _name(self, number: int) -> str:
        pictures = self._sets[number].images.numpy().tobytes()
        asked = hashlib.sha256(pictures + repr((self._side, list(self._layers))).encode()).hexdigest()[:16]
        return f"surveys/{fingerprint(self._model)}-{asked}"

    def _read(self, number: int) -> dict[str, UnitSurvey] | None:
        content = cache.read(self._name(number))
        if content is None:
            return None
        parts = torch.from_numpy(content).split([layer.shape[0] for layer in self._layers.values()], 2)
        return {
            name: UnitSurvey(part[0], part[1].int(), part[2], layer.shape[2])
            for (name, layer), part in zip(self._layers.items(), parts, strict=True)
        }


def strongest_here(maps: Tensor, row: int, column: int) -> tuple[list[int], list[float]]:
    """The strongest units at a position of the maps U x h x w, those that are silent left out, and their activations."""
    values, units = maps[:, row, column].topk(min(NEAREST, len(maps)))
    active = values > 0
    return units[active].tolist(), values[active].tolist()


# The classes that a unit feeds.


@dataclass(frozen=True, eq=False)
class Feeds:
    """What a unit gives to each of C logits on one picture, above what it gives to all of them alike (which changes no probability).

    `falls` are those of the logits when the unit is silenced, `shares` activation times gradient.
    """

    falls: Tensor
    shares: Tensor

    def strongest(self) -> list[int]:
        """The classes with the largest falls."""
        return self.falls.argsort(descending=True, stable=True)[:CLASSES].tolist()


def feeds(model: nn.Module, image: Tensor, layer: str, unit: int) -> Feeds:
    """The classes that a unit feeds on a picture."""
    falls = silenced_falls(model, image, layer, unit).cpu().float()
    shares = logit_attribution(model, image, layer, unit).cpu().float()
    return Feeds(falls - falls.mean(), shares - shares.mean())


def draw_feeds(axis: Axes, found: Feeds, names: Sequence[str], predicted: int) -> None:
    """Two bars for each of the classes most fed; the predicted class is in bold."""
    order = found.strongest()
    for row, index in enumerate(order):
        for offset, value, colour in ((-0.2, found.falls[index], ACCENT), (0.2, found.shares[index], PLAIN)):
            axis.barh(row + offset, float(value), 0.36, color=colour)
    axis.set_yticks(range(len(order)), [_short(names[index]) for index in order], fontsize=9)
    for label, index in zip(axis.get_yticklabels(), order, strict=True):
        label.set_fontweight("bold" if index == predicted else "normal")
    axis.invert_yaxis()
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.tick_params(labelsize=9, colors=INK, length=0)
    axis.spines[:].set_visible(False)
    for colour, words in ((ACCENT, "fall of the logit without it"), (PLAIN, "activation x gradient")):
        axis.barh(0, 0, color=colour, label=words)
    axis.legend(fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)


def feeds_alt(found: Feeds, names: Sequence[str]) -> str:
    """The bars in words."""
    rows = [
        f"{names[index]} {float(found.falls[index]):.2f} and {float(found.shares[index]):.2f}"
        for index in found.strongest()
    ]
    return f"Fall of the logit without the unit, and activation times gradient: {'; '.join(rows)}."


def _short(name: str) -> str:
    return name if len(name) < 22 else f"{name[:20]}…"


# Code and preview.


def code(
    opening: str,
    picture: str,
    layer: str,
    unit: int,
    place: tuple[int, int],
    pictures: Sequence[str],
    options: str,
) -> str:
    """The lines of code for all that is shown, without the explorer."""
    row, column = place
    return snippet(
        opening,
        picture,
        f'*_, wanted = synthesis.unit_picture_steps(model, "{layer}", {unit}{options})',
        f'maps = networks.activations(model, image, "{layer}")["{layer}"]',
        f"print(maps[:, {row}, {column}].topk({NEAREST}))",
        f'falls = units.silenced_falls(model, image, "{layer}", {unit})',
        f'shares = units.logit_attribution(model, image, "{layer}", {unit})',
        *pictures,
        f'patches = units.top_patches(model, pictures, "{layer}", k=5, units=[{unit}])',
        f'print(units.survey_units(model, pictures, "{layer}").nearest({unit}, {NEAREST}))',
        "figures.grid(wanted)",
    )


def preview_figure(
    picture: np.ndarray,
    unit_map: Tensor,
    wanted: Tensor,
    patches: Tensor | None,
    found: Feeds,
    names: Sequence[str],
    predicted: int,
) -> Figure:
    """The picture, the unit's map, what it wants, the classes it feeds; below, its strongest patches."""
    rows = ["abc"] if patches is None else ["abc", "ddd"]
    figure = canvas(9.6, 2.8 if patches is None else 4.5)
    axes = figure.subplot_mosaic(
        [list(row) for row in rows], width_ratios=(1, 1, 1.2), height_ratios=(2.8, 1.7)[: len(rows)]
    )
    axes["a"].imshow(picture, interpolation="antialiased")
    high, wide = picture.shape[:2]
    bare(axes["a"])
    large = torch.nn.functional.interpolate(unit_map[None, None], (high, wide))[0, 0].numpy()
    strength = large / max(float(large.max()), 1e-6)
    axes["a"].imshow(large, cmap="magma", alpha=0.6 * np.clip(strength, 0, 1))
    axes["a"].set_title("its map on the picture", fontsize=9)
    show_image(axes["b"], wanted, "what it wants", 9)
    draw_feeds(axes["c"], found, names, predicted)
    if patches is not None:
        show_image(
            axes["d"], torch.cat([nn.functional.pad(patch, (0, 3), value=1.0) for patch in patches], 2)
        )
        axes["d"].set_title("its strongest patches", fontsize=9, loc="left")
    return figure
