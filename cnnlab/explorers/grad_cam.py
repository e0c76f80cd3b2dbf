"""The Grad-CAM explorer: where does a layer see the class, and what if the same object stood elsewhere?"""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers import methods, scenes
from cnnlab.explorers.bars import Bars, ranking
from cnnlab.explorers.base import EYE, Explorer
from cnnlab.explorers.choices import network_layers, offer_classes, offer_layers
from cnnlab.explorers.covered import class_names, probabilities
from cnnlab.explorers.growth import Growth, missing
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.scenes import Answer, Question
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Sheet, frame, map_tiles, picture_tiles
from cnnlab.explorers.still import still_figure
from cnnlab.figures import rising_alpha
from cnnlab.figures.attributions import lay_over, shown
from cnnlab.figures.colours import OUTLINE

LAST = "the last maps"
"""The frame of a scene in which the network answers otherwise."""


class GradCamExplorer(Explorer):
    """Where does a layer see the class, and does it still see it there when the background is swapped?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    networks
        Networks to choose from, by the names that shall be shown; all that are at hand unless said. `model` may then be left out.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        What looks, and what it looks at; the sheet of scenes sets `scene`, too.
    layer, target, guided, relu
        Which layer's maps are added up, for which class (None: the predicted one), whether multiplied by guided
        backpropagation, and whether what speaks against the class is left out.
    opacity, show_mask
        How the map covers the picture, and the true outline of the object beneath it.

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
        self._own = dict(networks or {})
        self.answer: Answer | None = None
        self.answers: dict[str, Answer] = {}
        self._thing: tuple = ()
        self._asked: tuple = ()
        self._known: nn.Module | None = None
        self._growth: Growth[str] = Growth()
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._ask, self.layer, self.target, self.guided, self.relu)
        self.watch(self._paint, self.show_mask)
        self.watch(self._swap, self.sheet, name="selected")

    @property
    def state(self) -> Question:
        """What the controls say."""
        said = {"target": self.target.value, "layer": self.layer.value}
        said |= {"guided": self.guided.value, "relu": self.relu.value}
        return Question(self.model, self.pictures.source, self.side, **said)

    def refresh(self) -> None:
        names = class_names(self.model, len(probabilities(self.model, self.image)))
        if self.model is not self._known:
            offer_classes(self.target, names, [("predicted class", None)])
            layers = [layer.name for layer in network_layers(self.model, self.side) if layer.has_maps]
            offer_layers(self.layer, layers, before=[(LAST, None)])
            self._known = self.model
        self._ask()

    def code(self) -> str:
        own = next((name for name, model in self._own.items() if model is self.model), None)
        opening = self.load_line
        return scenes.code(self.state, f'model = networks["{own}"]' if own else opening)

    def describe(self) -> str:
        called = self.network.label or "A network"
        return (
            f"Grad-CAM explorer. {called} looks at a picture ({self.pictures.source.words}); over it lies the map of"
            f" {self.answer.names[self.answer.target]} at {self.layer.label}, and beside it the same object in every scene."
            " Run the cell to change layer and class, and to swap the background."
        )

    def still(self) -> bytes:
        for _scene in missing(scenes.elsewhere(self.state), self.answers, scenes.ask):
            pass  # within a kernel some may not be there yet
        rows = [("this picture", self.answer), *self.answers.items()][:8]
        figure = Figure(figsize=(9.6, 1.75), dpi=90, layout="constrained", facecolor="white")
        for axis, (name, answer) in zip(figure.subplots(1, 8, squeeze=False)[0], rows, strict=False):
            shown(axis, answer.image, name)
            values = methods.flat(answer.map, "size") if answer.map.dim() == 3 else answer.map
            lay_over(axis, values, float(values.max()) or 1.0)
            axis.set_xlabel(answer.says.removeprefix("says "), fontsize=8)
        figure.suptitle(
            f"{self.title}: {self.network.label}, {self.layer.label}", fontsize=11, x=0.01, ha="left"
        )
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = SearchSelect([(LAST, None)], description="Layer")
        self.target = SearchSelect([("predicted class", None)], description="Class")
        self.guided = widgets.Checkbox(False, description="guided Grad-CAM", indent=False)
        self.relu = widgets.Checkbox(True, description="only what speaks for it", indent=False)
        self.show_mask = widgets.Checkbox(False, description="true outline of the object", indent=False)
        self.opacity = widgets.FloatSlider(0.85, min=0, max=1, step=0.05, description="Opacity")
        self.stage = Sheet(columns=1, largest=EYE, smooth=True, label="The picture under the map")
        self.sheet = Sheet(columns=5, largest=EYE, label="The same object elsewhere (click to go there)")
        for sheet in (self.stage, self.sheet):
            widgets.jslink((self.opacity, "value"), (sheet, "opacity"))
        self.bars = Bars(words=["here", "in the first scene"])
        self._words = widgets.HTML().add_class("cnnlab-finding")

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Class map": [self.layer, self.target, self.guided, self.relu],
                "Over the picture": [self.opacity, self.show_mask],
            },
            stage=[self.stage, self.sheet],
            result=[heading("What the network says"), self.bars, heading("What the map says"), self._words],
            names=[
                *names_for(self.layer, "layer", "Layer whose maps are added up"),
                *names_for(self.target, "target", "Class that is asked about"),
                *names_for(self.guided, "guided", "Multiply by guided backpropagation"),
                *names_for(self.relu, "relu", "Leave out what speaks against the class"),
                *names_for(self.opacity, "opacity", "Opacity of the map"),
                *names_for(self.show_mask, "show-mask", "Show the true outline of the object"),
            ],
        )

    # What happens when a control changes.

    def _ask(self) -> None:
        """The picture at once, the other scenes one after another."""
        question = self.state
        self._growth.stop()
        others = scenes.elsewhere(question)
        place = next(iter(others.values())).source if others else question.source
        self.answer = scenes.ask(question)
        thing, asked = (question.model, place), (*question.options.values(), question.guided)
        if thing != self._thing:
            self._first = self.answer
        if (thing, asked) != (self._thing, self._asked):
            self.answers = {}
        self._thing, self._asked = thing, asked
        self.relu.disabled = question.guided
        self._paint()
        steps = missing(others, self.answers, scenes.ask)
        self._growth.start(steps, lambda _scene: None, self.after(self._paint_sheet))

    def _paint(self) -> None:
        answer, source = self.answer, self.pictures.source
        mask = source.mask(self.side)
        image = source.image(EYE)
        if self.show_mask.value and mask is not None:
            image = with_outline(image, source.mask(EYE))
        with self.stage.hold_sync():
            self.stage.tiles = picture_tiles(image.unsqueeze(0))
            self.stage.overlay = overlay([answer])
            self.stage.captions = [answer.says]
        values = methods.flat(answer.map, "size") if answer.map.dim() == 3 else answer.map
        self._words.value = methods.reading(values, mask, source.thing)
        before = self._first.probability
        self.bars.entries = ranking(answer.probability, before, answer.names, answer.target)
        self.say(f"{self.network.label} {answer.says}; the map is of {answer.names[answer.target]}.")
        self._paint_sheet()

    def _paint_sheet(self) -> None:
        """The scenes, as far as they have been visited."""
        if not self.answers:
            self.sheet.tiles = {}
            return
        shape, rows = self.pictures.source.thing, list(self.answers.values())
        wrong = [n for n, answer in enumerate(rows) if answer.names[answer.winner] != shape]
        with self.sheet.hold_sync():
            self.sheet.tiles = picture_tiles(torch.stack([answer.image for answer in rows]))
            self.sheet.overlay = overlay(rows)
            self.sheet.captions = [f"{scene}: {answer.says}" for scene, answer in self.answers.items()]
            self.sheet.boxes = [frame(tile, self.side, self.side, OUTLINE) for tile in wrong]

    def _swap(self) -> None:
        """The chosen scene becomes the background of the picture."""
        chosen = list(self.answers)[self.sheet.selected : self.sheet.selected + 1]
        if chosen and self.sheet.selected >= 0:
            self.scene.value = chosen[0]


def overlay(answers: list[Answer]) -> dict:
    """The maps of several pictures as the overlay of a `Sheet`, in one scale for all; guided ones as pictures, each in its own."""
    maps = [answer.map for answer in answers]
    if maps[0].dim() == 3:
        return methods.tiles(maps, "picture")
    most = max(float(one.abs().max()) for one in maps) or 1.0
    stack = torch.stack([torch.nan_to_num(one) for one in maps])
    if bool((stack < 0).any()):
        return map_tiles(stack, "PuOr_r", -most, most, alpha=rising_alpha(signed=True) ** 0.5)
    return map_tiles(stack, "viridis", 0, most, alpha=rising_alpha() ** 0.4)


def with_outline(image: Tensor, mask: Tensor) -> Tensor:
    """The picture with a white line, within a dark one, around the mask (H x W bool)."""
    drawn, grown = image.clone(), mask
    for colour in (1.0, 0.0):
        wider = F.max_pool2d(grown[None].float(), 5, 1, 2)[0] > 0
        drawn[:, wider & ~grown] = colour
        grown = wider
    return drawn
