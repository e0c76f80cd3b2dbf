"""The methods of the kit under one form: a picture in, one number for each pixel out.

Each technique returns what it defines: signed gradients for three colours, maps of a layer, drops of a probability. To compare them, the
channels of a gradient are joined: by their largest absolute value, or by their sum where the sign has a meaning (integrated gradients).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cnnlab._validation import one_of
from cnnlab.attribution.averaged_gradients import integrated_gradients, smoothgrad
from cnnlab.attribution.cam import grad_cam, guided_grad_cam
from cnnlab.attribution.cam_variants import hires_cam, layer_cam, score_cam
from cnnlab.attribution.occlusion import occlusion
from cnnlab.attribution.rise import rise
from cnnlab.attribution.saliency import channel_max, deconvnet, guided_backprop, saliency

Method = Callable[[nn.Module, Tensor, "int | str | None"], Tensor]


def _occlusion(model: nn.Module, image: Tensor, target: int | str | None) -> Tensor:
    side = image.shape[-1]
    return occlusion(model, image, target, size=side // 6, stride=max(1, side // 16)).to_pixels()


METHODS: dict[str, Method] = {
    "saliency": saliency,
    "SmoothGrad": lambda *asked: channel_max(smoothgrad(*asked, samples=16)),
    "deconvnet": lambda *asked: channel_max(deconvnet(*asked)),
    "guided backprop": lambda *asked: channel_max(guided_backprop(*asked)),
    "integrated gradients": lambda *asked: integrated_gradients(*asked, steps=24).sum(-3),
    "Grad-CAM": grad_cam,
    "guided Grad-CAM": lambda *asked: channel_max(guided_grad_cam(*asked)),
    "HiResCAM": hires_cam,
    "LayerCAM": layer_cam,
    "Score-CAM": score_cam,
    "RISE": lambda *asked: rise(*asked, masks=300),
    "occlusion": _occlusion,
}
"""Every method by its name, called as method(model, image, target): image 3 x H x W in [0, 1], result H x W."""


def method_map(name: str, model: nn.Module, image: Tensor, target: int | str | None = None) -> Tensor:
    """The map of a method by its name: H x W, larger is more relevant, on the CPU.

    Parameters
    ----------
    name
        One of `METHODS`.
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left unchanged.
    image
        3 x H x W in [0, 1].
    target
        Class index or name, None for the predicted class.

    Raises
    ------
    ValueError
        If the method is not known, or as the technique.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 24 * 24, 5))
    >>> method_map("saliency", model, torch.rand(3, 24, 24), target=2).shape
    torch.Size([24, 24])
    """
    method = METHODS[one_of(name, METHODS, "method")]
    return torch.as_tensor(method(model, image, target)).detach().cpu()
