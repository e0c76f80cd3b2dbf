"""Corruption explorer: noise, blur, weather and compression on one picture, at five severities."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import nn

from cnnlab.explorers.background import BackgroundSteps
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.image_grid import Chart, ImageGrid, image_tiles, tile_frame
from cnnlab.explorers.probability_bars import ProbabilityBars, probability_rows
from cnnlab.explorers.render import corruption
from cnnlab.explorers.render.corruption import Result, State
from cnnlab.explorers.static_preview import ACCENT, INK, PLAIN, figure_png
from cnnlab.figures.colours import OUTLINE
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

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        The network, and the picture that it is given.
    kind, severity, random_seed
        The corruption (a click on one of the fifteen small pictures sets it too), its severity, and the seed of its noise,
        flakes and directions.

    Example
    -------
    >>> explorer = CorruptionExplorer("mini_alexnet", picture=7)
    >>> explorer.kind.value, explorer.severity.value = "fog", 5
    """

    title = "Corruptions"
    question = "What does the network still see through noise, blur, weather and compression?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__(model, picture, networks)
        self.results: dict[int, Result] = {}
        self._background: BackgroundSteps[int] = BackgroundSteps()
        self._computed_for: tuple = ()
        self._make_controls()
        self._lay_out()
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

    def describe(self) -> str:
        state = self.state
        return (
            f"Corruption explorer. {self.display_name} looks at a picture ({state.source.description})"
            f" under {_kind_text(state.kind)} of severity"
            f" {state.severity} of 5, and under each of the other fourteen corruptions. Run the cell to change kind and severity."
        )

    def static_preview(self) -> bytes:
        result = self._current_result()
        figure = Figure(figsize=(9.8, 4.4), dpi=90, layout="constrained", facecolor="white")
        tiles, side = figure.subfigures(1, 2, width_ratios=(5, 2.2))
        for axis, kind, image, winner in zip(
            tiles.subplots(3, 5).flat, CORRUPTIONS, result.images, result.winners, strict=True
        ):
            axis.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
            axis.set_axis_off()
            colour = INK if winner == self._clean_class else "#b3004d"
            axis.set_title(f"{_kind_text(kind)}\nsays {self._classes[winner]}", fontsize=8, color=colour)
        _curves(side.subplots(), self._by_severity(), CORRUPTIONS.index(self.kind.value), self.severity.value)
        figure.suptitle(
            f"{self.title}: {self.display_name}, severity {self.severity.value} of 5",
            fontsize=11,
            x=0.01,
            ha="left",
        )
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.kind = widgets.Dropdown(options=corruption.kind_options(), description="Kind")
        self.severity = widgets.IntSlider(3, min=1, max=5, description="Severity")
        self.random_seed = widgets.BoundedIntText(0, min=0, max=9999, description="Seed")
        self.pair = ImageGrid(columns=2, max_tile_size=240, label="The picture as it is, and corrupted")
        self.grid = ImageGrid(columns=5, max_tile_size=110, label="All fifteen (click one to choose it)")
        self.bars = ProbabilityBars(series_names=["corrupted", "as it is"])
        self.chart = Chart()
        self._finding = widgets.HTML().add_class("cnnlab-finding")

    def _lay_out(self) -> None:
        self.layout(
            {"Corruption": [self.kind, self.severity, self.random_seed]},
            centre=[self.pair, self.grid],
            result=[
                heading("What the network says"),
                self.bars,
                self._finding,
                heading("Probability of what it said before, by severity"),
                self.chart,
            ],
            accessible_names=[
                *names_for(self.kind, "kind", "Kind of corruption"),
                *names_for(self.severity, "severity", "Severity from 1 to 5"),
                *names_for(self.random_seed, "random-seed", "Random seed of the corruption"),
            ],
        )

    # Callbacks of the controls.

    def _compute(self) -> None:
        """Compute the chosen severity at once and the others in the background, so that moving the slider only looks up results."""
        state = self.state
        self._background.stop()
        self.results = {}
        self._clean_probability, self._classes = corruption.clean_probability(state)
        self._clean_class = int(self._clean_probability.argmax())
        self.results[state.severity] = corruption.render(state)
        self._show()
        steps = corruption.at_other_severities(state, self.results)
        self._background.start(steps, lambda _severity: None, self.on_done(self._draw_curves))

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
        computed = {severity: self.results[severity] for severity in SEVERITIES if severity in self.results}
        return {
            severity: result.probability[:, self._clean_class].tolist()
            for severity, result in computed.items()
        }

    def _draw_curves(self) -> None:
        index = CORRUPTIONS.index(self.kind.value)
        values = self._by_severity()
        figure = Figure(figsize=(3.0, 2.5), dpi=90, layout="constrained", facecolor="white")
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
    order = [number for number in range(len(CORRUPTIONS)) if number != chosen] + [chosen]
    for number in order:
        style = {"color": ACCENT, "linewidth": 2.2, "marker": "o", "markersize": 4}
        if number != chosen:
            style = {"color": PLAIN, "linewidth": 0.8}
        axis.plot(list(values), [row[number] for row in values.values()], **style)
    axis.axvline(severity, color=INK, linewidth=0.8, linestyle=":")
    axis.set(xlim=(0.8, 5.2), ylim=(-0.03, 1.03), xticks=SEVERITIES)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.set_xlabel(
        f"severity of {_kind_text(CORRUPTIONS[chosen])}\n(grey: the others)", fontsize=8, color=INK
    )
    axis.tick_params(labelsize=8, colors=INK)
    axis.spines[["top", "right"]].set_visible(False)


def _kind_text(kind: str) -> str:
    return kind.replace("_", " ")
