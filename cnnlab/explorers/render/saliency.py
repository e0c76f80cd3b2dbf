"""Saliency maps for the saliency explorer: settings, computation and display; without any widget.

A method's map is N x 3 x H x W, signed; its display (absolute value, sign, as a picture) is chosen separately, since the same
numbers look like evidence, noise or a drawing depending on it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnnlab._validation import one_of
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
from cnnlab.explorers.image_grid import image_tiles, map_tiles
from cnnlab.explorers.image_sources import NO_MASK, ImageSource
from cnnlab.explorers.snippet import arguments, load_line, snippet
from cnnlab.figures import alpha_ramp

METHODS = ("gradient", "deconvnet", "guided backprop", "SmoothGrad", "integrated gradients")
VIEWS = (("largest channel", "size"), ("signed sum", "sign"), ("as a picture", "picture"))
LEAST_WINDOW = 24
"""Smallest part of a picture that is shown enlarged, in pixels."""
_FUNCTION_NAMES = ("gradient", "deconvnet", "guided_backprop", "smoothgrad", "integrated_gradients")
_FUNCTIONS = (gradient, deconvnet, guided_backprop, smoothgrad, integrated_gradients)


@dataclass(frozen=True, eq=False)
class State:
    """Settings of the saliency explorer: a class (`target`, `score`) or a unit (`layer`, `unit`), a method, and its number of gradients."""

    model: nn.Module
    source: ImageSource
    image: Tensor
    method: str = "gradient"
    target: int | None = None
    score: str = "logit"
    layer: str | None = None
    unit: int | None = None
    samples: int = 10
    noise: float = 0.15

    def with_method(self, method: str) -> State:
        """The same settings with another method."""
        return replace(self, method=method)

    @property
    def options(self) -> dict:
        """The keyword arguments of the technique beyond model and image."""
        averages = self.method in METHODS[3:]
        if self.layer is not None:
            options = {"layer": self.layer, "unit": self.unit}
        else:
            options = {"target": self.target}
            if self.score != "logit" and self.method not in METHODS[1:3]:
                options |= {"score": self.score}
        if averages:
            options |= {"samples" if self.method == "SmoothGrad" else "steps": self.samples}
        return options | ({"noise": self.noise} if self.method == "SmoothGrad" else {})


def render(state: State) -> Tensor:
    """The map of the chosen method: 3 x H x W, signed, on the CPU."""
    function = _FUNCTIONS[METHODS.index(one_of(state.method, METHODS, "method"))]
    return function(state.model, state.image, **state.options).cpu()


def per_pixel(attribution: Tensor, view: str) -> Tensor:
    """One number for each pixel: the sum over the channels for a signed view, else their largest absolute value."""
    return attribution.sum(0) if view == "sign" else channel_max(attribution)


def window(attribution: Tensor) -> tuple[int, int, int]:
    """The part of the picture that is shown, a square (top, left, side) in pixels: all of it, unless the map lies in a small part.

    A unit of an early layer depends on few pixels, and its map is zero elsewhere: then twice as much as they fill.
    """
    whole = attribution.shape[-1]
    places = (attribution != 0).any(0).nonzero()
    if not len(places):
        return 0, 0, whole
    low, high = places.amin(0), places.amax(0)
    side = max(LEAST_WINDOW, 2 * (int((high - low).max()) + 1))
    if 2 * side > whole:
        return 0, 0, whole
    top, left = ((low + high + 1 - side) // 2).clamp(0, whole - side).tolist()
    return top, left, side


def crop(images: Tensor, part: tuple[int, int, int]) -> Tensor:
    """A part of ... x H x W pictures or maps, given by `window`."""
    top, left, side = part
    return images[..., top : top + side, left : left + side]


def tiles(attributions: list[Tensor], view: str) -> dict:
    """Maps as the overlay of an `ImageGrid`, each at its own scale; `view` is one of `VIEWS`."""
    if view == "picture":
        return image_tiles(torch.stack([0.5 + _normalise(attribution) / 2 for attribution in attributions]))
    maps = torch.stack([_normalise(per_pixel(attribution, view)) for attribution in attributions])
    if view == "sign":
        return map_tiles(maps, "PuOr_r", -1, 1, alpha=alpha_ramp(signed=True) ** 0.5)
    return map_tiles(maps, "viridis", 0, 1, alpha=alpha_ramp() ** 0.4)


def describe_map(values: Tensor, mask: Tensor | None, object_name: str) -> str:
    """Comparison of a map H x W with the true mask, as HTML: where its maximum lies, and its share on the object."""
    if not (values > 0).any():
        return "<p>Nothing in this map speaks for what was asked.</p>"
    sentences = [f"Its values reach {two_digits(float(values.max()))}."]
    if mask is None:
        sentences += [NO_MASK]
    elif mask.any():
        mass, game = relevance_mass(values, mask), pointing_game(values, mask)
        where = "on" if game.rate >= 0.5 else "beside"
        sentences += [
            f"{mass.mean_share:.0%} of it lies on the {object_name}, which fills {mass.mean_area:.0%} of the picture;"
            f" its strongest point lies {where} the {object_name}."
        ]
    return "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)


def two_digits(value: float, sign: str = "") -> str:
    """A number with two significant digits, and without an exponent where it is short: 170, 0.052; `sign` "+" marks positive ones."""
    return f"{float(f'{value:.2g}'):{sign}g}"


def code(state: State, network: str) -> str:
    """The lines of code for the map without the explorer."""
    function = _FUNCTION_NAMES[METHODS.index(state.method)]
    return snippet(
        load_line(network),
        state.source.code(state.image.shape[-1]),
        f"relevance = attribution.{function}(model, image, {arguments(state.options)})",
        "print(attribution.channel_max(relevance).max().item())",
    )


def _normalise(values: Tensor) -> Tensor:
    """Values divided by the 99.5th percentile of their absolute values, clipped at 1."""
    top = float(torch.quantile(values.abs().float().flatten(), 0.995)) or float(values.abs().max()) or 1.0
    return (values.float() / top).clamp(-1, 1)
