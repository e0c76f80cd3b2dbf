"""The corruption explorer: noise, blur, weather and storage on one picture, as strong as you like."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import nn

from cnnlab.explorers import corrupted
from cnnlab.explorers.bars import Bars, ranking
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.corrupted import Fifteen, Setting
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.sheet import Chart, Sheet, frame, picture_tiles
from cnnlab.explorers.still import ACCENT, INK, PLAIN, still_figure
from cnnlab.figures.colours import OUTLINE
from cnnlab.robustness import CORRUPTIONS, SEVERITIES


class CorruptionExplorer(Explorer):
    """What does a network still see through noise, blur, weather and compression?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    networks
        Networks to choose from, by the names that shall be shown; all that are at hand unless said.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        What looks, and what it looks at.
    kind, severity, random_seed
        Which corruption (a click on one of the fifteen small pictures chooses it, too), how strong, and another seed for its noise,
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
        self.answers: dict[int, Fifteen] = {}
        self._growth: Growth[int] = Growth()
        self._asked: tuple = ()
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._show, self.kind, self.severity)
        self.watch(self._ask, self.chance)
        self.watch(self._chosen, self.sheet, name="selected")

    @property
    def state(self) -> Setting:
        """What the controls say."""
        said = {"kind": self.kind.value, "severity": self.severity.value, "seed": self.chance.value}
        return Setting(self.model, self.pictures.source, self.side, **said)

    def refresh(self) -> None:
        self._ask()

    def code(self) -> str:
        return corrupted.code(self.state, self.load_line)

    def describe(self) -> str:
        state = self.state
        return (
            f"Corruption explorer. {self.called} looks at a picture ({state.source.words}) under {_spoken(state.kind)} of severity"
            f" {state.severity} of 5, and under each of the other fourteen corruptions. Run the cell to change kind and severity."
        )

    def still(self) -> bytes:
        fifteen = self._answer()
        figure = Figure(figsize=(9.8, 4.4), dpi=90, layout="constrained", facecolor="white")
        tiles, side = figure.subfigures(1, 2, width_ratios=(5, 2.2))
        for axis, kind, image, winner in zip(
            tiles.subplots(3, 5).flat, CORRUPTIONS, fifteen.images, fifteen.winners, strict=True
        ):
            axis.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
            axis.set_axis_off()
            colour = INK if winner == self._first else "#b3004d"
            axis.set_title(f"{_spoken(kind)}\nsays {self._classes[winner]}", fontsize=8, color=colour)
        _curves(side.subplots(), self._by_severity(), CORRUPTIONS.index(self.kind.value), self.severity.value)
        figure.suptitle(
            f"{self.title}: {self.called}, severity {self.severity.value} of 5",
            fontsize=11,
            x=0.01,
            ha="left",
        )
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.kind = widgets.Dropdown(options=corrupted.offered(), description="Kind")
        self.severity = widgets.IntSlider(3, min=1, max=5, description="Severity")
        self.chance = widgets.BoundedIntText(0, min=0, max=9999, description="Chance")
        self.pair = Sheet(columns=2, largest=240, label="The picture as it is, and corrupted")
        self.sheet = Sheet(columns=5, largest=110, label="All fifteen (click one to choose it)")
        self.bars = Bars(words=["corrupted", "as it is"])
        self.chart = Chart()
        self._words = widgets.HTML().add_class("cnnlab-finding")

    def _lay_out(self) -> None:
        self.arrange(
            {"Corruption": [self.kind, self.severity, self.chance]},
            stage=[self.pair, self.sheet],
            result=[
                heading("What the network says"),
                self.bars,
                self._words,
                heading("Probability of what it said before, by severity"),
                self.chart,
            ],
            names=[
                *names_for(self.kind, "kind", "Kind of corruption"),
                *names_for(self.severity, "severity", "Severity from 1 to 5"),
                *names_for(self.chance, "chance", "Seed of the corruption"),
            ],
        )

    # What happens when a control changes.

    def _ask(self) -> None:
        """The chosen severity at once, the others one after another: a move of the slider then only looks up."""
        state = self.state
        self._growth.stop()
        self.answers = {}
        self._before, self._classes = corrupted.clean(state)
        self._first = int(self._before.argmax())
        self.answers[state.severity] = corrupted.under_all(state)
        self._show()
        steps = corrupted.at_other_severities(state, self.answers)
        self._growth.start(steps, lambda _severity: None, self.after(self._draw_curves))

    def _answer(self) -> Fifteen:
        """The fifteen at the chosen severity."""
        severity = self.severity.value
        if severity not in self.answers:
            self.answers[severity] = corrupted.under_all(self.state)
        return self.answers[severity]

    def _show(self) -> None:
        state, fifteen = self.state, self._answer()
        place, winners = CORRUPTIONS.index(state.kind), fifteen.winners
        name, now = self._classes[winners[place]], fifteen.probability[place]
        with self.pair.hold_sync():
            self.pair.tiles = picture_tiles(
                torch.stack([state.source.image(state.side), fifteen.images[place]])
            )
            self.pair.captions = ["as it is", f"{_spoken(state.kind)}, severity {state.severity}"]
        wrong = [number for number, winner in enumerate(winners) if winner != self._first]
        with self.sheet.hold_sync():
            self.sheet.tiles = picture_tiles(fifteen.images)
            self.sheet.captions = [
                f"{_spoken(kind)}: {self._classes[winner]} ({float(fifteen.probability[number, winner]):.2f})"
                for number, (kind, winner) in enumerate(zip(CORRUPTIONS, winners, strict=True))
            ]
            self.sheet.boxes = [frame(tile, self.side, self.side, OUTLINE) for tile in wrong]
            self.sheet.selected = place
        self.bars.entries = ranking(now, self._before, self._classes, self._first)
        self._words.value = (
            f"At severity {state.severity}, {len(wrong)} of 15 corruptions turn the answer (framed in pink)."
        )
        self.say(
            f"{self.called} said {self._classes[self._first]}; under {_spoken(state.kind)} it says {name}."
        )
        self._draw_curves()

    def _by_severity(self) -> dict[int, list[float]]:
        """For each severity that has been asked about, the probability of the first answer under each corruption."""
        known = {severity: self.answers[severity] for severity in SEVERITIES if severity in self.answers}
        return {severity: found.probability[:, self._first].tolist() for severity, found in known.items()}

    def _draw_curves(self) -> None:
        place = CORRUPTIONS.index(self.kind.value)
        values = self._by_severity()
        figure = Figure(figsize=(3.0, 2.5), dpi=90, layout="constrained", facecolor="white")
        _curves(figure.subplots(), values, place, self.severity.value)
        told = ", ".join(f"{severity}: {row[place]:.2f}" for severity, row in values.items())
        what = f"Probability of {self._classes[self._first]} under {_spoken(self.kind.value)} by severity: {told}."
        self.chart.show(still_figure(figure), what)

    def _chosen(self) -> None:
        """A small picture was chosen: its corruption becomes the kind."""
        if 0 <= self.sheet.selected < len(CORRUPTIONS):
            self.kind.value = CORRUPTIONS[self.sheet.selected]


def _curves(axis, values: Mapping[int, list[float]], chosen: int, severity: int) -> None:
    """One line a corruption, the chosen one in front."""
    order = [number for number in range(len(CORRUPTIONS)) if number != chosen] + [chosen]
    for number in order:
        style = {"color": ACCENT, "linewidth": 2.2, "marker": "o", "markersize": 4}
        if number != chosen:
            style = {"color": PLAIN, "linewidth": 0.8}
        axis.plot(list(values), [row[number] for row in values.values()], **style)
    axis.axvline(severity, color=INK, linewidth=0.8, linestyle=":")
    axis.set(xlim=(0.8, 5.2), ylim=(-0.03, 1.03), xticks=SEVERITIES)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.set_xlabel(f"severity of {_spoken(CORRUPTIONS[chosen])}\n(grey: the others)", fontsize=8, color=INK)
    axis.tick_params(labelsize=8, colors=INK)
    axis.spines[["top", "right"]].set_visible(False)


def _spoken(kind: str) -> str:
    return kind.replace("_", " ")
