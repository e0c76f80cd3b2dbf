"""One picture with one occluder on it: what the occlusion explorer asks and what the network answers, without any widget."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.attribution import occlude
from cnnlab.explorers.parts import load_line
from cnnlab.explorers.sources import Source
from cnnlab.inputs import positive_int, target_index
from cnnlab.networks.layers import evaluating, like_parameters


@dataclass(frozen=True, eq=False)
class State:
    """Everything that the explorer's controls say. `box` is (left, top, size) in the pixels of `image`, 3 x H x W."""

    model: nn.Module
    source: Source
    image: Tensor
    box: tuple[int, int, int]
    target: int | str | None = None
    stride: int = 4
    fill: str = "grey"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network says to the covered picture.

    `covered` is 3 x H x W; `now` and `before` hold the C class probabilities with and without the occluder; `target` is the
    class that is asked about and `names` are the classes' names.
    """

    covered: Tensor
    now: Tensor
    before: Tensor
    target: int
    names: tuple[str, ...]

    @property
    def flipped(self) -> bool:
        """Whether another class wins because of the occluder."""
        return int(self.now.argmax()) != int(self.before.argmax())

    @property
    def says(self) -> str:
        """Which class wins, in words."""
        winner, first = int(self.now.argmax()), self.names[int(self.before.argmax())]
        if self.flipped:
            return f"{first} has become {self.names[winner]} ({float(self.now[winner]):.2f})"
        return f"the network still says {first}"


def render(state: State, before: Tensor | None = None) -> Answer:
    """Cover the picture and ask the network: one forward pass, two where the uncovered probabilities `before` are not given.

    Raises
    ------
    ValueError
        If the occluder does not lie within the picture, or fill, class or stride do not exist.
    """
    left, top, size = state.box
    positive_int(state.stride, "stride")
    covered = occlude(state.image, top, left, size, state.fill, state.seed)
    before = probabilities(state.model, state.image) if before is None else before
    names = class_names(state.model, len(before))
    target = target_index(state.target, names, before)
    return Answer(covered, probabilities(state.model, covered), before, target, names)


def probabilities(model: nn.Module, image: Tensor) -> Tensor:
    """The C class probabilities of one picture 3 x H x W, on the CPU.

    Raises
    ------
    ValueError
        If the network does not give one score for each class.
    """
    with evaluating(model), torch.inference_mode():
        return scores(model, image.unsqueeze(0)).softmax(1)[0].cpu()


def scores(model: nn.Module, images: Tensor) -> Tensor:
    """The N x C logits of a classifier for N x 3 x H x W; other networks are refused in words."""
    logits = model(like_parameters(model, images))
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(images):
        came = " x ".join(map(str, logits.shape)) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(
            f"this network is no classifier: for {len(images)} pictures it gives {came}, not one score for each class. Give one that"
            " names the class of a picture; SegmentationExplorer shows networks that name the class of each pixel."
        )
    return logits


def class_names(model: nn.Module, classes: int) -> tuple[str, ...]:
    """The names of the classes; their numbers where the network does not name them."""
    return tuple(getattr(model, "class_names", ())) or tuple(f"class {i}" for i in range(classes))


def code(state: State, answer: Answer, network: str, whole_map: bool = False) -> str:
    """The lines that give the answer's number without the explorer; with `whole_map` those of the map, too."""
    left, top, size = state.box
    picture = state.source.code(state.image.shape[-1])
    rooms = "attribution, world" if "world." in picture else "attribution"
    seed = f", seed={state.seed}" if state.fill == "noise" else ""
    name = answer.names[answer.target]
    named = bool(network) and answer.names.count(name) == 1  # ImageNet has two classes called crane
    index, target = (
        (f'model.class_names.index("{name}")', f'"{name}"') if named else (answer.target, answer.target)
    )
    lines = [
        "import torch",
        "import cnnlab",
        f"from cnnlab import {rooms}",
        "",
        load_line(network),
        picture,
        f'covered = attribution.occlude(image, top={top}, left={left}, size={size}, fill="{state.fill}"{seed})',
        "with torch.inference_mode():",
        "    probability = model(covered.unsqueeze(0)).softmax(1)[0]",
        f'print("{name}", probability[{index}].item())',
    ]
    if whole_map:
        options = f'target={target}, size={size}, stride={state.stride}, fill="{state.fill}"{seed}'
        lines += ["", f"found = attribution.occlusion(model, image, {options})", "print(found.probability)"]
    return "\n".join(lines)


def describe(state: State, answer: Answer, network: str) -> str:
    """The picture in words, for whoever cannot see it; without measured digits, so that it is the same on every machine."""
    left, top, size = state.box
    names = answer.names
    return (
        f"Occlusion explorer. {network or 'A network'} looks at a picture ({state.source.words}) under an occluder"
        f" of {size} x {size} pixels ({state.fill}) at row {top}, column {left}."
        f" Uncovered it says {names[int(answer.before.argmax())]}, covered {names[int(answer.now.argmax())]}."
        " Run the cell to move the occluder."
    )
