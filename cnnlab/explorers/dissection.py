"""Dissection explorer: the concept detectors of a layer, their masks, and the accuracy of each class after ablation of a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from cnnlab.explorers.activation_store import ActivationSearch, ImageSet, LayerActivations, first_images
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.probability_bars import ProbabilityBars
from cnnlab.explorers.render import dissection
from cnnlab.explorers.reports import Reports
from cnnlab.explorers.role import Role
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import figure_png
from cnnlab.units import Dissection
from cnnlab.world import NAMES, dataset

N_IMAGES = 240
N_STRONGEST = 8
MAX_LISTED = 18


class DissectionExplorer(Explorer):
    """Dissection explorer: which units detect a named concept, where, and which classes need them?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures
        A data set of the world with some hundred pictures; None takes the first 240 of the validation split.
    dissections
        Results of `cnnlab.units.dissect` for layers of this network; other layers are dissected when they are chosen.
    layer
        The first layer to show; None takes the last of `dissections`, or of the network.

    Controls
    --------
    layer, unit
        The layer and unit of the report; a click on a tile of the list sets `unit`.
    threshold, category
        The overlap (IoU) above which a unit counts as a detector, and the category of its concept.
    highlight
        The pixels that stay bright: the unit's mask, or those of its concept.
    ablate_button
        Classifies the pictures again without the unit.

    Example
    -------
    >>> explorer = DissectionExplorer("mini_alexnet", layer="relu5")
    >>> explorer.threshold.value = 0.1
    """

    kinds = (*CLASSIFIERS, "random labels")
    title = "Network dissection"
    question = "Which units have a name?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        pictures: Any = None,
        dissections: Mapping[str, Dissection] | None = None,
        layer: str | None = None,
    ):
        super().__init__(model)
        self.data = dataset("validation", n=N_IMAGES, progress=False) if pictures is None else pictures
        self._all_pictures = first_images(self.data, len(self.data))
        self.image_set: ImageSet = self._all_pictures
        self.search = ActivationSearch(self.image_set, self._activations_updated, self.fail)
        given = {(self.model, name): dissection for name, dissection in (dissections or {}).items()}
        self.reports = Reports(
            given, self.on_done(lambda: self.run_safely(self._new_layer)), self._say_waiting
        )
        self.role = Role(self.on_done(self._show_ablation))
        self.ablate_button, self.ablation_bars = self.role.button, self.role.bars
        self._labels: dict[str, Tensor] = {}
        self._model_shown: nn.Module | None = None
        self._initial_layer = layer or next(reversed(dissections), None) if dissections else layer
        self._make_controls()
        self._lay_out()
        self.show()
        self.on_change(self._new_layer, self.layer)
        self.on_change(self._list_detectors, self.threshold, self.category)
        self.on_change(self._show_unit, self.unit, self.highlight)
        self.on_change(self._pick, self.detector_grid, name="selected")
        self.ablate_button.on_click(lambda _button: self.run_safely(self._ablate))

    @property
    def report(self) -> Dissection | None:
        """The dissection of the chosen layer, as far as it is known."""
        return self.reports.of(self.model, self.layer.value)

    @property
    def ablation_accuracies(self) -> tuple[Tensor, Tensor] | None:
        """Accuracy of each class with the unit and without it; None before it is computed."""
        return self.role.lost

    @property
    def _classes(self) -> tuple[str, ...]:
        return tuple(getattr(self.model, "class_names", ()))

    def refresh(self) -> None:
        if self._model_shown is not self.model:
            layers, last = dissection.relu_layers(self.model, self.side)
            offer_layers(self.layer, layers, asked=self._initial_layer, otherwise=last)
            self._initial_layer = None
            self.image_set = self.search.pictures = self._all_pictures.fitting(self.side)
            self.data, self._labels = self.image_set.source, {}
        self._new_layer()
        self._model_shown = self.model

    def code(self) -> str:
        layer, unit, threshold = self.layer.value, self.unit.value, self.threshold.value
        return dissection.code(self.load_line, len(self.image_set), layer, unit, threshold)

    def describe(self) -> str:
        named = f": {self._concept_text(self.unit.value)}" if self.report is not None else ""
        return (
            f"Dissection explorer. The units of {self.display_name}, layer {self.layer.value}, that are detectors (IoU above"
            f" {self.threshold.value:.2f}) in {len(self.image_set)} pictures; unit {self.unit.value}{named}."
            " Run the cell to choose layers, units and thresholds."
        )

    def static_preview(self) -> bytes:
        if self.report is None or self.search.activations is None:
            return figure_png(dissection.preview_figure(self.image_set.as_floats(self.side, torch.arange(6))))
        best, masks = self._strongest_masks()
        figure = dissection.preview_figure(self.image_set.as_floats(self.side, best), masks)
        caption = dissection.count_sentence(self.report, self.threshold.value)
        figure.suptitle(
            f"{self.layer.value}, unit {self.unit.value}: {self._concept_text(self.unit.value)}. {caption}",
            fontsize=9,
            x=0.01,
            ha="left",
        )
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.unit = widgets.IntSlider(0, min=0, max=1, description="Unit")
        self.threshold = widgets.FloatSlider(
            0.04, min=0.01, max=0.4, step=0.01, description="IoU >", readout_format=".2f"
        )
        self.category = widgets.Dropdown(options=[dissection.ALL_CATEGORIES, *NAMES], description="Kind")
        self.highlight = widgets.Dropdown(options=["the unit's mask", "its concept"], description="Bright")
        self.opacity = widgets.FloatSlider(0.7, min=0, max=1, step=0.05, description="Dark")
        self.detector_grid = ImageGrid(columns=6, max_tile_size=96, label="Detectors")
        self.picture_grid = ImageGrid(columns=4, max_tile_size=140, label="Strongest pictures")
        for grid in (self.detector_grid, self.picture_grid):
            widgets.jslink((self.opacity, "value"), (grid, "opacity"))
        self.bars = ProbabilityBars(
            label="Overlap with concepts", series_names=["its pictures", "other pictures"]
        )

    def _lay_out(self) -> None:
        self.layout(
            {
                "Picture": [],
                "Detectors": [self.layer, self.threshold, self.category],
                "Unit": [self.unit, self.highlight, self.opacity],
                "Its role": [self.ablate_button],
            },
            centre=[self.picture_grid, self.detector_grid],
            result=[
                heading("Overlap (IoU) with concepts"),
                self.bars,
                heading("Who falls without it"),
                self.ablation_bars,
            ],
            accessible_names=[
                *names_for(self.layer, "layer", "Layer that is dissected"),
                *names_for(self.threshold, "threshold", "Overlap above which a unit is a detector"),
                *names_for(self.category, "category", "Kind of concepts that are listed"),
                *names_for(self.unit, "unit", "Unit of the layer"),
                *names_for(self.highlight, "lit", "What stays bright in the pictures"),
                *names_for(self.opacity, "opacity", "How dark the rest of the pictures is"),
                *names_for(self.ablate_button, "ablate", "Ablate this unit and predict again"),
            ],
        )

    # Callbacks of the controls.

    def _new_layer(self) -> None:
        """Dissect the layer if needed, then collect its maps: at once the first time, later in steps."""
        self.reports.stop()
        self.role.stop()
        self.search.stop()
        model, layer, first = self.model, self.layer.value, self._model_shown is None
        small = first and not self.is_large
        if self.report is None and small:
            self.reports.make(model, layer, self.data, self.side, blocking=True)
        if self.report is not None:
            self.search.search(model, layer, self.side, blocking=small)
            return
        self._show_waiting()
        self.reports.make(model, layer, self.data, self.side)
        if (
            self._callbacks_held and self.report is not None
        ):  # without a running loop all steps have run by now
            self.search.search(model, layer, self.side)

    def _show_waiting(self) -> None:
        """Show some of the pictures until the layer is dissected."""
        some = torch.arange(min(N_STRONGEST, len(self.image_set)))
        with self.picture_grid.hold_sync(), self.detector_grid.hold_sync():
            self.picture_grid.label = "Some of the pictures that the layer is dissected with"
            self.picture_grid.tiles, self.picture_grid.overlay = (
                image_tiles(self.image_set.as_floats(self.side, some)),
                {},
            )
            self.picture_grid.captions = [self.image_set.describe(i) for i in some.tolist()]
            self.detector_grid.tiles, self.detector_grid.overlay, self.detector_grid.captions = {}, {}, []
        self.bars.entries = []
        self._say_waiting()

    def _say_waiting(self, share: str = "") -> None:
        self.set_status(
            f"{self.display_name}, {self.layer.value}: dissecting {len(self.image_set)} pictures ... {share}"
        )

    def _activations_updated(self, activations: LayerActivations, finished: bool) -> None:
        if not finished or self.report is None:
            return
        with self.hold_callbacks():
            self.unit.max = len(self.report.iou) - 1
            self.unit.value = self.report.rows()[0].unit
        self._list_detectors()
        self._show_unit()

    def _concept_text(self, unit: int) -> str:
        return dissection.concept_sentence(self.report, unit)

    def _list_detectors(self) -> None:
        """Show the detectors, each with its strongest picture; a long list shows only the best and says how many there are."""
        if self.report is None or self.search.activations is None:
            return
        threshold, category = self.threshold.value, self.category.value
        rows = dissection.detectors(self.report, threshold, category)[:MAX_LISTED]
        self._detector_units = [row.unit for row in rows]
        with self.hold_callbacks(), self.detector_grid.hold_sync():
            self.detector_grid.selected = -1
            self.detector_grid.label = (
                f"Detectors, the best first: {dissection.common_concepts(self.report, threshold, category)}"
            )
            self.detector_grid.captions = [f"unit {row.unit}: {self._concept_text(row.unit)}" for row in rows]
            self.detector_grid.tiles, self.detector_grid.overlay = {}, {}
            if rows:
                best, masks = dissection.strongest_image_per_unit(
                    self.search.activations, self.report, self._detector_units
                )
                self.detector_grid.tiles = image_tiles(self.image_set.as_floats(self.side, best))
                self.detector_grid.overlay = dissection.darken_outside(masks)
        self.set_status(
            f"{self.display_name}, {self.layer.value}: {dissection.count_sentence(self.report, threshold, category)}"
        )

    def _strongest_masks(self) -> tuple[Tensor, Tensor]:
        """The unit's strongest pictures, and the pixels in them that stay bright."""
        best, masks = dissection.strongest_masks(
            self.search.activations, self.report, self.unit.value, N_STRONGEST
        )
        if self.highlight.index == 0:
            return best, masks
        category, name = dissection.concept_of(self.report, self.unit.value)
        if category not in self._labels:
            self._labels[category] = self.data.maps(category)
        return best, self._labels[category][best] == NAMES[category].index(name)

    def _show_unit(self) -> None:
        if self.report is None or self.search.activations is None:
            return
        self.role.forget()
        unit = self.unit.value
        best, masks = self._strongest_masks()
        with self.picture_grid.hold_sync():
            self.picture_grid.label = f"Unit {unit}: {self._concept_text(unit)}"
            self.picture_grid.tiles = image_tiles(self.image_set.as_floats(self.side, best))
            self.picture_grid.overlay = dissection.darken_outside(masks)
            self.picture_grid.captions = [self.image_set.describe(i) for i in best.tolist()]
        self.bars.entries = dissection.overlap_rows(self.report, unit)

    def _pick(self) -> None:
        if 0 <= self.detector_grid.selected < len(self._detector_units):
            self.unit.value = self._detector_units[self.detector_grid.selected]

    def _ablate(self) -> None:
        labels = dissection.labels_for(self.image_set, self._classes)
        self.set_status(
            f"{self.display_name}: the pictures are answered again without unit {self.unit.value} ..."
        )
        self.role.ask(
            self.model, self.image_set.as_floats(self.side), labels, self.layer.value, self.unit.value
        )

    def _show_ablation(self) -> None:
        text = self.role.show(self._classes)
        self.set_status(f"{self.display_name}, {self.layer.value}: without unit {self.unit.value} {text}.")
