"""The pictures of the microscope: all units are looked up in them at once, and each set has a row for the strongest patches of a unit.

The sets are surveyed in short steps (`cnnlab.explorers.render.microscope.Survey`), so a row shows the best patches so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from cnnlab.explorers.activation_store import ImageSet, first_images
from cnnlab.explorers.choices import Layer
from cnnlab.explorers.dataset_picker import crops_of_photographs
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.image_sources import installed_photographs
from cnnlab.explorers.render.activations import patch_captions, patch_images
from cnnlab.explorers.render.microscope import Survey

N_PATCHES = 5
TILES = {"columns": N_PATCHES, "smooth": True, "max_tile_size": 172}
"""What rows of tiles have in common."""


class SurveyedSets:
    """One or two sets of pictures, and in `rows` a grid of patches for each; `use` gives them a network.

    `given` is a data set for all that is shown; None takes crops of photographs, where there are any, and rendered pictures.
    """

    def __init__(self, given: Any):
        self._given = None if given is None else first_images(given)
        self.rows = [ImageGrid(**TILES, label="Patches") for _ in range(2)]

    def use(self, model: nn.Module, side: int, layers: Mapping[str, Layer]) -> None:
        """Begin with a network: what was kept of its layers is known at once, the rest after `steps`."""
        sets = [self._given] if self._given else [first_images()]
        if not self._given and installed_photographs():
            sets.insert(0, crops_of_photographs())
        self._sets: list[ImageSet] = [one.fitting(model, side) for one in sets]
        self._side, self._layers = side, layers
        self._survey = Survey(model, self._sets, side, layers)

    @property
    def done(self) -> bool:
        """Whether all pictures have been looked at."""
        return self._survey.done

    def steps(self) -> Iterator[int]:
        """Look at some more pictures with each step."""
        return self._survey.steps()

    def nearest(self, layer: str, unit: int) -> tuple[Tensor, Tensor]:
        """The units nearest to a unit over the pictures of all sets so far, and their correlations."""
        return self._survey.nearest(layer, unit)

    def strongest(self, layer: str, unit: int, number: int = 0) -> tuple[Tensor, list[str]] | None:
        """The strongest patches in a set so far, and their captions; None where nothing is known or the unit never fires."""
        found, field = self._survey.of(layer, number), self._layers[layer].field
        if found is None or field is None or not self._fires_on(layer, unit, number):
            return None
        best = found.strongest(layer, unit, N_PATCHES, field)
        images = self._sets[number].as_floats(self._side, best.picture[0])
        return patch_images(images, best, field), patch_captions(best, self._sets[number])

    def show(self, layer: str, unit: int) -> None:
        """Show a unit's strongest patches in each set."""
        for number, grid in enumerate(self.rows):
            there = number < len(self._sets)
            found = self.strongest(layer, unit, number) if there else None
            silent = there and not self._fires_on(layer, unit, number)
            with grid.hold_sync():
                grid.tiles, grid.captions = ({}, []) if found is None else (image_tiles(found[0]), found[1])
                grid.label = self._name(number) + (": it fires on none of them" if silent else "")
            grid.layout.display = None if there else "none"

    def code(self, side: int) -> list[str]:
        """The lines of code for the pictures of the first set."""
        return self._sets[0].code(side)

    def _fires_on(self, layer: str, unit: int, number: int) -> bool:
        """Whether the unit is above 0 anywhere in a set; true as long as nothing is known."""
        found = self._survey.of(layer, number)
        return found is None or bool((found.peak[:, unit] > 0).any())

    def _name(self, number: int) -> str:
        if self._given:
            return "in your pictures"
        return "in rendered pictures" if number >= len(self._sets) - 1 else "in crops of photographs"
