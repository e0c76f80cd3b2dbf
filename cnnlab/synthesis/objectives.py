"""Objectives of gradient ascent: what is maximised in an optimised image, and how objectives add up.

An objective names its layers and turns their activations into one number for each image. Two objectives add up with `+`, and a
factor weighs one: `logit("sheep") + 0.1 * layer_norm("conv3")`. Natural-image priors are not objectives; see `regularisers` and
`random_transforms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab._validation import one_or_several, target_index, whole_number
from cnnlab.synthesis.gram_matrix import gram_matrix

LOGITS = "logits"
"""Stands for the network's output, N x C, among the layers of an objective."""

Outputs = dict[str, Tensor]
Targets = int | str | Sequence[int | str]


@dataclass(frozen=True, eq=False)
class Objective:
    """An objective of gradient ascent: the layers that it reads and the score to maximise.

    Fields
    ------
    layers
        The layers whose activations it reads; `LOGITS` for the network's output.
    score
        (model, activations of the layers) -> N numbers, one for each image; larger is better.
    count
        Number of images, one for each target; 1 if all images share the target.
    """

    layers: tuple[str, ...]
    score: Callable[[nn.Module, Outputs], Tensor]
    count: int = 1

    def __add__(self, other: Objective) -> Objective:
        if self.count != other.count and 1 not in (self.count, other.count):
            raise ValueError(
                f"objectives of {self.count} and of {other.count} targets do not add up; give both as many, or one of them one."
            )
        return Objective(
            tuple(dict.fromkeys(self.layers + other.layers)),
            lambda model, outputs: self.score(model, outputs) + other.score(model, outputs),
            max(self.count, other.count),
        )

    def __mul__(self, weight: float) -> Objective:
        return Objective(self.layers, lambda model, outputs: weight * self.score(model, outputs), self.count)

    __rmul__ = __mul__

    def __sub__(self, other: Objective) -> Objective:
        return self + -1.0 * other


def logit(target: Targets | None = None) -> Objective:
    """Logit of a class: the score before the softmax, `model(x)[target]`; one image for each of several targets, None is all classes.

    The softmax could also grow by making all other classes less likely; the logit grows only with evidence for its own class.

    Simonyan, Vedaldi & Zisserman (2014), section 2. Lectures K, "Gradient Ascent on the Scores", and L, "Maximum impulses".
    """

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        logits = outputs[LOGITS]
        names = getattr(model, "class_names", None)
        indices = torch.tensor([target_index(name, names, logits[0]) for name in one_or_several(target)])
        return _select(logits, indices)

    return Objective((LOGITS,), score, len(one_or_several(target)))


def channel(layer: str, number: int | Sequence[int]) -> Objective:
    """Channel objective: the mean of a channel over all positions. Several numbers are one for each image.

    Lecture N, "Activation Maximization: Features".
    """

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        maps = outputs[layer].flatten(2).mean(2) if outputs[layer].dim() > 2 else outputs[layer]  # N x C
        return _select(maps, _channel_indices(number, maps.shape[1], layer))

    return Objective((layer,), score, len(one_or_several(number)))


def unit(
    layer: str, number: int | Sequence[int], row: int | None = None, column: int | None = None
) -> Objective:
    """Unit objective: a channel at one position (the centre by default), or one neuron of a fully connected layer."""

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        maps = outputs[layer]
        if maps.dim() > 2:
            height, width = maps.shape[2:]
            y = whole_number(height // 2 if row is None else row, f'row in "{layer}"', maximum=height - 1)
            x = whole_number(
                width // 2 if column is None else column, f'column in "{layer}"', maximum=width - 1
            )
            maps = maps[:, :, y, x]
        return _select(maps, _channel_indices(number, maps.shape[1], layer))

    return Objective((layer,), score, len(one_or_several(number)))


def layer_norm(layer: str) -> Objective:
    """DeepDream objective: the norm of all activations of a layer, `|Phi_k(x)|`. Lecture L, DeepDream."""
    return Objective((layer,), lambda model, outputs: outputs[layer].flatten(1).norm(dim=1))


def direction(layer: str, weights: Tensor, cosine_power: float = 0.0) -> Objective:
    """Direction objective: how far the activations of a layer go along a direction, averaged over positions.

        mean over p of  <Phi(x)_p, w> max(0.1, cos(Phi(x)_p, w))^k

    The dot product alone (k = 0) can grow along every direction that has a part of w; the cosine asks for w and nothing else. It is
    kept above 0.1, so that the gradient does not vanish where an image starts on the wrong side.

    Parameters
    ----------
    layer
        A layer with maps N x C x h x w, or vectors N x C.
    weights
        The direction w, C numbers; K x C for K directions, one image for each; K x C x h x w for a direction of its own at each
        position (resized where the image has other sides).
    cosine_power
        The exponent k, 0 or above.

    References
    ----------
    Szegedy et al. (2014), "Intriguing properties of neural networks"; Carter, Armstrong, Schubert, Johnson & Olah, "Activation
    Atlas", Distill 2019 (cosine). Lecture L, "Meaningful units".

    Example
    -------
    >>> import torch
    >>> direction("conv5", torch.eye(128)[[3, 7]], cosine_power=2).count
    2
    """
    if weights.dim() not in (1, 2, 4):
        raise ValueError(f"weights must be C, K x C or K x C x h x w, but came as {tuple(weights.shape)}.")
    if not weights.numel() or not bool(torch.isfinite(weights).all()):
        raise ValueError(
            "weights must be finite numbers, one or more, but some are NaN or infinite, or there are none."
        )
    if cosine_power < 0:
        raise ValueError(f"cosine_power must be 0 or above, but got {cosine_power!r}.")
    rows = weights.detach()[None] if weights.dim() == 1 else weights.detach()

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        maps = (
            outputs[layer].flatten(2) if outputs[layer].dim() > 2 else outputs[layer][:, :, None]
        )  # N x C x P
        wanted = rows.to(outputs[layer])
        if rows.dim() == 4 and rows.shape[2:] != outputs[layer].shape[2:]:
            wanted = F.interpolate(wanted, outputs[layer].shape[2:], mode="bilinear", antialias=True)
        wanted = (wanted.flatten(2) if rows.dim() == 4 else wanted[:, :, None]).repeat_interleave(
            len(maps) // len(rows), 0
        )
        if wanted.shape[1] != maps.shape[1]:
            raise ValueError(
                f'"{layer}" has {maps.shape[1]} channels, but weights are for {wanted.shape[1]}.'
            )
        dots = (maps * wanted).sum(1)  # N x P
        if cosine_power:
            cosines = F.cosine_similarity(maps, wanted.expand_as(maps), dim=1)
            dots = dots * cosines.clamp_min(0.1).pow(cosine_power)
        return dots.mean(1)

    return Objective((layer,), score, len(rows))


def caricature(layer: str, maps: Tensor, cosine_power: float = 1.0) -> Objective:
    """Caricature of a picture: the direction objective with the picture's own activations as the direction at each position.

        mean over p of  <Phi(x)_p, a_p> max(0.1, cos(Phi(x)_p, a_p))^k,    a = Phi(picture), scaled to a mean |a_p|^2 of 1

    Inversion asks for the same activations and stops there; a caricature may go further along them, so that what the layer has seen
    is exaggerated and what it has ignored is left out.

    Parameters
    ----------
    layer
        A layer with maps.
    maps
        C x h x w, the picture's activations there: `cnnlab.networks.activations(model, image, layer)[layer]`.
    cosine_power
        The exponent k, 0 or above.

    References
    ----------
    Olah, Satyanarayan, Johnson, Carter, Schubert, Ye & Mordvintsev, "The Building Blocks of Interpretability", Distill 2018; Lucid's
    `dot_compare`.

    Example
    -------
    >>> import torch
    >>> caricature("conv5", torch.rand(128, 12, 12)).layers
    ('conv5',)
    """
    if maps.dim() != 3:
        raise ValueError(
            f"maps must be C x h x w, the activations of one picture, but came as {tuple(maps.shape)}."
        )
    scale = maps.square().sum(0).mean().sqrt().clamp_min(1e-12)
    return direction(layer, (maps / scale)[None], cosine_power)


def diversity(layer: str) -> Objective:
    """Diversity: images of one batch that differ in texture; the negative mean pairwise cosine of their Gram matrices.

        D_i = - mean over j != i of  <G_i, G_j> / (|G_i| |G_j|),    G_i = the Gram matrix of image i in the layer

    Added to a channel objective with several restarts, it shows the different things that excite the same channel:
    `channel("fire8", 3) + 5 * diversity("fire5")`. All images of the batch are compared; a single one has 0.

    Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017, section "Diversity".
    """

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        textures = F.normalize(gram_matrix(outputs[layer]).flatten(1), dim=1)  # N x C^2
        others = textures.sum(0) - textures
        return -(textures * others).sum(1) / max(1, len(textures) - 1)

    return Objective((layer,), score)


def _channel_indices(number: int | Sequence[int], channels: int, layer: str) -> Tensor:
    what = f'number of a channel in "{layer}" ({channels} channels)'
    return torch.tensor([whole_number(index, what, maximum=channels - 1) for index in one_or_several(number)])


def _select(values: Tensor, indices: Tensor) -> Tensor:
    """N numbers of N x C: the first rows for the first index, and so on, the same number of rows for each."""
    indices = indices.to(values.device).repeat_interleave(len(values) // len(indices))
    return values.gather(1, indices[:, None])[:, 0]
