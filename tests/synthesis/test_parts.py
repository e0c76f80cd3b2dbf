"""The parts of an optimisation: objectives, coordinates, transforms, priors, and what is read from the network."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import ndimage
from torch import nn

from cnnlab.networks import activations
from cnnlab.networks.adam import Adam
from cnnlab.synthesis import (
    channel,
    clip_small_contribution,
    clip_small_norm,
    direction,
    fourier,
    gaussian_blur,
    gram_matrix,
    jitter,
    layer_norm,
    logit,
    pixels,
    random_zoom_rotate,
    total_variation,
    unit,
)
from cnnlab.synthesis.early_exit import reader
from cnnlab.synthesis.objectives import LOGITS
from cnnlab.synthesis.parametrisations import COLOURS, _scale
from cnnlab.synthesis.random_transforms import zoom_rotate
from cnnlab.world import render


def value(model, objective, images):
    return objective.score(model, reader(model, objective.layers, (16, 16))(images))


# --- objectives -------------------------------------------------------------------------------------------------------


def test_objectives_by_hand(network, images):
    logits, maps = network(images), activations(network, images, "conv2")["conv2"]
    assert torch.equal(value(network, logit("wolf"), images), logits[:, 2])
    assert torch.allclose(value(network, channel("conv2", 5), images), maps[:, 5].mean((1, 2)))
    assert torch.equal(value(network, unit("conv2", 5), images), maps[:, 5, 4, 4])
    assert torch.equal(value(network, unit("conv2", 5, 1, 7), images), maps[:, 5, 1, 7])
    assert torch.equal(value(network, unit("head", 3), images), logits[:, 3])
    assert torch.equal(value(network, channel("head", 3), images), logits[:, 3])
    assert torch.allclose(value(network, layer_norm("conv2"), images), maps.square().sum((1, 2, 3)).sqrt())
    mix = torch.arange(8.0)
    expected = torch.stack([mix[k] * maps[:, k].mean((1, 2)) for k in range(8)]).sum(0)
    assert torch.allclose(value(network, direction("conv2", mix), images), expected)


def test_several_targets_are_one_for_each_picture_and_restarts_stand_in_a_row(network, images):
    logits = network(images)
    assert torch.equal(value(network, logit(["bird", 0, "goat"]), images), logits[[0, 1, 2], [4, 0, 1]])
    six = torch.cat([images, images])
    result = value(network, channel("head", [1, 4, 0]), six)
    assert torch.equal(result, network(six)[torch.arange(6), torch.tensor([1, 1, 4, 4, 0, 0])])


def test_objectives_add_up(network, images):
    both = 2.0 * logit("sheep") + layer_norm("conv1") * 0.5 - unit("conv2", 1)
    parts = [
        value(network, single, images) for single in (logit("sheep"), layer_norm("conv1"), unit("conv2", 1))
    ]
    assert torch.allclose(value(network, both, images), 2 * parts[0] + 0.5 * parts[1] - parts[2])
    assert both.layers == (LOGITS, "conv1", "conv2") and both.count == 1
    assert (logit([0, 1, 2]) + layer_norm("conv1")).count == 3
    with pytest.raises(ValueError, match="2 and of 3"):
        logit([0, 1]) + logit([0, 1, 2])


def test_unknown_targets_are_refused(network, images):
    for objective in (logit("shep"), channel("conv2", 8), unit("conv2", 0, 9), unit("conv9", 0)):
        with pytest.raises(ValueError, match="sheep|between 0 and 7|row|conv9"):
            value(network, objective, images)


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["conv1", "norm1", "relu", "conv2", "pool", "head"])
def test_what_is_read_is_what_activations_say(network, images, layer):
    assert torch.equal(
        reader(network, (layer,), (16, 16))(images)[layer], activations(network, images, layer)[layer]
    )


def test_the_forward_pass_goes_no_further_than_needed(network, images):
    read = reader(network, ("conv1", "relu"), (16, 16))
    before = network.finished
    read(images)
    assert network.finished == before
    reader(network, (LOGITS, "conv1"), (16, 16))(images)
    assert network.finished == before + 1
    assert not any(module._forward_hooks for module in network.modules())


def test_convolutional_layers_can_be_read_at_any_size(network):
    large = torch.rand(1, 3, 40, 24, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="mat1"):
        network(large)
    assert reader(network, ("conv2",), (40, 24))(large)["conv2"].shape == (1, 8, 20, 12)


def test_a_layer_that_does_not_run_is_refused(network, images):
    network.spare = nn.Conv2d(3, 3, 1)
    for layers in (("spare",), ("spare", LOGITS)):
        with pytest.raises(ValueError, match="does not run"):
            reader(network, layers, (16, 16))(images)


# --- coordinates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coordinates", [pixels(), fourier(), fourier(0, decorrelated=False), fourier(2)])
def test_a_picture_survives_its_coordinates(coordinates, images):
    wide = torch.nn.functional.interpolate(images, (12, 22)).clamp(0.01, 0.99)
    for pictures in (images.clamp(0.01, 0.99), wide):
        assert torch.allclose(coordinates.to_images(coordinates.from_images(pictures)), pictures, atol=1e-6)
    noise = coordinates.to_images(coordinates.noise((2, 3, 12, 22), torch.Generator().manual_seed(0)))
    assert noise.shape == (2, 3, 12, 22) and noise.min() >= 0 and noise.max() <= 1
    assert noise.mean().item() == pytest.approx(0.5, abs=0.05) and 0.005 < noise.std() < 0.2


def test_whatever_the_numbers_the_picture_stays_in_range():
    for coordinates in (pixels(), fourier()):
        numbers = 50 * torch.randn_like(coordinates.noise((1, 3, 8, 8), torch.Generator()))
        coordinates.project(numbers)
        picture = coordinates.to_images(numbers)
        assert picture.min() >= 0 and picture.max() <= 1


def test_long_waves_are_stronger_by_the_decay():
    scale = _scale(16, 16, 1.5)
    assert scale[1, 0] / scale[4, 0] == pytest.approx(4**1.5) and scale[0, 2] == pytest.approx(
        scale[2, 0].item()
    )
    assert scale.square().mean().item() == pytest.approx(1) and torch.allclose(
        _scale(16, 16, 0), torch.ones(16, 9)
    )


def test_the_colours_are_the_principal_axes_of_the_world():
    colours = (
        torch.stack([render(seed, size=32).image for seed in range(150)]).permute(0, 2, 3, 1).reshape(-1, 3)
    )
    values, axes = torch.linalg.eigh(colours.T.cov())
    ours = torch.tensor(COLOURS)
    for column, axis in enumerate((2, 1, 0)):
        alike = torch.cosine_similarity(ours[:, column], axes[:, axis], dim=0).abs()
        assert alike > 0.9, column
    ratios = ours.norm(dim=0) / values.flip(0).sqrt()
    assert ratios.max() / ratios.min() < 1.35


SIZES = [(1, 1), (2, 2), (3, 3), (4, 4), (9, 9), (31, 30), (30, 31), (1, 9), (9, 1), (7, 95)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("coordinates", [pixels(), fourier(), fourier(0, decorrelated=False)])
def test_pictures_of_every_size_survive_their_coordinates(coordinates, size):
    pictures = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)).clamp(0.01, 0.99)
    numbers = coordinates.from_images(pictures)
    assert torch.allclose(coordinates.to_images(numbers), pictures, atol=2e-6)
    noise = coordinates.noise((2, 3, *size), torch.Generator().manual_seed(0))
    assert noise.shape == numbers.shape and coordinates.to_images(noise).shape == (2, 3, *size)


def test_waves_of_odd_pictures_have_as_many_numbers_as_pixels_and_each_counts():
    coordinates = fourier()
    numbers = coordinates.noise((1, 3, 5, 7), torch.Generator().manual_seed(0))
    assert numbers.numel() == 3 * 5 * 7
    back = coordinates.from_images(coordinates.to_images(numbers))
    assert torch.allclose(back, numbers, atol=1e-5)


def test_noise_is_as_strong_at_odd_as_at_even_widths():
    spread = {
        width: fourier()
        .to_images(fourier().noise((200, 3, 30, width), torch.Generator().manual_seed(0)))
        .std()
        .item()
        for width in (30, 31, 32)
    }
    assert spread[31] == pytest.approx((spread[30] + spread[32]) / 2, rel=0.05)


# --- transforms -------------------------------------------------------------------------------------------------------


def test_jitter_rolls_and_loses_nothing(images):
    shifted = jitter(3)(images, torch.Generator().manual_seed(1))
    assert not torch.equal(shifted, images)
    assert torch.equal(shifted.flatten(2).sort(2).values, images.flatten(2).sort(2).values)
    distances = [
        (down, right)
        for down in range(-3, 4)
        for right in range(-3, 4)
        if torch.equal(images.roll((down, right), (2, 3)), shifted)
    ]
    assert len(distances) == 1


def test_jitter_may_reflect_and_never_fills_with_zeros(images):
    bright = images * 0.5 + 0.5
    for seed in range(10):
        shifted = jitter(4, border="reflect")(bright, torch.Generator().manual_seed(seed))
        assert shifted.shape == bright.shape and shifted.min() >= 0.5


def test_turning_and_zooming(images):
    assert torch.allclose(zoom_rotate(images, 1, 0), images, atol=1e-12)
    quarters = [
        torch.allclose(zoom_rotate(images, 1, 90), images.rot90(k, (2, 3)), atol=1e-6) for k in (1, 3)
    ]
    assert any(quarters)
    wide = torch.rand(1, 3, 8, 24, dtype=torch.float64)
    assert torch.allclose(zoom_rotate(wide, 1, 180), wide.rot90(2, (2, 3)), atol=1e-6)
    # Half as much of the plane: the middle, twice as large.
    ramp = torch.linspace(0, 1, 16, dtype=torch.float64).expand(1, 3, 16, 16)
    assert zoom_rotate(ramp, 0.5, 0)[0, 0, 0].diff().mean() == pytest.approx(
        0.5 * float(ramp[0, 0, 0].diff().mean())
    )


def test_each_picture_moves_by_its_own_and_gradients_follow(images):
    same = images[:1].expand(3, -1, -1, -1).clone().requires_grad_()
    move = random_zoom_rotate(0.2, 20)
    shaken = move(same, torch.Generator().manual_seed(0))
    assert not torch.allclose(shaken[0], shaken[1], atol=1e-2)
    assert torch.equal(shaken, move(same, torch.Generator().manual_seed(0)))
    assert (torch.autograd.grad(shaken.sum(), same)[0].abs() > 0).double().mean() > 0.9


# --- priors -----------------------------------------------------------------------------------------------------------


def variation_by_loops(picture, beta):
    total = 0.0
    for colour in picture.tolist():
        for p in range(len(colour)):
            for q in range(len(colour[0])):
                right = colour[p][q + 1] - colour[p][q] if q + 1 < len(colour[0]) else 0.0
                down = colour[p + 1][q] - colour[p][q] if p + 1 < len(colour) else 0.0
                total += (right**2 + down**2) ** (beta / 2)
    return total


@pytest.mark.parametrize("beta", [1, 1.5, 2, 3])
def test_total_variation_is_the_formula_and_so_is_its_gradient(images, beta, slope):
    small = images[:, :, :4, :5].clone().requires_grad_()
    result = total_variation(small, beta)
    assert result.tolist() == pytest.approx([variation_by_loops(picture, beta) for picture in small])
    (gradient,) = torch.autograd.grad(result.sum(), small)
    expected = slope(lambda x: total_variation(x, beta).sum(), small.detach())
    assert torch.allclose(gradient, expected, atol=1e-6)
    assert total_variation(small[0], beta).item() == pytest.approx(result[0].item())


@pytest.mark.parametrize("beta", [0.5, 1, 2])
def test_a_flat_picture_has_no_variation_and_no_gradient(beta):
    flat = torch.full((1, 3, 5, 5), 0.3, requires_grad=True)
    result = total_variation(flat, beta)
    assert result.item() == 0 and (torch.autograd.grad(result.sum(), flat)[0] == 0).all()
    with pytest.raises(ValueError, match="beta"):
        total_variation(flat, 0)


def test_blur_is_a_gaussian(images):
    ours = gaussian_blur(images, 1.2)
    theirs = ndimage.gaussian_filter(images.numpy(), (0, 0, 1.2, 1.2), mode="mirror", radius=(0, 0, 4, 4))
    assert torch.allclose(ours, torch.from_numpy(theirs), atol=1e-9)
    assert torch.equal(gaussian_blur(images, 0), images)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 9), (5, 2), (7, 7)])
def test_blur_and_reflected_jitter_take_pictures_smaller_than_their_margin(size):
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    ours = gaussian_blur(images, 1.2)
    theirs = ndimage.gaussian_filter(images.numpy(), (0, 0, 1.2, 1.2), mode="mirror", radius=(0, 0, 4, 4))
    assert torch.allclose(ours, torch.from_numpy(theirs), atol=1e-9)
    moved = jitter(12, "reflect")(images, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape and torch.isin(moved, images).all()


def test_the_smallest_pixels_become_grey(images):
    clipped = clip_small_norm(images, 0.25)
    grey = (clipped == 0.5).all(1)
    assert (grey.flatten(1).sum(1) == 64).all() and torch.equal(clipped.where(~grey[:, None], images), images)
    size = (images - 0.5).norm(dim=1)
    for number in range(3):
        assert size[number][grey[number]].max() < size[number][~grey[number]].min()


def test_what_contributes_least_becomes_grey(images):
    gradient = torch.randn(images.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    clipped = clip_small_contribution(images, gradient, 0.5)
    grey = (clipped == 0.5).all(1)
    contribution = torch.zeros(3, 16, 16, dtype=torch.float64)
    for colour in range(3):
        contribution += (images[:, colour] - 0.5) * gradient[:, colour]
    for number in range(3):
        assert (
            contribution.abs()[number][grey[number]].max() < contribution.abs()[number][~grey[number]].min()
        )
    assert grey.double().mean() == pytest.approx(0.5, abs=0.01)


# --- Gram matrices ----------------------------------------------------------------------------------------------------


def test_the_gram_matrix_is_the_double_loop(images):
    features = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    result = gram_matrix(features)
    for n in range(2):
        for i in range(4):
            for j in range(4):
                total = math.fsum(
                    float(features[n, i, p, q] * features[n, j, p, q]) for p in range(3) for q in range(5)
                )
                assert result[n, i, j].item() == pytest.approx(total)
    assert torch.allclose(gram_matrix(features[1]), result[1])
    assert torch.linalg.eigvalsh(result).min() > -1e-9


def test_the_gram_matrix_does_not_know_where():
    features = torch.randn(4, 3, 5, dtype=torch.float64)
    shuffled = features.flatten(1)[:, torch.randperm(15)].view(4, 3, 5)
    assert torch.allclose(gram_matrix(shuffled), gram_matrix(features))
    with pytest.raises(ValueError, match="N x C x H x W"):
        gram_matrix(features[0])


def test_adam_is_torchs_own_uphill():
    generator = torch.Generator().manual_seed(0)
    start = torch.rand(2, 3, 4, 4, generator=generator)
    ours, theirs = start.clone(), start.clone().requires_grad_()
    adam, reference = Adam(ours, 0.05), torch.optim.Adam([theirs], lr=0.05, maximize=True)
    for _ in range(7):
        gradient = torch.randn(2, 3, 4, 4, generator=generator)
        adam.step(gradient)
        theirs.grad = gradient
        reference.step()
        assert torch.equal(ours, theirs.detach())
