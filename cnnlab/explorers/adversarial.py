"""Adversarial explorer: attacks on one picture, and the smallest epsilon that changes the prediction."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.charts import Chart, ProbabilityBars, probability_rows
from cnnlab.explorers.choices import offer_classes
from cnnlab.explorers.controls import button, choice, finding, heading, search, slider, slow_slider
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.render import adversarial
from cnnlab.explorers.render.adversarial import MAX_EPSILON
from cnnlab.explorers.static_preview import ACCENT, BESIDE, PLAIN, canvas, draw_curve, figure_png
from cnnlab.figures.adversarial import amplify_difference, attack_figure
from cnnlab.networks.forward import class_names, probabilities

DEBOUNCE_SECONDS = 0.25
"""Seconds without a change after which the slow computations start."""


class AdversarialExplorer(Explorer):
    """Adversarial explorer: a picture, the amplified perturbation, and the attacked picture. How small a change flips the prediction?

    Epsilon is the largest change of a pixel in steps of 1/255; for "PGD, whole length" it is the root mean square of the changes.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    epsilon
        The first epsilon, in steps of 1/255.

    Example
    -------
    >>> explorer = AdversarialExplorer("mini_alexnet", picture=7)
    >>> explorer.epsilon.value = 8
    """

    name = "Adversarial explorer"
    title = "Adversarial examples"
    question = "How small a change turns the answer?"
    invitation = "change epsilon, attack and target"

    def __init__(
        self, model: str | nn.Module = "mini_alexnet", picture: object = None, *, epsilon: float = 4.0
    ):
        super().__init__(model, picture)
        self.adversarial_image: Tensor | None = None
        self.flip_epsilon: float | None = None
        self._sign: Tensor | None = None
        self._pgd_change: tuple[float, Tensor] | None = None  # epsilon and change of the last PGD run
        self.grid, self.bars, self.chart = ImageGrid(columns=2, max_tile_size=300), ProbabilityBars(), Chart()
        self.grid.label = "The picture, the attacked picture, and the change (amplified)"
        self.bars.series_names = ["attacked", "as it is"]
        gain = max(1, round(64 / max(epsilon, 1)))  # a quarter of the range, which is easy to see
        self.flip_button, self._flip_text = button("Go to the flip", disabled=True), finding()
        self.layout(
            {
                "Attack": {
                    "epsilon": slider(
                        "Epsilon", epsilon, 0, MAX_EPSILON, 0.25, name="Epsilon in steps of 255"
                    ),
                    "attack": choice("Attack", adversarial.ATTACKS, name="Attack"),
                    "target": search(
                        "Target",
                        [("away from its answer", None)],
                        name="Away from the answer, or towards a class",
                    ),
                    "steps": slow_slider("Steps", 10, 1, 40, name="Steps of PGD", disabled=True),
                },
                "Shown": {
                    "amplification": slider(
                        "Amplify", gain, 1, 64, name="Factor by which the change is amplified"
                    )
                },
            },
            centre=[self.grid, self.flip_button, self._flip_text],
            result=[heading("What the network says"), self.bars, heading("On the way"), self.chart],
        )
        self.show()
        self.on_change(self._change_epsilon, self.epsilon)
        self.on_change(self._restart, self.attack, self.target, self.steps)
        self.on_change(self._paint, self.amplification)
        self.on_click(self.go_to_flip, self.flip_button)

    @property
    def state(self) -> adversarial.State:
        """The settings of the controls."""
        options = {"target": self.target.value, "epsilon": self.epsilon.value, "steps": self.steps.value}
        return adversarial.State(
            self.model, self.image_picker.source, self.image, self.attack.value, **options
        )

    def go_to_flip(self) -> None:
        """Set epsilon to the next slider step at or above the flip."""
        step = self.epsilon.step
        self.epsilon.value = min(-(-self.flip_epsilon // step) * step, self.epsilon.max)

    def refresh(self) -> None:
        self._clean_probability = probabilities(self.model, self.image)
        self._classes = class_names(self.model, len(self._clean_probability))
        offer_classes(self.target, self._classes, [("away from its answer", None)], "towards {}")
        self._restart()

    def code(self) -> str:
        return adversarial.code(self.state, self.network_name, self._classes)

    def summary(self) -> str:
        before, after = int(self._clean_probability.argmax()), int(self._attacked_probability.argmax())
        return adversarial.summary(self.state, self.display_name, self._classes, before, after)

    def preview(self) -> Figure:
        pictures = self.image, self.adversarial_image, self._clean_probability, self._attacked_probability
        rows = (tensor[None] for tensor in pictures)
        return attack_figure(*rows, self._classes, gain=self.amplification.value)

    # Callbacks of the controls.

    def _restart(self) -> None:
        """Restart the search for the attack direction and for the flip, after a change of picture, attack or target."""
        state = self.state
        self.background.stop()
        self.steps.disabled = state.single_direction
        self.target.disabled = state.attack == "random signs"
        self._sign = adversarial.direction(state) if state.single_direction else None
        self._pgd_change, self.flip_epsilon, self.flip_button.disabled = None, None, True
        self._flip_text.value = "The epsilon at which the answer flips is being looked for."
        self._change_epsilon()

    def _change_epsilon(self) -> None:
        """Update for another epsilon with one forward pass; PGD follows when the slider rests."""
        state = self.state
        self.background.stop()
        if state.single_direction:
            self.adversarial_image = adversarial.step_along(state.image, self._sign, state.epsilon)
        elif self._pgd_change is None or self._pgd_change[0] == 0:
            self._run_pgd(state)
        else:
            epsilon, change = self._pgd_change
            self.adversarial_image = adversarial.rescale_change(state.image, change, state.epsilon / epsilon)
        self._paint()
        if self.flip_epsilon is None or not state.single_direction:
            self.in_background(self._slow_steps(state), done=self._flip_found)

    def _run_pgd(self, state: adversarial.State) -> None:
        self.adversarial_image = adversarial.render(state)
        self._pgd_change = (state.epsilon, self.adversarial_image - state.image)

    def _slow_steps(self, state: adversarial.State) -> Iterator[None]:
        """The computations that take more than a forward pass, started once the controls have rested for a while."""
        started = time.monotonic()
        while time.monotonic() < started + DEBOUNCE_SECONDS:
            yield None
        if not state.single_direction and self._pgd_change[0] != state.epsilon:
            self._run_pgd(state)
            self._paint()
            yield None
        if self.flip_epsilon is not None:
            return
        if state.single_direction:
            self._draw_path(state)
            yield None
            self.flip_epsilon = adversarial.flip_along(state, self._sign)
        else:
            last: float | None = None
            for last in adversarial.bisect_flip(state, int(self._clean_probability.argmax())):  # noqa: B007 - the last one is needed
                yield None
            self.flip_epsilon = last
            self._draw_path(state)

    def _flip_found(self) -> None:
        self.flip_button.disabled = self.flip_epsilon == float("inf")
        name = self._classes[int(self._clean_probability.argmax())]
        self._flip_text.value = (
            f"{name} holds up to epsilon {MAX_EPSILON}."
            if self.flip_epsilon == float("inf")
            else f"The answer flips at epsilon <b>{self.flip_epsilon:.2f}</b> of 255."
        )

    def _paint(self) -> None:
        state = self.state
        self._attacked_probability = after = probabilities(self.model, self.adversarial_image)
        change = self.adversarial_image - state.image
        with self.grid.hold_sync():
            panels = (
                state.image,
                self.adversarial_image,
                amplify_difference(change, self.amplification.value),
            )
            self.grid.tiles = image_tiles(torch.stack(panels))
            predictions = [self._classes[int(p.argmax())] for p in (self._clean_probability, after)]
            self.grid.labels = self.grid.captions = [
                f"as it is: {predictions[0]}",
                f"attacked: {predictions[1]}",
                f"the change, x {self.amplification.value}",
            ]
        target_class = int(self._clean_probability.argmax()) if state.target is None else state.target
        self.bars.entries = probability_rows(after, self._clean_probability, self._classes, target_class)
        verdict = (
            f"{predictions[0]} has become {predictions[1]}"
            if predictions[0] != predictions[1]
            else f"it still says {predictions[0]}"
        )
        moved, length = float(change.abs().max()) * 255, float(change.norm())
        self.set_status(
            f"Epsilon {state.epsilon:g}: {verdict}. No pixel moved by more than {moved:.1f} steps; the change is {length:.2f} long."
        )

    def _draw_path(self, state: adversarial.State) -> None:
        """Plot the probabilities along the straight line to the largest change; for PGD along the change that it found."""
        sign = self._sign
        if not state.single_direction:
            _epsilon, change = self._pgd_change
            sign = change / max(float(change.abs().max()), 1e-9)
        epsilons, probability = adversarial.probabilities_along(state, sign)
        clean_class = int(self._clean_probability.argmax())
        rival = int(probability.index_fill(1, torch.tensor(clean_class), -1).amax(0).argmax())
        classes = {self._classes[index]: probability[:, index] for index in (clean_class, rival)}
        figure = canvas(BESIDE, 1.9)
        axis = figure.subplots()
        for (name, values), (colour, dashes) in zip(
            classes.items(), ((PLAIN, "-"), (ACCENT, "--")), strict=False
        ):
            axis.plot(epsilons, values, dashes, color=colour, linewidth=2, label=name)
        axis.set(ylim=(-0.03, 1.03))
        axis.legend(fontsize=7.5, frameon=False)
        draw_curve(axis, "epsilon, straight on")
        alt_text = f"Probability of {self._classes[clean_class]} and of {self._classes[rival]} by epsilon."
        self.chart.show(figure_png(figure), alt_text)
