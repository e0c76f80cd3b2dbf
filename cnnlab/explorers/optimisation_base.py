"""What the explorers of inversion, dreams and style share: pictures that grow, a curve beside them, and a run after each change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ipywidgets as widgets
import torch
from torch import nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import first_layers, offer_layers
from cnnlab.explorers.film import Film, Moment, curves_figure, strip_figure
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Chart, Sheet, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.explorers.wishes import layer_widths
from cnnlab.networks.layers import evaluating, like_parameters

MADE_SIDE = 160
"""Of the pictures that are made with a large network: half the time of 224 x 224, and as easy to recognise."""


class GrowingExplorer(Explorer):
    """A picture that is made step by step.

    A subclass makes its controls, calls `open`, and gives

    - `offer()`: fit the controls to the network, before each run for a new one;
    - `moments()`: (the moments of a run, how many steps it has), raising at once what is wrong;
    - `captions()`: a line for each picture of a moment;
    - `curve_label`: what the curves are.
    """

    curve_label = ""
    run_label = "Run"

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self._takes: tuple[nn.Module, int] | None = None
        self.sheet, self.chart = Sheet(columns=2, largest=300), Chart()
        self.film = Film(self.show, self.say, self.fail, self.run_label)

    def offer(self) -> None:
        """Fit the controls to the network."""
        raise NotImplementedError

    def moments(self) -> tuple[Iterator[Moment], int]:
        """The moments of a run, and how many steps it has."""
        raise NotImplementedError

    def captions(self) -> list[str]:
        """A line for each picture."""
        raise NotImplementedError

    def open(
        self,
        groups: dict[str, Sequence[widgets.Widget]],
        names: Sequence[list],
        controls: Sequence[widgets.Widget],
        result: Sequence[widgets.Widget] = (),
    ) -> None:
        """Lay it out, make the first picture, and run anew whenever one of `controls` changes; `result` stands over the curve."""
        self.arrange(
            groups,
            stage=[self.film.panel, self.sheet],
            result=[*result, heading(self.curve_label), self.chart],
            names=[*names, *self.film.names],
        )
        self.begin()
        self.watch(self.changed, *controls)
        self.film.run_button.on_click(lambda _button: self.attempt(self.run))

    def run(self) -> None:
        """Let the picture grow, step by step."""
        self.film.start(*self.moments())

    @property
    def made_side(self) -> int:
        """Side, in pixels, of the pictures that are made: smaller than its own for a large network that takes such pictures."""
        if self._takes is None or self._takes[0] is not self.model:
            smaller = self.is_large and takes(self.model, MADE_SIDE)
            self._takes = self.model, MADE_SIDE if smaller else self.side
        return self._takes[1]

    def refresh(self) -> None:
        self.offer()
        first = self.film.begin if self.is_large else self.film.play
        (self.film.start if self.film.moments else first)(*self.moments())

    def changed(self) -> None:
        """A control has changed."""
        if self.film.live.value:
            self.run()
        else:
            self.film.forget()

    def show(self, moment: Moment, resting: bool) -> None:
        """Paint a moment; the curves only at rest, since they take longer than the pictures."""
        captions = self.captions()
        with self.sheet.hold_sync():
            self.sheet.smooth = moment.bytes_.shape[-1] > 128
            self.sheet.columns = min(3, len(captions))
            self.sheet.tiles, self.sheet.captions = picture_tiles(moment.images), captions
            self.sheet.selected = min(max(self.sheet.selected, 0), len(captions) - 1)
            self.sheet.label = ", ".join(captions)
        if resting and moment.numbers:
            curves = {name: self.film.curve(name) for name in moment.numbers}
            figure = curves_figure(curves, self.film.shown)
            words = f"{', '.join(curves)} over the steps, at step {self.film.shown}."
            self.chart.show(still_figure(figure), words)

    def still(self) -> bytes:
        shown = self.film.moments[self.film.shown]
        return still_figure(strip_figure(f"{self.title}: {self.question}", shown.images, self.captions()))

    def offer_layers(self, control: SearchSelect, first: str, *, maps: bool) -> None:
        """Offer the network's layers; keep the chosen one, or take `first`, if it has them, else one in the middle."""
        names = list(layer_widths(self.model, self.side, maps=maps))
        outer = first_layers(names)
        offer_layers(control, names, otherwise=first if first in names else outer[len(outer) // 2])


def takes(model: nn.Module, side: int) -> bool:
    """Whether a network answers to pictures of side x side."""
    try:
        with evaluating(model), torch.inference_mode():
            model(like_parameters(model, torch.zeros(1, 3, side, side)))
    except RuntimeError:
        return False
    return True


def slider(label: str, value: float, least: float, most: float, step: float = 1) -> widgets.Widget:
    """A slider that speaks when it is let go."""
    kind = widgets.IntSlider if isinstance(value, int) else widgets.FloatSlider
    form = {} if isinstance(value, int) else {"readout_format": ".4f" if step < 0.01 else ".2f"}
    return kind(value, min=least, max=most, step=step, description=label, continuous_update=False, **form)


def named(**controls: tuple[widgets.Widget, str]) -> list:
    """The accessible names of controls: key = (control, name)."""
    return [entry for key, (control, name) in controls.items() for entry in names_for(control, key, name)]
