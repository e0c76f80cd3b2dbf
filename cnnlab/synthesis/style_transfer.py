"""Neural style transfer: the content of one picture in the style of another, and texture synthesis from style alone.

Content is a layer's activations at each position; style is which of its channels are active together, at whatever position
(`gram_matrix`). Both are losses, so gradient descent finds an image with the content of one picture and the style of another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.activations import activations, layer_names, resolve_layer
from cnnlab.networks.forward import as_pixels
from cnnlab.synthesis.gradient_ascent import gradient_ascent
from cnnlab.synthesis.gram_matrix import gram_matrix
from cnnlab.synthesis.inversion import feature_similarity
from cnnlab.synthesis.objectives import Objective, Outputs
from cnnlab.synthesis.parametrisations import Parametrisation, Start, initial_images, resolve_parametrisation
from cnnlab.synthesis.regularisers import total_penalty


@dataclass(frozen=True, eq=False)
class StyleTransfer:
    """The state of style transfer after a step: the image, and both losses so far.

    Fields
    ------
    image
        3 x H x W in [0, 1].
    content_loss, style_loss
        (step + 1) numbers each, from the start to this image, not weighted by alpha and beta; the content loss of a texture is zero.
    """

    image: Tensor
    content_loss: Tensor
    style_loss: Tensor

    @property
    def step(self) -> int:
        """Number of steps done."""
        return len(self.style_loss) - 1


def transfer_style(
    model: nn.Module,
    content: Tensor | None,
    style: Tensor,
    *,
    content_layers: str | Sequence[str] | None = None,
    style_layers: str | Sequence[str] | Mapping[str, float] | None = None,
    alpha: float = 1.0,
    beta: float = 3.0,
    tv: float = 3e-4,
    steps: int = 150,
    start: Start = "content",
    parametrisation: str | Parametrisation = "fourier",
    learning_rate: float = 0.03,
    size: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> StyleTransfer:
    """Neural style transfer: the content of one picture in the style of another.

        L_total = alpha L_content + beta L_style
        L_content = sum over layers of |F(x) - F(content)|^2 / |F(content)|^2
        L_style = sum over layers of w |G(x) - G(style)|^2 / |G(style)|^2

    with F the activations of a layer and G its Gram matrix divided by the number of positions (so that pictures of different sizes
    can be compared). Both losses are relative, so that layers count alike (w = 1 by default) and alpha and beta have the same
    scale. Without content, or with alpha = 0, it makes a texture from noise.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    content, style
        One picture each, 3 x H x W in [0, 1]; their sizes may differ. `content=None` makes a texture.
    content_layers, style_layers
        Names of `layer_names(model)`. By default, up to five convolutional layers in the first three fifths of the network for
        style, and one behind them for content (`default_layers`). `{"conv1": 1.0, "conv2": 0.2}` gives each style layer its
        weight w.
    alpha, beta
        Weights of content and style.
    tv
        Weight of the total variation (beta = 2) of the picture.
    steps
        Number of gradient steps.
    start
        "content", "noise", "zero", or an image to start from. Textures start from noise by default.
    parametrisation, learning_rate, seed
        As in `activation_maximisation`.
    size
        Side of a texture; None for that of the style picture.
    progress
        Show a progress bar.

    Returns
    -------
    StyleTransfer
        The image, and both losses at every step.

    Raises
    ------
    ValueError, TypeError
        If pictures or layers are not as expected, or both weights are zero.

    References
    ----------
    Gatys, Ecker & Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016, eq. 1 to 7; they weigh layers by
    their numbers of units instead. Textures: "Texture Synthesis Using Convolutional Neural Networks", NIPS 2015. Lecture K, "Style
    Transfer".

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16 * 16, 5))
    >>> content, style = torch.rand(3, 16, 16), torch.rand(3, 16, 16)
    >>> result = transfer_style(model, content, style, content_layers="1", style_layers=["0", "1"], steps=5)
    >>> result.image.shape, bool(result.style_loss[-1] < result.style_loss[0])
    (torch.Size([3, 16, 16]), True)
    """
    steps_iterator = style_steps(
        model,
        content,
        style,
        content_layers=content_layers,
        style_layers=style_layers,
        alpha=alpha,
        beta=beta,
        tv=tv,
        steps=steps,
        start=start,
        parametrisation=parametrisation,
        learning_rate=learning_rate,
        size=size,
        seed=seed,
    )
    for transfer in tqdm(steps_iterator, total=steps + 1, desc="style", disable=not progress):
        last = transfer
    return last


@torch.inference_mode(False)
def style_steps(
    model: nn.Module,
    content: Tensor | None,
    style: Tensor,
    *,
    content_layers: str | Sequence[str] | None = None,
    style_layers: str | Sequence[str] | Mapping[str, float] | None = None,
    alpha: float = 1.0,
    beta: float = 3.0,
    tv: float = 3e-4,
    steps: int = 150,
    start: Start = "content",
    parametrisation: str | Parametrisation = "fourier",
    learning_rate: float = 0.03,
    size: int | None = None,
    seed: int = 0,
) -> Iterator[StyleTransfer]:
    """Neural style transfer, step by step: yields the state at the start and after each step. Arguments as in `transfer_style`.

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16 * 16, 5))
    >>> [state.step for state in style_steps(model, None, torch.rand(3, 16, 16), style_layers="0", steps=2)]
    [0, 1, 2]
    """
    if not (alpha > 0 and content is not None) and not beta > 0:
        raise ValueError(
            "with neither content nor style there is nothing to optimise: alpha or beta must be above 0."
        )
    style = _single_image(model, style, "style")
    content = None if content is None else _single_image(model, content, "content")
    weights = _weights(style_layers) or dict.fromkeys(default_layers(model)[0], 1.0)
    content_layers = _as_list(content_layers) or default_layers(model)[1]
    content_objectives = []
    if content is not None and alpha:
        features = activations(model, content, content_layers)
        content_objectives = [feature_similarity(layer, features[layer]) for layer in content_layers]
    style_objectives = [
        weights[layer] * style_statistics(layer, maps)
        for layer, maps in activations(model, style, list(weights)).items()
    ]
    losses: tuple[list[Tensor], list[Tensor]] = ([], [])

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        of_content = -sum(
            (objective.score(model, outputs) for objective in content_objectives), start=style.new_zeros(1)
        )
        of_style = -sum(style_objective.score(model, outputs) for style_objective in style_objectives)
        for history, loss in zip(losses, (of_content, of_style), strict=True):
            history.append(loss.detach()[0])
        return -alpha * of_content - beta * of_style

    objective = Objective(
        tuple(dict.fromkeys([*weights, *(content_layers if content_objectives else [])])), score
    )
    chosen = resolve_parametrisation(parametrisation)
    initial = as_pixels(model, _initial_parameters(content, style, start, size, chosen, seed))
    penalty = total_penalty(0.0, tv, 2.0)
    ascents = gradient_ascent(
        model,
        objective,
        initial,
        chosen,
        steps=positive_int(steps, "steps"),
        learning_rate=learning_rate,
        penalty=penalty,
    )
    return (StyleTransfer(ascent.images[0], *map(torch.stack, losses)) for ascent in ascents)


def style_statistics(layer: str, features: Tensor) -> Objective:
    """Style objective: minus the squared relative distance from the Gram matrix of `features` (1 x C x H x W); 0 at best."""
    target_gram = _mean_gram(features)
    squared_norm = target_gram.square().sum()
    if not squared_norm > 0:
        raise ValueError(
            f'layer "{layer}" answers with nothing but zeros to the style, so it has no texture.'
        )

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        return -(_mean_gram(outputs[layer]) - target_gram).square().flatten(1).sum(1) / squared_norm

    return Objective((layer,), score)


def default_layers(model: nn.Module) -> tuple[list[str], list[str]]:
    """Default style layers and content layers: for `mini_alexnet` conv1, conv2 and conv3, and conv4.

    Blocks count as one layer each: for `squeezenet` the style is that of conv1, fire2, fire3, fire5 and fire6, and the content that of
    fire8. Deep layers have few, strong activations, and their statistic describes the objects in the picture more than its texture.
    """
    names = _convolutions_and_blocks(model)
    if not names:
        raise ValueError(
            "the network has no convolutional layers, so content_layers and style_layers must be said."
        )
    shallow = names[: math.ceil(0.6 * len(names))]
    indices = torch.linspace(0, len(shallow) - 1, min(5, len(shallow))).round().int().tolist()
    return [shallow[index] for index in indices], [names[math.floor(0.75 * (len(names) - 1) + 0.5)]]


LARGEST_BLOCK = 1 / 3
"""A module with a larger share of the network's convolutions is not a block, but a part of the network, or all of it in a wrapper."""


def _convolutions_and_blocks(model: nn.Module) -> list[str]:
    """The convolutions, in the order in which they run; those inside a block (Fire, a residual block) are replaced by the block."""
    layers = {resolve_layer(model, name): name for name in layer_names(model)}
    most = LARGEST_BLOCK * sum(isinstance(layer, nn.Conv2d) for layer in layers)
    blocks = [layer for layer in layers if _is_block(layer, most)]
    inside = {part for block in blocks for part in block.modules() if part is not block}
    return [
        name
        for layer, name in layers.items()
        if layer not in inside and (layer in blocks or isinstance(layer, nn.Conv2d))
    ]


def _is_block(module: nn.Module, most: float) -> bool:
    """Whether the module holds at most `most` convolutions and is more than a chain of them; a chain with one convolution counts."""
    convolutions = sum(isinstance(part, nn.Conv2d) for part in module.modules())
    if not 1 <= convolutions <= most or isinstance(module, nn.Conv2d):
        return False
    return convolutions == 1 or type(module) is not nn.Sequential


def _mean_gram(features: Tensor) -> Tensor:
    return gram_matrix(features) / features.flatten(2).shape[2]


def _initial_parameters(
    content: Tensor | None,
    style: Tensor,
    start: Start,
    size: int | None,
    parametrisation: Parametrisation,
    seed: int,
) -> Tensor:
    """The parameters of the initial image."""
    if isinstance(start, str) and start == "content":
        start = "noise" if content is None else content
    shape = (style if content is None else content).shape
    if content is None and size is not None:
        shape = (1, 3, positive_int(size, "size"), size)
    return initial_images(parametrisation, start, tuple(shape), torch.Generator().manual_seed(seed))


def _single_image(model: nn.Module, image: Tensor, what: str) -> Tensor:
    batch, _ = image_batch(image, what)
    if len(batch) != 1:
        raise ValueError(f"{what} must be one picture, but {len(batch)} came.")
    return as_pixels(model, batch)


def _weights(layers: str | Sequence[str] | Mapping[str, float] | None) -> dict[str, float]:
    """Layer -> weight: as given, or 1 for each name."""
    if not isinstance(layers, Mapping):
        return dict.fromkeys(_as_list(layers), 1.0)
    if not all(weight >= 0 for weight in layers.values()) or not any(layers.values()):
        raise ValueError(
            f"weights of style layers must not be negative, and one above 0, but came as {dict(layers)}."
        )
    return {layer: float(weight) for layer, weight in layers.items() if weight}


def _as_list(layers: str | Sequence[str] | None) -> list[str]:
    return [layers] if isinstance(layers, str) else list(layers or ())
