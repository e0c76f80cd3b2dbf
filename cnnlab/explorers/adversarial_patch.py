"""Adversarial patch explorer: a patch that is dragged over a picture, and what the network says under it."""

from __future__ import annotations

from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab._validation import target_index
from cnnlab.explorers import image_bytes
from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.charts import ProbabilityBars, probability_rows
from cnnlab.explorers.choices import offer_classes
from cnnlab.explorers.controls import choice, heading, run_button, search, slider, slow_slider, stop_button
from cnnlab.explorers.occlusion_map_panel import OccluderCanvas
from cnnlab.explorers.render import adversarial_patch as render
from cnnlab.explorers.static_preview import picture_and_bars
from cnnlab.networks.forward import class_names, probabilities
from cnnlab.robustness import PatchStep, adversarial_patch_steps, paste_patch

FIRST_TARGETS = ("espresso", "daisy", "teapot", "cup")
"""Classes that a patch is first trained for, if the network has them and says another: of each there is an ordinary picture too."""

REDRAWN_EVERY = 4
"""Steps of training between two pictures of the patch, each of which costs a forward pass."""


class AdversarialPatchExplorer(Explorer):
    """Adversarial patch explorer: predictions under a patch that is moved over the picture.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    target
        The class that the patch is trained for, by name or index; None for one of which there is a picture.
    patch
        A trained patch, 3 x any x any in [0, 1], for that class; None to train one.
    steps
        Steps of training.

    Example
    -------
    >>> explorer = AdversarialPatchExplorer("mini_alexnet", picture=7, steps=2)
    >>> explorer.box = (40, 30, 32)  # left, top, size
    """

    name = "Adversarial patch explorer"
    title = "Adversarial patch"
    question = "Does one sticker win wherever it lies?"
    invitation = "drag the patch"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        *,
        target: str | int | None = None,
        patch: Tensor | None = None,
        steps: int = 60,
    ):
        super().__init__(model, picture)
        self._first_target, self._given = target, patch
        self._trained: dict[tuple[nn.Module, int], PatchStep] = {}
        self._training_code = ""
        self.result: render.PatchResult | None = None
        self.canvas = OccluderCanvas(moving_fill=True, cover="patch")
        self.bars = ProbabilityBars(series_names=["with the patch", "without"])
        self.train_button, self.stop_button = run_button("Train again"), stop_button()
        self.background.link(self.train_button, self.stop_button)
        self.layout(
            {
                "Patch": {
                    "target": search("Class", name="Class that the patch is for"),
                    "kind": choice("Kind", [render.TRAINED, render.NOISE], name="Kind of patch"),
                    "size": slider("Size", 34, 8, 96, name="Size of the patch in pixels"),
                },
                "Training": {
                    "steps": slow_slider("Steps", steps, 4, 200, 4, name="Steps of training"),
                    "buttons": {"train_button": self.train_button, "stop_button": self.stop_button},
                },
            },
            centre=[self.canvas],
            result=[heading("What the network says"), self.bars],
        )
        self.show()
        self.on_change(self._on_move, self.canvas, name="box")
        self.on_change(lambda: self.canvas.resize(self.size.value), self.size)
        self.on_change(self._new_patch, self.target, self.kind, self.steps)
        self.on_click(self._train_again, self.train_button)
        self.on_click(self._stop, self.stop_button)

    @property
    def box(self) -> tuple[int, int, int]:
        """(left, top, size) of the patch in the network's pixels; may be set."""
        return tuple(self.canvas.box)

    @box.setter
    def box(self, box: tuple[int, int, int]) -> None:
        self.canvas.box = list(box)

    @property
    def patch(self) -> Tensor:
        """The patch that is shown, 3 x any x any in [0, 1]."""
        if self.kind.value == render.NOISE:
            return render.noise_patch(render.patch_side(self.image))
        if self.kind.value == render.REAL:
            return render.picture_of_class(self._names, self.target.value, render.patch_side(self.image))[0]
        return self._step.patch

    @property
    def state(self) -> render.PatchState:
        """The settings of the controls."""
        return render.PatchState(
            self.model, self.image_picker.source, self.image, self.box, self.target.value, self.kind.value,
            self._step.step,
        )  # fmt: skip

    def refresh(self) -> None:
        side, source, image = self.side, self.image_picker.source, self.image
        self._clean = probabilities(self.model, image)
        self._names = class_names(self.model, len(self._clean))
        if self.is_new_network():
            offer_classes(self.target, self._names)
            self.target.value = self._choose_target()
        with self.canvas.hold_sync():
            self._fit(side)
            self.canvas.side, self.canvas.stride, self.canvas.label = (
                side,
                max(1, side // 24),
                source.description,
            )
            self.canvas.picture = {
                "eye": image_bytes.jpeg(source.image(DISPLAY_SIZE)),
                "network": image_bytes.png(image),
                "mask": b"",
            }
            self._new_patch()

    def waiting_for(self) -> str:
        return f"Training a patch for {self._names[self.target.value]}"

    def code(self) -> str:
        return render.code(self.state, self._names, self.network_name, self._training_code)

    def summary(self) -> str:
        return render.summary(self.state, self.result, self.display_name)

    def preview(self) -> Figure:
        left, top, size = (round(value * DISPLAY_SIZE / self.side) for value in self.box)
        large = paste_patch(self.image_picker.source.image(DISPLAY_SIZE), self.patch, top, left, size)
        pasted = image_bytes.to_array(self.result.pasted)
        return picture_and_bars(image_bytes.to_array(large), self.bars.entries, network_sees=pasted)

    # Callbacks of the controls.

    def _on_move(self) -> None:
        self.size.value = self.canvas.box[2]
        self._compute()

    def _new_patch(self) -> None:
        """Another class, kind or length of the training: train if this patch is not there yet, and show it."""
        with self.hold_callbacks():
            self._offer_kinds()
        trained = self._trained.get(self._key)
        if self._given is not None and self._key not in self._trained:
            self._trained[self._key], self._given = PatchStep(self._given.detach().cpu(), 0, 0.0), None
        elif trained is None or trained.step not in (0, self.steps.value):
            self._train_again()
            return
        self._show_patch()

    def _train_again(self) -> None:
        images, self._training_code = render.training_images(self.model, self.side)
        key, total = self._key, self.steps.value
        steps = adversarial_patch_steps(
            self.model, images, key[1], steps=total, learning_rate=render.learning_rate(self._names)
        )
        if self.result is None or key not in self._trained:
            self._show_patch()  # what it begins with

        def show(step: PatchStep) -> None:
            self._trained[key] = step
            if key == self._key and (step.step % REDRAWN_EVERY == 0 or step.step == total):
                self._show_patch()

        self.in_background(steps, show, self._say_what_is_shown, total=total + 1, at_once=self.at_once)

    def _stop(self) -> None:
        self.background.stop()
        self.set_status(f"{self.waiting_for()} has been stopped; the patch is shown as far as it came.")

    def _show_patch(self) -> None:
        self.canvas.fill_image = image_bytes.png(self.patch)
        self._compute()
        if not self.background.running:
            self._say_what_is_shown()

    def _say_what_is_shown(self) -> None:
        target, kind = self._names[self.target.value], render.KINDS[self.kind.value]
        self.set_status(
            f"{self.display_name} looks at: {self.image_picker.source.description}. On it {kind}, for {target}."
        )

    def _compute(self) -> None:
        """Run one forward pass on the picture with the patch, and show its result."""
        self.result = result = render.result_of(self.state, self.patch, self._clean)
        target = result.target
        self.bars.entries = probability_rows(result.now, result.clean, result.names, target)
        self.canvas.result = {
            "name": result.names[target],
            "now": round(float(result.now[target]), 4),
            "before": round(float(result.clean[target]), 4),
            "says": result.summary,
            "flipped": result.flipped,
            "box": list(self.box),  # so that the message is new even where its numbers are the same
        }

    # Helpers.

    @property
    def _key(self) -> tuple[nn.Module, int]:
        return self.model, self.target.value

    @property
    def _step(self) -> PatchStep:
        """The trained patch as far as it is; random pixels before its first step."""
        beginning = PatchStep(render.noise_patch(render.patch_side(self.image)), 0, 0.0)
        return self._trained.get(self._key, beginning)

    def _choose_target(self) -> int:
        """The class asked for at first; else one of which there is a picture; else the least probable one."""
        asked, self._first_target = self._first_target, None
        if asked is not None:
            return target_index(asked, self._names, self._clean)
        said, names = int(self._clean.argmax()), list(self._names)
        known = [names.index(name) for name in FIRST_TARGETS if name in names and names.index(name) != said]
        return known[0] if known else int(self._clean.argmin())

    def _offer_kinds(self) -> None:
        there = (
            render.picture_of_class(self._names, self.target.value, render.patch_side(self.image)) is not None
        )
        options = [kind for kind in render.KINDS if there or kind != render.REAL]
        if list(self.kind.options) != options:
            chosen = self.kind.value
            self.kind.options = options
            self.kind.value = chosen if chosen in options else render.TRAINED

    def _fit(self, side: int) -> None:
        """A patch of the same share of another network's picture, in its upper left corner."""
        if side != self.canvas.side or self.result is None:
            size = round(render.SHARE * side)
            self.size.max = side
            self.size.value, self.box = size, (side // 16, side // 16, size)
