"""The fooling explorer: pictures of nothing that a network is sure of, generation by generation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import ipywidgets as widgets
import torch
from torch import nn

from cnnlab.explorers.bars import Bars, ranking
from cnnlab.explorers.choices import CLASSIFIERS, of_the_same_classes, offer_classes
from cnnlab.explorers.covered import class_names, probabilities
from cnnlab.explorers.film import Moment, moment, strip_figure
from cnnlab.explorers.growing import GrowingExplorer, named, slider
from cnnlab.explorers.parts import heading
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.still import still_figure
from cnnlab.inputs import class_index
from cnnlab.networks.zoo import load
from cnnlab.robustness import evolve_fooling
from cnnlab.synthesis import maximise_steps

ROUTES = [("formulas (CPPN)", "cppn"), ("pixels, bred", "direct"), ("pixels, by gradient", "gradient")]
MOST = 20
"""Of more classes not all are bred at once."""
PLAIN_ASCENT = {"parametrisation": "pixels", "jitter": 0, "zoom": 0, "turn": 0, "l2": 0, "tv": 0}
"""The gradient route without anything that makes its pictures look natural."""


class FoolingExplorer(GrowingExplorer):
    """Which pictures of nothing is the network sure of? Bred while one watches.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    target
        The class whose picture is bred first; None for all of them, or the first where there are more than 20.
    generations
        How many there are.

    Controls
    --------
    network
        Who is fooled.
    target, method, generations, population, random_seed
        The class (or all), what is bred and how, for how long, how many children each time, and the seed.
    second_network
        Another network that is asked about the chosen picture.
    player
        `film.run_button`, `film.stop_button`, `film.live`, and `film.scrubber`, the generation that is shown.

    Example
    -------
    >>> explorer = FoolingExplorer("mini_alexnet", target="cup")
    >>> explorer.route.value = "direct"
    """

    kinds = (*CLASSIFIERS, "digits")
    title = "Fooling pictures"
    question = "Which pictures of nothing is a network sure of?"
    curve_label = "mean probability of the class"
    run_label = "Breed"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        *,
        target: str | int | None = None,
        generations: int = 12,
    ):
        super().__init__(model)
        self._classes: tuple[str, ...] = class_names(self.model, len(probabilities(self.model, self.image)))
        first = class_index(target, self._classes) if isinstance(target, str) else target
        self.target = SearchSelect([("all classes", None)], description="Class")
        self.route = widgets.Dropdown(options=ROUTES, description="By")
        self.generations = slider("Length", generations, 4, 200, 4)
        self.population = slider("Children", 8 if self.is_large else 24, 8, 96, 8)
        self.chance = slider("Chance", 0, 0, 9)
        self.judge = widgets.Dropdown(options=[("nobody", "")], description="Ask also")
        self.bars = Bars()
        self._offer_classes()
        if first is not None:
            self.target.value = first
        groups = {
            "Picture": [],
            "What is bred": [self.target, self.route],
            "Evolution": [self.generations, self.population, self.chance],
        }
        names = named(
            target=(self.target, "Class that the network shall see"),
            route=(self.route, "What is bred, and how"),
            generations=(self.generations, "Number of generations"),
            population=(self.population, "Children in each generation"),
            chance=(self.chance, "Seed of all chance"),
            judge=(self.judge, "Another network that is asked about the picture"),
        )
        controls = [self.target, self.route, self.generations, self.population, self.chance]
        self.open(groups, names, controls, result=[heading("What the network says"), self.bars, self.judge])
        self.watch(self._ask, self.judge)
        self.watch(self._ask, self.sheet, name="selected")

    @property
    def _size(self) -> dict[str, int]:
        """The side of the pictures as an argument, where it is not the network's own."""
        return {} if self.made_side == self.side else {"size": self.made_side}

    @property
    def targets(self) -> list[int]:
        """The classes that are bred for."""
        every = range(len(self._classes)) if self.target.value is None else [self.target.value]
        return list(every)

    def offer(self) -> None:
        self._classes = class_names(self.model, len(probabilities(self.model, self.image)))
        self._offer_classes()
        self.population.disabled = self.route.value == "gradient"
        others = of_the_same_classes(self.called, self._classes)
        chosen = self.judge.value
        self.judge.options = [("nobody", ""), *((name, name) for name in others)]
        self.judge.value = chosen if chosen in others else (others[0] if others else "")

    def moments(self) -> tuple[Iterator[Moment], int]:
        self.population.disabled = self.route.value == "gradient"
        total, targets, seed = self.generations.value, self.targets, self.chance.value
        self._bred = targets
        if self.route.value == "gradient":
            ascent = maximise_steps(self.model, targets, steps=total, seed=seed, **self._size, **PLAIN_ASCENT)
            return (moment(one.images, confidence=self._sure(one.images, targets)) for one in ascent), total
        options = {"generations": total, "population": self.population.value, "seed": seed, "confidence": 1}
        options |= self._size
        steps = evolve_fooling(self.model, targets, encoding=self.route.value, **options)
        return (moment(one.images, confidence=float(one.probabilities.mean())) for one in steps), total

    def captions(self) -> list[str]:
        return [self._classes[target] for target in self._bred]

    def show(self, moment: Moment, resting: bool) -> None:
        super().show(moment, resting)
        self.sheet.columns = 1 if len(self._bred) == 1 else 5
        if resting or not self.bars.entries:
            self._ask()

    def code(self) -> str:
        targets = "None" if self.target.value is None else f'"{self._classes[self.target.value]}"'
        lines = ["import cnnlab"]
        size = "".join(f"size={side}, " for side in self._size.values())
        if self.route.value == "gradient":
            options = ", ".join(
                f'{key}="{v}"' if isinstance(v, str) else f"{key}={v}" for key, v in PLAIN_ASCENT.items()
            )
            begin = f"steps={self.generations.value}, seed={self.chance.value}"
            call = f"found = synthesis.maximise(model, {targets}, {begin}, {size}{options})"
            return "\n".join(
                [
                    *lines,
                    "from cnnlab import figures, synthesis",
                    "",
                    self.load_line,
                    call,
                    "figures.grid(found.images)",
                ]
            )
        options = f'encoding="{self.route.value}", generations={self.generations.value}, population={self.population.value}'
        call = f"found = list(robustness.evolve_fooling(model, {targets}, {options}, {size}seed={self.chance.value}, confidence=1))"
        show = "figures.generations_figure(found, model.class_names)"
        return "\n".join([*lines, "from cnnlab import figures, robustness", "", self.load_line, call, show])

    def describe(self) -> str:
        what = "all classes" if self.target.value is None else self._classes[self.target.value]
        return (
            f"Fooling explorer. Pictures are made for which {self.called} says {what}: {self.route.label},"
            f" {self.generations.value} generations. Run the cell to breed others."
        )

    def still(self) -> bytes:
        shown = self.film.moments[self.film.shown]
        sure = [
            probabilities(self.model, image)[target]
            for image, target in zip(shown.images, self._bred, strict=True)
        ]
        words = [f"{caption}: {float(p):.2f}" for caption, p in zip(self.captions(), sure, strict=True)]
        return still_figure(strip_figure(f"{self.title}: {self.question}", shown.images, words))

    # What happens when a control changes.

    def _offer_classes(self) -> None:
        chosen, few = self.target.value, len(self._classes) <= MOST
        offer_classes(self.target, self._classes, [("all classes", None)] if few else [])
        if chosen is not None and chosen < len(self._classes):
            self.target.value = chosen

    def _sure(self, images: torch.Tensor, targets: list[int]) -> float:
        answers = torch.stack([probabilities(self.model, one) for one in images.detach().cpu()])
        return float(answers[range(len(targets)), targets].mean())

    def _ask(self) -> None:
        """Ask about the chosen picture: the network that it was bred for, and another one."""
        if not self.film.moments:
            return
        tile = min(max(self.sheet.selected, 0), len(self._bred) - 1)
        image = self.film.moments[self.film.shown].images[tile]
        judge = _loaded(self.judge.value) if self.judge.value else self.model
        self.bars.words = [self.called, self.judge.value or "the same"]
        now, other = probabilities(self.model, image), probabilities(judge, image)
        self.bars.entries = ranking(now, other, self._classes, self._bred[tile])


_loaded = lru_cache(maxsize=4)(load)
