"""What the saliency explorer asks: one picture, one method, one map; and how a map is laid over the picture. No widget is needed.

A method's map is N x 3 x H x W, signed; how it is looked at (its size, its sign, as a picture) is chosen apart from it, since the same
numbers look like evidence, noise or a drawing by that choice alone.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnnlab.attribution import (
    channel_max,
    deconvnet,
    gradient,
    guided_backprop,
    integrated_gradients,
    pointing_game,
    relevance_mass,
    smoothgrad,
)
from cnnlab.explorers.parts import load_line
from cnnlab.explorers.sheet import map_tiles, picture_tiles
from cnnlab.explorers.sources import NO_MASK, Source
from cnnlab.figures import rising_alpha
from cnnlab.inputs import one_of

METHODS = ("gradient", "deconvnet", "guided backprop", "SmoothGrad", "integrated gradients")
LOOKS = (("size: largest channel", "size"), ("sign: sum of channels", "sign"), ("as a picture", "picture"))
_CALLED = ("gradient", "deconvnet", "guided_backprop", "smoothgrad", "integrated_gradients")
_FUNCTIONS = (gradient, deconvnet, guided_backprop, smoothgrad, integrated_gradients)


@dataclass(frozen=True, eq=False)
class Question:
    """What the controls say: a class (`target`, `of`) or a unit (`layer`, `unit`), a method, and how many gradients it averages."""

    model: nn.Module
    source: Source
    image: Tensor
    method: str = "gradient"
    target: int | None = None
    of: str = "logit"
    layer: str | None = None
    unit: int | None = None
    samples: int = 10
    noise: float = 0.15

    def by(self, method: str) -> Question:
        """The same question to another method."""
        return replace(self, method=method)

    @property
    def options(self) -> dict:
        """The keyword arguments of the technique beyond model and image."""
        averaged = self.method in METHODS[3:]
        if self.layer is not None:
            options = {"layer": self.layer, "unit": self.unit}
        else:
            options = {"target": self.target}
            if self.of != "logit" and self.method not in METHODS[1:3]:
                options |= {"of": self.of}
        if averaged:
            options |= {"samples" if self.method == "SmoothGrad" else "steps": self.samples}
        return options | ({"noise": self.noise} if self.method == "SmoothGrad" else {})


def attribute(question: Question) -> Tensor:
    """The map of the question's method: 3 x H x W, signed, on the CPU."""
    function = _FUNCTIONS[METHODS.index(one_of(question.method, METHODS, "method"))]
    return function(question.model, question.image, **question.options).cpu()


def flat(attribution: Tensor, look: str) -> Tensor:
    """One number for each pixel: the sum of the channels if the sign is looked at, else their largest size."""
    return attribution.sum(0) if look == "sign" else channel_max(attribution)


def tiles(attributions: list[Tensor], look: str) -> dict:
    """Maps as the overlay of a `Sheet`, each in a range of its own; `look` is one of `LOOKS`."""
    if look == "picture":
        return picture_tiles(torch.stack([0.5 + _scaled(one) / 2 for one in attributions]))
    maps = torch.stack([_scaled(flat(one, look)) for one in attributions])
    if look == "sign":
        return map_tiles(maps, "PuOr_r", -1, 1, alpha=rising_alpha(signed=True) ** 0.5)
    return map_tiles(maps, "viridis", 0, 1, alpha=rising_alpha() ** 0.4)


def reading(values: Tensor, mask: Tensor | None, thing: str) -> str:
    """What a map H x W says of the truth, as HTML: where its strongest point lies, and how much of it lies on the object."""
    if not (values > 0).any():
        return "<p>Nothing in this map speaks for what was asked.</p>"
    sentences = [f"Its values reach {float(values.max()):.2g}."]
    if mask is None:
        sentences += [NO_MASK]
    elif mask.any():
        mass, game = relevance_mass(values, mask), pointing_game(values, mask)
        where = "on" if game.rate >= 0.5 else "beside"
        sentences += [
            f"{mass.mean_share:.0%} of it lies on the {thing}, which fills {mass.mean_area:.0%} of the picture;"
            f" its strongest point lies {where} the {thing}."
        ]
    return "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)


def code(question: Question, network: str) -> str:
    """The lines that give the map without the explorer."""
    picture = question.source.code(question.image.shape[-1])
    rooms = "attribution, world" if "world." in picture else "attribution"
    given = "".join(f", {name}={_written(value)}" for name, value in question.options.items())
    return "\n".join(
        [
            "import cnnlab",
            f"from cnnlab import {rooms}",
            "",
            load_line(network),
            picture,
            f"found = attribution.{_CALLED[METHODS.index(question.method)]}(model, image{given})",
            "print(attribution.channel_max(found).max().item())",
        ]
    )


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _scaled(values: Tensor) -> Tensor:
    """Values divided by the size that all but one in 200 stay below, cut at 1."""
    top = float(torch.quantile(values.abs().float().flatten(), 0.995)) or float(values.abs().max()) or 1.0
    return (values.float() / top).clamp(-1, 1)
