"""One picture with a patch on it, and the patches to choose from, for the adversarial patch explorer; without any widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.explorers.image_sources import ImageSource, installed_photographs, knows_photographs
from cnnlab.explorers.picture_sets import installed_crops
from cnnlab.explorers.snippet import class_literal, load_line, snippet
from cnnlab.networks.forward import class_names, probabilities
from cnnlab.robustness import paste_patch
from cnnlab.world import OBJECTS, dataset, render

SHARE = 0.35
"""Side of the patch as it opens, as a share of the picture's side; also that of its own pixels."""
RENDERED = 64
"""Rendered pictures to train on."""
TRAINED, NOISE, REAL = "trained patch", "random pixels", "picture of the class"
KINDS = {TRAINED: "the trained patch", NOISE: "random pixels", REAL: "an ordinary picture of the class"}


@dataclass(frozen=True, eq=False)
class PatchState:
    """Settings of the explorer.

    `box` is (left, top, size) in the pixels of `image`; `steps` is the number of steps that the trained patch has behind it, 0 for one that
    the reader gave.
    """

    model: nn.Module
    source: ImageSource
    image: Tensor
    box: tuple[int, int, int]
    target: int
    kind: str
    steps: int


@dataclass(frozen=True, eq=False)
class PatchResult:
    """The network's prediction for the picture with the patch: C probabilities with and without it, and the classes' names."""

    pasted: Tensor
    now: Tensor
    clean: Tensor
    names: tuple[str, ...]
    target: int

    @property
    def won(self) -> bool:
        """Whether the network says the target class because of the patch."""
        return int(self.now.argmax()) == self.target != int(self.clean.argmax())

    @property
    def flipped(self) -> bool:
        """Whether the patch changes the predicted class."""
        return int(self.now.argmax()) != int(self.clean.argmax())

    @property
    def summary(self) -> str:
        """A sentence with the predicted class."""
        said, first = self.names[int(self.now.argmax())], self.names[int(self.clean.argmax())]
        if self.won:
            return f"{first} has become {said}: the patch wins"
        return (
            f"{first} has become {said}, not {self.names[self.target]}"
            if self.flipped
            else f"the network still says {first}"
        )


def result_of(state: PatchState, patch: Tensor, clean: Tensor) -> PatchResult:
    """Classify the picture with the patch: one forward pass."""
    left, top, size = state.box
    pasted = paste_patch(state.image, patch, top, left, size)
    names = class_names(state.model, len(clean))
    return PatchResult(pasted, probabilities(state.model, pasted), clean, names, state.target)


def patch_side(image: Tensor) -> int:
    """The side of the patches for pictures like this one, in their own pixels."""
    return round(SHARE * image.shape[-1])


def learning_rate(names: Sequence[str]) -> float:
    """The step of the training, for a network with these classes.

    On rendered pictures 0.05 overshoots for some classes ("cup") and never recovers; on photographs 0.03 is only slower.
    """
    return 0.05 if knows_photographs(names) else 0.03


def training_images(model: nn.Module, side: int) -> tuple[Tensor, str]:
    """Pictures to train on, N x 3 x side x side in [0, 1], and their code: crops of photographs, or rendered pictures."""
    if knows_photographs(getattr(model, "class_names", ())):
        crops, code = installed_crops()
        return crops.images.float().div(255), code
    sized = "" if side == 96 else f", size={side}"
    images = dataset("train", n=RENDERED, size=side, progress=False).images.float().div(255)
    return images, f'world.dataset("train", n={RENDERED}{sized}).images'


def picture_of_class(names: Sequence[str], target: int, side: int) -> tuple[Tensor, str] | None:
    """An ordinary picture of the class and its code: an installed photograph, or a large rendered object; None where there is none."""
    name = names[target]
    if knows_photographs(names):
        for photograph in installed_photographs():
            if photograph.imagenet_class == name:
                code = f'cnnlab.photographs()["{photograph.name}"].image({side})'
                return photograph.image(side), code
    elif name in OBJECTS:
        fields = f'7, shape="{name}", position=(0.5, 0.5), scale=0.4, cover=0, clutter=0, size={side}'
        picture = render(7, shape=name, position=(0.5, 0.5), scale=0.4, cover=0, clutter=0, size=side)
        return picture.image, f"world.render({fields}).image"
    return None


def noise_patch(side: int) -> Tensor:
    """Random pixels, always the same."""
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(0))


def code(state: PatchState, names: Sequence[str], network: str, training_code: str) -> str:
    """The lines of code for the prediction without the explorer."""
    left, top, size = state.box
    side = patch_side(state.image)
    name = class_literal(state.target, names, network)
    if state.kind == NOISE:
        noise = f"torch.rand(3, {side}, {side}, generator=torch.Generator().manual_seed(0))"
        patch = [f"patch = {noise}"]
    elif state.kind == REAL:
        patch = [f"patch = {picture_of_class(names, state.target, side)[1]}"]
    elif not state.steps:
        patch = [f"patch = ...  # your own: 3 x {side} x {side} floats in [0, 1]"]
    else:
        patch = [
            f"images = {training_code}.float() / 255",
            f"patch = robustness.adversarial_patch(model, images, {name}, steps={state.steps}, learning_rate={learning_rate(names)})",
        ]
    index = f"model.class_names.index({name})" if name.startswith('"') else name
    return snippet(
        load_line(network),
        state.source.code(state.image.shape[-1]),
        *patch,
        f"pasted = robustness.paste_patch(image, patch, top={top}, left={left}, size={size})",
        "with torch.inference_mode():",
        f'    print("{names[state.target]}", model(pasted[None]).softmax(1)[0, {index}].item())',
    )


def summary(state: PatchState, result: PatchResult, network: str) -> str:
    """What is shown, without measured numbers, so that it is the same on every machine."""
    left, top, size = state.box
    clean, now = (result.names[int(probability.argmax())] for probability in (result.clean, result.now))
    return (
        f"{network or 'A network'} looks at a picture ({state.source.description}) with a patch of {size} x {size} pixels at row {top},"
        f" column {left}: {KINDS[state.kind]}, for {result.names[state.target]}. Without it the network says {clean}, with it {now}."
    )
