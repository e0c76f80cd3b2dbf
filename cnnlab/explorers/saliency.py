"""Saliency explorer: five gradient methods for a class score, or for any channel of a layer."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.choices import network_layers, offer_classes, offer_layers
from cnnlab.explorers.controls import choice, finding, heading, link_opacity, search, slider, slow_slider
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.render import saliency
from cnnlab.explorers.render.saliency import METHODS, VIEWS, State
from cnnlab.explorers.static_preview import canvas
from cnnlab.figures.attribution import as_picture
from cnnlab.figures.axes import outline, pale_grey, show_image
from cnnlab.networks.activations import activations
from cnnlab.networks.forward import class_names, probabilities

CLASS_SCORE = "a class score"
DEBOUNCE_SECONDS = 0.3
"""Seconds without a change after which the slower methods are computed too."""


class SaliencyExplorer(Explorer):
    """Saliency explorer: which pixels would change the score? One method large, all five side by side.

    The score is that of a class, or any channel of a layer. The methods are three ReLU rules of the backward pass, and two means over many
    gradients, which are computed when the controls rest.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.

    Example
    -------
    >>> explorer = SaliencyExplorer("mini_alexnet", picture=7)
    >>> explorer.method.value = "guided backprop"
    """

    name = "Saliency explorer"
    title = "Saliency"
    question = "Which pixels would change the answer?"
    invitation = "change method, class and unit"

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self.map: Tensor | None = None
        self.maps: dict[str, Tensor] = {}
        self.refused: dict[str, str] = {}
        self._options: tuple = ()
        views = {"columns": 1, "max_tile_size": DISPLAY_SIZE, "pick": "pixel", "smooth": True}
        self.main_view = ImageGrid(**views, label="The picture under the map")
        self.grid = ImageGrid(
            columns=len(METHODS), max_tile_size=DISPLAY_SIZE, min_tile_size=145, labels=list(METHODS)
        )
        self.grid.label = "All methods, the same question (click one)"
        self.grid.captions, self.grid.selected = list(METHODS), 0
        self._part: tuple[int, int, int] = (0, 0, self.side)
        self._pictured: tuple = ()
        self._finding = finding()
        self.layout(
            {
                "Asked": {
                    "layer": search(
                        "Ask for", [(CLASS_SCORE, None)], name="What is asked: a class score or a layer"
                    ),
                    "target": search("Class", [("predicted class", None)], name="Class that is asked about"),
                    "score": choice("Score", ("logit", "probability"), name="Score: logit or probability"),
                    "unit": slider("Unit", 0, 0, 0, name="Unit of the layer", disabled=True),
                },
                "Method": {
                    "method": choice("Method", METHODS, name="Method"),
                    "samples": slow_slider("Samples", 10, 1, 50, name="Gradients that are averaged"),
                    "noise": slow_slider("Noise", 0.15, 0, 0.5, 0.05, name="Noise of SmoothGrad"),
                },
                "Over the picture": {
                    "view": choice("Shown", VIEWS, name="How the map is shown"),
                    "opacity": slider("Opacity", 0.85, 0, 1, 0.05, name="Opacity of the map"),
                },
            },
            centre=[self.main_view],
            result=[heading("What the map says"), self._finding],
            below=[self.grid],
        )
        link_opacity(self.opacity, self.main_view, self.grid)
        self.show()
        self.on_change(self._set_unit_options, self.layer)
        self.on_change(
            self._compute, self.method, self.target, self.score, self.unit, self.samples, self.noise
        )
        self.on_change(self._paint, self.view)
        self.on_change(self._choose, self.grid, name="selected")
        self.on_change(self._read_pixel, self.main_view, name="point")

    @property
    def state(self) -> State:
        """The settings of the controls."""
        controls = {"method": self.method.value, "samples": self.samples.value, "noise": self.noise.value}
        if self.layer.value is None:
            controls |= {"target": self.target.value, "score": self.score.value}
        else:
            controls |= {"layer": self.layer.value, "unit": self.unit.value}
        return State(self.model, self.image_picker.source, self.image, **controls)

    def refresh(self) -> None:
        self._probability = probabilities(self.model, self.image)
        self._class_names = class_names(self.model, len(self._probability))
        if self.is_new_network():
            offer_classes(self.target, self._class_names, [("predicted class", None)])
            layers = [layer.name for layer in network_layers(self.model, self.side)]
            offer_layers(self.layer, layers, before=[(CLASS_SCORE, None)])
        self._set_unit_options()

    def code(self) -> str:
        return saliency.code(self.state, self.network_name)

    def summary(self) -> str:
        return (
            f"{self.display_name} looks at a picture ({self.image_picker.source.description}); over it lies the map of"
            f" {self._score_name()} by the method {self.method.value}, beside it the maps of all {len(METHODS)} methods."
        )

    def preview_title(self) -> str:
        return f"{self.title}: {self._score_name()}"

    def preview(self) -> Figure:
        # Within a kernel some may still be missing; the averages of a large network are not waited for.
        names = [name for name in METHODS if name in self.maps or name in METHODS[:3] or not self.is_large]
        for name in names:
            if name not in self.maps:
                self._try_method(self.state, name)
        names = [name for name in names if name in self.maps]
        columns = 1 + len(names) if len(names) < 4 else 3
        rows = -(-(1 + len(names)) // columns)
        figure = canvas(9.6, (9.6 / columns + 0.25) * rows)
        axes = figure.subplots(rows, columns).ravel()
        for axis in axes:
            axis.set_axis_off()
        show_image(axes[0], self.image, "the picture")
        for axis, name in zip(axes[1:], names, strict=False):
            show_image(axis, as_picture(self.maps[name]), name)
            outline(axis, self.image_picker.source.mask(self.side))
        return figure

    # Callbacks of the controls.

    def _set_unit_options(self) -> None:
        """Show the unit slider for a layer, or the menu of classes for a class score."""
        units = self.layer.value is not None
        if units:
            activation = activations(self.model, self.image, self.layer.value)[self.layer.value]
            with self.hold_callbacks():  # clipping the unit triggers no callback
                self.unit.max = len(activation) - 1
        self.unit.disabled = not units
        self.target.disabled = self.score.disabled = units
        self._compute()

    def _compute(self) -> None:
        """Compute the chosen method at once; the others when the kernel is idle."""
        state = self.state
        self.background.stop()
        gradient_state = state.with_method("gradient")
        options = (state.source, state.model, *gradient_state.options.items(), state.samples, state.noise)
        if options != self._options:
            self.maps, self.refused = {}, {}
        if state.method not in self.maps:
            self.maps[state.method] = saliency.render(state)
        self._options = options
        self.samples.disabled = state.method not in METHODS[3:]
        self.noise.disabled = state.method != "SmoothGrad"
        self.grid.selected = METHODS.index(state.method)
        self._paint()
        self.in_background(self._remaining_methods(state), done=self._paint_grid)

    def _remaining_methods(self, state: State) -> Iterator[str]:
        """Compute the other methods; the slow ones only once the controls have rested for a while."""
        started = time.monotonic()
        for name in METHODS:
            while name in METHODS[3:] and time.monotonic() < started + DEBOUNCE_SECONDS:
                yield name
            if name not in self.maps and name not in self.refused:
                self._try_method(state, name)
                yield name

    def _try_method(self, state: State, name: str) -> None:
        """Compute the map of a method, unless the network does not allow it, as one without ReLUs; the caption then says so."""
        try:
            self.maps[name] = saliency.render(state.with_method(name))
        except ValueError as error:
            self.refused[name] = str(error)

    def _paint(self) -> None:
        view, source = self.view.value, self.image_picker.source
        self.map = self.maps[self.method.value]
        self._part = saliency.window(self.map)
        self._paint_pictures()
        self.main_view.overlay = saliency.tiles([saliency.crop(self.map, self._part)], view)
        self._read_pixel()
        values = saliency.per_pixel(self.map, view)
        self._finding.value = saliency.describe_map(values, source.mask(self.side), source.object_name)
        winner = int(self._probability.argmax())
        prediction = f"{self._class_names[winner]} ({float(self._probability[winner]):.2f})"
        self.set_status(
            f"The network says {prediction}; the map is of {self._score_name()}, by {self.method.value}."
        )
        self._paint_grid()

    def _paint_pictures(self) -> None:
        """The picture under the maps, encoded again only if another is to be shown; of a small part, what the network sees."""
        source, part = self.image_picker.source, self._part
        if self._pictured == (source, self.side, part):
            return
        top, left, side = part
        whole = side == self.side
        seen = saliency.crop(self.image, part)
        with self.main_view.hold_sync():
            self.main_view.smooth = whole
            self.main_view.tiles = image_tiles((source.image(DISPLAY_SIZE) if whole else seen)[None])
            where = f": rows {top} to {top + side - 1}, columns {left} to {left + side - 1}, enlarged"
            self.main_view.label = f"The picture under the map{'' if whole else where}"
        self.grid.tiles = image_tiles(pale_grey(seen, 0.3, 0.95).expand(len(METHODS), -1, -1, -1))
        self._pictured = source, self.side, part

    def _paint_grid(self) -> None:
        """Show the maps side by side, as far as they are computed."""
        blank = torch.zeros(3, self.side, self.side)
        rows = [self.maps.get(name, blank) for name in METHODS]
        self.grid.captions = self.grid.labels = [
            f"{name}: not for this network" if name in self.refused else name for name in METHODS
        ]
        self.grid.overlay = saliency.tiles([saliency.crop(one, self._part) for one in rows], self.view.value)

    def _choose(self) -> None:
        if 0 <= self.grid.selected < len(METHODS):
            self.method.value = METHODS[self.grid.selected]

    def _read_pixel(self) -> None:
        """Report the map's values at the chosen pixel, if one is chosen."""
        chosen, *position = self.main_view.point
        if chosen < 0:
            return
        *corner, side = self._part
        shown = self.main_view.tiles["height"]
        row, column = (
            first + min(value, shown - 1) * side // shown
            for first, value in zip(corner, position, strict=True)
        )
        red, green, blue = (saliency.two_digits(value, "+") for value in self.map[:, row, column].tolist())
        self.main_view.readout = f"row {row}, column {column}: red {red}, green {green}, blue {blue}"

    def _score_name(self) -> str:
        if self.layer.value is not None:
            return f"unit {self.unit.value} of {self.layer.value}"
        index = int(self._probability.argmax()) if self.target.value is None else self.target.value
        return f"the {self.score.value} of {self._class_names[index]}"
