"""Logit attribution: which classes does a unit feed? The unit's share of every logit, by a linear approximation and by silencing it.

The linear share is exact where everything behind the layer is linear, as behind the last layer of most networks: there it is
weight x activation. Elsewhere it is a first-order estimate, and `silenced_falls` measures what really happens.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from cnnlab._validation import image_batch, positive_int, whole_number
from cnnlab.networks.activations import resolve_layer
from cnnlab.networks.channel_axis import back_to_axis, channels_second, following_channels
from cnnlab.networks.eval_mode import eval_mode, input_side
from cnnlab.networks.forward import as_pixels, class_logits, without_gradients
from cnnlab.units.ablation import ablate


def logit_attribution(model: nn.Module, images: Tensor, layer: str, unit: int) -> Tensor:
    """Logit attribution of a unit: activation times gradient, for all logits at once.

        A_c = sum over p of  Phi(x)^t_p  d logit_c / d Phi(x)^t_p

    computed in one forward pass, as the derivative of the logits along the unit's own map (forward-mode differentiation).

    Parameters
    ----------
    model
        A classifier for images N x 3 x H x W in [0, 1]; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image.
    layer, unit
        A layer with maps N x U x h x w or vectors N x U, and one of its units t.

    Returns
    -------
    Tensor
        N x C, in logits, without the first axis for one image; negative where the unit speaks against the class.

    Raises
    ------
    ValueError
        If there is no such layer or unit.

    References
    ----------
    Olah et al., "The Building Blocks of Interpretability", Distill 2018, "What does the network think?": channel attribution.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> logit_attribution(MiniAlexNet(["cat", "dog"]).eval(), torch.rand(3, 96, 96), "relu5", 17).shape
    torch.Size([2])
    """
    batch, single = image_batch(images)

    def own_map(maps: Tensor) -> tuple[Tensor, Tensor]:
        along = torch.zeros_like(maps)
        row = whole_number(unit, "unit", maximum=maps.shape[1] - 1)
        along[:, row] = maps[:, row]
        return maps, along

    shares = _derivative(model, batch, layer, own_map)
    return shares[0] if single else shares


def vector_attribution(model: nn.Module, layer: str, vectors: Tensor, size: int | None = None) -> Tensor:
    """Logit attribution of activation vectors: which classes would a map feed that has this vector everywhere?

        A_c = sum over p of  <v, d logit_c / d Phi_p>    at  Phi_p = v for all p

    For the cells of an activation atlas, whose vectors come from no single picture. Where everything behind the layer is linear it is
    the logit without its bias.

    Parameters
    ----------
    model, layer
        As for `logit_attribution`.
    vectors
        M x U, or one of U numbers.
    size
        Side of the network's pictures; None for its own.

    Returns
    -------
    Tensor
        M x C, in logits, without the first axis for one vector.

    Raises
    ------
    ValueError
        If the vectors do not fit the layer, or the network does not tell its size.

    References
    ----------
    Carter, Armstrong, Schubert, Johnson & Olah, "Activation Atlas", Distill 2019: linear attribution of the cells.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> vector_attribution(MiniAlexNet(["cat", "dog"]).eval(), "relu5", torch.rand(7, 128)).shape
    torch.Size([7, 2])
    """
    rows = vectors[None] if vectors.dim() == 1 else vectors
    if rows.dim() != 2 or not len(rows):
        raise ValueError(
            f"vectors must be M x U, one or more, or U numbers, but came as {tuple(vectors.shape)}."
        )
    side = input_side(model) if size is None else positive_int(size, "size")
    if side is None:
        raise ValueError(
            "the network does not tell the side of its pictures (`input_size`), so `size` must say it."
        )

    def everywhere(maps: Tensor) -> tuple[Tensor, Tensor]:
        if rows.shape[1] != maps.shape[1]:
            raise ValueError(
                f'"{layer}" has {maps.shape[1]} units, but the vectors have {rows.shape[1]} numbers.'
            )
        filled = rows[at : at + len(maps)].to(maps).view(len(maps), -1, *[1] * (maps.dim() - 2))
        filled = filled.expand_as(maps).contiguous()
        return filled, filled.clone()

    parts = []
    for at in range(0, len(rows), _BATCH):
        blank = torch.full((min(_BATCH, len(rows) - at), 3, side, side), 0.5)
        parts.append(_derivative(model, blank, layer, everywhere))
    shares = torch.cat(parts)
    return shares[0] if vectors.dim() == 1 else shares


def silenced_falls(model: nn.Module, images: Tensor, layer: str, unit: int) -> Tensor:
    """The fall of every logit when a unit is silenced: `logit(x) - logit(x without the unit)`, N x C.

    An intervention, not an approximation; without the first axis for one image. Compare `ablate_each`, which measures accuracies.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> silenced_falls(MiniAlexNet(["cat", "dog"]).eval(), torch.rand(3, 96, 96), "relu5", 17).shape
    torch.Size([2])
    """
    batch, single = image_batch(images)
    with without_gradients(model):
        whole = class_logits(model, batch)
        with ablate(model, layer, unit):
            falls = whole - class_logits(model, batch)
    falls = falls.clone()  # an ordinary tensor
    return falls[0] if single else falls


_BATCH = 32
"""Vectors in one forward pass."""


def _derivative(
    model: nn.Module, images: Tensor, layer: str, along: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> Tensor:
    """The derivative of the logits, N x C; `along` gives the value of the layer, and the direction, from its maps N x U x ...."""
    module = resolve_layer(model, layer)

    def redirect(module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor):
            raise TypeError(
                f'layer "{layer}" gives a {type(output).__name__}, not one tensor; choose a layer inside it.'
            )
        values, axis = channels_second(module, layer, output)
        value, direction = along(values)
        return forward_ad.make_dual(back_to_axis(value, axis).clone(), back_to_axis(direction, axis))

    handle = module.register_forward_hook(redirect)
    try:
        with (
            warnings.catch_warnings(),
            eval_mode(model),
            torch.inference_mode(False),  # in it, nothing is differentiated
            torch.no_grad(),
            following_channels(model),
            forward_ad.dual_level(),
        ):
            warnings.filterwarnings(
                "ignore", "`torch.jit.script` is deprecated"
            )  # torch's own, at its first use
            logits = class_logits(model, as_pixels(model, images))
            derivative = forward_ad.unpack_dual(logits).tangent
            if derivative is None:
                raise ValueError(
                    f'the logits do not depend on the layer "{layer}", or the network computes its output without gradients'
                    " (no_grad, detach, argmax)."
                )
            return derivative.detach().clone()
    finally:
        handle.remove()
