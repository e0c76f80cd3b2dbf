"""The dissection explorer: which units have a name, above which threshold, what they look at, and which class falls without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from cnnlab.explorers import dissected
from cnnlab.explorers.bars import Bars
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.collection import Collection, LayerMaps, Search, first_pictures
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.reports import Reports
from cnnlab.explorers.role import Role
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Sheet, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.units import Dissection
from cnnlab.world import NAMES, dataset

PICTURES = 240
STRONGEST = 8
MOST_LISTED = 18


class DissectionExplorer(Explorer):
    """Which units are detectors of something that has a name, what do they look at, and who needs them?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    pictures
        A data set of the world with some hundred pictures; None takes the first 240 of the validation split.
    dissections
        What `cnnlab.units.dissect` has found in layers of this network already; other layers are dissected when they are chosen.
    layer
        The layer that is shown first; None takes the last of `found`, or of the network.

    Controls
    --------
    layer, unit
        Whose report is shown; a click on a tile of the list chooses its unit.
    threshold, category
        The overlap above which a unit counts as a detector, and of what kind of concept.
    highlight
        What stays bright in the pictures: the unit's mask, or the pixels of its concept.
    ablate_button
        Answers the pictures again without the unit.

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
        found: Mapping[str, Dissection] | None = None,
        layer: str | None = None,
    ):
        super().__init__(model)
        self.data = dataset("validation", n=PICTURES, progress=False) if pictures is None else pictures
        self._all_pictures = first_pictures(self.data, len(self.data))
        self.collection: Collection = self._all_pictures
        self.search = Search(self.collection, self._maps_there, self.fail)
        known = {(self.model, name): one for name, one in (found or {}).items()}
        self.reports = Reports(known, self.after(lambda: self.attempt(self._new_layer)), self._say_waiting)
        self.role = Role(self.after(self._fell))
        self.silence, self.falls = self.role.button, self.role.bars
        self._truth: dict[str, Tensor] = {}
        self._known: nn.Module | None = None
        self._first = layer or next(reversed(found), None) if found else layer
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._new_layer, self.layer)
        self.watch(self._list, self.threshold, self.category)
        self.watch(self._show_unit, self.unit, self.lit)
        self.watch(self._pick, self.units, name="selected")
        self.silence.on_click(lambda _button: self.attempt(self._silence))

    @property
    def report(self) -> Dissection | None:
        """What is known of the chosen layer."""
        return self.reports.of(self.model, self.layer.value)

    @property
    def lost(self) -> tuple[Tensor, Tensor] | None:
        """Accuracy of each class with the unit and without, as far as it is known."""
        return self.role.lost

    @property
    def _classes(self) -> tuple[str, ...]:
        return tuple(getattr(self.model, "class_names", ()))

    def refresh(self) -> None:
        if self._known is not self.model:
            layers, last = dissected.rectified_layers(self.model, self.side)
            offer_layers(self.layer, layers, asked=self._first, otherwise=last)
            self._first = None
            self.collection = self.search.pictures = self._all_pictures.fitting(self.side)
            self.data, self._truth = self.collection.source, {}
        self._new_layer()
        self._known = self.model

    def code(self) -> str:
        layer, unit, threshold = self.layer.value, self.unit.value, self.threshold.value
        return dissected.code(self.load_line, len(self.collection), layer, unit, threshold)

    def describe(self) -> str:
        named = f": {self._named(self.unit.value)}" if self.report is not None else ""
        return (
            f"Dissection explorer. The units of {self.called}, layer {self.layer.value}, that are detectors (IoU above"
            f" {self.threshold.value:.2f}) in {len(self.collection)} pictures; unit {self.unit.value}{named}."
            " Run the cell to choose layers, units and thresholds."
        )

    def still(self) -> bytes:
        if self.report is None or self.search.found is None:
            return still_figure(dissected.drawn(self.collection.floats(self.side, torch.arange(6))))
        best, lit = self._lit()
        figure = dissected.drawn(self.collection.floats(self.side, best), lit)
        words = dissected.counted(self.report, self.threshold.value)
        figure.suptitle(
            f"{self.layer.value}, unit {self.unit.value}: {self._named(self.unit.value)}. {words}",
            fontsize=9,
            x=0.01,
            ha="left",
        )
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.unit = widgets.IntSlider(0, min=0, max=1, description="Unit")
        self.threshold = widgets.FloatSlider(
            0.04, min=0.01, max=0.4, step=0.01, description="IoU >", readout_format=".2f"
        )
        self.category = widgets.Dropdown(options=[dissected.ALL, *NAMES], description="Kind")
        self.lit = widgets.Dropdown(options=["the unit's mask", "its concept"], description="Bright")
        self.opacity = widgets.FloatSlider(0.7, min=0, max=1, step=0.05, description="Dark")
        self.units = Sheet(columns=6, largest=96, label="Detectors")
        self.pictures_sheet = Sheet(columns=4, largest=140, label="Strongest pictures")
        for sheet in (self.units, self.pictures_sheet):
            widgets.jslink((self.opacity, "value"), (sheet, "opacity"))
        self.bars = Bars(label="Overlap with concepts", words=["its pictures", "other pictures"])

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Picture": [],
                "Detectors": [self.layer, self.threshold, self.category],
                "Unit": [self.unit, self.lit, self.opacity],
                "Its role": [self.silence],
            },
            stage=[self.pictures_sheet, self.units],
            result=[
                heading("Overlap (IoU) with concepts"),
                self.bars,
                heading("Who falls without it"),
                self.falls,
            ],
            names=[
                *names_for(self.layer, "layer", "Layer that is dissected"),
                *names_for(self.threshold, "threshold", "Overlap above which a unit is a detector"),
                *names_for(self.category, "category", "Kind of concepts that are listed"),
                *names_for(self.unit, "unit", "Unit of the layer"),
                *names_for(self.lit, "lit", "What stays bright in the pictures"),
                *names_for(self.opacity, "opacity", "How dark the rest of the pictures is"),
                *names_for(self.silence, "silence", "Silence this unit and ask again"),
            ],
        )

    # What happens when a control changes.

    def _new_layer(self) -> None:
        """Dissect the layer if that has not been done, then collect its maps: at once the first time, later in steps."""
        self.reports.stop()
        self.role.stop()
        self.search.stop()
        model, layer, first = self.model, self.layer.value, self._known is None
        small = first and not self.is_large
        if self.report is None and small:
            self.reports.make(model, layer, self.data, self.side, at_once=True)
        if self.report is not None:
            self.search.look(model, layer, self.side, at_once=small)
            return
        self._show_waiting()
        self.reports.make(model, layer, self.data, self.side)
        if self._renewing and self.report is not None:  # without a running loop all steps are taken by now
            self.search.look(model, layer, self.side)

    def _show_waiting(self) -> None:
        """Until the layer is dissected: some of the pictures that are looked at."""
        some = torch.arange(min(STRONGEST, len(self.collection)))
        with self.pictures_sheet.hold_sync(), self.units.hold_sync():
            self.pictures_sheet.label = "Some of the pictures that the layer is dissected with"
            self.pictures_sheet.tiles, self.pictures_sheet.overlay = (
                picture_tiles(self.collection.floats(self.side, some)),
                {},
            )
            self.pictures_sheet.captions = [self.collection.words(i) for i in some.tolist()]
            self.units.tiles, self.units.overlay, self.units.captions = {}, {}, []
        self.bars.entries = []
        self._say_waiting()

    def _say_waiting(self, share: str = "") -> None:
        self.say(f"{self.called}, {self.layer.value}: dissecting {len(self.collection)} pictures ... {share}")

    def _maps_there(self, found: LayerMaps, whole: bool) -> None:
        if not whole or self.report is None:
            return
        with self.quiet():
            self.unit.max = len(self.report.iou) - 1
            self.unit.value = self.report.rows()[0].unit
        self._list()
        self._show_unit()

    def _named(self, unit: int) -> str:
        return dissected.named(self.report, unit)

    def _list(self) -> None:
        """The detectors, each with its strongest picture; a longer list shows its best and says how many there are."""
        if self.report is None or self.search.found is None:
            return
        threshold, category = self.threshold.value, self.category.value
        rows = dissected.listed(self.report, threshold, category)[:MOST_LISTED]
        self._listed = [row.unit for row in rows]
        with self.quiet(), self.units.hold_sync():
            self.units.selected = -1
            self.units.label = (
                f"Detectors, the best first: {dissected.commonest(self.report, threshold, category)}"
            )
            self.units.captions = [f"unit {row.unit}: {self._named(row.unit)}" for row in rows]
            self.units.tiles, self.units.overlay = {}, {}
            if rows:
                best, masks = dissected.strongest_of(self.search.found, self.report, self._listed)
                self.units.tiles = picture_tiles(self.collection.floats(self.side, best))
                self.units.overlay = dissected.shade(masks)
        self.say(f"{self.called}, {self.layer.value}: {dissected.counted(self.report, threshold, category)}")

    def _lit(self) -> tuple[Tensor, Tensor]:
        """The unit's strongest pictures, and the pixels in them that stay bright."""
        best, masks = dissected.strongest_masks(self.search.found, self.report, self.unit.value, STRONGEST)
        if self.lit.index == 0:
            return best, masks
        category, name = dissected.concept_of(self.report, self.unit.value)
        if category not in self._truth:
            self._truth[category] = self.data.maps(category)
        return best, self._truth[category][best] == NAMES[category].index(name)

    def _show_unit(self) -> None:
        if self.report is None or self.search.found is None:
            return
        self.role.forget()
        unit = self.unit.value
        best, lit = self._lit()
        with self.pictures_sheet.hold_sync():
            self.pictures_sheet.label = f"Unit {unit}: {self._named(unit)}"
            self.pictures_sheet.tiles = picture_tiles(self.collection.floats(self.side, best))
            self.pictures_sheet.overlay = dissected.shade(lit)
            self.pictures_sheet.captions = [self.collection.words(i) for i in best.tolist()]
        self.bars.entries = dissected.overlap_rows(self.report, unit)

    def _pick(self) -> None:
        if 0 <= self.units.selected < len(self._listed):
            self.unit.value = self._listed[self.units.selected]

    def _silence(self) -> None:
        labels = dissected.labels_for(self.collection, self._classes)
        self.say(f"{self.called}: the pictures are answered again without unit {self.unit.value} ...")
        self.role.ask(
            self.model, self.collection.floats(self.side), labels, self.layer.value, self.unit.value
        )

    def _fell(self) -> None:
        fell = self.role.show(self._classes)
        self.say(f"{self.called}, {self.layer.value}: without unit {self.unit.value} {fell}.")
