"""Saliency: gradient, saliency, deconvnet and guided backpropagation. The gradient of one score by each of three ReLU rules.

One forward and one backward pass are enough for all pixels, where occlusion needs hundreds. The score is a class score or
any unit of any layer (`cnnlab.attribution.targets`); the rules at the ReLUs are those of `cnnlab.networks.relu_rules`. For averages
of many gradients see `cnnlab.attribution.averaged_gradients`, for maps of a layer `cnnlab.attribution.cam`.

    gradient         signed, for each pixel and channel
    saliency         its largest absolute value over the three channels: one number for each pixel
    deconvnet        backward signals pass each ReLU only where they are positive
    guided_backprop  ... and only where the ReLU was open
    channel_max      from N x 3 x H x W to one number for each pixel, as in saliency
"""

from __future__ import annotations

from torch import Tensor, nn

from cnnlab._validation import image_batch
from cnnlab.attribution.input_gradients import input_gradients
from cnnlab.attribution.targets import Target, Unit, parse_target


def gradient(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    unit: Unit | None = None,
    score: str = "logit",
) -> Tensor:
    """Gradient of the score with respect to the image: how the score changes if a pixel becomes a little brighter.

        G[n, c, i, j] = d score_n / d x[n, c, i, j]

    Positive where more of a channel raises the score, negative where it lowers it. It describes small changes of this image:
    a pixel on which the prediction depends, but of which more would not help (a saturated one), has no gradient.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    target
        Class index or name, None for the predicted class; one for all images, or a list with one for each.
    layer, unit
        Instead of a class, a unit: a layer's name, and a channel (at the position of its largest activation, the
        first if several tie), or (channel, row, column). In fully connected layers the channel is the unit.
    score
        "logit" (the score before the softmax) or "probability" (behind it). The probability can also rise because other classes
        fall, and it is flat where the network is confident: these are different questions, not a matter of scale.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed, on the model's device; without N for a single image.

    Raises
    ------
    ValueError
        If the image, the class, the layer or the unit is invalid, or the output has no gradient with respect to the image.

    References
    ----------
    Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014, section 3, equation 4. Lectures: S,
    "Saliency via Backprop"; L, "Grounding using gradient".

    Example
    -------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5))
    >>> grad = gradient(model, torch.rand(3, 8, 8), target=2)
    >>> torch.allclose(grad.flatten(), model[1].weight[2])
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

    The score is the logit, as in the lecture ("unnormalized class score"). The absolute value loses the sign: a pixel
    that is evidence against the class is as salient as one for it.

    Parameters
    ----------
    model, images, target, layer, unit, score
        As in `gradient`.

    Returns
    -------
    Tensor
        N x H x W, 0 or more; without N for a single image.

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
    """Deconvnet: a backward pass in which each ReLU passes only the positive part of the backward signal.

        at each ReLU    R^l = (R^(l+1) > 0) * R^(l+1)

    All other layers use the gradient: convolutions their transposes, max pooling the position of the maximum
    (the "switches"). What the ReLUs did in the forward pass plays no part; without pooling the result would be the same for
    every image. Zeiler and Fergus start from the unit's own activation, here from 1: the same map on another scale.

    Parameters
    ----------
    model, images, target, layer, unit
        As in `gradient`.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed; without N for a single image.

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

    The sharpest maps of the three rules. Sharp does not mean faithful: the rule drops so much that the map hardly changes
    when the class, or even the weights of the upper layers, change (`parameter_randomisation` shows how far).

    Parameters
    ----------
    model, images, target, layer, unit
        As in `gradient`.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed; without N for a single image.

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
    """Channel maximum, max_c |A[c]|: the largest absolute value over the colours, from N x 3 x H x W (or 3 x H x W) to N x H x W.

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
    gradients = input_gradients(model, batch, score_target, rule)
    return gradients[0] if single else gradients
