"""One picture under all fifteen corruptions: what the corruption explorer asks and what the network answers, without any widget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnnlab.explorers.collection import pictures_in_a_step
from cnnlab.explorers.covered import class_names, probabilities, scores
from cnnlab.explorers.sources import Source
from cnnlab.networks.layers import evaluating
from cnnlab.robustness import CORRUPTIONS, FAMILIES, SEVERITIES, corrupt


@dataclass(frozen=True, eq=False)
class Setting:
    """What the controls say: whose answer, to which picture, under which chance; `kind` and `severity` are what is looked at."""

    model: nn.Module
    source: Source
    side: int = 96
    kind: str = "gaussian_noise"
    severity: int = 3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Fifteen:
    """The picture under each corruption at one severity.

    `images` is 15 x 3 x H x W and `probability` 15 x C, in the order of `CORRUPTIONS`.
    """

    images: Tensor
    probability: Tensor

    @property
    def winners(self) -> list[int]:
        """The predicted class under each."""
        return self.probability.argmax(1).tolist()


def family_of(kind: str) -> str:
    """The family that a corruption belongs to."""
    return next(family for family, kinds in FAMILIES.items() if kind in kinds)


def offered() -> list[tuple[str, str]]:
    """The corruptions as a reader chooses them: family and name, and the name that `corrupt` knows."""
    return [(f"{family_of(kind)}: {kind.replace('_', ' ')}", kind) for kind in CORRUPTIONS]


def under_all(setting: Setting) -> Fifteen:
    """All fifteen at the severity of the setting."""
    *_, found = steps_under_all(setting)
    return found


def steps_under_all(setting: Setting) -> Iterator[Fifteen | None]:
    """The fifteen in short steps: None for each corruption and each forward pass, and at last what was found."""
    image = setting.source.image(setting.side)
    images, parts = [], []
    for kind in CORRUPTIONS:
        images.append(corrupt(image, kind, setting.severity, seed=setting.seed))
        yield None
    for some in torch.stack(images).split(pictures_in_a_step(setting.side, len(CORRUPTIONS))):
        with evaluating(setting.model), torch.inference_mode():
            parts.append(scores(setting.model, some).softmax(1).cpu())
        yield None
    yield Fifteen(torch.stack(images), torch.cat(parts))


def at_other_severities(setting: Setting, answers: dict[int, Fifteen]) -> Iterator[int]:
    """Short steps that put what is missing in `answers` there, by severity; each gives the severity that it works on."""
    for severity, other in severities(setting).items():
        for found in steps_under_all(other) if severity not in answers else ():
            if found is not None:
                answers[severity] = found
            yield severity


def severities(setting: Setting) -> dict[int, Setting]:
    """The same setting at each severity, the chosen one first."""
    order = sorted(SEVERITIES, key=lambda severity: abs(severity - setting.severity))
    return {severity: replace(setting, severity=severity) for severity in order}


def clean(setting: Setting) -> tuple[Tensor, tuple[str, ...]]:
    """The C probabilities of the picture as it is, and the names of the classes."""
    probability = probabilities(setting.model, setting.source.image(setting.side))
    return probability, class_names(setting.model, len(probability))


def code(setting: Setting, opening: str) -> str:
    """The lines that give the corrupted picture and the answer without the explorer; `opening` defines `model`."""
    picture = setting.source.code(setting.side)
    rooms = "robustness, world" if "world." in picture else "robustness"
    seed = f", seed={setting.seed}" if setting.seed else ""
    lines = [
        *("import torch", "import cnnlab", f"from cnnlab import {rooms}", "", opening, picture),
        f'corrupted = robustness.corrupt(image, "{setting.kind}", {setting.severity}{seed})',
        "with torch.inference_mode():",
        "    probability = model(corrupted.unsqueeze(0)).softmax(1)[0]",
        "print(int(probability.argmax()), probability.max().item())",
    ]
    return "\n".join(lines)
