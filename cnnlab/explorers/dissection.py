"""Dissection explorer: the concept detectors of a layer, their masks, and the accuracy of each class after ablation of a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.activation_store import ActivationSearch, ImageSet, LayerActivations, first_images
from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import ProbabilityBars
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.controls import button, choice, finding, heading, link_opacity, search, slider
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.render import dissection
from cnnlab.units import Dissection, ablation_steps
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

    Example
    -------
    >>> explorer = DissectionExplorer("mini_alexnet", layer="relu5")
    >>> explorer.threshold.value = 0.1
    """

    name = "Dissection explorer"
    title = "Network dissection"
    question = "Which units have a name?"
    invitation = "choose layers, units and thresholds"
    pickers = ("network",)
    kinds = (*CLASSIFIERS, "random labels")

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
        self._dissections = {(self.model, name): found for name, found in (dissections or {}).items()}
        self.ablation_accuracies: tuple[Tensor, Tensor] | None = None
        """Accuracy of each class with the unit and without it; None before it is computed."""
        self._ablation: BackgroundSteps[tuple[Tensor, Tensor]] = BackgroundSteps(self.fail)
        self._labels: dict[str, Tensor] = {}
        layer = layer or next(reversed(dissections or {}), None)
        self.detector_grid = ImageGrid(columns=6, max_tile_size=160, min_tile_size=90, label="Detectors")
        self.picture_grid = ImageGrid(columns=3, max_tile_size=160, label="Strongest pictures")
        series = ["its pictures", "other pictures"]
        self.bars = ProbabilityBars(label="Overlap with concepts", series_names=series)
        series = ["without the unit", "with it"]
        self.ablation_bars = ProbabilityBars(label="Accuracy by class", series_names=series)
        self.ablation_words = finding()
        kinds = [dissection.ALL_CATEGORIES, *NAMES]
        self.layout(
            {
                "Detectors": {
                    "layer": search("Layer", asked=layer, name="Layer that is dissected"),
                    "threshold": slider(
                        "IoU >", 0.04, 0.01, 0.4, 0.01, name="Overlap above which a unit is a detector"
                    ),
                    "category": choice("Kind", kinds, name="Kind of concepts that are listed"),
                },
                "Unit": {
                    "unit": slider("Unit", 0, 0, 1, name="Unit of the layer"),
                    "highlight": choice(
                        "Bright", ["the unit's mask", "its concept"], name="What stays bright in the pictures"
                    ),
                    "opacity": slider("Dark", 0.7, 0, 1, 0.05, name="How dark the rest of the pictures is"),
                },
                "Its role": {
                    "ablate_button": button("Ablate this unit", name="Ablate this unit and predict again")
                },
            },
            centre=[self.picture_grid],
            result=[
                *(heading("Overlap (IoU) with concepts"), self.bars),
                *(heading("Who falls without it"), self.ablation_words, self.ablation_bars),
            ],
            below=[self.detector_grid],
        )
        link_opacity(self.opacity, self.detector_grid, self.picture_grid)
        self.show()
        self.on_change(self._new_layer, self.layer)
        self.on_change(self._list_detectors, self.threshold, self.category)
        self.on_change(self._show_unit, self.unit, self.highlight)
        self.on_change(self._pick, self.detector_grid, name="selected")
        self.on_click(self._ablate, self.ablate_button)

    @property
    def report(self) -> Dissection | None:
        """The dissection of the chosen layer, as far as it is known."""
        return self._dissections.get((self.model, self.layer.value))

    @property
    def _classes(self) -> tuple[str, ...]:
        return tuple(getattr(self.model, "class_names", ()))

    def refresh(self) -> None:
        if self.is_new_network():
            layers, last = dissection.relu_layers(self.model, self.side)
            offer_layers(self.layer, layers, otherwise=last)
            fitting = self._all_pictures.fitting(self.model, self.side)
            self.image_set = self.search.pictures = fitting.first(len(fitting), self.side)
            self.data, self._labels = self.image_set.source, {}
        self._new_layer()

    def looks_at(self) -> tuple[int, int]:
        return len(self.image_set), len(self._all_pictures)

    def code(self) -> str:
        layer, unit, threshold = self.layer.value, self.unit.value, self.threshold.value
        return dissection.code(self.load_line, len(self.image_set), self.side, layer, unit, threshold)

    def summary(self) -> str:
        named = f": {self._concept_text(self.unit.value)}" if self.report is not None else ""
        return (
            f"The units of {self.display_name}, layer {self.layer.value}, that are detectors (IoU above"
            f" {self.threshold.value:.2f}) in {len(self.image_set)} pictures; unit {self.unit.value}{named}."
        )

    def preview_title(self) -> str:
        if self.report is None:
            return ""
        count = dissection.count_sentence(self.report, self.threshold.value)
        return f"{self.layer.value}, unit {self.unit.value}: {self._concept_text(self.unit.value)}. {count}"

    def preview(self) -> Figure:
        if self.report is None or self.search.activations is None:
            return dissection.preview_figure(self.image_set.as_floats(self.side, torch.arange(6)))
        best, masks = self._strongest_masks()
        return dissection.preview_figure(self.image_set.as_floats(self.side, best), masks)

    # Callbacks of the controls.

    def _new_layer(self) -> None:
        """Dissect the layer if needed, then collect its maps: at once the first time, later in steps."""
        self.background.stop()
        self._ablation.stop()
        self.search.stop()
        if self.report is None:
            self._show_pictures()
        model, layer = self.model, self.layer.value

        def collect() -> None:
            self.search.search(model, layer, self.side, blocking=self.at_once)

        if self.report is not None:
            collect()
            return
        steps, total = dissection.dissect_steps_for(model, self.data, layer, self.side)

        def keep(found: dict[str, Dissection]) -> None:
            self._dissections |= {(model, name): one for name, one in found.items()}

        self.in_background(steps, keep, collect, total=total, at_once=self.at_once)

    def _show_pictures(self) -> None:
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
            self.detector_grid.labels = []
        self.bars.entries = []

    def waiting_for(self) -> str:
        return f"{self.display_name}, {self.layer.value}: dissecting {len(self.image_set)} pictures"

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
            self.detector_grid.labels = [f"{row.unit}: {row.concept}" for row in rows]
            self.detector_grid.tiles, self.detector_grid.overlay = {}, {}
            if rows:
                best, masks = dissection.strongest_image_per_unit(
                    self.search.activations, self.report, self._detector_units
                )
                self.detector_grid.tiles = image_tiles(self.image_set.as_floats(self.side, best))
                self.detector_grid.overlay = dissection.darken_outside(masks)
        self._tell_count()

    def _tell_count(self) -> None:
        found = dissection.count_sentence(self.report, self.threshold.value, self.category.value)
        self.set_status(f"{self.display_name}, {self.layer.value}: {found}")

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
        self._ablation.stop()
        if self.ablation_accuracies is not None:
            self._tell_count()  # what was said of another unit goes
        self.ablation_bars.entries, self.ablation_accuracies = [], None
        self.ablation_words.value = "Ablate this unit to see."
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
        images = self.image_set.as_floats(self.side)
        steps = ablation_steps(self.model, images, labels, self.layer.value, self.unit.value)
        self._ablation.start(steps, self._keep_ablation, self._show_ablation)

    def _keep_ablation(self, accuracies: tuple[Tensor, Tensor]) -> None:
        self.ablation_accuracies = accuracies

    def _show_ablation(self) -> None:
        self.ablation_words.value = ""
        self.ablation_bars.entries = dissection.ablation_rows(*self.ablation_accuracies, self._classes)
        everything, *fallen = self.ablation_bars.entries
        text = f"{fallen[0]['name']} falls most" if fallen else "no class falls"
        self.set_status(
            f"{self.display_name}, {self.layer.value}: without unit {self.unit.value} {text}; over all classes"
            f" {everything['now']:.1%} of the pictures are right, with it {everything['before']:.1%}."
        )
