"""Part explorer: take a part away, and see whether the network needs it as much as the map claims."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart, Table
from cnnlab.explorers.controls import (
    button,
    checkbox,
    choice,
    finding,
    heading,
    link_opacity,
    number,
    search,
    slider,
)
from cnnlab.explorers.image_grid import ImageGrid, image_tiles, map_tiles
from cnnlab.explorers.image_picker import LARGEST_SEED
from cnnlab.explorers.image_sources import RenderedSource, as_source
from cnnlab.explorers.render import parts as render
from cnnlab.explorers.static_preview import canvas, figure_png
from cnnlab.figures import alpha_ramp
from cnnlab.figures.attribution import overlay
from cnnlab.figures.axes import show_image
from cnnlab.networks.forward import class_names
from cnnlab.world import OBJECTS, SCENES, Picture, Recipe, parts_of, sample

SHOWN = 288
"""Side of a displayed picture, in pixels."""
NO_GUESS = "your guess"


class PartExplorer(Explorer):
    """Part explorer: a map's claim for each part beside the true fall of the logit without it, and a game: which method lies?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe or a picture of `cnnlab.world.render` with an object.
    networks
        Networks to choose from, by the names that are shown; all that are available by default.

    Example
    -------
    >>> explorer = PartExplorer("mini_alexnet")
    >>> explorer.part.value, explorer.method.value = "horn", "Grad-CAM"
    """

    name = "Part explorer"
    title = "Parts"
    question = "Does the network need the part that the map marks?"
    invitation = "take other parts away and find the method that lies"
    pickers = ("network",)

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: int | Recipe | Picture | None = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__(model, networks=networks)
        recipe = None if picture is None else recipe_of(picture)
        recipe = recipe or sample(7, shape="goat", scene="meadow", clutter=0, cover=0.0)
        self._given, self._named_method = recipe, "Grad-CAM"
        self.pair = ImageGrid(
            columns=2,
            max_tile_size=SHOWN,
            smooth=True,
            label="The picture under the map, and without the part",
        )
        self.chart, self._finding = Chart(), finding()
        self.table = Table(headings=["method", "agreement"], label="The methods")
        self.layout(
            {
                "Picture": {
                    "shape": search("Class", OBJECTS, name="Class of the object in the picture"),
                    "scene": choice("Scene", SCENES, recipe.scene, name="Scene of the picture"),
                    "seed_row": row_of_seed(recipe),
                },
                "Part and method": {
                    "part": choice("Without", parts_of(recipe.shape), name="Part that is taken away"),
                    "method": choice("Map", render.OFFERED, "Grad-CAM", name="Method of the map"),
                    "opacity": slider("Opacity", 0.7, 0, 1, 0.05, name="Opacity of the map"),
                },
                "Find the method that lies": {
                    "hide": checkbox("hide the methods' names", name="Hide the names of the methods"),
                    "guess": choice(
                        "The liar", [NO_GUESS], name="The method that agrees least with the truth"
                    ),
                },
            },
            centre=[self.pair, self._finding, heading("Claim and truth, part by part"), self.chart],
            result=[self.table],
        )
        self.shape.value = recipe.shape
        link_opacity(self.opacity, self.pair)
        self.show()
        self.on_change(self._new_picture, self.shape, self.scene, self.seed)
        self.on_click(self._another, self.another_button)
        self.on_change(self._paint, self.part, self.method)
        self.on_change(self._hide_or_show, self.hide)
        self.on_change(self._judge, self.guess)

    @property
    def recipe(self) -> Recipe:
        """The recipe of the whole picture."""
        chosen = {"shape": self.shape.value, "scene": self.scene.value}
        if self.seed.value == self._given.seed:
            return self._given.replace(**chosen)
        return sample(self.seed.value, **chosen, clutter=0, cover=0.0)

    @property
    def target(self) -> int:
        """The class that is predicted for the whole picture."""
        return int(self.truth.whole.argmax())

    @property
    def truth(self) -> render.Truth:
        """The logits with and without each part."""
        return render.truth(self.model, self.recipe, self.side)

    def refresh(self) -> None:
        parts = parts_of(self.shape.value)
        if tuple(self.part.options) != parts:
            before = self.part.value
            self.part.options = parts
            self.part.value = before if before in parts else parts[-1]
        if self.is_new_network():
            self._offered = render.answered(self.model, self.recipe, self.side, self.target)
        self._name_methods()
        self._paint()

    def code(self) -> str:
        method = None if self.hide.value else self.method.value
        return render.code(RenderedSource(self.recipe), self.side, self.load_line, method, self.part.value)

    def summary(self) -> str:
        return (
            f"{self.display_name} looks at a picture ({RenderedSource(self.recipe).description}) under the map of"
            f" {self.method.label}, and beside it at the same without its {self.part.value}; bars compare what the map claims for"
            " each part with how far the logit falls without it."
        )

    def preview(self) -> Figure:
        relevance, claimed = self._claims()
        figure = canvas(9.6, 3.4)
        before, after, bars = figure.subplots(1, 3, width_ratios=(3, 3, 3.4))
        show_image(before, RenderedSource(self.recipe).image(self.side), "as it is, under the map")
        overlay(before, relevance, float(relevance.max()) or 1.0)
        show_image(after, self._pictures()[1], f"without: {self.part.value}")
        truth = self.truth
        falls = truth.falls(self.target)
        render.draw_bars(bars, truth.parts, render.shares(claimed), render.shares(falls), self.part.value)
        return figure

    # Callbacks of the controls.

    def _new_picture(self) -> None:
        self.refresh_quietly()

    def _another(self) -> None:
        self.seed.value = (self.seed.value + 1) % (LARGEST_SEED + 1)

    def _hide_or_show(self) -> None:
        with self.hold_callbacks():
            self._name_methods()
        self._paint()

    def _name_methods(self) -> None:
        """The names of the methods, or letters in an order of this picture, and no guess."""
        names = [(name, name) for name in self._offered]
        if self.method.label == self.method.value:
            self._named_method = self.method.value
        chosen = self._named_method if self._named_method in self._offered else self._offered[0]
        if self.hide.value:  # another method than the one on show, whose letter would be known
            names = render.letters(self._offered, self.seed.value)
            chosen = names[0][1]
        if list(self.method.options) != names:
            self.method.options = names
        self.method.value = chosen
        self.guess.options = [NO_GUESS, *(label for label, _ in names if self.hide.value)]
        self.guess.disabled = not self.hide.value
        self.table.rows = []

    def _claims(self) -> tuple[torch.Tensor, torch.Tensor]:
        return render.claims(self.method.value, self.model, self.recipe, self.side, self.target)

    def _pictures(self) -> torch.Tensor:
        recipes = self.recipe, self.recipe.replace(without=self.part.value)
        return torch.stack([RenderedSource(recipe).image(SHOWN) for recipe in recipes])

    def _paint(self) -> None:
        truth, target, part = self.truth, self.target, self.part.value
        relevance, claimed = self._claims()
        falls, index = truth.falls(target), truth.parts.index(part)
        low, high = float(relevance.min()), float(relevance.max())
        nothing = torch.full_like(relevance, torch.nan)
        limit = max(abs(low), abs(high)) or 1.0
        with self.pair.hold_sync():
            self.pair.tiles = image_tiles(self._pictures())
            self.pair.overlay = map_tiles(
                torch.stack([relevance, nothing]), "viridis", 0, limit, alpha=alpha_ramp() ** 0.4
            )
            self.pair.captions = ["as it is, under the map", f"without: {part}"]
        bars = render.shares(claimed), render.shares(falls)
        figure = canvas(3.9, 0.6 + 0.32 * len(truth.parts))
        render.draw_bars(figure.subplots(), truth.parts, *bars, part)
        self.chart.show(figure_png(figure), render.bars_alt(truth.parts, *bars))
        name = class_names(self.model, len(truth.whole))[target]
        said = class_names(self.model, len(truth.whole))[int(truth.without[index].argmax())]
        agreement = render.agreement(claimed, falls)
        agrees = f"agrees with the truth by {agreement:.2f}"
        if math.isnan(agreement):
            agrees = "has no order of the parts" if self._has_order(falls) else "has no truth to agree with"
        self._finding.value = (
            f"Without the {part}, the logit of {name} goes from {float(truth.whole[target]):.1f} to"
            f" {float(truth.without[index, target]):.1f}, and the answer is {said}. Of {len(truth.parts)} parts the {part} is number"
            f" {render.rank(falls, index)} for the network and number {render.rank(claimed, index)} for the map. Over all parts, the map"
            f" {agrees} (rank correlation; 1 is best)."
        )
        self.set_status(f"{self.display_name} without the {part}: {said}; {self.method.label} {agrees}.")

    @staticmethod
    def _has_order(values: torch.Tensor) -> bool:
        return bool(values.max() > values.min())

    def _judge(self) -> None:
        """Say which method lies, and give all their names."""
        if self.guess.value == NO_GUESS:
            self.table.rows = []
            return
        falls, scores = self.truth.falls(self.target), {}
        if not self._has_order(falls):
            raise ValueError(
                "every part is worth the same to this network, so no method can lie; take another picture."
            )
        for label, method in self.method.options:
            claimed = render.claims(method, self.model, self.recipe, self.side, self.target)[1]
            score = render.agreement(claimed, falls)
            scores[label, method] = -1.0 if math.isnan(score) else score
        ranked = sorted(scores, key=scores.__getitem__)
        self.table.rows = [[f"{label}: {method}", f"{scores[label, method]:.2f}"] for label, method in ranked]
        lowest = scores[ranked[0]] + 0.005  # as it is printed, so that equal ones are all right
        liars = [(label, method) for label, method in ranked if scores[label, method] <= lowest]
        label, method = next((pair for pair in liars if pair[0] == self.guess.value), ranked[0])
        verdict = "Right" if self.guess.value == label else f"No, it is {label}"
        self.set_status(f"{verdict}: {method} agrees least with the truth ({scores[ranked[0]]:.2f}).")


def recipe_of(picture: object) -> Recipe:
    """The recipe of a rendered picture, whose parts are known; a TypeError for any other picture."""
    source = as_source(picture)
    if not isinstance(source, RenderedSource):
        raise TypeError(
            f"the parts are known of rendered pictures alone, not of a {source.description}; give a seed, a recipe, or a picture of"
            " cnnlab.world.render with an object."
        )
    return source.recipe


def row_of_seed(recipe: Recipe) -> dict:
    """The field for the seed, and the button for the next one."""
    seed = number("Seed", recipe.seed, 0, max(LARGEST_SEED, recipe.seed), name="Seed of the picture")
    return {
        "seed": seed,
        "another_button": button("Another", name="Another picture of the same class and scene"),
    }
