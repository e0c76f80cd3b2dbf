"""The definition of an experiment."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cnnlab._validation import one_of

Measure = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """An experiment: a question, and a function that measures every cell of a grid.

    Attributes
    ----------
    question
        The question, as a sentence.
    measure
        Called once for each cell as `measure(**cell, **options)`; returns its results (numbers or text) by name. Its random choices
        depend on its arguments alone, `seed` among them, so that each cell can be repeated separately.
    grid
        The values of each axis; the cells are all their combinations, with the last axis varying fastest.
    options
        Arguments that are the same in all cells.
    quick_grid, quick_options
        Values that differ in the quick version, which runs live in a notebook: fewer cells, fewer pictures.
    """

    question: str
    measure: Measure
    grid: Mapping[str, Sequence[Any]]
    options: Mapping[str, Any] = field(default_factory=dict)
    quick_grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    quick_options: Mapping[str, Any] = field(default_factory=dict)

    def recipe(self, quick: bool = False) -> dict[str, Any]:
        """All settings that determine the result: `{"grid": ..., "options": ...}`."""
        grid = {**self.grid, **(self.quick_grid if quick else {})}
        options = {**self.options, **(self.quick_options if quick else {})}
        return {"grid": {name: list(values) for name, values in grid.items()}, "options": options}

    def changed(self, settings: Mapping[str, str]) -> Experiment:
        """The experiment with other settings, as text: for an axis of the grid its values with commas between, for an option one value.

        Raises
        ------
        ValueError
            If there is no such setting, or a value is not of the kind of the present one.
        """
        grid, options = dict(self.grid), dict(self.options)
        for name, text in settings.items():
            if one_of(name, [*grid, *options], "setting") in grid:
                grid[name] = tuple(_like(grid[name][0], name, value.strip()) for value in text.split(","))
            else:
                options[name] = _like(options[name], name, text)
        quick = {
            name: {key: value for key, value in getattr(self, name).items() if key not in settings}
            for name in ("quick_grid", "quick_options")
        }
        return replace(self, grid=grid, options=options, **quick)

    def cells(self, quick: bool = False) -> list[dict[str, Any]]:
        """The combinations of the grid's values."""
        grid = self.recipe(quick)["grid"]
        return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _like(present: Any, name: str, text: str) -> Any:
    """The text as a value of the kind of `present`."""
    kind = type(present)
    if kind in (int, float, str):
        try:
            return kind(text)
        except ValueError:
            pass
    raise ValueError(f"{name} is {present!r} in this experiment, and {text!r} cannot take its place.")
