"""Logits and input gradients for attacks: the predictions, and the direction in which each pixel increases the loss.

Every black-box attack uses the first (`batched_logits`), every white-box attack the second (`loss_gradient`): one forward and one
backward pass, with the parameters frozen so that gradients are computed for the image only.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.forward import as_pixels, class_logits, input_gradient, with_gradients, without_gradients
from cnnlab.robustness.targets import Target, target_indices


def loss_gradient(model: nn.Module, images: Tensor, target: Target = None) -> Tensor:
    """Input gradient of the loss: the direction in which each pixel makes the class less likely.

        gradient = d J / d x,    J = -log softmax(model(x))[target]

    Its sign is the direction of FGSM, and one gradient serves every epsilon: the adversarial image for epsilon is
    `(x + epsilon * gradient.sign()).clamp(0, 1)`.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    target
        Class index or name, one for all or one for each image; None for the predicted class.

    Returns
    -------
    Tensor
        Of the shape of `images`, on the device and in the float type of the model (float32 for half precision). The
        gradient of an image is that of its own loss, whatever else is in the batch.

    References
    ----------
    Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015, section 4. Lecture K.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> loss_gradient(model, torch.rand(3, 4, 4), target=2).shape
    torch.Size([3, 4, 4])
    """
    batch, single = image_batch(images)
    gradient, _ = loss_gradient_and_classes(model, as_pixels(model, batch), target)
    return gradient[0] if single else gradient


def loss_gradient_and_classes(model: nn.Module, images: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Input gradient d J / d x (N x 3 x H x W) and class indices (N): one forward and one backward pass."""
    with with_gradients(model):
        pixels = images.detach().clone().requires_grad_()
        logits = class_logits(model, pixels)
        classes = target_indices(target, model, logits).clone()
        loss = F.cross_entropy(logits, classes, reduction="none")
        return input_gradient(loss, pixels), classes


def batched_logits(model: nn.Module, images: Tensor, batch_size: int = 64) -> Tensor:
    """N x C logits of images N x 3 x H x W, on the model's device; the model runs in eval mode."""
    chunks = images.split(positive_int(batch_size, "batch_size"))
    with without_gradients(model):
        parts = [class_logits(model, chunk) for chunk in chunks]
    return torch.cat(parts)  # outside, so that it is an ordinary tensor
