"""One picture under all fifteen corruptions: what the corruption explorer asks and what the network answers, without any widget."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnnlab.explorers.covered import class_names, probabilities
from cnnlab.explorers.sources import Source
from cnnlab.networks.layers import evaluating, like_parameters
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
    """All fifteen at the severity of the setting: one forward pass of fifteen pictures."""
    image = setting.source.image(setting.side)
    images = torch.stack([corrupt(image, kind, setting.severity, seed=setting.seed) for kind in CORRUPTIONS])
    with evaluating(setting.model), torch.inference_mode():
        probability = setting.model(like_parameters(setting.model, images)).softmax(1).cpu()
    return Fifteen(images, probability)


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
