"""Variants of Grad-CAM: HiResCAM, LayerCAM and Score-CAM. Other weights for the maps of the same layer.

Grad-CAM (`cnnlab.attribution.cam`) gives each map one weight, the mean of its gradient. HiResCAM and LayerCAM weigh each position by its
own gradient; Score-CAM uses no gradients and shows the network what each map lets through.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.attribution.cam import resized, scores_and_maps
from cnnlab.attribution.targets import Target, parse_target, resolve_target, target_scores
from cnnlab.networks.forward import as_pixels, input_gradient, with_gradients, without_gradients


def hires_cam(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    layer: str | None = None,
    *,
    score: str = "logit",
    relu: bool = True,
    resize: bool = True,
) -> Tensor:
    """HiResCAM: the maps of a layer, each position weighted by its own gradient.

        L^c[i, j] = ReLU(sum over k of d score^c / d A^k[i, j] * A^k[i, j])

    Where one linear layer follows A, without ReLU the sum over all positions is the logit, without its bias: the map shows what was
    used. Grad-CAM averages the gradient first, and may mark places that had no influence, or the opposite one. With pooling in between
    (CAM) both are the same.

    Parameters
    ----------
    model, images, target, layer, score, relu, resize
        As in `grad_cam`.

    Returns
    -------
    Tensor
        N x H x W, raw values; without N for a single image.

    Raises
    ------
    ValueError
        As `grad_cam`.

    References
    ----------
    Draelos & Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks", 2020,
    arXiv:2011.08891.

    Example
    -------
    >>> head = torch.nn.Flatten(), torch.nn.Linear(4 * 36, 5)
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), *head)
    >>> image = torch.rand(3, 8, 8)
    >>> used = hires_cam(model, image, target=2, relu=False, resize=False).sum() + model[3].bias[2]
    >>> torch.allclose(used, model(image[None])[0, 2], atol=1e-5)
    True
    """
    return _weighted(model, images, target, layer, score, relu, resize, positive_weights=False)


def layer_cam(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    layer: str | None = None,
    *,
    score: str = "logit",
    resize: bool = True,
) -> Tensor:
    """LayerCAM: the maps of a layer, each position weighted by its own gradient where that is positive.

        L^c[i, j] = ReLU(sum over k of ReLU(d score^c / d A^k[i, j]) * A^k[i, j])

    It was made for early layers, whose gradients differ from position to position.

    Parameters
    ----------
    model, images, target, layer, score, resize
        As in `grad_cam`, and so are the result, N x H x W, and the errors.

    References
    ----------
    Jiang, Zhang, Hou, Cheng & Wei, "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE Transactions on
    Image Processing 2021.
    """
    return _weighted(model, images, target, layer, score, True, resize, positive_weights=True)


def score_cam(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    layer: str | None = None,
    *,
    resize: bool = True,
    batch_size: int = 32,
    progress: bool = False,
) -> Tensor:
    """Score-CAM: each map weighted by the score of the picture seen through it. Without gradients.

        H^k = A^k enlarged to the picture and scaled to [0, 1],   alpha_k^c = f^c(x * H^k) - f^c(black)
        L^c = ReLU(sum over k of alpha_k^c * A^k)

    with f the probabilities. One forward pass for each of the K maps.

    Parameters
    ----------
    model, images, target, layer, resize
        As in `grad_cam`, and so are the result, N x H x W, and the errors.
    batch_size
        Pictures in one forward pass.
    progress
        Show a progress bar.

    References
    ----------
    Wang, Wang, Du, Yang, Zhang, Ding, Mardziel & Hu, "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural
    Networks", CVPR Workshops 2020, section 3. A map that is the same everywhere lets nothing through.
    """
    batch, single = image_batch(images)
    batch, batch_size = as_pixels(model, batch), positive_int(batch_size, "batch_size")
    targets = parse_target(len(batch), target, None, None, "probability")
    targets = resolve_target(model, batch, targets, batch_size)
    with with_gradients(model):  # the last maps are found by their gradients
        A = scores_and_maps(model, batch.detach().requires_grad_(), targets, layer)[1].detach()
    with without_gradients(model):
        black = target_scores(model, torch.zeros_like(batch), targets)[0]
        weights = torch.empty(A.shape[:2], dtype=batch.dtype, device=batch.device)
        pairs = torch.arange(weights.numel(), device=batch.device)
        for chunk in tqdm(pairs.split(batch_size), desc="maps", disable=not progress):
            n, k = chunk // A.shape[1], chunk % A.shape[1]
            H = F.interpolate(A[n, k][:, None], batch.shape[2:], mode="bilinear", align_corners=False)
            low, high = H.amin((2, 3), keepdim=True), H.amax((2, 3), keepdim=True)
            H = (H - low) / (high - low).clamp_min(torch.finfo(H.dtype).tiny)
            weights[n, k] = target_scores(model, batch[n] * H, targets.for_pictures(n.tolist()))[0] - black[n]
        L = (weights[:, :, None, None] * A).sum(1).relu()
    return resized(L, batch, single, resize).clone()


def _weighted(
    model: nn.Module,
    images: Tensor,
    target: Target,
    layer: str | None,
    score: str,
    relu: bool,
    resize: bool,
    *,
    positive_weights: bool,
) -> Tensor:
    """The maps, each position times its own gradient, added up."""
    batch, single = image_batch(images)
    score_target = parse_target(len(batch), target, None, None, score)
    with with_gradients(model):
        pixels = as_pixels(model, batch).requires_grad_()
        scores, A = scores_and_maps(model, pixels, score_target, layer)
        dA = input_gradient(scores, A)
        L = ((dA.relu() if positive_weights else dA) * A.detach()).sum(1)
        if relu:
            L = L.relu()
    return resized(L, batch, single, resize)
