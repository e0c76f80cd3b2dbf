"""Fooling explorer: fooling images evolved generation by generation, which a network classifies with high confidence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import ipywidgets as widgets
import torch
from torch import nn

from cnnlab._validation import class_index
from cnnlab.explorers.choices import CLASSIFIERS, of_the_same_classes, offer_classes
from cnnlab.explorers.common import heading
from cnnlab.explorers.optimisation_base import OptimisationExplorer, accessible_names_of, slider
from cnnlab.explorers.predictions import class_names, probabilities
from cnnlab.explorers.probability_bars import ProbabilityBars, probability_rows
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import figure_png
from cnnlab.explorers.step_player import Frame, make_frame, strip_figure
from cnnlab.networks.zoo import load
from cnnlab.robustness import evolve_fooling
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
        The first class to evolve an image for; None for all of them, or the first where there are more than 20.
    generations
        Number of generations.

    Controls
    --------
    network
        The network to fool.
    target, method, generations, population, random_seed
        The class (or all), the encoding, the number of generations, of children in each, and the seed.
    second_network
        Another network, which classifies the chosen picture too.
    player
        `player.run_button`, `player.stop_button`, `player.auto_run`, and `player.scrubber`, the generation that is shown.

    Example
    -------
    >>> explorer = FoolingExplorer("mini_alexnet", target="cup")
    >>> explorer.method.value = "direct"
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
        self.method = widgets.Dropdown(options=METHODS, description="By")
        self.generations = slider("Length", generations, 4, 200, 4)
        self.population = slider("Children", 8 if self.is_large else 24, 8, 96, 8)
        self.random_seed = slider("Seed", 0, 0, 9)
        self.second_network = widgets.Dropdown(options=[("nobody", "")], description="Ask also")
        self.bars = ProbabilityBars()
        self._set_class_options()
        if first is not None:
            self.target.value = first
        groups = {
            "Picture": [],
            "What is bred": [self.target, self.method],
            "Evolution": [self.generations, self.population, self.random_seed],
        }
        names = accessible_names_of(
            target=(self.target, "Class that the network shall see"),
            route=(self.method, "What is bred, and how"),
            generations=(self.generations, "Number of generations"),
            population=(self.population, "Children in each generation"),
            random_seed=(self.random_seed, "Random seed"),
            judge=(self.second_network, "Another network that is asked about the picture"),
        )
        controls = [self.target, self.method, self.generations, self.population, self.random_seed]
        self.assemble(
            groups, names, controls, result=[heading("What the network says"), self.bars, self.second_network]
        )
        self.on_change(self._show_predictions, self.second_network)
        self.on_change(self._show_predictions, self.grid, name="selected")

    @property
    def _size(self) -> dict[str, int]:
        """The side of the pictures as an argument, where it differs from the network's input."""
        return {} if self.made_side == self.side else {"size": self.made_side}

    @property
    def targets(self) -> list[int]:
        """The classes to evolve images for."""
        every = range(len(self._classes)) if self.target.value is None else [self.target.value]
        return list(every)

    def update_options(self) -> None:
        self._classes = class_names(self.model, len(probabilities(self.model, self.image)))
        self._set_class_options()
        self.population.disabled = self.method.value == "gradient"
        same_class_networks = of_the_same_classes(self.display_name, self._classes)
        chosen = self.second_network.value
        self.second_network.options = [("nobody", ""), *((name, name) for name in same_class_networks)]
        self.second_network.value = (
            chosen
            if chosen in same_class_networks
            else (same_class_networks[0] if same_class_networks else "")
        )

    def frames(self) -> tuple[Iterator[Frame], int]:
        self.population.disabled = self.method.value == "gradient"
        total, targets, seed = self.generations.value, self.targets, self.random_seed.value
        self._evolved_targets = targets
        if self.method.value == "gradient":
            ascent = maximise_steps(self.model, targets, steps=total, seed=seed, **self._size, **PLAIN_ASCENT)
            return (
                make_frame(step.images, confidence=self._mean_confidence(step.images, targets))
                for step in ascent
            ), total
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
        targets = "None" if self.target.value is None else f'"{self._classes[self.target.value]}"'
        lines = ["import cnnlab"]
        size = "".join(f"size={side}, " for side in self._size.values())
        if self.method.value == "gradient":
            options = ", ".join(
                f'{key}="{v}"' if isinstance(v, str) else f"{key}={v}" for key, v in PLAIN_ASCENT.items()
            )
            begin = f"steps={self.generations.value}, seed={self.random_seed.value}"
            call = f"result = synthesis.maximise(model, {targets}, {begin}, {size}{options})"
            return "\n".join(
                [
                    *lines,
                    "from cnnlab import figures, synthesis",
                    "",
                    self.load_line,
                    call,
                    "figures.grid(result.images)",
                ]
            )
        options = f'encoding="{self.method.value}", generations={self.generations.value}, population={self.population.value}'
        options += f", {size}seed={self.random_seed.value}, confidence=1"
        call = f"generations = list(robustness.evolve_fooling(model, {targets}, {options}))"
        show = "figures.generations_figure(generations, model.class_names)"
        return "\n".join([*lines, "from cnnlab import figures, robustness", "", self.load_line, call, show])

    def describe(self) -> str:
        what = "all classes" if self.target.value is None else self._classes[self.target.value]
        return (
            f"Fooling explorer. Pictures are made for which {self.display_name} says {what}: {self.method.label},"
            f" {self.generations.value} generations. Run the cell to breed others."
        )

    def static_preview(self) -> bytes:
        frame = self.player.frames[self.player.current_step]
        confidences = [
            probabilities(self.model, image)[target]
            for image, target in zip(frame.images, self._evolved_targets, strict=True)
        ]
        captions = [
            f"{caption}: {float(p):.2f}" for caption, p in zip(self.captions(), confidences, strict=True)
        ]
        return figure_png(strip_figure(f"{self.title}: {self.question}", frame.images, captions))

    # Callbacks of the controls.

    def _set_class_options(self) -> None:
        chosen, few = self.target.value, len(self._classes) <= MOST
        offer_classes(self.target, self._classes, [("all classes", None)] if few else [])
        if chosen is not None and chosen < len(self._classes):
            self.target.value = chosen

    def _mean_confidence(self, images: torch.Tensor, targets: list[int]) -> float:
        all_probabilities = torch.stack([probabilities(self.model, image) for image in images.detach().cpu()])
        return float(all_probabilities[range(len(targets)), targets].mean())

    def _show_predictions(self) -> None:
        """Show the predictions for the chosen picture: of the network that it was evolved for, and of another one."""
        if not self.player.frames:
            return
        tile = min(max(self.grid.selected, 0), len(self._evolved_targets) - 1)
        image = self.player.frames[self.player.current_step].images[tile]
        second = _cached_load(self.second_network.value) if self.second_network.value else self.model
        self.bars.series_names = [self.display_name, self.second_network.value or "the same"]
        probability, other = probabilities(self.model, image), probabilities(second, image)
        self.bars.entries = probability_rows(probability, other, self._classes, self._evolved_targets[tile])


_cached_load = lru_cache(maxsize=4)(load)
