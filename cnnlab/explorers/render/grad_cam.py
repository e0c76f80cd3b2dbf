"""Class maps for the Grad-CAM explorer: of one picture, and of the same object in every other scene; without any widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.attribution import grad_cam, guided_grad_cam
from cnnlab.explorers.image_grid import map_tiles
from cnnlab.explorers.image_sources import ImageSource, RenderedSource
from cnnlab.explorers.render import saliency
from cnnlab.explorers.snippet import arguments, snippet
from cnnlab.figures import alpha_ramp
from cnnlab.networks.forward import class_names, probabilities
from cnnlab.world import SCENES

ELSEWHERE = "The same object elsewhere (click to go there)"


@dataclass(frozen=True, eq=False)
class State:
    """Settings of the Grad-CAM explorer: class (None: the predicted one), layer (None: the last maps), and the kind of map."""

    model: nn.Module
    source: ImageSource
    side: int = 96
    target: int | None = None
    layer: str | None = None
    guided: bool = False
    relu: bool = True

    @property
    def options(self) -> dict:
        """The keyword arguments of the technique beyond model and image."""
        options = {"target": self.target, "layer": self.layer}
        return options | ({} if self.guided or self.relu else {"relu": False})


@dataclass(frozen=True, eq=False)
class Result:
    """Result for one picture: the picture, the map (H x W; 3 x H x W if guided), the C probabilities and the target class."""

    image: Tensor
    map: Tensor
    probability: Tensor
    target: int
    names: tuple[str, ...]

    @property
    def winner(self) -> int:
        """The predicted class."""
        return int(self.probability.argmax())

    @property
    def per_pixel(self) -> Tensor:
        """The map as one number for each pixel, H x W."""
        return saliency.per_pixel(self.map, "size") if self.map.dim() == 3 else self.map

    @property
    def summary(self) -> str:
        """A sentence with the predicted class and its probability."""
        return f"says {self.names[self.winner]} ({float(self.probability[self.winner]):.2f})"


def render(state: State, probability: Tensor | None = None) -> Result:
    """The class map of one picture: one forward and one backward pass, and a forward pass for the `probability` if it is not known."""
    image = state.source.image(state.side)
    function = guided_grad_cam if state.guided else grad_cam
    cam = function(state.model, image, **state.options).cpu()
    probability = probabilities(state.model, image) if probability is None else probability
    target = int(probability.argmax()) if state.target is None else state.target
    return Result(image, cam, probability, target, class_names(state.model, len(probability)))


def other_scenes(state: State) -> dict[str, State]:
    """The same settings for the object in each scene of the world; empty for a photo."""
    if not isinstance(state.source, RenderedSource):
        return {}
    recipe = state.source.recipe
    return {scene: replace(state, source=RenderedSource(recipe.replace(scene=scene))) for scene in SCENES}


def elsewhere(object_name: str, names: Sequence[str]) -> str:
    """What is shown of the object in other scenes, and what a frame means there."""
    if object_name in names:
        return f"{ELSEWHERE}; in a pink frame where the network does not say {object_name}"
    return f"{ELSEWHERE}; the network has no class {object_name}, so none is marked as wrong"


def code(state: State, opening: str) -> str:
    """The lines of code for the map without the explorer; `opening` defines `model`."""
    function = "guided_grad_cam" if state.guided else "grad_cam"
    return snippet(
        opening,
        state.source.code(state.side),
        f"heatmap = attribution.{function}(model, image, {arguments(state.options)})",
        "print(heatmap.max().item())",
    )


def overlay_tiles(results: list[Result]) -> dict:
    """The maps of several pictures as the overlay of an `ImageGrid`, at one scale; guided maps as pictures, each at its own scale."""
    maps = [result.map for result in results]
    if maps[0].dim() == 3:
        return saliency.tiles(maps, "picture")
    limit = max(float(class_map.abs().max()) for class_map in maps) or 1.0
    stack = torch.stack([torch.nan_to_num(class_map) for class_map in maps])
    if bool((stack < 0).any()):
        return map_tiles(stack, "PuOr_r", -limit, limit, alpha=alpha_ramp(signed=True) ** 0.5)
    return map_tiles(stack, "viridis", 0, limit, alpha=alpha_ramp() ** 0.4)


def with_outline(image: Tensor, mask: Tensor) -> Tensor:
    """The picture with a white outline, edged in a dark line, around the mask (H x W bool)."""
    outlined, grown = image.clone(), mask
    for colour in (1.0, 0.0):
        wider = F.max_pool2d(grown[None].float(), 5, 1, 2)[0] > 0
        outlined[:, wider & ~grown] = colour
        grown = wider
    return outlined
