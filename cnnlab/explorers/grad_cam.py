"""Grad-CAM explorer: class maps of a layer, also with the object in front of other backgrounds."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import nn

from cnnlab.explorers.background import compute_missing
from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.charts import ProbabilityBars, probability_rows
from cnnlab.explorers.choices import network_layers, offer_classes, offer_layers
from cnnlab.explorers.controls import checkbox, finding, heading, link_opacity, search, slider
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, tile_frame
from cnnlab.explorers.render import grad_cam, saliency
from cnnlab.explorers.render.grad_cam import Result, State
from cnnlab.explorers.static_preview import canvas
from cnnlab.figures.attribution import overlay
from cnnlab.figures.axes import show_image
from cnnlab.figures.colours import OUTLINE
from cnnlab.networks.forward import class_names, probabilities

LAST_MAPS = "the last maps"
"""Menu option for the network's last maps."""


class GradCamExplorer(Explorer):
    """Grad-CAM explorer: where does a layer detect the class, and does the map change with the background?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    networks
        Networks to choose from, by the names that are shown; all that are available by default. `model` may then be left out.

    Example
    -------
    >>> explorer = GradCamExplorer("herd_honest", picture=7)
    >>> explorer.scene.value = "snow"
    """

    name = "Grad-CAM explorer"
    title = "Grad-CAM"
    question = "Where does a layer see the class, and what if the background changes?"

    def __init__(
        self,
        model: str | nn.Module | None = None,
        picture: object = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        if model is None:
            model = next(iter(networks.values())) if networks else "mini_alexnet"
        super().__init__(model, picture, networks)
        self._given_networks = dict(networks or {})
        self.result: Result | None = None
        self.results: dict[str, Result] = {}
        self._subject: tuple = ()
        self._options: tuple = ()
        self._painted: tuple = ()
        self.main_view = ImageGrid(
            columns=1, max_tile_size=DISPLAY_SIZE, smooth=True, label="The picture under the map"
        )
        self.grid = ImageGrid(columns=5, max_tile_size=DISPLAY_SIZE, min_tile_size=100)
        self.bars = ProbabilityBars()
        self._finding = finding()
        self.layout(
            {
                "Class map": {
                    "layer": search("Layer", [(LAST_MAPS, None)], name="Layer whose maps are added up"),
                    "target": search("Class", [("predicted class", None)], name="Class that is asked about"),
                    "guided": checkbox("guided Grad-CAM", name="Multiply by guided backpropagation"),
                    "relu": checkbox(
                        "only what speaks for it", True, name="Leave out what speaks against the class"
                    ),
                },
                "Over the picture": {
                    "opacity": slider("Opacity", 0.85, 0, 1, 0.05, name="Opacity of the map"),
                    "show_mask": checkbox(
                        "true outline of the object", name="Show the true outline of the object"
                    ),
                },
            },
            centre=[self.main_view],
            result=[heading("What the network says"), self.bars, heading("What the map says"), self._finding],
            below=[self.grid],
        )
        link_opacity(self.opacity, self.main_view, self.grid)
        self.show()
        self.on_change(self._compute, self.layer, self.target, self.guided, self.relu)
        self.on_change(self._paint, self.show_mask)
        self.on_change(self._choose_scene, self.grid, name="selected")

    @property
    def state(self) -> State:
        """The settings of the controls."""
        controls = {"target": self.target.value, "layer": self.layer.value}
        controls |= {"guided": self.guided.value, "relu": self.relu.value}
        return State(self.model, self.image_picker.source, self.side, **controls)

    def refresh(self) -> None:
        self._probability = probabilities(self.model, self.image)
        names = class_names(self.model, len(self._probability))
        if self.is_new_network():
            offer_classes(self.target, names, [("predicted class", None)])
            layers = [layer.name for layer in network_layers(self.model, self.side) if layer.has_maps]
            offer_layers(self.layer, layers, before=[(LAST_MAPS, None)])
        self._compute()

    def code(self) -> str:
        given_name = next((name for name, model in self._given_networks.items() if model is self.model), None)
        opening = f'model = networks["{given_name}"]' if given_name else self.load_line
        return grad_cam.code(self.state, opening)

    @property
    def invitation(self) -> str:
        """What the reader can do; a photograph has no other backgrounds."""
        return f"change layer and class{', and to swap the background' if self._scenes else ''}"

    def summary(self) -> str:
        scenes = ", and beside it the same object in every scene" if self._scenes else ""
        return (
            f"{self.network.label or 'A network'} looks at a picture ({self.image_picker.source.description}); over it lies the map of"
            f" {self.result.names[self.result.target]} at {self.layer.label}{scenes}."
        )

    def preview_title(self) -> str:
        return f"{self.title}: {self.network.label}, {self.layer.label}"

    def preview(self) -> Figure:
        for _scene in compute_missing(self._scenes, self.results, grad_cam.render):
            pass  # within a kernel some may still be missing
        rows = [("this picture", self.result), *self.results.items()][:8]
        shape = -(-len(rows) // 4), min(4, len(rows))
        figure = canvas(9.6, 3 * shape[0])
        for axis, (name, result) in zip(figure.subplots(*shape, squeeze=False).flat, rows, strict=False):
            show_image(axis, result.image, name)
            values = result.per_pixel
            overlay(axis, values, float(values.max()) or 1.0)
            axis.set_xlabel(result.summary.removeprefix("says "), fontsize=8)
        return figure

    @property
    def _scenes(self) -> dict[str, State]:
        """The object in every scene; empty for a photograph."""
        return grad_cam.other_scenes(self.state)

    # Callbacks of the controls.

    def _compute(self) -> None:
        """Compute the picture at once, the other scenes in the background."""
        state = self.state
        self.background.stop()
        other_states = self._scenes
        first_source = next(iter(other_states.values())).source if other_states else state.source
        self.result = grad_cam.render(state, self._probability)
        subject, options = (state.model, first_source), (*state.options.values(), state.guided)
        if subject != self._subject:
            self._first_result = self.result
        if (subject, options) != (self._subject, self._options):
            self.results = {}
        self._subject, self._options = subject, options
        self.relu.disabled = state.guided
        self._paint()
        self.in_background(
            compute_missing(other_states, self.results, grad_cam.render), done=self._paint_grid
        )

    def _paint(self) -> None:
        result, source = self.result, self.image_picker.source
        mask = source.mask(self.side)
        with self.main_view.hold_sync():
            self._paint_picture()
            self.main_view.overlay = grad_cam.overlay_tiles([result])
            self.main_view.captions = [result.summary]
        self._finding.value = saliency.describe_map(result.per_pixel, mask, source.object_name)
        scenes = bool(self._scenes)
        self.show_mask.disabled = mask is None
        self.grid.label = grad_cam.elsewhere(source.object_name, result.names) if scenes else ""
        self.bars.series_names = ["here", "in the first scene"] if scenes else ["this photograph"]
        before = self._first_result.probability if scenes else None
        self.bars.entries = probability_rows(result.probability, before, result.names, result.target)
        self.set_status(
            f"{self.network.label} {result.summary}; the map is of {result.names[result.target]}."
        )
        self._paint_grid()

    def _paint_picture(self) -> None:
        """The picture itself, encoded again only if another is to be shown."""
        source = self.image_picker.source
        mask = source.mask(DISPLAY_SIZE) if self.show_mask.value else None
        if self._painted != (source, mask is not None):
            image = source.image(DISPLAY_SIZE)
            self.main_view.tiles = image_tiles(
                (image if mask is None else grad_cam.with_outline(image, mask))[None]
            )
            self._painted = source, mask is not None

    def _paint_grid(self) -> None:
        """Show the scenes that are computed so far."""
        if not self.results:
            self.grid.tiles, self.grid.labels = {}, []
            return
        shape, rows = self.image_picker.source.object_name, list(self.results.values())
        answers = [result.names[result.winner] for result in rows]
        wrong = [n for n, said in enumerate(answers) if shape in rows[n].names and said != shape]
        with self.grid.hold_sync():
            self.grid.tiles = image_tiles(torch.stack([result.image for result in rows]))
            self.grid.overlay = grad_cam.overlay_tiles(rows)
            self.grid.captions = [f"{scene}: {result.summary}" for scene, result in self.results.items()]
            self.grid.labels = [f"{scene}: {said}" for scene, said in zip(self.results, answers, strict=True)]
            self.grid.boxes = [tile_frame(tile, self.side, self.side, OUTLINE) for tile in wrong]

    def _choose_scene(self) -> None:
        """Make the chosen scene the background of the picture."""
        chosen = list(self.results)[self.grid.selected : self.grid.selected + 1]
        if chosen and self.grid.selected >= 0:
            self.scene.value = chosen[0]
