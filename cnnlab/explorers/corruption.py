"""Corruption explorer: noise, blur, weather and compression on one picture, at five severities."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart, ProbabilityBars, probability_rows
from cnnlab.explorers.controls import choice, finding, heading, number, slider
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, tile_frame
from cnnlab.explorers.render import corruption
from cnnlab.explorers.render.corruption import Result, State
from cnnlab.explorers.static_preview import ACCENT, BESIDE, INK, PLAIN, canvas, draw_curve, figure_png
from cnnlab.figures.axes import show_image
from cnnlab.figures.colours import OUTLINE
from cnnlab.networks.forward import class_names, probabilities
from cnnlab.robustness import CORRUPTIONS, SEVERITIES


class CorruptionExplorer(Explorer):
    """Corruption explorer: predictions under noise, blur, weather and compression.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    networks
        Networks to choose from, by the names that are shown; all that are available by default.

    Example
    -------
    >>> explorer = CorruptionExplorer("mini_alexnet", picture=7)
    >>> explorer.kind.value, explorer.severity.value = "fog", 5
    """

    name = "Corruption explorer"
    title = "Corruptions"
    question = "What does the network still see through noise, blur, weather and compression?"
    invitation = "change kind and severity"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__(model, picture, networks)
        self.results: dict[int, Result] = {}
        self.pair = ImageGrid(columns=2, max_tile_size=240, label="The picture as it is, and corrupted")
        self.grid = ImageGrid(
            columns=5,
            max_tile_size=160,
            min_tile_size=100,
            label="All fifteen (click one to choose it); in a pink frame where the answer turns",
        )
        self.grid.labels = [_kind_text(kind) for kind in CORRUPTIONS]
        self.bars = ProbabilityBars(series_names=["corrupted", "as it is"])
        self.chart, self._finding = Chart(), finding()
        self.layout(
            {
                "Corruption": {
                    "kind": choice("Kind", corruption.kind_options(), name="Kind of corruption"),
                    "severity": slider("Severity", 3, 1, 5, name="Severity from 1 to 5"),
                    "random_seed": number("Seed", 0, 0, 9999, name="Random seed of the corruption"),
                }
            },
            centre=[
                *(self.pair, self._finding),
                *(heading("Probability of what it said before, by severity"), self.chart),
            ],
            result=[heading("What the network says"), self.bars],
            below=[self.grid],
        )
        self.show()
        self.on_change(self._show, self.kind, self.severity)
        self.on_change(self._compute, self.random_seed)
        self.on_change(self._tile_chosen, self.grid, name="selected")

    @property
    def state(self) -> State:
        """The settings of the controls."""
        controls = {"kind": self.kind.value, "severity": self.severity.value, "seed": self.random_seed.value}
        return State(self.model, self.image_picker.source, self.side, **controls)

    def refresh(self) -> None:
        self._compute()

    def code(self) -> str:
        return corruption.code(self.state, self.load_line)

    def summary(self) -> str:
        state = self.state
        return (
            f"{self.display_name} looks at a picture ({state.source.description}) under {_kind_text(state.kind)} of severity"
            f" {state.severity} of 5, and under each of the other fourteen corruptions."
        )

    def preview_title(self) -> str:
        return f"{self.title}: {self.display_name}, severity {self.severity.value} of 5"

    def preview(self) -> Figure:
        result = self._current_result()
        figure = canvas(9.8, 9.2)
        tiles, below = figure.subfigures(2, 1, height_ratios=(6.6, 2.6))
        rows = zip(tiles.subplots(3, 5).flat, CORRUPTIONS, result.images, result.winners, strict=True)
        for axis, kind, image, winner in rows:
            title = f"{_kind_text(kind)}\nsays {self._classes[winner]}"
            show_image(axis, image, title, 8, interpolation="nearest")
            axis.title.set_color(INK if winner == self._clean_class else "#b3004d")
        _curves(
            below.subplots(), self._by_severity(), CORRUPTIONS.index(self.kind.value), self.severity.value
        )
        return figure

    # Callbacks of the controls.

    def _compute(self) -> None:
        """Compute the chosen severity at once and the others in the background, so that moving the slider only looks up results."""
        state = self.state
        self.background.stop()
        self.results = {}
        self._clean_probability = probabilities(self.model, self.image)
        self._classes = class_names(self.model, len(self._clean_probability))
        self._clean_class = int(self._clean_probability.argmax())
        self.results[state.severity] = corruption.render(state)
        self._show()
        self.in_background(corruption.at_other_severities(state, self.results), done=self._draw_curves)

    def _current_result(self) -> Result:
        """The result for the fifteen corruptions at the chosen severity."""
        severity = self.severity.value
        if severity not in self.results:
            self.results[severity] = corruption.render(self.state)
        return self.results[severity]

    def _show(self) -> None:
        state, result = self.state, self._current_result()
        index, winners = CORRUPTIONS.index(state.kind), result.winners
        name, probability = self._classes[winners[index]], result.probability[index]
        with self.pair.hold_sync():
            self.pair.tiles = image_tiles(torch.stack([state.source.image(state.side), result.images[index]]))
            self.pair.captions = ["as it is", f"{_kind_text(state.kind)}, severity {state.severity}"]
        wrong = [number for number, winner in enumerate(winners) if winner != self._clean_class]
        with self.grid.hold_sync():
            self.grid.tiles = image_tiles(result.images)
            self.grid.captions = [
                f"{_kind_text(kind)}: {self._classes[winner]} ({float(result.probability[number, winner]):.2f})"
                for number, (kind, winner) in enumerate(zip(CORRUPTIONS, winners, strict=True))
            ]
            self.grid.boxes = [tile_frame(tile, self.side, self.side, OUTLINE) for tile in wrong]
            self.grid.selected = index
        self.bars.entries = probability_rows(
            probability, self._clean_probability, self._classes, self._clean_class
        )
        self._finding.value = (
            f"At severity {state.severity}, {len(wrong)} of 15 corruptions turn the answer (framed in pink)."
        )
        self.set_status(
            f"{self.display_name} said {self._classes[self._clean_class]}; under {_kind_text(state.kind)} it says {name}."
        )
        self._draw_curves()

    def _by_severity(self) -> dict[int, list[float]]:
        """For each computed severity, the probability of the clean prediction under each corruption."""
        return {
            severity: self.results[severity].probability[:, self._clean_class].tolist()
            for severity in SEVERITIES
            if severity in self.results
        }

    def _draw_curves(self) -> None:
        index = CORRUPTIONS.index(self.kind.value)
        values = self._by_severity()
        figure = canvas(BESIDE, 2.2)
        _curves(figure.subplots(), values, index, self.severity.value)
        points = ", ".join(f"{severity}: {row[index]:.2f}" for severity, row in values.items())
        what = f"Probability of {self._classes[self._clean_class]} under {_kind_text(self.kind.value)} by severity: {points}."
        self.chart.show(figure_png(figure), what)

    def _tile_chosen(self) -> None:
        """Set `kind` to the corruption of the chosen small picture."""
        if 0 <= self.grid.selected < len(CORRUPTIONS):
            self.kind.value = CORRUPTIONS[self.grid.selected]


def _curves(axis, values: Mapping[int, list[float]], chosen: int, severity: int) -> None:
    """Plot a line for each corruption, with the chosen one in front."""
    for index in sorted(range(len(CORRUPTIONS)), key=lambda index: index == chosen):
        style = {"color": ACCENT, "linewidth": 2.2, "marker": "o", "markersize": 4}
        if index != chosen:
            style = {"color": PLAIN, "linewidth": 0.8}
        axis.plot(list(values), [row[index] for row in values.values()], **style)
    axis.axvline(severity, color=INK, linewidth=0.8, linestyle=":")
    axis.set(xlim=(0.8, 5.2), ylim=(-0.03, 1.03), xticks=SEVERITIES)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    draw_curve(axis, f"severity of {_kind_text(CORRUPTIONS[chosen])}\n(grey: the others)")


def _kind_text(kind: str) -> str:
    return kind.replace("_", " ")
