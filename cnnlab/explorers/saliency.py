"""The saliency explorer: which pixels would change a class score, or the answer of any unit, by five methods."""

from __future__ import annotations

import time
from collections.abc import Iterator

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers import methods
from cnnlab.explorers.base import EYE, Explorer
from cnnlab.explorers.choices import network_layers, offer_classes, offer_layers
from cnnlab.explorers.covered import class_names, probabilities
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.methods import LOOKS, METHODS, Question
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Sheet, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.figures.attributions import as_picture, outline, shown
from cnnlab.networks.layers import activations

CLASS_SCORE = "a class score"
REST = 0.3
"""Seconds without a change after which the slower methods are computed too."""


class SaliencyExplorer(Explorer):
    """Which pixels would change the answer? One method large, all five side by side.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        What looks, and what it looks at.
    method
        The way back: one of the three ReLU rules, or a mean over many gradients.
    layer, target, score, unit
        What is asked: a class (None: the predicted one; its logit or its probability), or a channel of a layer.
    samples, noise
        How many gradients SmoothGrad and integrated gradients average, and how strong SmoothGrad's noise is.
    view, opacity
        How the map is shown, and how it covers the picture; the opacity lives in the browser.

    Example
    -------
    >>> explorer = SaliencyExplorer("mini_alexnet", picture=7)
    >>> explorer.method.value = "guided backprop"
    """

    title = "Saliency"
    question = "Which pixels would change the answer?"

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self.map: Tensor | None = None
        self.maps: dict[str, Tensor] = {}
        self._asked: tuple = ()
        self._known: nn.Module | None = None
        self._growth: Growth[str] = Growth()
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._offer_units, self.layer)
        self.watch(self._ask, self.method, self.target, self.of, self.unit, self.samples, self.noise)
        self.watch(self._paint, self.look)
        self.watch(self._choose, self.sheet, name="selected")
        self.watch(self._point, self.stage, name="point")

    @property
    def state(self) -> Question:
        """What the controls say."""
        said = {"method": self.method.value, "samples": self.samples.value, "noise": self.noise.value}
        if self.layer.value is None:
            said |= {"target": self.target.value, "of": self.of.value}
        else:
            said |= {"layer": self.layer.value, "unit": self.unit.value}
        return Question(self.model, self.pictures.source, self.image, **said)

    def refresh(self) -> None:
        self._probability = probabilities(self.model, self.image)
        self._class_names = class_names(self.model, len(self._probability))
        if self._known is not self.model:
            offer_classes(self.target, self._class_names, [("predicted class", None)])
            layers = [layer.name for layer in network_layers(self.model, self.side)]
            offer_layers(self.layer, layers, before=[(CLASS_SCORE, None)])
            self._known = self.model
        self.stage.tiles = picture_tiles(self.pictures.source.image(EYE).unsqueeze(0))
        self.sheet.tiles = picture_tiles(_pale(self.image).expand(len(METHODS), -1, -1, -1))
        self._offer_units()

    def code(self) -> str:
        return methods.code(self.state, self.network_name)

    def describe(self) -> str:
        return (
            f"Saliency explorer. {self.called} looks at a picture ({self.pictures.source.words}); over it lies the map of"
            f" {self._aim()} by the method {self.method.value}, beside it the maps of all {len(METHODS)} methods."
            " Run the cell to change method, class and unit."
        )

    def still(self) -> bytes:
        for name in METHODS:  # within a kernel some may not be there yet
            if name not in self.maps:
                self.maps[name] = methods.attribute(self.state.by(name))
        figure = Figure(figsize=(9.6, 2.3), dpi=90, layout="constrained", facecolor="white")
        axes = figure.subplots(1, 1 + len(METHODS))
        shown(axes[0], self.image, "the picture")
        for axis, name in zip(axes[1:], METHODS, strict=True):
            shown(axis, as_picture(self.maps[name]), name)
            outline(axis, self.pictures.source.mask(self.side))
        figure.suptitle(f"{self.title}: {self._aim()}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.method = widgets.Dropdown(options=METHODS, description="Method")
        self.look = widgets.Dropdown(options=LOOKS, description="Shown")
        self.opacity = widgets.FloatSlider(0.85, min=0, max=1, step=0.05, description="Opacity")
        self.layer = SearchSelect([(CLASS_SCORE, None)], description="Ask for")
        self.target = SearchSelect([("predicted class", None)], description="Class")
        self.of = widgets.Dropdown(options=("logit", "probability"), description="Score")
        self.unit = widgets.IntSlider(0, min=0, max=0, description="Unit", disabled=True)
        options = {"continuous_update": False}  # up to half a second of work
        self.samples = widgets.IntSlider(10, min=1, max=50, description="Samples", **options)
        self.noise = widgets.FloatSlider(0.15, min=0, max=0.5, step=0.05, description="Noise", **options)
        self.stage = Sheet(
            columns=1, largest=EYE, pick="pixel", smooth=True, label="The picture under the map"
        )
        self.sheet = Sheet(columns=len(METHODS), largest=EYE, captions=list(METHODS), selected=0)
        self.sheet.label = "All methods, the same question (click one)"
        for sheet in (self.stage, self.sheet):
            widgets.jslink((self.opacity, "value"), (sheet, "opacity"))
        self._words = widgets.HTML().add_class("cnnlab-finding")

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Asked": [self.layer, self.target, self.of, self.unit],
                "Method": [self.method, self.samples, self.noise],
                "Over the picture": [self.look, self.opacity],
            },
            stage=[self.stage, self.sheet],
            result=[heading("What the map says"), self._words],
            names=[
                *names_for(self.layer, "asked", "What is asked: a class score or a layer"),
                *names_for(self.target, "target", "Class that is asked about"),
                *names_for(self.of, "of", "Score: logit or probability"),
                *names_for(self.unit, "unit", "Unit of the layer"),
                *names_for(self.method, "method", "Method"),
                *names_for(self.samples, "samples", "Gradients that are averaged"),
                *names_for(self.noise, "noise", "Noise of SmoothGrad"),
                *names_for(self.look, "look", "How the map is shown"),
                *names_for(self.opacity, "opacity", "Opacity of the map"),
            ],
        )

    # What happens when a control changes.

    def _offer_units(self) -> None:
        """A layer has units, a class score has classes; only one of the two can be chosen."""
        units = self.layer.value is not None
        if units:
            answer = activations(self.model, self.image, self.layer.value)[self.layer.value]
            with self.quiet():  # a clipped unit asks nothing of its own
                self.unit.max = len(answer) - 1
        self.unit.disabled = not units
        self.target.disabled = self.of.disabled = units
        self._ask()

    def _ask(self) -> None:
        """The chosen method at once; the others while nothing else is wanted."""
        question = self.state
        self._growth.stop()
        settled = question.by("gradient")
        asked = (question.source, question.model, *settled.options.items(), question.samples, question.noise)
        if asked != self._asked:
            self.maps = {}
        if question.method not in self.maps:
            self.maps[question.method] = methods.attribute(question)
        self._asked = asked
        self.samples.disabled = question.method not in METHODS[3:]
        self.noise.disabled = question.method != "SmoothGrad"
        self.sheet.selected = METHODS.index(question.method)
        self._paint()
        self._growth.start(self._others(question), lambda _name: None, self.after(self._paint_sheet))

    def _others(self, question: Question) -> Iterator[str]:
        """The methods that are not chosen; those that take long only once the controls have rested for a while."""
        begun = time.monotonic()
        for name in METHODS:
            while name in METHODS[3:] and time.monotonic() < begun + REST:
                yield name
            if name not in self.maps:
                self.maps[name] = methods.attribute(question.by(name))
                yield name

    def _paint(self) -> None:
        look, source = self.look.value, self.pictures.source
        self.map = self.maps[self.method.value]
        self.stage.overlay = methods.tiles([self.map], look)
        values = methods.flat(self.map, look)
        self._words.value = methods.reading(values, source.mask(self.side), source.thing)
        winner = int(self._probability.argmax())
        said = f"{self._class_names[winner]} ({float(self._probability[winner]):.2f})"
        self.say(f"The network says {said}; the map is of {self._aim()}, by {self.method.value}.")
        self._paint_sheet()

    def _paint_sheet(self) -> None:
        """Side by side, as far as the maps are there."""
        nothing = torch.zeros(3, self.side, self.side)
        rows = [self.maps.get(name, nothing) for name in METHODS]
        self.sheet.overlay = methods.tiles(rows, self.look.value)

    def _choose(self) -> None:
        if 0 <= self.sheet.selected < len(METHODS):
            self.method.value = METHODS[self.sheet.selected]

    def _point(self) -> None:
        """Say the map's numbers at the chosen pixel."""
        _, *place = self.stage.point
        row, column = (value * self.side // EYE for value in place)
        red, green, blue = self.map[:, row, column].tolist()
        self.stage.answer = (
            f"row {row}, column {column}: red {red:+.2g}, green {green:+.2g}, blue {blue:+.2g}"
        )

    def _aim(self) -> str:
        if self.layer.value is not None:
            return f"unit {self.unit.value} of {self.layer.value}"
        index = int(self._probability.argmax()) if self.target.value is None else self.target.value
        return f"the {self.of.value} of {self._class_names[index]}"


def _pale(image: Tensor) -> Tensor:
    """The picture in pale grey, 1 x 3 x H x W, for maps to lie on."""
    return (0.3 + 0.65 * image.mean(0, keepdim=True)).clamp(0, 1).expand(1, 3, -1, -1)
