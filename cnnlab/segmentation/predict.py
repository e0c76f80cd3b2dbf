"""Prediction of a segmentation network: the class of each pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.forward import forward, without_gradients


def segment(model: nn.Module, images: Tensor, *, batch_size: int = 32, progress: bool = False) -> Tensor:
    """Segment images: the class with the highest score at each pixel, N x H x W indices (H x W for one image).

    The model maps images N x 3 x H x W in [0, 1] to N x C x H x W logits; it runs in eval mode and is left unchanged.
    """
    batch, single = image_batch(images)
    chunks = batch.split(positive_int(batch_size, "batch_size"))
    with without_gradients(model):
        classes = [
            pixel_logits(model, chunk).argmax(1)
            for chunk in tqdm(chunks, desc="pictures", disable=not progress or None)
        ]
    joined = torch.cat(classes).clone()
    return joined[0] if single else joined


def pixel_logits(model: nn.Module, images: Tensor) -> Tensor:
    """N x C x H x W logits for images N x 3 x H x W; an error if the network has no prediction at each pixel."""
    logits = forward(model, images)
    if logits.dim() != 4 or logits.shape[-2:] != images.shape[-2:]:
        raise ValueError(
            f"the network must give N x C x H x W logits for pictures {tuple(images.shape)}, but gave"
            f' {tuple(logits.shape)}; take one for masks, such as load("unet").'
        )
    return logits
