"""Whatever the gradient techniques ask of a network, it comes back as it was, and so do the pictures: after an exception too."""

from __future__ import annotations

import pytest
import torch

from cnnlab.attribution import (
    cam,
    deconvnet,
    deletion_insertion,
    grad_cam,
    gradient,
    guided_backprop,
    guided_grad_cam,
    integrated_gradients,
    parameter_randomisation,
    saliency,
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


def state(model: torch.nn.Module) -> tuple:
    modules = [
        (
            m.training,
            getattr(m, "inplace", None),
            [list(h) for k, h in sorted(vars(m).items()) if k.endswith("_hooks")],
        )
        for m in model.modules()
    ]
    tensors = [
        (
            id(p),
            p.requires_grad,
            p._version,
            p.tolist(),
            None if p.grad is None else (id(p.grad), p.grad.tolist()),
        )
        for p in [*model.parameters(), *model.buffers()]
    ]
    surroundings = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_rng_state().tolist()
    return modules, tensors, surroundings


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


@by_technique
@pytest.mark.parametrize("error", [RuntimeError, KeyError, KeyboardInterrupt])
def test_model_is_left_as_it_was_when_its_forward_pass_raises(model, pictures, technique, error):
    def out_of_order(*_):
        raise error("out of order")

    handle = model.hidden.register_forward_pre_hook(out_of_order)
    before = state(model)
    with pytest.raises(error, match="out of order"):
        technique(model, pictures)
    assert state(model) == before
    handle.remove()


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


def test_cam_leaves_its_model_alone(pictures):
    class Broken(torch.nn.Sequential):
        broken = False

        def forward(self, images):
            result = super().forward(images)
            if self.broken:
                raise RuntimeError("out of order")
            return result

    head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Dropout(), torch.nn.Linear(4, 2)
    model = Broken(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True), *head).train()
    before = state(model)
    assert torch.equal(cam(model, pictures), cam(model, pictures))
    assert state(model) == before
    model.broken = True
    with pytest.raises(RuntimeError, match="out of order"):
        cam(model, pictures)
    assert state(model) == before
