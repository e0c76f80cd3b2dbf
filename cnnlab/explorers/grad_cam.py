"""Grad-CAM explorer: class maps of a layer, also with the object in front of other backgrounds."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.background import BackgroundSteps, compute_missing
from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.choices import network_layers, offer_classes, offer_layers
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, map_tiles, tile_frame
from cnnlab.explorers.predictions import class_names, probabilities
from cnnlab.explorers.probability_bars import ProbabilityBars, probability_rows
from cnnlab.explorers.render import grad_cam, saliency
from cnnlab.explorers.render.grad_cam import Result, State
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import figure_png
from cnnlab.figures import alpha_ramp
from cnnlab.figures.attribution import overlay
from cnnlab.figures.axes import show_image
from cnnlab.figures.colours import OUTLINE

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

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        The network, and the picture that it is given; the grid of scenes sets `scene`, too.
    layer, target, guided, relu
        The layer, the class (None: the predicted one), whether the map is multiplied by guided
        backpropagation, and whether negative evidence is clipped by the ReLU.
    opacity, show_mask
        The opacity of the map, and the true outline of the object below it.

    Example
    -------
    >>> explorer = GradCamExplorer("herd_honest", picture=7)
    >>> explorer.scene.value = "snow"
    """

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
        self._model_shown: nn.Module | None = None
        self._painted: tuple = ()
        self._background: BackgroundSteps[str] = BackgroundSteps()
        self._make_controls()
        self._lay_out()
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
        if self.model is not self._model_shown:
            offer_classes(self.target, names, [("predicted class", None)])
            layers = [layer.name for layer in network_layers(self.model, self.side) if layer.has_maps]
            offer_layers(self.layer, layers, before=[(LAST_MAPS, None)])
            self._model_shown = self.model
        self._compute()

    def code(self) -> str:
        given_name = next((name for name, model in self._given_networks.items() if model is self.model), None)
        opening = self.load_line
        return grad_cam.code(self.state, f'model = networks["{given_name}"]' if given_name else opening)

    def describe(self) -> str:
        network_name = self.network.label or "A network"
        scenes, swap = ", and beside it the same object in every scene", ", and to swap the background"
        if not grad_cam.other_scenes(self.state):  # a photograph
            scenes = swap = ""
        return (
            f"Grad-CAM explorer. {network_name} looks at a picture ({self.image_picker.source.description}); over it lies the map of"
            f" {self.result.names[self.result.target]} at {self.layer.label}{scenes}."
            f" Run the cell to change layer and class{swap}."
        )

    def static_preview(self) -> bytes:
        for _scene in compute_missing(grad_cam.other_scenes(self.state), self.results, grad_cam.render):
            pass  # within a kernel some may still be missing
        rows = [("this picture", self.result), *self.results.items()][:8]
        figure = Figure(figsize=(9.6, 1.75), dpi=90, layout="constrained", facecolor="white")
        for axis, (name, result) in zip(figure.subplots(1, 8, squeeze=False)[0], rows, strict=False):
            show_image(axis, result.image, name)
            values = saliency.per_pixel(result.map, "size") if result.map.dim() == 3 else result.map
            overlay(axis, values, float(values.max()) or 1.0)
            axis.set_xlabel(result.summary.removeprefix("says "), fontsize=8)
        figure.suptitle(
            f"{self.title}: {self.network.label}, {self.layer.label}", fontsize=11, x=0.01, ha="left"
        )
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.layer = SearchSelect([(LAST_MAPS, None)], description="Layer")
        self.target = SearchSelect([("predicted class", None)], description="Class")
        self.guided = widgets.Checkbox(False, description="guided Grad-CAM", indent=False)
        self.relu = widgets.Checkbox(True, description="only what speaks for it", indent=False)
        self.show_mask = widgets.Checkbox(False, description="true outline of the object", indent=False)
        self.opacity = widgets.FloatSlider(0.85, min=0, max=1, step=0.05, description="Opacity")
        self.main_view = ImageGrid(
            columns=1, max_tile_size=DISPLAY_SIZE, smooth=True, label="The picture under the map"
        )
        self.grid = ImageGrid(
            columns=5, max_tile_size=DISPLAY_SIZE, label="The same object elsewhere (click to go there)"
        )
        for grid in (self.main_view, self.grid):
            widgets.jslink((self.opacity, "value"), (grid, "opacity"))
        self.bars = ProbabilityBars(series_names=["here", "in the first scene"])
        self._finding = widgets.HTML().add_class("cnnlab-finding")

    def _lay_out(self) -> None:
        self.layout(
            {
                "Class map": [self.layer, self.target, self.guided, self.relu],
                "Over the picture": [self.opacity, self.show_mask],
            },
            centre=[self.main_view, self.grid],
            result=[heading("What the network says"), self.bars, heading("What the map says"), self._finding],
            accessible_names=[
                *names_for(self.layer, "layer", "Layer whose maps are added up"),
                *names_for(self.target, "target", "Class that is asked about"),
                *names_for(self.guided, "guided", "Multiply by guided backpropagation"),
                *names_for(self.relu, "relu", "Leave out what speaks against the class"),
                *names_for(self.opacity, "opacity", "Opacity of the map"),
                *names_for(self.show_mask, "show-mask", "Show the true outline of the object"),
            ],
        )

    # Callbacks of the controls.

    def _compute(self) -> None:
        """Compute the picture at once, the other scenes in the background."""
        state = self.state
        self._background.stop()
        other_states = grad_cam.other_scenes(state)
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
        steps = compute_missing(other_states, self.results, grad_cam.render)
        self._background.start(steps, lambda _scene: None, self.on_done(self._paint_grid))

    def _paint(self) -> None:
        result, source = self.result, self.image_picker.source
        mask = source.mask(self.side)
        with self.main_view.hold_sync():
            self._paint_picture()
            self.main_view.overlay = overlay_tiles([result])
            self.main_view.captions = [result.summary]
        values = saliency.per_pixel(result.map, "size") if result.map.dim() == 3 else result.map
        self._finding.value = saliency.describe_map(values, mask, source.object_name)
        before = self._first_result.probability
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
            self.main_view.tiles = image_tiles((image if mask is None else with_outline(image, mask))[None])
            self._painted = source, mask is not None

    def _paint_grid(self) -> None:
        """Show the scenes that are computed so far."""
        if not self.results:
            self.grid.tiles = {}
            return
        shape, rows = self.image_picker.source.object_name, list(self.results.values())
        wrong = [n for n, result in enumerate(rows) if result.names[result.winner] != shape]
        with self.grid.hold_sync():
            self.grid.tiles = image_tiles(torch.stack([result.image for result in rows]))
            self.grid.overlay = overlay_tiles(rows)
            self.grid.captions = [f"{scene}: {result.summary}" for scene, result in self.results.items()]
            self.grid.boxes = [tile_frame(tile, self.side, self.side, OUTLINE) for tile in wrong]

    def _choose_scene(self) -> None:
        """Make the chosen scene the background of the picture."""
        chosen = list(self.results)[self.grid.selected : self.grid.selected + 1]
        if chosen and self.grid.selected >= 0:
            self.scene.value = chosen[0]


def overlay_tiles(results: list[Result]) -> dict:
    """The maps of several pictures as the overlay of an `ImageGrid`, at one scale; guided maps as pictures, each at its own scale."""
    maps = [result.map for result in results]
    if maps[0].dim() == 3:
        return saliency.tiles(maps, "picture")
    limit = max(float(class_map.abs().max()) for class_map in maps) or 1.0
    stack = torch.stack([torch.nan_to_num(class_map) for class_map in maps])
    if bool((stack < 0).any()):
        return map_tiles(stack, "PuOr_r", -limit, limit, alpha=alpha_ramp(signed=True) ** 0.5)
    return map_tiles(stack, "viridis", 0, limit, alpha=alpha_ramp() ** 0.4)


def with_outline(image: Tensor, mask: Tensor) -> Tensor:
    """The picture with a white outline, edged in a dark line, around the mask (H x W bool)."""
    outlined, grown = image.clone(), mask
    for colour in (1.0, 0.0):
        wider = F.max_pool2d(grown[None].float(), 5, 1, 2)[0] > 0
        outlined[:, wider & ~grown] = colour
        grown = wider
    return outlined
