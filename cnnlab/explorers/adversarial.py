"""The adversarial explorer: how far must a picture be pushed until the network says something else?"""

from __future__ import annotations

import time
from collections.abc import Iterator

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers import pushed
from cnnlab.explorers.bars import Bars, ranking
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import offer_classes
from cnnlab.explorers.covered import class_names, probabilities
from cnnlab.explorers.growth import Growth
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Chart, Sheet, picture_tiles
from cnnlab.explorers.still import ACCENT, INK, PLAIN, still_figure
from cnnlab.figures.adversarial import amplified, attack_figure

REST = 0.25
"""Seconds without a change after which the slower questions are asked."""


class AdversarialExplorer(Explorer):
    """How small a change turns the answer? A picture, the change amplified, and the picture attacked.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    epsilon
        The first strength, in steps of 255.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        What looks, and what it looks at.
    epsilon
        How far each pixel may move, in steps of 255; for "PGD, whole length" the root mean square of the moves.
    attack, target, steps
        How the change is found, whether it leads away from the answer or towards a class, and the steps of PGD.
    amplification
        By how much the change is amplified in the middle picture.
    flip_button
        Goes to the smallest epsilon found at which the answer is another.

    Example
    -------
    >>> explorer = AdversarialExplorer("mini_alexnet", picture=7)
    >>> explorer.epsilon.value = 8
    """

    title = "Adversarial examples"
    question = "How small a change turns the answer?"

    def __init__(
        self, model: str | nn.Module = "mini_alexnet", picture: object = None, *, epsilon: float = 4.0
    ):
        super().__init__(model, picture)
        self.attacked: Tensor | None = None
        self.flip: float | None = None
        self._sign: Tensor | None = None
        self._found: tuple[float, Tensor] | None = None  # epsilon and change that PGD found last
        self._growth: Growth[None] = Growth()
        self._make_controls(epsilon)
        self._lay_out()
        self.begin()
        self.watch(self._push, self.epsilon)
        self.watch(self._aim, self.attack, self.target, self.steps)
        self.watch(self._paint, self.gain)
        self.flip_button.on_click(lambda _button: self.attempt(self.go_to_flip))

    @property
    def state(self) -> pushed.Push:
        """What the controls say."""
        options = {"target": self.target.value, "epsilon": self.epsilon.value, "steps": self.steps.value}
        return pushed.Push(self.model, self.pictures.source, self.image, self.attack.value, **options)

    def go_to_flip(self) -> None:
        """Set epsilon to the next mark of the slider at or above the flip."""
        self.epsilon.value = min(-(-self.flip // self.epsilon.step) * self.epsilon.step, self.epsilon.max)

    def refresh(self) -> None:
        self._before = probabilities(self.model, self.image)
        self._classes = class_names(self.model, len(self._before))
        offer_classes(self.target, self._classes, [("away from its answer", None)], "towards {}")
        self._aim()

    def code(self) -> str:
        return pushed.code(self.state, self.network_name, self._classes)

    def describe(self) -> str:
        before, after = int(self._before.argmax()), int(self._after.argmax())
        return pushed.describe(self.state, self.called, self._classes, before, after)

    def still(self) -> bytes:
        pictures = (self.image[None], self.attacked[None], self._before[None], self._after[None])
        figure = attack_figure(*pictures, self._classes, gain=self.gain.value)
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, color=INK, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self, epsilon: float) -> None:
        self.epsilon = widgets.FloatSlider(
            epsilon, min=0, max=pushed.LARGEST, step=0.25, description="Epsilon"
        )
        self.attack = widgets.Dropdown(options=pushed.ATTACKS, description="Attack")
        self.target = SearchSelect([("away from its answer", None)], description="Target")
        self.steps = widgets.IntSlider(
            10, min=1, max=40, description="Steps", continuous_update=False, disabled=True
        )
        self.gain = widgets.IntSlider(16, min=1, max=64, description="Amplify")
        self.flip_button = widgets.Button(description="Go to the flip", disabled=True)
        self.sheet, self.bars, self.chart = Sheet(columns=3, largest=300), Bars(), Chart()
        self.sheet.label = "The picture, the change (amplified), the attacked picture"
        self.bars.words = ["attacked", "as it is"]
        self._flip_words = widgets.HTML().add_class("cnnlab-finding")

    def _lay_out(self) -> None:
        self.arrange(
            {"Attack": [self.epsilon, self.attack, self.target, self.steps], "Shown": [self.gain]},
            stage=[self.sheet, self.flip_button, self._flip_words],
            result=[heading("What the network says"), self.bars, heading("On the way"), self.chart],
            names=[
                *names_for(self.epsilon, "epsilon", "Epsilon in steps of 255"),
                *names_for(self.attack, "attack", "Attack"),
                *names_for(self.target, "target", "Away from the answer, or towards a class"),
                *names_for(self.steps, "steps", "Steps of PGD"),
                *names_for(self.gain, "gain", "Factor by which the change is amplified"),
            ],
        )

    # What happens when a control changes.

    def _aim(self) -> None:
        """Another picture, attack or target: the way is found anew, and with it the flip."""
        state = self.state
        self._growth.stop()
        self.steps.disabled = state.straight
        self.target.disabled = state.attack == "coin tosses"
        self._sign = pushed.direction(state) if state.straight else None
        self._found, self.flip, self.flip_button.disabled = None, None, True
        self._flip_words.value = "The epsilon at which the answer flips is being looked for."
        self._push()

    def _push(self) -> None:
        """Another epsilon: one forward pass; what PGD finds there follows when the slider rests."""
        state = self.state
        self._growth.stop()
        if state.straight:
            self.attacked = pushed.along(state.image, self._sign, state.epsilon)
        elif self._found is None or self._found[0] == 0:
            self._find(state)
        else:
            epsilon, change = self._found
            self.attacked = pushed.rescaled(state.image, change, state.epsilon / epsilon)
        self._paint()
        if self.flip is None or not state.straight:
            self._growth.start(self._slower(state), lambda _step: None, self._settled)

    def _find(self, state: pushed.Push) -> None:
        self.attacked = pushed.attacked(state)
        self._found = (state.epsilon, self.attacked - state.image)

    def _slower(self, state: pushed.Push) -> Iterator[None]:
        """What takes more than a forward pass, once the controls have rested for a while."""
        begun = time.monotonic()
        while time.monotonic() < begun + REST:
            yield None
        if not state.straight and self._found[0] != state.epsilon:
            self._find(state)
            self._paint()
            yield None
        if self.flip is not None:
            return
        if state.straight:
            self._draw_way(state)
            yield None
            self.flip = pushed.straight_flip(state, self._sign)
        else:
            last: float | None = None
            for last in pushed.bisected_flip(state, int(self._before.argmax())):  # noqa: B007 - the last one counts
                yield None
            self.flip = last
            self._draw_way(state)

    def _settled(self, error: Exception | None) -> None:
        if error:
            self.fail(error)
            return
        self.flip_button.disabled = self.flip == float("inf")
        name = self._classes[int(self._before.argmax())]
        self._flip_words.value = (
            f"{name} holds up to epsilon {pushed.LARGEST}."
            if self.flip == float("inf")
            else f"The answer flips at epsilon <b>{self.flip:.2f}</b> of 255."
        )

    def _paint(self) -> None:
        state = self.state
        self._after = after = probabilities(self.model, self.attacked)
        change = self.attacked - state.image
        with self.sheet.hold_sync():
            shown = (state.image, amplified(change, self.gain.value), self.attacked)
            self.sheet.tiles = picture_tiles(torch.stack(shown))
            says = [self._classes[int(p.argmax())] for p in (self._before, after)]
            self.sheet.captions = [f"says {says[0]}", f"the change, x {self.gain.value}", f"says {says[1]}"]
        aim = int(self._before.argmax()) if state.target is None else state.target
        self.bars.entries = ranking(after, self._before, self._classes, aim)
        turned = f"{says[0]} has become {says[1]}" if says[0] != says[1] else f"it still says {says[0]}"
        moved, length = float(change.abs().max()) * 255, float(change.norm())
        self.say(
            f"Epsilon {state.epsilon:g}: {turned}. No pixel moved by more than {moved:.1f} steps; the change is {length:.2f} long."
        )

    def _draw_way(self, state: pushed.Push) -> None:
        """Probabilities on the straight way to the largest change; for PGD along the change that it found."""
        sign = self._sign if state.straight else self._found[1] / max(float(self._found[1].abs().max()), 1e-9)
        epsilons, along = pushed.answers_along(state, sign)
        own = int(self._before.argmax())
        rival = int(along.index_fill(1, torch.tensor(own), -1).amax(0).argmax())
        words = f"Probability of {self._classes[own]} and of {self._classes[rival]} by epsilon."
        lines = {self._classes[own]: along[:, own], self._classes[rival]: along[:, rival]}
        self.chart.show(still_figure(_way_figure(epsilons, lines)), words)


def _way_figure(epsilons: Tensor, lines: dict[str, Tensor]) -> Figure:
    figure = Figure(figsize=(3.2, 2.1), dpi=100, layout="constrained", facecolor="white")
    axis = figure.subplots()
    for (name, values), (colour, dashes) in zip(lines.items(), ((PLAIN, "-"), (ACCENT, "--")), strict=False):
        axis.plot(epsilons.numpy(), values.numpy(), dashes, color=colour, linewidth=2, label=name)
    axis.set(ylim=(-0.03, 1.03))
    axis.set_xlabel("epsilon, straight on", fontsize=8, color=INK)
    axis.tick_params(labelsize=8, colors=INK)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=7.5, frameon=False)
    return figure
