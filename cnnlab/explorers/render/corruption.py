"""One picture under all fifteen corruptions for the corruption explorer; without any widget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnnlab.explorers.activation_store import pictures_in_a_step
from cnnlab.explorers.image_sources import ImageSource
from cnnlab.explorers.snippet import snippet
from cnnlab.networks.forward import probabilities
from cnnlab.robustness import CORRUPTIONS, FAMILIES, SEVERITIES, corrupt


@dataclass(frozen=True, eq=False)
class State:
    """Settings of the corruption explorer: network, picture, seed; `kind` and `severity` are the ones shown."""

    model: nn.Module
    source: ImageSource
    side: int = 96
    kind: str = "gaussian_noise"
    severity: int = 3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Result:
    """The picture under each corruption at one severity.

    `images` is 15 x 3 x H x W and `probability` 15 x C, in the order of `CORRUPTIONS`.
    """

    images: Tensor
    probability: Tensor

    @property
    def winners(self) -> list[int]:
        """The predicted class under each corruption."""
        return self.probability.argmax(1).tolist()


def family_of(kind: str) -> str:
    """The family of a corruption."""
    return next(family for family, kinds in FAMILIES.items() if kind in kinds)


def kind_options() -> list[tuple[str, str]]:
    """The corruptions as menu options: family and name, and the name for `corrupt`."""
    return [(f"{family_of(kind)}: {kind.replace('_', ' ')}", kind) for kind in CORRUPTIONS]


def render(state: State) -> Result:
    """All fifteen corruptions at the severity of the setting."""
    *_, result = render_steps(state)
    return result


def render_steps(state: State) -> Iterator[Result | None]:
    """The fifteen corruptions in short steps: None for each corruption and each forward pass, and at last the result."""
    image = state.source.image(state.side)
    images, parts = [], []
    for kind in CORRUPTIONS:
        images.append(corrupt(image, kind, state.severity, seed=state.seed))
        yield None
    for some in torch.stack(images).split(pictures_in_a_step(state.side, len(CORRUPTIONS))):
        parts.append(probabilities(state.model, some))
        yield None
    yield Result(torch.stack(images), torch.cat(parts))


def at_other_severities(state: State, results: dict[int, Result]) -> Iterator[int]:
    """Short steps that add the missing results, by severity, the nearest first; each step yields its severity."""
    for severity in sorted(SEVERITIES, key=lambda severity: abs(severity - state.severity)):
        for result in render_steps(replace(state, severity=severity)) if severity not in results else ():
            if result is not None:
                results[severity] = result
            yield severity


def code(state: State, opening: str) -> str:
    """The lines of code for the corrupted picture and the prediction without the explorer; `opening` defines `model`."""
    seed = f", seed={state.seed}" if state.seed else ""
    return snippet(
        opening,
        state.source.code(state.side),
        f'corrupted = robustness.corrupt(image, "{state.kind}", {state.severity}{seed})',
        "with torch.inference_mode():",
        "    probability = model(corrupted.unsqueeze(0)).softmax(1)[0]",
        "print(int(probability.argmax()), probability.max().item())",
    )
