"""Cue conflict explorer: the shape of one class with the texture of another, classified by two networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import nn

from cnnlab.explorers.background import compute_missing
from cnnlab.explorers.base import Explorer, network_menu
from cnnlab.explorers.charts import ProbabilityBars, probability_rows
from cnnlab.explorers.controls import finding, heading, search
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, tile_frame
from cnnlab.explorers.image_sources import RenderedSource
from cnnlab.explorers.render import cue_conflict
from cnnlab.explorers.render.cue_conflict import CUE_COLOURS, Result
from cnnlab.networks.zoo import load
from cnnlab.world import OBJECTS, Recipe, sample

DEFAULT_CONFLICT = sample(3, shape="teapot", scene="room", clutter=0, cover=0.0)
"""The first picture of the explorer."""


class CueConflictExplorer(Explorer):
    """Cue conflict explorer: the shape of one class with the texture of another. Which of the two does each network name?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own that has the classes of the world.
    second_network
        A second network, which classifies the same pictures.
    picture
        A recipe, or a picture of `cnnlab.world.render`; its class gives the shape.
    networks
        Networks to choose from, by the names that are shown.

    Example
    -------
    >>> explorer = CueConflictExplorer("mini_alexnet", "mini_vgg")
    >>> explorer.shape.value, explorer.texture.value = "elephant", "sheep"
    """

    name = "Cue conflict explorer"
    title = "Shape or texture"
    question = "The shape of one class in the skin of another: which of the two does the network name?"
    invitation = "change shape and texture"
    picture_group = None
    kinds, classes = ("objects",), OBJECTS

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        second_network: str | nn.Module = "mini_alexnet_restyled",
        picture: object = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__(model, DEFAULT_CONFLICT if picture is None else picture, networks)
        if not isinstance(self.image_picker.source, RenderedSource):
            raise ValueError(
                "a photo cannot be drawn again in another skin; give a recipe or a rendered picture."
            )
        self.results: dict[str, Result] = {}
        self._computed_for: tuple = ()
        self.comparison = ImageGrid(
            columns=3, max_tile_size=240, label="Shape's own skin, the conflict, and the texture's class"
        )
        self.grid = ImageGrid(columns=6, max_tile_size=160, min_tile_size=90)
        self.grid.label = "The same shape in every skin (click one to choose it)"
        self.grid.labels = list(OBJECTS)
        self.bars = [ProbabilityBars(series_names=["in the other skin", "in its own"]) for _ in range(2)]
        self._heads, self._findings = [heading(""), heading("")], [finding(), finding()]
        answers = [widgets.VBox(parts) for parts in zip(self._heads, self.bars, self._findings, strict=True)]
        legend = "Frames: first network by <b style='color:{shape}'>shape</b>, by <b style='color:{texture}'>texture</b> (dashed)"
        legend += ", by <b style='color:{neither}'>neither</b>."
        shape, scene, seed = self.image_picker.rendered_rows
        texture = search("Texture", OBJECTS, name="Class whose texture the object wears")
        texture.value = "fish"
        self.layout(
            {
                "Network": {"second_network": self._second_network_menu(second_network)},
                "Picture": {"shape": shape, "texture": texture, "scene": scene, "seed_row": seed},
            },
            centre=[
                self.comparison,
                widgets.Box(answers).add_class("cnnlab-side-by-side").add_class("cnnlab-aligned"),
                *(self.grid, widgets.HTML(legend.format(**CUE_COLOURS))),
            ],
        )
        self.second_model: nn.Module = _loaded(self.second_network.value)
        self.show()
        self.on_change(self._load_second, self.second_network)
        self.on_change(self._show, self.texture)
        self.on_change(self._tile_chosen, self.grid, name="selected")

    @property
    def recipe(self) -> Recipe:
        """The recipe of the picture, without the texture."""
        return self.image_picker.source.recipe

    def refresh(self) -> None:
        self._compute()

    def code(self) -> str:
        return cue_conflict.code(self.recipe, self.texture.value, self.side, self.load_line)

    def summary(self) -> str:
        return (
            f"{self.display_name} and, beside it, {self._second_name} look at the shape of a {self.recipe.shape}"
            f" in the texture of a {self.texture.value} (scene {self.recipe.scene}, seed {self.recipe.seed}), and at the same shape in"
            " the texture of every class."
        )

    def preview_title(self) -> str:
        networks = f"{self.display_name} (upper word), {self._second_name} (lower word)"
        return f"{self.recipe.shape} in every skin. {networks}: blue by shape, orange by texture"

    def preview(self) -> Figure:
        for _texture in self._missing_textures():
            pass  # within a kernel some may still be missing
        results = {texture: self.results[texture] for texture in OBJECTS}
        return cue_conflict.preview_figure(results, self.recipe.shape, self._classes)

    def _second_network_menu(self, model: str | nn.Module) -> widgets.Dropdown:
        """The same networks; the first again where the second is not available."""
        offered = dict(self.network.options)
        if isinstance(model, str) and model not in offered.values():
            model = self.network.value
        return network_menu("Beside it", model, offered, name="Second network")

    # Callbacks of the controls.

    @property
    def _second_name(self) -> str:
        chosen = self.second_network.value
        return chosen if isinstance(chosen, str) else self.second_network.label

    def _load_second(self) -> None:
        chosen, before = self.second_network.value, self.second_model
        self.second_model = _loaded(chosen)
        try:
            self._compute()
        except Exception:
            self.second_model = before
            raise

    def _compute(self) -> None:
        """Compute the chosen texture at once, the others in the background."""
        self.background.stop()
        key = (self.model, self.second_model, self.recipe)
        if key != self._computed_for:
            self.results = {}
        natural = self._result_for(self.recipe.shape)
        self._classes = [
            cue_conflict.object_class_names(model, probability)
            for model, probability in zip((self.model, self.second_model), natural.probabilities, strict=True)
        ]
        self._computed_for, self._natural_result = key, natural
        self._show()
        self.in_background(self._missing_textures(), done=self._paint_grid)

    def _result_for(self, texture: str) -> Result:
        return cue_conflict.render([self.model, self.second_model], self.recipe, texture, self.side)

    def _missing_textures(self) -> Iterator[str]:
        return compute_missing({texture: texture for texture in OBJECTS}, self.results, self._result_for)

    def _show(self) -> None:
        """Show the chosen texture: three pictures and both networks' predictions."""
        shape, texture = self.recipe.shape, self.texture.value
        if texture not in self.results:
            self.results[texture] = self._result_for(texture)
        result = self.results[texture]
        other = cue_conflict.conflict_image(self.recipe.replace(shape=texture), texture, self.side)
        with self.comparison.hold_sync():
            self.comparison.tiles = image_tiles(
                torch.stack([self._natural_result.image, result.image, other])
            )
            self.comparison.captions = [f"a {shape}", f"shape {shape}, texture {texture}", f"a {texture}"]
        sentences = []
        for number, network_name in enumerate((self.display_name, self._second_name)):
            names, probability = self._classes[number], result.probabilities[number]
            self._heads[number].value = f"{network_name} says {names[int(probability.argmax())]}"
            self.bars[number].entries = probability_rows(
                probability, self._natural_result.probabilities[number], names, names.index(shape), k=4
            )
            cue = cue_conflict.followed_cue(probability, names, shape, texture)
            sentences.append(f"{network_name}: {'by ' + cue if cue in ('shape', 'texture') else cue}")
        self.set_status(f"Shape {shape}, texture {texture}. {'; '.join(sentences)}.")
        if set(self.results) >= set(OBJECTS):
            self._paint_grid()

    def _paint_grid(self) -> None:
        """Show the shape with every texture, and how often each network follows each cue."""
        shape, side = self.recipe.shape, self.side
        results = [(texture, self.results[texture]) for texture in OBJECTS]
        cues = [
            cue_conflict.followed_cue(result.probabilities[0], self._classes[0], shape, texture)
            for texture, result in results
        ]
        networks = self.display_name, self._second_name
        with self.grid.hold_sync():
            self.grid.tiles = image_tiles(torch.stack([result.image for _texture, result in results]))
            self.grid.captions = [
                f"in the skin of {texture}: {', '.join(cue_conflict.answers(networks, result, self._classes))}"
                for texture, result in results
            ]
            self.grid.boxes = [
                tile_frame(tile, side, side, CUE_COLOURS[cue]) | {"dashed": cue == "texture"}
                for tile, cue in enumerate(cues)
                if cue in CUE_COLOURS
            ]
            self.grid.selected = OBJECTS.index(self.texture.value)
        for number, text in enumerate(self._findings):
            counts = cue_conflict.count_cues(self.results, number, self._classes[number], shape)
            text.value = (
                f"Over all {sum(counts.values())} conflicts: {counts['shape']} by shape, {counts['texture']} by texture,"
                f" {counts['neither']} by neither."
            )

    def _tile_chosen(self) -> None:
        """Set `texture` to that of the chosen small picture."""
        if 0 <= self.grid.selected < len(OBJECTS):
            self.texture.value = OBJECTS[self.grid.selected]


def _loaded(network: str | nn.Module) -> nn.Module:
    return load(network) if isinstance(network, str) else network
