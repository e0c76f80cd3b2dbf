"""HiResCAM, LayerCAM, Score-CAM and RISE against Captum and closed forms."""

from __future__ import annotations

import captum.attr
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.attribution import cam, grad_cam, hires_cam, layer_cam, rise, score_cam


class Flat(nn.Module):
    """Maps, and one linear layer that reads every position of them."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.head = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4 * 22 * 22, 5)

    def forward(self, images):
        return self.head(self.relu(self.conv(images)).flatten(1))


@pytest.fixture
def flat(lively):
    return lively(Flat())


def test_hires_cam_is_gradient_times_activation(residual, pictures):
    model = residual()
    options = {"layer": "conv2", "relu": False, "resize": False}
    found = hires_cam(model, pictures, [0, 3, 1], **options)
    oracle = captum.attr.LayerGradientXActivation(model, model.conv2)
    expected = oracle.attribute(pictures, target=[0, 3, 1]).sum(1)
    assert torch.allclose(found, expected.detach(), atol=1e-5) and found.std() > 1e-3
    assert torch.equal(hires_cam(model, pictures, [0, 3, 1], "conv2", resize=False), found.relu())


def test_hires_cam_is_exact_before_one_linear_layer_and_grad_cam_is_not(flat, pictures):
    logits = flat(pictures)[:, 2] - flat.head.bias[2]
    assert torch.allclose(
        hires_cam(flat, pictures, 2, relu=False, resize=False).sum((1, 2)), logits, atol=1e-4
    )
    assert not torch.allclose(
        grad_cam(flat, pictures, 2, relu=False, resize=False).sum((1, 2)), logits, rtol=0.1
    )


def test_behind_average_pooling_hires_cam_is_cam(lively, pictures):
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    model = lively(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), *head))
    expected = cam(model, pictures, 2, resize=False) / 22**2
    for technique in (hires_cam, grad_cam):
        found = technique(model, pictures, 2, "1", relu=False, resize=False)
        assert torch.allclose(found, expected, atol=1e-6)


def test_layer_cam_keeps_positive_gradients_alone(flat, pictures):
    A = flat.relu(flat.conv(pictures)).detach()
    weights = flat.head.weight[2].view(1, 4, 22, 22)
    expected = (weights.relu() * A).sum(1)
    assert torch.allclose(layer_cam(flat, pictures, 2, resize=False), expected, atol=1e-5)
    assert layer_cam(flat, pictures[0], 2).shape == (24, 24)


def test_layer_cam_is_the_positive_part_of_captums_gradient_times_activation(residual, pictures):
    """Behind a ReLU no activation is below 0, so the sign of the product is that of the gradient."""
    model = residual()
    oracle = captum.attr.LayerGradientXActivation(model, model.relus[1])
    expected = oracle.attribute(pictures, target=[0, 3, 1]).detach()
    found = layer_cam(model, pictures, [0, 3, 1], "relus.1", resize=False)
    assert torch.allclose(found, expected.relu().sum(1), atol=1e-5) and found.std() > 1e-3
    assert not torch.allclose(found, expected.sum(1).relu(), rtol=0.1), "HiResCAM is another map"


def test_score_cam_weighs_each_map_by_what_is_seen_through_it(flat, pictures):
    found = score_cam(flat, pictures[:2], [2, 4], resize=False, batch_size=3)
    for n, c in enumerate((2, 4)):
        A = flat.relu(flat.conv(pictures[n][None]))[0].detach()
        black = flat(torch.zeros(1, 3, 24, 24)).softmax(1)[0, c]
        total = torch.zeros(22, 22)
        for channel in A:
            H = F.interpolate(channel[None, None], 24, mode="bilinear", align_corners=False)
            H = (H - H.min()) / (H.max() - H.min())
            total += (flat(pictures[n] * H).softmax(1)[0, c] - black).detach() * channel
        assert torch.allclose(found[n], total.relu(), atol=1e-5)


class OnePlace(nn.Module):
    """Sure of class 1 as far as a corner is bright."""

    def forward(self, images):
        light = images[:, :, 4:10, 4:10].mean((1, 2, 3))
        return torch.stack([torch.zeros_like(light), 8 * light - 4], 1)


def test_rise_finds_the_place_that_the_network_sees():
    found = rise(OnePlace(), torch.ones(2, 3, 28, 28), 1, masks=600, seed=3)
    assert torch.equal(found[0], found[1]), "the same masks for all"
    assert found[0, 5:9, 5:9].min() > found[0, 16:, 16:].max()


def test_rise_repeats_by_seed_and_in_any_batches_and_refuses_masks_that_show_nothing():
    image = torch.rand(3, 28, 28)
    found = rise(OnePlace(), image, 1, masks=20, seed=3)
    assert torch.equal(rise(OnePlace(), image, 1, masks=20, seed=3), found)
    assert torch.allclose(rise(OnePlace(), image, 1, masks=20, seed=3, batch_size=3), found, atol=1e-6)
    assert not torch.allclose(rise(OnePlace(), image, 1, masks=20, seed=4), found, atol=1e-2)
    with pytest.raises(ValueError, match="keep is 0, so every mask is closed"):
        rise(OnePlace(), image, 1, keep=0)
    with pytest.raises(TypeError, match="cells must be a whole number of at least 1, but got 2.5"):
        rise(OnePlace(), image, 1, cells=2.5)


def test_rise_of_a_constant_score_is_the_mean_mask():
    class Constant(nn.Module):
        def forward(self, images):
            return torch.zeros(len(images), 4)

    found = rise(Constant(), torch.rand(3, 20, 20), 2, masks=2000, keep=0.25)
    assert found.shape == (20, 20) and torch.allclose(found, torch.full((20, 20), 0.25), atol=0.05)
    whole = rise(Constant(), torch.rand(3, 20, 20), 2, masks=9, keep=1.0)
    assert torch.allclose(whole, torch.full((20, 20), 0.25))
    again = rise(Constant(), torch.rand(3, 20, 20), 2, masks=2000, keep=0.25, batch_size=7)
    assert torch.allclose(found, again, atol=1e-5), "the same masks in other batches"
