"""Results of network dissection: the overlap of units with concepts, and the detectors among the units."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from torch import Tensor

from cnnlab._validation import fraction, one_of

DETECTOR_IOU = 0.04
"""The IoU above which Bau and others (2017) call a unit a detector."""


@dataclass(frozen=True)
class UnitReport:
    """Result of dissection for one unit.

    Attributes
    ----------
    unit
        Its channel.
    concept, category
        The concept with which it overlaps most.
    iou
        Its intersection over union with this concept.
    chance_iou
        The largest IoU of its masks with any concept in exchanged pictures.
    is_detector
        Whether the IoU is above the threshold.
    """

    unit: int
    concept: str
    category: str
    iou: float
    chance_iou: float
    is_detector: bool


@dataclass(frozen=True, eq=False)
class Dissection:
    """Result of `dissect` for one layer of U units and C concepts.

    Attributes
    ----------
    layer
        Name of the layer.
    concepts, categories
        The name and the category of each concept, C each.
    threshold
        U, the activation above which a pixel belongs to the unit's mask.
    activated_fraction
        U, the share of all pixels that are in the mask: the requested quantile, or less where values tie (a unit that is
        0 almost everywhere).
    concept_fraction
        C, the share of all pixels that show the concept.
    iou
        U x C, intersection over union of masks and concepts, summed over the data set.
    chance_iou
        U x C, the same with the concepts of another picture.
    """

    layer: str
    concepts: tuple[str, ...]
    categories: tuple[str, ...]
    threshold: Tensor
    activated_fraction: Tensor
    concept_fraction: Tensor
    iou: Tensor
    chance_iou: Tensor

    def detectors(self, threshold: float = DETECTOR_IOU, category: str | None = None) -> Tensor:
        """U booleans: whether the unit's best overlap is above the threshold (and its concept in the category, if one is given)."""
        best, concept = self.iou.max(1)
        is_detector = best > fraction(threshold, "threshold")
        if category is not None:
            one_of(category, sorted(set(self.categories)), "category")
            is_detector &= best.new_tensor([self.categories[c] == category for c in concept.tolist()]).bool()
        return is_detector

    def unique_detectors(self, threshold: float = DETECTOR_IOU, category: str | None = None) -> int:
        """Number of different concepts with a detector: ten detectors of the same wheel count once."""
        is_detector = self.detectors(threshold, category)
        return len(set(self.iou.argmax(1)[is_detector].tolist()))

    def units_of(self, threshold: float = DETECTOR_IOU) -> dict[tuple[str, str], list[int]]:
        """For each (category, concept) that has detectors, their units; the concepts with most units first."""
        best = self.iou.argmax(1).tolist()
        units = self.detectors(threshold).nonzero()[:, 0].tolist()
        ranked = Counter(best[unit] for unit in units).most_common()
        return {
            (self.categories[c], self.concepts[c]): [unit for unit in units if best[unit] == c]
            for c, _ in ranked
        }

    def rows(self, threshold: float = DETECTOR_IOU) -> list[UnitReport]:
        """One `UnitReport` for each unit, the largest IoU first."""
        best, concept = self.iou.max(1)
        chance = self.chance_iou.amax(1)
        is_detector = self.detectors(threshold)
        return [
            UnitReport(
                unit=unit,
                concept=self.concepts[int(concept[unit])],
                category=self.categories[int(concept[unit])],
                iou=float(best[unit]),
                chance_iou=float(chance[unit]),
                is_detector=bool(is_detector[unit]),
            )
            for unit in best.argsort(descending=True, stable=True).tolist()
        ]

    def at_chance(self) -> Dissection:
        """The same report with the concepts of exchanged pictures: its counts are the chance level."""
        return replace(self, iou=self.chance_iou)
