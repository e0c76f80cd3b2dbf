"""Class activation maps: CAM, Grad-CAM and guided Grad-CAM. Where in the image does a layer see the class?

The gradient techniques of `cnnlab.attribution.saliency` go back to single pixels. These stop at a late convolutional layer, whose
maps still have positions and already respond to objects, and add up its maps, each weighted by its contribution to the class.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab._validation import image_batch
from cnnlab.attribution.call_hooks import GapHeadRecorder, LastConvRecorder
from cnnlab.attribution.input_gradients import NO_RELU
from cnnlab.attribution.targets import ScoreTarget, Target, parse_target, target_scores
from cnnlab.networks.eval_mode import eval_mode, layered
from cnnlab.networks.forward import as_pixels, at_least_float32, input_gradient, with_gradients
from cnnlab.networks.relu_rules import relu_rule


def cam(model: nn.Module, images: Tensor, target: Target = None, *, resize: bool = True) -> Tensor:
    """CAM, the class activation map of a network that ends in global average pooling.

        logit^c = sum over k of w_k^c * mean over i, j of A^k[i, j]  + b^c
        CAM^c[i, j] = sum over k of w_k^c * A^k[i, j]

    with A the maps that are pooled. Here the map is exact: its mean over all positions is the logit, without b.

    A network that ends in a convolution with one map for each class, perhaps a ReLU, and average pooling (SqueezeNet) needs no sum: the
    map of the class is its CAM. It is taken as it is pooled, behind the ReLU if there is one, so that its mean is the logit.

    Parameters
    ----------
    model
        Any network that maps N x 3 x H x W in [0, 1] to logits and whose head is global average pooling and one linear layer, or a
        convolution with one map for each class and global average pooling, written as modules or not. It runs in eval mode and is
        left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    target
        Class index or name, None for the predicted class; one for all images, or a list with one for each.
    resize
        Upsample bilinearly to the image's H x W; False returns the layer's own h x w.

    Returns
    -------
    Tensor
        N x H x W, signed; without N for a single image.

    Raises
    ------
    ValueError
        If the network ends in another way; `grad_cam` works for it.

    References
    ----------
    Zhou, Khosla, Lapedriza, Oliva & Torralba, "Learning Deep Features for Discriminative Localization", CVPR 2016, equations 1
    and 2. The ancestor of lecture K's Grad-CAM.

    Example
    -------
    >>> head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 5)
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), *head)
    >>> cam(model, torch.rand(3, 8, 8), target=2, resize=False).shape
    torch.Size([6, 6])
    """
    batch, single = image_batch(images)
    score_target = parse_target(len(batch), target, None, None)
    with eval_mode(model), torch.no_grad(), GapHeadRecorder() as head:
        scores, indices, _ = target_scores(model, as_pixels(model, batch), score_target)
    maps = head.class_maps(scores, indices[:, 0])
    if maps is None:
        layered(model)
        raise ValueError(
            "CAM needs a network that ends in global average pooling and one linear layer, or in a convolution with one map for"
            " each class and global average pooling, and this one ends in another way; grad_cam works for any."
        )
    return resized(maps, batch, single, resize)


def grad_cam(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    layer: str | None = None,
    *,
    score: str = "logit",
    relu: bool = True,
    resize: bool = True,
) -> Tensor:
    """Grad-CAM: the maps of a layer, each weighted by the mean gradient of the class score with respect to it.

        alpha_k^c = mean over i, j of d score^c / d A^k[i, j]
        L^c = ReLU(sum over k of alpha_k^c * A^k)

    The backward pass stops at the layer. A weight belongs to a whole map, so a map that is evidence for the class at one position is
    shown at every position where it is active. All zeros mean that the layer has no evidence for the class.

    Parameters
    ----------
    model, images, target, score
        As in `gradient`.
    layer
        A layer with maps, A. None takes the maps of the last convolution as the rest of the network reads them: behind its
        normalisation, ReLU and skip connection, before pooling or flattening ("relu5" in AlexNet, "layer4" in ResNet). Before
        normalisation ("conv5" where "norm5" follows) the maps mean little, because their zero is arbitrary. Where the last
        convolution is the classifier, whose maps are pooled into the class scores, its input maps are taken ("fire9" in
        SqueezeNet): each of its own maps is the CAM of one class, and there is nothing to weigh.
    relu
        Keep only evidence for the class, as in the paper. False keeps evidence against it too, with its sign.
    resize
        Upsample bilinearly to the image's H x W; False returns the layer's own h x w.

    Returns
    -------
    Tensor
        N x H x W, raw values (no scaling to [0, 1], which would hide that there is no evidence); without N for a single
        image.

    Raises
    ------
    ValueError
        As `gradient`; also if the layer has no maps, the class score does not depend on it, or no layer is named in a network whose
        last convolution is followed by attention (a vision transformer).

    References
    ----------
    Selvaraju, Cogswell, Das, Vedantam, Parikh & Batra, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization", ICCV 2017, equations 1 and 2. Lecture K, "Grad-CAM".

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5))
    >>> grad_cam(model, torch.rand(3, 8, 8), target=2, layer="1").shape
    torch.Size([8, 8])
    """
    batch, single = image_batch(images)
    score_target = parse_target(len(batch), target, None, None, score)
    with with_gradients(model):
        pixels = as_pixels(model, batch).requires_grad_()
        scores, A = scores_and_maps(model, pixels, score_target, layer)
        dA = input_gradient(scores, A)
        alpha = dA.mean((2, 3), keepdim=True)  # equation 1: a weight for each map
        L = (alpha * A.detach()).sum(1)  # equation 2: the weighted maps, added up
        if relu:
            L = L.relu()
    return resized(L, batch, single, resize)


def guided_grad_cam(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    layer: str | None = None,
    *,
    score: str = "logit",
) -> Tensor:
    """Guided Grad-CAM: guided backpropagation multiplied by Grad-CAM.

        guided_grad_cam[c, i, j] = guided_backprop[c, i, j] * grad_cam[i, j]

    Guided backpropagation has the detail but is hardly class-specific, Grad-CAM is class-specific but coarse. One
    forward pass serves both; the gradient goes back to the layer, the guided one to the image.

    Parameters
    ----------
    model, images, target, layer, score
        As in `grad_cam`.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed; without N for a single image.

    Raises
    ------
    ValueError
        As `grad_cam`; also if no ReLU runs in the network.

    References
    ----------
    Selvaraju, Cogswell, Das, Vedantam, Parikh & Batra, "Grad-CAM", ICCV 2017, section 3.2. Lecture K, "Grad-CAM".

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5))
    >>> guided_grad_cam(model, torch.rand(3, 8, 8), target=2, layer="1").shape
    torch.Size([3, 8, 8])
    """
    batch, single = image_batch(images)
    score_target = parse_target(len(batch), target, None, None, score)
    with with_gradients(model):
        pixels = as_pixels(model, batch).requires_grad_()
        with relu_rule("gradient") as relus:
            scores, A = scores_and_maps(model, pixels, score_target, layer)
        if not relus.relu_count:
            raise ValueError(NO_RELU.format("guided"))
        alpha = input_gradient(scores, A, retain_graph=True).mean((2, 3), keepdim=True)
        heatmap = (alpha * A.detach()).sum(1).relu()
        relus.rule = "guided"
        guided = input_gradient(scores, pixels)
    product = guided * resized(heatmap, batch, single=False, resize=True).unsqueeze(1)
    return product[0] if single else product


def scores_and_maps(
    model: nn.Module, pictures: Tensor, score_target: ScoreTarget, layer: str | None
) -> tuple[Tensor, Tensor]:
    """One forward pass: the target scores (N), and the maps of a layer (N x K x h x w) on which they depend."""
    if layer is None:
        with LastConvRecorder() as recorder:
            scores, places, _ = target_scores(model, pictures, score_target)
        if recorder.maps is None:
            layered(model)
            raise ValueError(
                f"no convolution gives maps of more than one position for pictures of {pictures.shape[2]} x {pictures.shape[3]};"
                " give larger pictures, or name the layer, see layer_names(model)."
            )
        if recorder.attends:
            raise ValueError(
                "attention mixes the positions behind the last convolution of this network, so its maps say little of the class;"
                " name a layer that gives N x K x h x w, see layer_names(model), or use occlusion or saliency."
            )
        is_classifier = recorder.read is not None and recorder.are_scores(
            scores, places[:, 0], score_target.score
        )
        return scores, recorder.read if is_classifier else recorder.maps
    scores, _, recorded = target_scores(model, pictures, score_target, extra_layers=[layer])
    if recorded[layer].dim() != 4:
        shape = " x ".join(str(length) for length in recorded[layer].shape[1:])
        raise ValueError(f'layer "{layer}" has no maps, but {shape} numbers; choose a convolutional layer.')
    return scores, recorded[layer]


def resized(maps: Tensor, batch: Tensor, single: bool, resize: bool) -> Tensor:
    """Maps N x h x w at the size of the batch, if asked for; without N for a single image."""
    maps = at_least_float32(maps)
    if resize:
        maps = F.interpolate(maps.unsqueeze(1), batch.shape[2:], mode="bilinear", align_corners=False)
        maps = maps.squeeze(1)
    return maps[0] if single else maps
