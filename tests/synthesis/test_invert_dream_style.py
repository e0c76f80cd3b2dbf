"""Inversion, dreams and style: what they minimise is the formula, and it goes down."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.networks import EfficientNetLite0, MiniAlexNet, MiniResNet, SqueezeNet, activations
from cnnlab.synthesis import (
    channel,
    deepdream,
    deepdream_steps,
    deepdream_zoom,
    gram_matrix,
    invert,
    invert_steps,
    style_steps,
    total_variation,
    transfer_style,
)
from cnnlab.synthesis.deepdream import _sizes
from cnnlab.synthesis.early_exit import reader
from cnnlab.synthesis.inversion import feature_similarity
from cnnlab.synthesis.style_transfer import default_layers, style_statistics


@pytest.fixture
def smooth():
    """Two pictures without noise, 3 x 16 x 16, float64."""
    rows, columns = torch.meshgrid(*[torch.linspace(0, 1, 16, dtype=torch.float64)] * 2, indexing="ij")
    single = torch.stack([rows, columns, (rows * columns)])
    return single, torch.stack(
        [0.5 + 0.4 * torch.sin(12 * rows), 0.5 + 0.4 * torch.sin(12 * columns), 1 - rows]
    )


def score_of(model, objective, images):
    return objective.score(model, reader(model, objective.layers, (16, 16))(images))


@pytest.mark.parametrize("make", [feature_similarity, style_statistics])
def test_the_gradients_of_both_losses_are_their_slopes(network, images, smooth, slope, make):
    objective = make("conv2", activations(network, smooth[0][None], "conv2")["conv2"])
    picture = images[:1].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score_of(network, objective, picture).sum(), picture)

    def corner(values):  # the slope of all 768 values would take long
        moved = picture.detach().clone()
        moved[0, :, 3:5, 6:9] = values
        return score_of(network, objective, moved).detach().sum()

    expected = slope(corner, picture.detach()[0, :, 3:5, 6:9])
    assert torch.allclose(gradient[0, :, 3:5, 6:9], expected, atol=1e-7) and expected.abs().max() > 1e-4


# --- inversion --------------------------------------------------------------------------------------------------------


def test_inversion_errors_are_what_they_say(network, smooth):
    result = invert(network, smooth[0], "relu", steps=30, restarts=2)
    expected = activations(network, smooth[0], "relu")["relu"]
    for number in range(2):
        is_ = activations(network, result.images[number], "relu")["relu"]
        assert result.feature_error[number].item() == pytest.approx(
            ((is_ - expected).norm() / expected.norm()).item()
        )
        difference = (result.images[number] - smooth[0]).square().mean().sqrt()
        assert result.image_error[number].item() == pytest.approx(difference.item())
    assert not torch.allclose(result.images[0], result.images[1], atol=1e-3)


def test_an_invertible_layer_is_inverted(smooth):
    mix = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(4 * 256, 2)).double()
    nn.init.orthogonal_(mix[0].weight.view(4, 3))
    start, *_, end = invert_steps(
        mix, smooth[1], "0", steps=250, tv=0, parametrisation="pixels", learning_rate=0.01
    )
    assert start.image_error > 0.2 and end.image_error < 0.01 and end.feature_error < 0.02
    assert end.step == 250


def test_errors_fall_and_total_variation_smooths(network, smooth):
    errors = torch.stack(
        [result.feature_error for result in invert_steps(network, smooth[0], "conv2", steps=40)]
    )
    assert errors[-1] < 0.3 * errors[0]
    rough, plain = (invert(network, smooth[0], "pool", steps=40, tv=tv).images for tv in (0, 0.01))
    assert total_variation(plain) < 0.7 * total_variation(rough)


def test_inversion_wants_one_picture_and_an_answer(network, images):
    with pytest.raises(ValueError, match="one picture"):
        invert(network, images, "conv1")
    with pytest.raises(ValueError, match="conv9"):
        invert(network, images[0], "conv9")
    with torch.no_grad():
        network.conv2.bias.fill_(-100)
    with pytest.raises(ValueError, match="nothing but zeros"):
        invert(network, images[0], "relu")


# --- dreams -----------------------------------------------------------------------------------------------------------


def test_a_dream_makes_the_answer_longer_and_keeps_the_size(network, smooth):
    wide = torch.nn.functional.interpolate(smooth[1][None], (24, 40))[0]
    dreamt = deepdream(network, wide, "conv2", octaves=2, steps=8, jitter=2)
    before, after = (activations_at(network, picture).norm() for picture in (wide, dreamt))
    assert dreamt.shape == (3, 24, 40) and dreamt.min() >= 0 and dreamt.max() <= 1
    assert after > 1.1 * before
    assert not torch.equal(deepdream(network, wide, channel("conv2", 3), octaves=1, steps=2), wide)


def activations_at(network, picture):
    return reader(network, ("conv2",), tuple(picture.shape[1:]))(picture[None])["conv2"]


def test_octaves_grow_to_the_size_of_the_picture(network, smooth):
    assert _sizes((96, 144), 3, 1.5) == [(42, 64), (64, 96), (96, 144)]
    shapes = [
        tuple(p.shape[1:])
        for p in deepdream_steps(network, smooth[0], "conv1", octaves=2, octave_scale=2, steps=1)
    ]
    assert shapes == [(8, 8), (8, 8), (16, 16), (16, 16)]
    untouched = next(deepdream_steps(network, smooth[0], "conv1", octaves=1, parametrisation="pixels"))
    assert torch.equal(untouched, smooth[0])


def test_the_walk_enlarges_the_middle(network, smooth):
    still = {"steps": 1, "learning_rate": 0.0, "octaves": 1, "parametrisation": "pixels", "jitter": 0}
    frames = list(deepdream_zoom(network, smooth[0], "conv1", frames=3, zoom=1.25, rotate=0, **still))
    assert torch.allclose(frames[0], smooth[0])
    spans = [float(frame[0, -1, 8] - frame[0, 0, 8]) for frame in frames]  # of a ramp from top to bottom
    assert spans[1] == pytest.approx(spans[0] / 1.25, rel=0.03)
    assert spans[2] == pytest.approx(spans[0] / 1.25**2, rel=0.03)


def test_an_octave_too_small_for_the_layer_is_named(smooth):
    deep = nn.Sequential(
        *[nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.MaxPool2d(2)) for _ in range(3)]
    ).double()
    with pytest.raises(ValueError, match=r"pictures of 6 x 6 do not reach 2 .* fewer octaves"):
        list(deepdream_steps(deep, smooth[0], "2", octaves=3, octave_scale=1.7, steps=1))


def test_dreams_say_what_they_want(network, smooth, images):
    with pytest.raises(ValueError, match="one picture"):
        deepdream(network, images, "conv1")
    with pytest.raises(ValueError, match="octave_scale"):
        deepdream(network, smooth[0], "conv1", octave_scale=1)
    with pytest.raises(ValueError, match="zoom"):
        next(deepdream_zoom(network, smooth[0], "conv1", zoom=0.9))


# --- style ------------------------------------------------------------------------------------------------------------


def test_both_losses_are_the_formulas(network, smooth):
    content, style = smooth
    layers = {"content_layers": ["conv1", "conv2"], "style_layers": ["conv1", "relu"]}
    last = transfer_style(network, content, style, steps=4, alpha=0.7, beta=2.0, **layers)
    answers = [
        activations(network, picture, ["conv1", "conv2", "relu"]) for picture in (last.image, content, style)
    ]

    def away(of_x, of_wanted):
        return ((of_x - of_wanted).square().sum() / of_wanted.square().sum()).item()

    expected = sum(away(answers[0][layer], answers[1][layer]) for layer in layers["content_layers"])
    assert last.content_loss[-1].item() == pytest.approx(expected)
    grams = [{layer: gram_matrix(answer[layer]) for layer in layers["style_layers"]} for answer in answers]
    expected = sum(away(grams[0][layer], grams[2][layer]) for layer in layers["style_layers"])
    assert last.style_loss[-1].item() == pytest.approx(expected)


def test_style_layers_have_weights(network, smooth):
    losses = [
        next(style_steps(network, *smooth, style_layers=layers)).style_loss[0].item()
        for layers in ("conv1", "relu", {"conv1": 3.0, "relu": 0.5, "conv2": 0})
    ]
    assert losses[2] == pytest.approx(3 * losses[0] + 0.5 * losses[1], rel=1e-4)
    for weights in ({"conv1": -1.0}, {"conv1": 0.0}):
        with pytest.raises(ValueError, match="weights of style layers"):
            transfer_style(network, *smooth, style_layers=weights)


def test_from_the_content_picture_style_comes_at_the_cost_of_content(network, smooth):
    content, style = smooth
    made = list(
        style_steps(
            network, content, style, steps=30, content_layers="conv2", style_layers=["conv1", "conv2"]
        )
    )
    last = made[-1]
    assert [single.step for single in made] == list(range(31)) and last.style_loss.shape == (31,)
    assert last.content_loss[0] < 1e-4 < last.content_loss[-1]
    assert last.style_loss[-1] < 0.5 * last.style_loss[0]
    kept, lost = (
        transfer_style(network, content, style, steps=30, alpha=alpha, style_layers=["conv1"])
        for alpha in (30, 0.01)
    )
    assert kept.content_loss[-1] < lost.content_loss[-1] and kept.style_loss[-1] > lost.style_loss[-1]


def test_a_texture_has_the_style_at_any_size_and_no_content(network, smooth):
    made = transfer_style(
        network, None, smooth[1], style_layers=["conv1"], steps=60, size=24, tv=0, learning_rate=0.05
    )
    assert made.image.shape == (3, 24, 24) and (made.content_loss == 0).all()
    assert made.style_loss[-1] < 0.1 * made.style_loss[0]


def test_the_style_of_a_picture_is_its_own(network, smooth):
    same = next(
        style_steps(network, smooth[0], smooth[0], style_layers=["conv1", "relu"], parametrisation="pixels")
    )
    assert same.style_loss[0] < 1e-12 and same.content_loss[0] < 1e-12


def test_the_usual_layers():
    assert default_layers(MiniAlexNet(("a", "b"))) == (["conv1", "conv2", "conv3"], ["conv4"])
    deep = nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(20)])
    assert default_layers(deep) == (["0", "3", "6", "8", "11"], ["14"])


@pytest.mark.parametrize(
    ("build", "style", "content"),
    [
        (SqueezeNet, ["conv1", "fire2", "fire3", "fire5", "fire6"], "fire8"),
        (EfficientNetLite0, ["stem", "block2", "block5", "block8", "block10"], "block13"),
        (MiniResNet, ["conv1", "layer1.0", "layer1.1", "layer2.0", "layer2.1"], "layer3.0"),
    ],
)
def test_the_usual_layers_are_blocks_where_a_network_has_some(build, style, content):
    assert default_layers(build(("a", "b"))) == (style, [content])


def test_without_convolutions_the_layers_must_be_said():
    with pytest.raises(ValueError, match="no convolutional layers"):
        default_layers(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))


def test_style_says_what_it_wants(network, smooth, images):
    with pytest.raises(ValueError, match="nothing to optimise"):
        transfer_style(network, None, smooth[1], beta=0)
    with pytest.raises(ValueError, match="one picture"):
        transfer_style(network, smooth[0], images)
    with pytest.raises(ValueError, match="conv9"):
        transfer_style(network, smooth[0], smooth[1], style_layers="conv9")
