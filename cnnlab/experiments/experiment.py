"""What an experiment is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Measure = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """A question, and how every cell of a grid answers it.

    Attributes
    ----------
    question
        What one wants to know, as a sentence.
    measure
        Called once a cell as `measure(**cell, **options)`; returns the numbers (or words) found there by name. What it draws by chance
        hangs on its arguments alone, `seed` among them, so that each cell can be repeated by itself.
    grid
        The values of each axis; the cells are all their combinations, the last axis moving fastest.
    options
        What is the same in all cells.
    quick_grid, quick_options
        What is different in the quick version that runs live in a notebook: fewer cells, fewer pictures.
    """

    question: str
    measure: Measure
    grid: Mapping[str, Sequence[Any]]
    options: Mapping[str, Any] = field(default_factory=dict)
    quick_grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    quick_options: Mapping[str, Any] = field(default_factory=dict)

    def recipe(self, quick: bool = False) -> dict[str, Any]:
        """All that decides the outcome: `{"grid": ..., "options": ...}`."""
        grid = {**self.grid, **(self.quick_grid if quick else {})}
        options = {**self.options, **(self.quick_options if quick else {})}
        return {"grid": {name: list(values) for name, values in grid.items()}, "options": options}

    def cells(self, quick: bool = False) -> list[dict[str, Any]]:
        """The combinations of the grid's values."""
        grid = self.recipe(quick)["grid"]
        return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
