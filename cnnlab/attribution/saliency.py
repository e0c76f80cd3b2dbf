"""Saliency: gradient, saliency, deconvnet and guided backpropagation. The gradient of one score by each of three ReLU rules.

One forward and one backward pass answer for all pixels at once, where occlusion needs hundreds. The number is a class score or
any unit of any layer (`cnnlab.attribution.targets`); the rules at the ReLUs are those of `cnnlab.networks.relu_rules`. Averages
over many gradients stand in `cnnlab.attribution.averaged_gradients`, maps of a layer in `cnnlab.attribution.cam`.

    gradient         signed, pixel and channel by pixel and channel
    saliency         its largest size over the three channels: one number for each pixel
    deconvnet        backward signals pass each ReLU only where they are positive
    guided_backprop  ... and only where the ReLU was open
    channel_max      from N x 3 x H x W to one number for each pixel, as saliency does it
"""

from __future__ import annotations

from torch import Tensor, nn

from cnnlab._validation import image_batch
from cnnlab.attribution.input_gradients import input_gradients
from cnnlab.attribution.targets import Target, Unit, parse_target
from cnnlab.networks.eval_mode import match_device_dtype


def gradient(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    unit: Unit | None = None,
    score: str = "logit",
) -> Tensor:
    """The gradient of the score with respect to the picture: how the score changes if a pixel becomes a little brighter.

        G[n, c, i, j] = d score_n / d x[n, c, i, j]

    Positive where more of a channel raises the score, negative where it lowers it. It speaks of small changes of this picture:
    a pixel on which the answer rests, but of which more would not help (a saturated one), has no gradient.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left as it was found.
    images
        N x 3 x H x W in [0, 1], or one picture 3 x H x W.
    target
        Class index or name, None for the predicted class; one for all pictures, or a list with one for each.
    layer, unit
        Instead of a class, a unit: a layer's name, and a channel (at the position where it answers most to the picture, the
        first of equals), or (channel, row, column). In fully connected layers the channel is the unit.
    score
        "logit" (the score before the softmax) or "probability" (behind it). The probability can also rise because other classes
        fall, and it is flat where the network is sure: two questions, not two scalings of one.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed, on the model's device; without N if one picture came without it.

    Raises
    ------
    ValueError
        If the picture, the class, the layer or the unit is none, or the output does not depend on the picture through derivatives.

    References
    ----------
    Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014, section 3, equation 4. Lectures: S,
    "Saliency via Backprop"; L, "Grounding using gradient".

    Example
    -------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5))
    >>> found = gradient(model, torch.rand(3, 8, 8), target=2)
    >>> torch.allclose(found.flatten(), model[1].weight[2])
    True
    """
    return _by_rule("gradient", model, images, target, layer, unit, score)


def saliency(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    unit: Unit | None = None,
    score: str = "logit",
) -> Tensor:
    """Saliency map: the largest absolute gradient over the colour channels, one number for each pixel.

        S[n, i, j] = max over channels c of | d score_n / d x[n, c, i, j] |

    The score is the logit, as the lecture says ("unnormalized class score"). The size says nothing about the direction: a pixel
    that speaks against the class is as salient as one that speaks for it.

    Parameters
    ----------
    model, images, target, layer, unit, score
        As in `gradient`.

    Returns
    -------
    Tensor
        N x H x W, 0 or more; without N if one picture came without it.

    Raises
    ------
    ValueError
        As `gradient`.

    References
    ----------
    Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014, section 3.1. Lectures: S, "Saliency
    via Backprop"; K, N.

    Example
    -------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5))
    >>> saliency(model, torch.rand(4, 3, 8, 8), target=2).shape
    torch.Size([4, 8, 8])
    """
    return channel_max(gradient(model, images, target, layer=layer, unit=unit, score=score))


def deconvnet(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    unit: Unit | None = None,
) -> Tensor:
    """Deconvnet: a backward pass in which each ReLU passes the positive part of the gradient that arrives.

        at each ReLU    R^l = (R^(l+1) > 0) * R^(l+1)

    Everything else goes back as in the gradient: convolutions with their transposes, max pooling to the place of the maximum
    (the "switches"). What the ReLUs did on the way forward plays no part; without pooling the result would be the same for
    every picture. Zeiler and Fergus start from the unit's own activation, here the start is 1: the same picture, another scale.

    Parameters
    ----------
    model, images, target, layer, unit
        As in `gradient`.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed; without N if one picture came without it.

    Raises
    ------
    ValueError
        As `gradient`; also if no ReLU runs in the network, so that there is nothing to apply the rule to.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 2.1. Lecture L, "Better grounding
    using gradient".

    Example
    -------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5))
    >>> deconvnet(model, torch.rand(3, 8, 8), layer="0", unit=2).shape
    torch.Size([3, 8, 8])
    """
    return _by_rule("deconvnet", model, images, target, layer, unit)


def guided_backprop(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    unit: Unit | None = None,
) -> Tensor:
    """Guided backpropagation: a backward pass through open ReLUs that keeps only positive gradients.

        at each ReLU    R^l = (f^l > 0) * (R^(l+1) > 0) * R^(l+1)

    The sharpest pictures of the three rules. Sharp does not mean faithful: the rule drops so much that the picture hardly changes
    when the class, or even the weights of the upper layers, change (`parameter_randomisation` shows how far).

    Parameters
    ----------
    model, images, target, layer, unit
        As in `gradient`.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed; without N if one picture came without it.

    Raises
    ------
    ValueError
        As `gradient`; also if no ReLU runs in the network, so that there is nothing to apply the rule to.

    References
    ----------
    Springenberg, Dosovitskiy, Brox & Riedmiller, "Striving for Simplicity: The All Convolutional Net", ICLR workshop 2015,
    section 3.4. Lectures: L, "Better grounding using gradient"; K, "Guided backprop".

    Example
    -------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5))
    >>> guided_backprop(model, torch.rand(2, 3, 8, 8), target=[0, 3]).shape
    torch.Size([2, 3, 8, 8])
    """
    return _by_rule("guided", model, images, target, layer, unit)


def channel_max(attribution: Tensor) -> Tensor:
    """The largest size over the colour channels, max_c |A[c]|: from N x 3 x H x W (or 3 x H x W) to one number for each pixel.

    Example
    -------
    >>> import torch
    >>> channel_max(torch.tensor([0.5, -2.0, 1.0]).view(3, 1, 1))
    tensor([[2.]])
    """
    if attribution.dim() not in (3, 4) or attribution.shape[-3] != 3:
        raise ValueError(
            f"attribution must have the axes N x 3 x H x W or 3 x H x W, but came as {tuple(attribution.shape)}."
        )
    return attribution.abs().amax(-3)


def _by_rule(
    rule: str,
    model: nn.Module,
    images: Tensor,
    target: Target,
    layer: str | None,
    unit: Unit | None,
    score: str = "logit",
) -> Tensor:
    batch, single = image_batch(images)
    score_target = parse_target(len(batch), target, layer, unit, score)
    gradients = input_gradients(model, match_device_dtype(model, batch), score_target, rule)
    return gradients[0] if single else gradients
