"""Base of the explorers that optimise a picture: inversion, activation maximisation, DeepDream, style transfer, fooling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart
from cnnlab.explorers.choices import first_layers, offer_layers
from cnnlab.explorers.controls import Controls, heading
from cnnlab.explorers.effort import PATIENCE
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.render.maximisation import layer_widths
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import figure_png
from cnnlab.explorers.step_player import BEGIN, Frame, StepPlayer, curves_figure, strip_figure
from cnnlab.networks.forward import forward, without_gradients
from cnnlab.networks.zoo import load
from cnnlab.synthesis.early_exit import reader

PARAMETRISATIONS = [("waves (Fourier)", "fourier"), ("pixels", "pixels")]
MADE_SIDE = 160
"""Side of the optimised pictures for a large network: half the time of 224 x 224, and as easy to recognise."""

cached_load = lru_cache(maxsize=4)(load)
"""`load` for the networks that a picture is shown to as well."""


class OptimisationExplorer(Explorer):
    """Base class of explorers whose picture is optimised step by step.

    A subclass calls `assemble` with its controls, and defines

    - `update_options()`: fit the controls to the network, before the first run with it;
    - `frames()`: (the frames of a run, the number of its steps), raising errors at once;
    - `captions()`: a caption for each picture of a frame;
    - `curve_label`: the heading of the curves.

    The run is controlled by `player.run_button`, `player.stop_button`, `player.scrubber` and `player.auto_run`.
    """

    curve_label = ""
    run_label = "Run"

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self._takes: tuple[nn.Module, int] | None = None
        self.grid, self.chart = ImageGrid(columns=2, max_tile_size=400, min_tile_size=150), Chart()
        self.player = StepPlayer(self.show_frame, self.set_status, self.fail, self.run_label)

    def update_options(self) -> None:
        """Fit the controls to the network."""
        raise NotImplementedError

    def frames(self) -> tuple[Iterator[Frame], int]:
        """The frames of a run, and the number of its steps."""
        raise NotImplementedError

    def captions(self) -> list[str]:
        """A caption for each picture."""
        raise NotImplementedError

    def assemble(
        self,
        groups: Mapping[str, Controls],
        *,
        silent: Sequence[str] = (),
        result: Sequence[widgets.Widget] = (),
    ) -> None:
        """Arrange the explorer and make the first picture; a change of a control runs again, but for those in `silent`.

        `result` is above the curves; without any the pictures have its room, and the curves are below them.
        """
        centre, curves = [self.player.panel, self.grid], [heading(self.curve_label), self.chart]
        if result:
            self.layout(groups, centre=centre, result=[*result, *curves])
        else:
            self.layout(groups, centre=[*centre, *curves])
        self.show()
        controls = {name: control for group in groups.values() for name, control in group.items()}
        settings = [
            control
            for name, control in controls.items()
            if name not in silent and getattr(control, "accessible_name", "")
        ]
        self.on_change(self.on_control_change, *settings)
        self.on_click(self.run, self.player.run_button)

    def run(self) -> None:
        """Run the optimisation, step by step."""
        self.player.start(*self.frames())

    @property
    def made_side(self) -> int:
        """Side of the optimised pictures in pixels: smaller than the input of a large network that accepts smaller pictures."""
        if self._takes is None or self._takes[0] is not self.model:
            smaller = self.side > MADE_SIDE and takes(self.model, MADE_SIDE)
            self._takes = self.model, MADE_SIDE if smaller else self.side
        return self._takes[1]

    def refresh(self) -> None:
        self.update_options()
        if self.player.frames:
            self.player.start(*self.frames())
        else:
            self.player.begin(*self.frames(), BEGIN if self.is_large else PATIENCE)

    def on_control_change(self) -> None:
        """Callback of the controls."""
        if self.player.auto_run.value:
            self.run()
        else:
            self.player.invalidate()

    def show_frame(self, frame: Frame, finished: bool) -> None:
        """Show a frame; the curves only when the run pauses or ends, since they take longer than the pictures."""
        captions = self.captions()
        with self.grid.hold_sync():
            self.grid.smooth = frame.pixels.shape[-1] > 128
            self.grid.columns = min(len(captions), 2 if len(captions) == 4 else 3)
            self.grid.tiles, self.grid.captions = image_tiles(frame.images), captions
            self.grid.selected = min(max(self.grid.selected, 0), len(captions) - 1)
            self.grid.labels = captions if len(captions) > 1 else []
            self.grid.label = self.title if len(captions) > 1 else captions[0]
        if finished and frame.metrics:
            curves = {name: self.player.metric_history(name) for name in frame.metrics}
            figure = curves_figure(curves, self.player.current_step)
            alt_text = f"{', '.join(curves)} over the steps, at step {self.player.current_step}."
            self.chart.show(figure_png(figure), alt_text)

    def preview(self) -> Figure:
        frame = self.player.frames[self.player.current_step]
        return strip_figure(frame.images, self.captions())

    def set_layer_options(self, control: SearchSelect, default: str, *, maps: bool) -> None:
        """Fill a menu with the network's layers; keep the chosen one, or take `default` if the network has it, else a middle layer."""
        names = list(layer_widths(self.model, self.side, maps=maps))
        outer = first_layers(names)
        offer_layers(control, names, default if default in names else outer[len(outer) // 2])


def takes(model: nn.Module, side: int, layers: Sequence[str] = ()) -> bool:
    """Whether a network accepts pictures of side x side, as far as the given layers or to its end."""
    blank = torch.zeros(1, 3, side, side)
    try:
        with without_gradients(model):
            reader(model, tuple(layers), (side, side))(blank) if layers else forward(model, blank)
    except (RuntimeError, ValueError):
        return False
    return True
