"""One picture with one occluder for the occlusion explorer; without any widget."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from cnnlab._validation import positive_int, target_index
from cnnlab.attribution import occlude
from cnnlab.explorers.common import load_line
from cnnlab.explorers.image_sources import ImageSource
from cnnlab.explorers.predictions import class_names, probabilities


@dataclass(frozen=True, eq=False)
class State:
    """Settings of the occlusion explorer. `box` is (left, top, size) in the pixels of `image`, 3 x H x W."""

    model: nn.Module
    source: ImageSource
    image: Tensor
    box: tuple[int, int, int]
    target: int | str | None = None
    stride: int = 4
    fill: str = "grey"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Result:
    """The network's prediction for the occluded picture.

    `occluded_image` is 3 x H x W; `occluded_probability` and `clean_probability` hold the C class probabilities with and without the
    occluder; `target` is the target class and `names` are the classes' names.
    """

    occluded_image: Tensor
    occluded_probability: Tensor
    clean_probability: Tensor
    target: int
    names: tuple[str, ...]

    @property
    def flipped(self) -> bool:
        """Whether the occluder changes the predicted class."""
        return int(self.occluded_probability.argmax()) != int(self.clean_probability.argmax())

    @property
    def summary(self) -> str:
        """A sentence with the predicted class."""
        winner, first = (
            int(self.occluded_probability.argmax()),
            self.names[int(self.clean_probability.argmax())],
        )
        if self.flipped:
            return f"{first} has become {self.names[winner]} ({float(self.occluded_probability[winner]):.2f})"
        return f"the network still says {first}"


def render(state: State, clean_probability: Tensor | None = None) -> Result:
    """Classify the occluded picture: one forward pass, two if the clean picture's probabilities `clean_probability` are not given.

    Raises
    ------
    ValueError
        If the occluder is not within the picture, or fill, class or stride do not exist.
    """
    left, top, size = state.box
    positive_int(state.stride, "stride")
    occluded_image = occlude(state.image, top, left, size, state.fill, state.seed)
    clean_probability = (
        probabilities(state.model, state.image) if clean_probability is None else clean_probability
    )
    names = class_names(state.model, len(clean_probability))
    target = target_index(state.target, names, clean_probability)
    return Result(
        occluded_image, probabilities(state.model, occluded_image), clean_probability, target, names
    )


def code(state: State, result: Result, network: str, whole_map: bool = False) -> str:
    """The lines of code for the probability without the explorer; with `whole_map` also for the map."""
    left, top, size = state.box
    picture = state.source.code(state.image.shape[-1])
    rooms = "attribution, world" if "world." in picture else "attribution"
    seed = f", seed={state.seed}" if state.fill == "noise" else ""
    name = result.names[result.target]
    named = bool(network) and result.names.count(name) == 1  # ImageNet has two classes called crane
    index, target = (
        (f'model.class_names.index("{name}")', f'"{name}"') if named else (result.target, result.target)
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
        lines += [
            "",
            f"occlusion_map = attribution.occlusion(model, image, {options})",
            "print(occlusion_map.probability)",
        ]
    return "\n".join(lines)


def describe(state: State, result: Result, network: str) -> str:
    """Alt text of the picture; without measured numbers, so that it is the same on every machine."""
    left, top, size = state.box
    names = result.names
    return (
        f"Occlusion explorer. {network or 'A network'} looks at a picture ({state.source.description}) under an occluder"
        f" of {size} x {size} pixels ({state.fill}) at row {top}, column {left}."
        f" Uncovered it says {names[int(result.clean_probability.argmax())]}, covered {names[int(result.occluded_probability.argmax())]}."
        " Run the cell to move the occluder."
    )
