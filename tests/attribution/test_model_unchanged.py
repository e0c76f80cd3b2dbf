"""Whatever the gradient techniques ask of a network, it comes back as it was, and so do the pictures: after an exception too."""

from __future__ import annotations

import pytest
import torch
from unchanged import state

from cnnlab.attribution import (
    deconvnet,
    deletion_insertion,
    grad_cam,
    gradient,
    guided_backprop,
    guided_grad_cam,
    hires_cam,
    integrated_gradients,
    layer_cam,
    parameter_randomisation,
    rise,
    saliency,
    score_cam,
    smoothgrad,
)

TECHNIQUES = {
    "gradient": gradient,
    "gradient of a unit": lambda model, images: gradient(model, images, layer="norm2", unit=3),
    "saliency": saliency,
    "deconvnet": deconvnet,
    "guided_backprop": guided_backprop,
    "smoothgrad": lambda model, images: smoothgrad(model, images, samples=3),
    "integrated_gradients": lambda model, images: integrated_gradients(model, images, steps=3),
    "grad_cam": grad_cam,
    "grad_cam at a layer": lambda model, images: grad_cam(model, images, layer="conv2"),
    "guided_grad_cam": guided_grad_cam,
    "hires_cam": hires_cam,
    "layer_cam": layer_cam,
    "score_cam": score_cam,
    "rise": lambda model, images: rise(model, images, masks=3),
    "deletion_insertion": lambda model, images: deletion_insertion(
        model, images, images.detach()[:, 0], steps=2
    ),
    "parameter_randomisation": lambda model, images: parameter_randomisation(
        model, images, guided_backprop, 0, layers=["head"]
    ),
}
by_technique = pytest.mark.parametrize("technique", TECHNIQUES.values(), ids=TECHNIQUES.keys())


@pytest.fixture
def model(residual):
    """With all that could be lost: mixed modes, in-place ReLUs, a frozen weight, gradients, hooks of others."""
    network = residual("nn.ReLU(inplace=True)").train()
    network(torch.rand(2, 3, 24, 24)).sum().backward()
    network.norm2.eval()
    network.conv1.weight.requires_grad_(False)
    network.hidden.bias.grad = None
    network.relus[1].register_forward_hook(lambda *_: None)
    network.conv3.register_forward_pre_hook(lambda *_: None)
    return network


@by_technique
def test_model_and_pictures_are_left_as_they_were(model, pictures, technique):
    pictures = pictures.requires_grad_()
    before, pixels, version = state(model), pictures.detach().clone(), pictures._version
    results = [technique(model, pictures) for _ in range(3)]
    assert state(model) == before
    assert torch.equal(pictures, pixels) and pictures.requires_grad
    assert pictures.grad is None and pictures._version == version
    if isinstance(results[0], torch.Tensor):  # nothing adds up from call to call
        assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])
        assert not results[0].requires_grad and not results[0].is_inference()


@pytest.mark.parametrize(
    "technique",
    [gradient, guided_backprop, smoothgrad, integrated_gradients, grad_cam, guided_grad_cam],
)
def test_model_is_left_as_it_was_when_the_way_back_raises(model, pictures, technique):
    class Stuck(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values):
            return values.clone()

        @staticmethod
        def backward(ctx, grad_output):
            raise RuntimeError("stuck")

    handle = model.hidden.register_forward_hook(lambda module, inputs, output: Stuck.apply(output))
    before = state(model)
    with pytest.raises(RuntimeError, match="stuck"):
        technique(model, pictures)
    assert state(model) == before
    handle.remove()
