"""Fooling explorer: fooling images evolved generation by generation, which a network classifies with high confidence."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from matplotlib.figure import Figure
from torch import nn

from cnnlab._validation import class_index
from cnnlab.explorers.charts import ProbabilityBars, probability_rows
from cnnlab.explorers.choices import CLASSIFIERS, of_the_same_classes, offer_classes, offer_judges
from cnnlab.explorers.controls import choice, heading, search, slow_slider
from cnnlab.explorers.optimisation_base import OptimisationExplorer, cached_load
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.snippet import arguments, literal, snippet
from cnnlab.explorers.step_player import Frame, make_frame, strip_figure
from cnnlab.networks.eval_mode import input_side
from cnnlab.networks.forward import class_names, probabilities
from cnnlab.robustness import cppn, evolve_fooling
from cnnlab.synthesis import maximise_steps

METHODS = [("formulas (CPPN)", "cppn"), ("pixels, bred", "direct"), ("pixels, by gradient", "gradient")]
MOST = 20
"""With more classes than this, images are not evolved for all at once."""
PLAIN_ASCENT = {"parametrisation": "pixels", "jitter": 0, "zoom": 0, "rotate": 0, "l2": 0, "tv": 0}
"""Gradient ascent without any prior that makes its pictures look natural."""


class FoolingExplorer(OptimisationExplorer):
    """Fooling explorer: evolution of fooling images, shown generation by generation.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    target
        The first class to evolve an image for; None for all of them, or, where there are more than 20, for the one that the first
        random pictures come nearest to.
    generations
        Number of generations.

    Example
    -------
    >>> explorer = FoolingExplorer("mini_alexnet", target="cup")
    >>> explorer.method.value = "direct"
    """

    name = "Fooling explorer"
    title = "Fooling pictures"
    question = "Which pictures of nothing is a network sure of?"
    invitation = "breed others"
    pickers = ("network",)
    kinds = (*CLASSIFIERS, "digits")
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
        self._read_classes()
        first = class_index(target, self._classes) if isinstance(target, str) else target
        self.bars, self.grid.min_tile_size = ProbabilityBars(), 90
        self.second_network = choice(
            "Ask also", [("nobody", "")], name="Another network that is asked about the picture"
        )
        target_menu = search("Class", [("all classes", None)], name="Class that the network shall see")
        self._offer_classes(target_menu, first)
        self.assemble(
            {
                "What is bred": {
                    "target": target_menu,
                    "method": choice("By", METHODS, name="What is bred, and how"),
                },
                "Evolution": {
                    "generations": slow_slider(
                        "Length", generations, 4, 200, 4, name="Number of generations"
                    ),
                    "population": slow_slider(
                        "Children", self._children, 8, 96, 8, name="Children in each generation"
                    ),
                    "random_seed": slow_slider("Seed", 0, 0, 9, name="Random seed"),
                },
            },
            result=[heading("What the network says"), self.bars, self.second_network],
        )
        self.on_change(self._show_predictions, self.second_network)
        self.on_change(self._show_predictions, self.grid, name="selected")

    @property
    def _size(self) -> dict[str, int]:
        """The side of the pictures as an argument, where it differs from the network's input."""
        return {} if self.made_side == input_side(self.model) else {"size": self.made_side}

    @property
    def _children(self) -> int:
        """Children in each generation, as the explorer opens."""
        return 8 if self.is_large else 24

    @property
    def targets(self) -> list[int]:
        """The classes to evolve images for."""
        every = range(len(self._classes)) if self.target.value is None else [self.target.value]
        return list(every)

    def update_options(self) -> None:
        self._read_classes()
        self._offer_classes(self.target)
        self.population.disabled = self.method.value == "gradient"
        offer_judges(self.second_network, of_the_same_classes(self.display_name, self._classes))

    def frames(self) -> tuple[Iterator[Frame], int]:
        self.population.disabled = self.method.value == "gradient"
        total, targets, seed = self.generations.value, self.targets, self.random_seed.value
        self._evolved_targets = targets
        if self.method.value == "gradient":
            ascent = maximise_steps(self.model, targets, steps=total, seed=seed, **self._size, **PLAIN_ASCENT)
            frames = (
                make_frame(step.images, confidence=self._mean_confidence(step.images, targets))
                for step in ascent
            )
            return frames, total
        options = {"generations": total, "population": self.population.value, "seed": seed, "confidence": 1}
        options |= self._size
        steps = evolve_fooling(self.model, targets, encoding=self.method.value, **options)
        return (make_frame(step.images, confidence=float(step.probabilities.mean())) for step in steps), total

    def captions(self) -> list[str]:
        return [self._classes[target] for target in self._evolved_targets]

    def show_frame(self, frame: Frame, finished: bool) -> None:
        super().show_frame(frame, finished)
        self.grid.columns = 1 if len(self._evolved_targets) == 1 else 5
        if finished or not self.bars.entries:
            self._show_predictions()

    def code(self) -> str:
        target, seed = self.target.value, self.random_seed.value
        classes = "None" if target is None else literal(self._classes[target])
        if self.method.value == "gradient":
            options = {"steps": self.generations.value, "seed": seed} | self._size | PLAIN_ASCENT
            call = f"result = synthesis.maximise(model, {classes}, {arguments(options)})"
            return snippet(self.load_line, call, "figures.grid(result.images)")
        options = {"encoding": self.method.value, "generations": self.generations.value}
        options |= {"population": self.population.value, "seed": seed, "confidence": 1} | self._size
        return snippet(
            self.load_line,
            f"generations = list(robustness.evolve_fooling(model, {classes}, {arguments(options)}))",
            "figures.generations_figure(generations, model.class_names)",
        )

    def summary(self) -> str:
        what = "all classes" if self.target.value is None else self._classes[self.target.value]
        return (
            f"Pictures are made for which {self.display_name} says {what}: {self.method.label},"
            f" {self.generations.value} generations."
        )

    def preview(self) -> Figure:
        frame = self.player.frames[self.player.current_step]
        rows = probabilities(self.model, frame.images)[range(len(frame.images)), self._evolved_targets]
        captions = [f"{caption}: {p:.2f}" for caption, p in zip(self.captions(), rows.tolist(), strict=True)]
        return strip_figure(frame.images, captions)

    # Callbacks of the controls.

    def _read_classes(self) -> None:
        grey = torch.full((3, self.side, self.side), 0.5)
        self._classes = class_names(self.model, len(probabilities(self.model, grey)))

    def _offer_classes(self, menu: SearchSelect, first: int | None = None) -> None:
        """Fill the menu of classes; the choice is `first`, else the previous one, else one that evolution soon reaches."""
        few, before = len(self._classes) <= MOST, menu.label
        offer_classes(menu, self._classes, [("all classes", None)] if few else [])
        if first is not None:
            menu.value = first
        elif not few and menu.label != before:
            menu.value = self._nearest_class()

    def _nearest_class(self) -> int:
        """The class that gets the highest probability in the first, random pictures."""
        generator = torch.Generator().manual_seed(0)
        patterns = [cppn.minimal_pattern(generator) for _ in range(self._children)]
        pictures = torch.stack([cppn.render_pattern(pattern, self.made_side) for pattern in patterns])
        return int(probabilities(self.model, pictures).amax(0).argmax())

    def _mean_confidence(self, images: torch.Tensor, targets: list[int]) -> float:
        return float(probabilities(self.model, images.detach().cpu())[range(len(targets)), targets].mean())

    def _show_predictions(self) -> None:
        """Show the predictions for the chosen picture: of the network that it was evolved for, and of another one, if any."""
        if not self.player.frames:
            return
        tile = min(max(self.grid.selected, 0), len(self._evolved_targets) - 1)
        image = self.player.frames[self.player.current_step].images[tile]
        judge = self.second_network.value
        self.bars.series_names = [self.display_name, *([judge] if judge else [])]
        other = probabilities(cached_load(judge), image) if judge else None
        self.bars.entries = probability_rows(
            probabilities(self.model, image), other, self._classes, self._evolved_targets[tile]
        )
