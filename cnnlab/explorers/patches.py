"""The patch explorer: what in a data set excites a unit most, and whether a random mixture of units finds something as clear."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.bars import Bars
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.collection import Collection, LayerMaps, Search
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.encode import to_array
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.patch_tiles import label_shares, patch_boxes, patch_captions, patch_pictures
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Sheet, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.explorers.unit_maps import layers_with_units
from cnnlab.units import TopPatches, label_agreement, random_directions
from cnnlab.world import NAMES

NO_FIELD = "The receptive field of the layer is not known: the whole pictures are shown."
NO_TRUTH = "These pictures have no known masks, so nothing is said of what lies in the middle of a patch."


class PatchExplorer(Explorer):
    """What does a unit respond to? Its strongest patches in a data set, what lies in their middle; and the same along any direction.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures
        What is searched: a data set, `cnnlab.photographs`, or the path of a folder of photographs. None takes crops of photographs for
        an ImageNet network, else the validation split.
    layer, unit
        What is shown first; without a layer the last one whose units have places and a ReLU behind them.

    Controls
    --------
    layer, unit, k
        Whose strongest patches, and how many.
    mixing, direction_seed
        0 is the unit itself, 1 a random direction of the layer, between them a mixture of both; `draw` is the direction's seed.
    category
        What is looked up in the middle of each patch, from the exact maps of the world.
    data, folder
        The set that is searched, and the path of your own (`DatasetPicker`).

    Example
    -------
    >>> explorer = PatchExplorer("mini_alexnet", layer="relu5", unit=17)
    >>> explorer.mixing.value = 1.0
    """

    kinds = (*CLASSIFIERS, "random labels")
    title = "Strongest patches"
    question = "What does a unit respond to, and is a unit special?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        pictures: Any = None,
        layer: str | None = None,
        unit: int = 0,
    ):
        super().__init__(model)
        class_names = getattr(self.model, "class_names", ())
        self.sets = DatasetPicker(pictures, class_names, self._new_pictures, self.fail, self.say)
        self.data, self.folder = self.sets.data, self.sets.folder
        self.collection: Collection = self.sets.fitting(self.side)
        self.search = Search(self.collection, self._found_more, self.fail)
        self.best: TopPatches | None = None
        self._truth: dict[str, Tensor] = {}
        self._known: nn.Module | None = None
        self._first = (layer, unit)
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._new_layer, self.layer)
        self.watch(self._show, self.unit, self.k, self.mixing, self.draw, self.category)

    @property
    def direction(self) -> int | Tensor:
        """What is asked: the unit's number, or U weights where it is mixed with a random direction."""
        amount = self.mixing.value
        if amount == 0:
            return self.unit.value
        axes = torch.zeros(self.unit.max + 1)
        axes[self.unit.value] = 1 - amount
        return nn.functional.normalize(
            axes + amount * random_directions(len(axes), 1, seed=self.draw.value)[0], dim=0
        )

    def refresh(self) -> None:
        if self._known is not self.model:
            self._new_network()
        self._new_layer()

    def code(self) -> str:
        layer, unit, k, amount = self.layer.value, self.unit.value, self.k.value, self.mixing.value
        lines = [
            "import cnnlab",
            "import torch",
            "from cnnlab import units, world",
            "",
            self.load_line,
            *self.collection.code(self.side, self._looked_at),
        ]
        if amount == 0:
            lines += [f'found = units.top_patches(model, pictures, "{layer}", k={k}, units=[{unit}])']
        else:
            lines += [
                f"axis = torch.eye({self.unit.max + 1})[{unit}]",
                f"random = units.random_directions({self.unit.max + 1}, 1, seed={self.draw.value})[0]",
                f"direction = torch.nn.functional.normalize({1 - amount:.2f} * axis + {amount:.2f} * random, dim=0)",
                f'found = units.top_along(model, pictures, "{layer}", direction, k={k})',
            ]
        return "\n".join([*lines, "print(found.value[0], found.picture[0])"])

    def describe(self) -> str:
        return (
            f"Patch explorer. The {self.k.value} patches of {self._looked_at} pictures that excite {self._asked} of"
            f" {self.called}, layer {self.layer.value}, most. Run the cell to choose other units and directions."
        )

    def still(self) -> bytes:
        best, count = self.best, self.best.picture.shape[1]
        columns = min(count, 9)
        rows = -(-count // columns)
        figure = Figure(figsize=(9.6, 0.8 + 1.3 * rows), dpi=90, layout="constrained", facecolor="white")
        seen = self.collection.floats(self.side, best.picture[0])
        patches = patch_pictures(seen, best, self.search.found.field)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, patch, index in zip(axes, patches, best.picture[0].tolist(), strict=False):
            axis.imshow(to_array(patch), interpolation="antialiased")
            axis.set_title(self.collection.words(index), fontsize=7)
        figure.suptitle(
            f"{self.layer.value}, {self._asked}: strongest patches", fontsize=11, x=0.01, ha="left"
        )
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.unit = widgets.IntSlider(0, min=0, max=0, description="Unit")
        self.k = widgets.IntSlider(9, min=2, max=25, description="Patches")
        self.mixing = widgets.FloatSlider(0.0, min=0.0, max=1.0, step=0.05, description="Mixing")
        self.draw = widgets.BoundedIntText(0, min=0, max=9999, description="Draw")
        self.category = widgets.Dropdown(options=list(NAMES), value="part", description="Truth")
        self.patches = Sheet(columns=5, largest=120, label="Patches")
        self.pictures_sheet = Sheet(columns=3, largest=130, label="The pictures, with what the unit sees")
        self.bars = Bars(
            label="What lies in the middle of the patches", words=["of the patches", "of all pixels"]
        )

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Picture": [],
                "Unit": [self.layer, self.unit, self.k],
                "Random direction": [self.mixing, self.draw],
                "In the middle": [self.category],
                "Pictures": [*self.sets.rows, self.search.stop_button],
            },
            stage=[self.patches, heading("What lies in the middle of the patches"), self.bars],
            result=[heading("Where they come from"), self.pictures_sheet],
            names=[
                *names_for(self.layer, "layer", "Layer"),
                *names_for(self.unit, "unit", "Unit of the layer"),
                *names_for(self.k, "k", "How many patches"),
                *names_for(self.mixing, "mixing", "How much of a random direction is mixed in"),
                *names_for(self.draw, "draw", "Seed of the random direction"),
                *names_for(self.category, "category", "What is looked up in the middle of the patches"),
                *self.sets.names,
                *self.search.names,
            ],
        )

    # What happens when a control changes.

    @property
    def _looked_at(self) -> int:
        """How many pictures are searched, or were when the search was stopped."""
        found = self.search.found
        return 0 if found is None else found.wanted if self.search.running else len(found.maps)

    @property
    def _asked(self) -> str:
        if self.mixing.value == 0:
            return f"unit {self.unit.value}"
        if self.mixing.value == 1:
            return f"random direction {self.draw.value}"
        return f"unit {self.unit.value} mixed with random direction {self.draw.value}"

    def _new_network(self) -> None:
        fields, last = layers_with_units(self.model, self.side)
        (wanted, unit), self._first = self._first, (None, 0)
        offer_layers(self.layer, list(fields), asked=wanted, otherwise=last)
        self.unit.max = max(self.unit.max, unit)
        self.unit.value, self._known = unit, self.model
        self._take_pictures()

    def _take_pictures(self) -> None:
        self.collection = self.search.pictures = self.sets.fitting(self.side)
        self.category.disabled = not hasattr(self.collection.source, "maps")
        self._truth = {}

    def _new_pictures(self) -> None:
        self._take_pictures()
        self.attempt(self._new_layer)

    def _new_layer(self) -> None:
        self.best = None
        first = self.search.found is None
        self.search.look(self.model, self.layer.value, self.side, **self.beginning(first))

    def _found_more(self, found: LayerMaps, last: bool) -> None:
        with self.quiet():
            self.unit.max = found.maps.shape[1] - 1
        if last or self.best is None or self.is_due(len(found.maps)):
            self._show()

    def _show(self) -> None:
        """The strongest patches among the pictures that were looked at so far."""
        found = self.search.found
        if found is None:
            return
        self.best = best = found.strongest(self.direction, self.k.value)
        seen, lying = self.collection.floats(self.side, best.picture[0]), self._lying_there(best)
        names = [NAMES[self.category.value][i] for i in lying.tolist()] if lying is not None else []
        captions = patch_captions(best, self.collection, names)
        tiles = picture_tiles(patch_pictures(seen, best, found.field))
        for sheet, content, boxes in (
            (self.patches, tiles, []),
            (self.pictures_sheet, picture_tiles(seen), patch_boxes(best, [self.side] * 2)),
        ):
            with sheet.hold_sync():
                sheet.tiles, sheet.captions, sheet.boxes = content, captions, boxes
        self.patches.label = f"{self.layer.value}, {self._asked}: strongest first"
        self._say_what_lies_there(lying, len(found.maps))

    def _lying_there(self, best: TopPatches) -> Tensor | None:
        """What lies in the middle of each patch; None where the data set has no exact maps."""
        category, source = self.category.value, self.collection.source
        if self.search.found.field is None or not hasattr(source, "maps"):
            return None
        if self.collection.images.shape[-1] != self.side:
            return None
        if category not in self._truth:
            self._truth[category] = source.maps(category)[: len(self.collection)]
        return best.labels(self._truth[category])[0].long()

    def _say_what_lies_there(self, lying: Tensor | None, searched: int) -> None:
        asked = f"{self.called}, {self.layer.value}, {self._asked}, {searched} pictures searched"
        if lying is None:
            self.bars.entries = []
            self.say(f"{asked}. {NO_FIELD if self.search.found.field is None else NO_TRUTH}")
            return
        truth = self._truth[self.category.value]
        counted = truth.flatten().bincount(minlength=256)
        self.bars.entries = label_shares(lying, counted, NAMES[self.category.value])
        agreement = float(label_agreement(lying[None])[0])
        self.say(
            f"{asked}. Pairs of patches with the same {self.category.value} in the middle: {agreement:.0%}."
        )
