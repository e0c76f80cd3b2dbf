"""Patch explorer: the patches of a data set that activate a unit, or a random direction of its layer, most."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.activation_store import ActivationSearch, ImageSet, LayerActivations
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import ProbabilityBars
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.controls import choice, heading, number, search, slider
from cnnlab.explorers.dataset_picker import DatasetPicker
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.render.activations import (
    label_shares,
    layers_with_units,
    patch_boxes,
    patch_captions,
    patch_images,
)
from cnnlab.explorers.snippet import snippet
from cnnlab.explorers.step_player import strip_figure
from cnnlab.units import TopPatches, label_agreement, random_directions
from cnnlab.world import NAMES

NO_FIELD = "The receptive field of the layer is not known: the whole pictures are shown."
NO_TRUTH = "These pictures have no known masks, so nothing is said of what lies in the middle of a patch."


class PatchExplorer(Explorer):
    """Patch explorer: the strongest patches of a unit, or along a random direction of its layer, and the labels at their centres.

    `mixing` is 0 for the unit itself, 1 for the random direction, between them for a mixture of both. The labels come from the exact maps
    of the world.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures
        The set to search: a data set, `cnnlab.photographs`, or the path of a folder of photographs. None takes crops of photographs for
        an ImageNet network, else the validation split.
    layer, unit
        The first layer and unit to show; by default the last ReLU or block with maps.

    Example
    -------
    >>> explorer = PatchExplorer("mini_alexnet", layer="relu5", unit=17)
    >>> explorer.mixing.value = 1.0
    """

    name = "Patch explorer"
    title = "Strongest patches"
    question = "What does a unit respond to, and is a unit special?"
    invitation = "choose other units and directions"
    pickers = ("network",)
    kinds = (*CLASSIFIERS, "random labels")

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
        self.image_set: ImageSet = self.sets.fitting(self.model, self.side)
        self.search = ActivationSearch(self.image_set, self._activations_updated, self.fail)
        self.top_patches: TopPatches | None = None
        self._pixel_labels: dict[str, Tensor] = {}
        self._initial_unit = unit
        self.patch_grid = ImageGrid(columns=5, max_tile_size=120, label="Patches")
        self.picture_grid = ImageGrid(
            columns=3, max_tile_size=130, label="The pictures, with what the unit sees"
        )
        self.bars = ProbabilityBars(
            label="What lies in the middle of the patches", series_names=["of the patches", "of all pixels"]
        )
        self.layout(
            {
                "Unit": {
                    "layer": search("Layer", asked=layer, name="Layer"),
                    "unit": slider("Unit", 0, 0, 0, name="Unit of the layer"),
                    "k": slider("Patches", 9, 2, 25, name="How many patches"),
                },
                "Random direction": {
                    "mixing": slider(
                        "Mixing", 0.0, 0, 1, 0.05, name="How much of a random direction is mixed in"
                    ),
                    "direction_seed": number("Draw", 0, 0, 9999, name="Seed of the random direction"),
                },
                "In the middle": {
                    "category": choice(
                        "Truth", list(NAMES), "part", name="What is looked up in the middle of the patches"
                    )
                },
                "Pictures": {**self.sets.controls, "stop_button": self.search.stop_button},
            },
            centre=[self.patch_grid, heading("What lies in the middle of the patches"), self.bars],
            result=[heading("Where they come from"), self.picture_grid],
        )
        self.show()
        self.on_change(self._new_layer, self.layer)
        self.on_change(self._show, self.unit, self.k, self.mixing, self.direction_seed, self.category)

    @property
    def direction(self) -> int | Tensor:
        """The direction of the search: the unit's number, or U weights where it is mixed with a random direction."""
        amount = self.mixing.value
        if amount == 0:
            return self.unit.value
        axes = torch.zeros(self.unit.max + 1)
        axes[self.unit.value] = 1 - amount
        return nn.functional.normalize(
            axes + amount * random_directions(len(axes), 1, seed=self.direction_seed.value)[0], dim=0
        )

    def refresh(self) -> None:
        if self.is_new_network():
            self._new_network()
        self._new_layer()

    def looks_at(self) -> tuple[int, int]:
        return len(self.image_set), len(self.sets.collection)

    def code(self) -> str:
        layer, unit, k, amount = self.layer.value, self.unit.value, self.k.value, self.mixing.value
        lines = [self.load_line, *self.image_set.code(self.side, self._n_searched)]
        if amount == 0:
            lines += [f'patches = units.top_patches(model, pictures, "{layer}", k={k}, units=[{unit}])']
        else:
            lines += [
                f"axis = torch.eye({self.unit.max + 1})[{unit}]",
                f"random = units.random_directions({self.unit.max + 1}, 1, seed={self.direction_seed.value})[0]",
                f"direction = torch.nn.functional.normalize({1 - amount:.2f} * axis + {amount:.2f} * random, dim=0)",
                f'patches = units.top_along_direction(model, pictures, "{layer}", direction, k={k})',
            ]
        return snippet(*lines, "print(patches.value[0], patches.picture[0])")

    def summary(self) -> str:
        return (
            f"The {self.k.value} patches of {self._n_searched} pictures that excite {self._unit_text} of"
            f" {self.display_name}, layer {self.layer.value}, most."
        )

    def preview_title(self) -> str:
        return f"{self.layer.value}, {self._unit_text}: strongest patches"

    def preview(self) -> Figure:
        best = self.top_patches
        images = self.image_set.as_floats(self.side, best.picture[0])
        patches = patch_images(images, best, self.search.activations.field)
        captions = [self.image_set.describe(index) for index in best.picture[0].tolist()]
        return strip_figure(patches, captions)

    # Callbacks of the controls.

    @property
    def _n_searched(self) -> int:
        """Number of pictures that are searched, or were when the search was stopped."""
        found = self.search.activations
        return 0 if found is None else found.total if self.search.running else len(found.maps)

    @property
    def _unit_text(self) -> str:
        if self.mixing.value == 0:
            return f"unit {self.unit.value}"
        if self.mixing.value == 1:
            return f"random direction {self.direction_seed.value}"
        return f"unit {self.unit.value} mixed with random direction {self.direction_seed.value}"

    def _new_network(self) -> None:
        fields, last = layers_with_units(self.model, self.side)
        unit, self._initial_unit = self._initial_unit, 0
        offer_layers(self.layer, list(fields), otherwise=last)
        self.unit.max = max(self.unit.max, unit)
        self.unit.value = unit
        self._take_pictures()

    def _take_pictures(self) -> None:
        self.image_set = self.search.pictures = self.sets.fitting(self.model, self.side)
        self.category.disabled = not hasattr(self.image_set.source, "maps")
        self._pixel_labels = {}

    def _new_pictures(self) -> None:
        self._take_pictures()
        self.run_safely(self._new_layer)

    def _new_layer(self) -> None:
        self.top_patches = None
        self.search.search(self.model, self.layer.value, self.side, **self.beginning())

    def _activations_updated(self, activations: LayerActivations, last: bool) -> None:
        with self.hold_callbacks():
            self.unit.max = activations.maps.shape[1] - 1
        if last or self.top_patches is None or self.is_due(len(activations.maps)):
            self._show()

    def _show(self) -> None:
        """Show the strongest patches among the pictures searched so far."""
        activations = self.search.activations
        if activations is None:
            return
        self.top_patches = best = activations.strongest(self.direction, self.k.value)
        images, labels = self.image_set.as_floats(self.side, best.picture[0]), self._centre_labels(best)
        names = [NAMES[self.category.value][i] for i in labels.tolist()] if labels is not None else []
        captions = patch_captions(best, self.image_set, names)
        tiles = image_tiles(patch_images(images, best, activations.field))
        for grid, content, boxes in (
            (self.patch_grid, tiles, []),
            (self.picture_grid, image_tiles(images), patch_boxes(best, [self.side] * 2)),
        ):
            with grid.hold_sync():
                grid.tiles, grid.captions, grid.boxes = content, captions, boxes
        self.patch_grid.label = f"{self.layer.value}, {self._unit_text}: strongest first"
        self._show_label_shares(labels, len(activations.maps))

    def _centre_labels(self, best: TopPatches) -> Tensor | None:
        """The label at the centre of each patch; None where the data set has no exact maps."""
        category, source = self.category.value, self.image_set.source
        if self.search.activations.field is None or not hasattr(source, "maps"):
            return None
        if self.image_set.images.shape[-1] != self.side:
            return None
        if category not in self._pixel_labels:
            self._pixel_labels[category] = source.maps(category)[: len(self.image_set)]
        return best.labels(self._pixel_labels[category])[0].long()

    def _show_label_shares(self, labels: Tensor | None, searched: int) -> None:
        subject = f"{self.display_name}, {self.layer.value}, {self._unit_text}, {searched} pictures searched"
        if labels is None:
            self.bars.entries = []
            self.set_status(f"{subject}. {NO_FIELD if self.search.activations.field is None else NO_TRUTH}")
            return
        truth = self._pixel_labels[self.category.value]
        counted = truth.flatten().bincount(minlength=256)
        self.bars.entries = label_shares(labels, counted, NAMES[self.category.value])
        agreement = float(label_agreement(labels[None])[0])
        self.set_status(
            f"{subject}. Pairs of patches with the same {self.category.value} in the middle: {agreement:.0%}."
        )
