"""Gradients with respect to the picture: of a class, of a unit; right, once, and without a trace."""

from __future__ import annotations

import captum.attr
import pytest
import torch
from oracles import slope
from torch import Tensor, nn

from cnnlab.attribution import channel_max, deconvnet, gradient, guided_backprop, saliency
from cnnlab.networks import activations

captum_speaks = pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")


@pytest.mark.parametrize("of", ["logit", "probability"])
def test_gradient_is_what_small_changes_of_the_pixels_say(lively, of):
    model = lively(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    ).double()
    image = torch.rand(3, 6, 6, dtype=torch.double)

    def score(picture: Tensor) -> Tensor:
        with torch.no_grad():
            logits = model(picture[None])
        return (logits if of == "logit" else logits.softmax(1))[0, 1]

    expected = slope(score, image)
    assert expected.std() > 0.01
    assert torch.allclose(gradient(model, image, 1, score=of), expected, atol=1e-7)


def test_gradient_of_a_linear_model_is_its_weight():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 5 * 7, 4))
    result = gradient(model, torch.rand(6, 3, 5, 7), target=[0, 1, 2, 3, 0, 1])
    assert torch.equal(result.flatten(1), model[1].weight[[0, 1, 2, 3, 0, 1]])


def test_logit_and_probability_are_two_questions(residual, pictures):
    """The softmax's gradient is p_c (G_c - sum over k of p_k G_k): what lowers the others counts too."""
    model = residual()
    p = model(pictures).softmax(1).detach()
    each = torch.stack([gradient(model, pictures, k) for k in range(5)], 1)  # N x 5 x 3 x H x W
    mean = torch.einsum("nk,nkcij->ncij", p, each)
    expected = p[:, 2].view(-1, 1, 1, 1) * (each[:, 2] - mean)
    assert torch.allclose(gradient(model, pictures, 2, score="probability"), expected, atol=1e-6)


@captum_speaks
def test_saliency_matches_captum_and_takes_the_largest_channel(residual, pictures):
    model = residual()
    expected = captum.attr.Saliency(model).attribute(pictures.clone().requires_grad_(), target=1)
    result = saliency(model, pictures, 1)
    assert torch.allclose(result, expected.amax(1), atol=1e-5) and result.shape == (3, 24, 24)
    assert torch.equal(result, gradient(model, pictures, 1).abs().max(1).values)


def test_channel_max_keeps_the_axes_it_should():
    values = torch.randn(2, 3, 4, 5)
    assert torch.equal(channel_max(values), torch.maximum(values.amax(1), -values.amin(1)))
    assert torch.equal(channel_max(values[0]), channel_max(values)[0])
    with pytest.raises(ValueError, match="N x 3 x H x W"):
        channel_max(torch.rand(4, 4))


@pytest.mark.parametrize("technique", [gradient, saliency, deconvnet, guided_backprop])
def test_a_batch_is_its_pictures_one_by_one(residual, pictures, technique):
    model = residual("F.relu(inplace=True)")
    together = technique(model, pictures, ["wolf", 0, None])
    predicted = int(model(pictures[2:]).argmax())
    for result, picture, target in zip(together, pictures, (2, 0, predicted), strict=True):
        alone = technique(model, picture, target)
        assert alone.shape == result.shape and torch.allclose(alone, result, atol=1e-6)
    assert technique(model, pictures[:1], 2).shape[0] == 1


def test_targets_may_be_names_numbers_tensors_or_the_prediction(residual, pictures):
    model = residual()
    predicted = model(pictures).argmax(1)
    expected = gradient(model, pictures, predicted.tolist())
    assert torch.equal(gradient(model, pictures), expected)
    assert torch.equal(gradient(model, pictures, predicted), expected)
    assert torch.equal(gradient(model, pictures, predicted.numpy()), expected)
    assert torch.equal(gradient(model, pictures, [model.class_names[k] for k in predicted]), expected)
    assert torch.equal(gradient(model, pictures, "bird"), gradient(model, pictures, torch.tensor(4)))


@captum_speaks
@pytest.mark.parametrize(
    ("technique", "oracle"),
    [
        (gradient, captum.attr.NeuronGradient),
        (deconvnet, captum.attr.NeuronDeconvolution),
        (guided_backprop, captum.attr.NeuronGuidedBackprop),
    ],
)
@pytest.mark.parametrize(("layer", "unit"), [("conv2", (3, 2, 4)), ("norm3", (0, 5, 5)), ("hidden", (7,))])
def test_units_match_captum(residual, pictures, technique, oracle, layer, unit):
    model = residual()
    expected = oracle(model, getattr(model, layer)).attribute(
        pictures.clone().requires_grad_(), unit if len(unit) > 1 else unit[0]
    )
    assert expected.abs().max() > 1e-3
    result = technique(model, pictures, layer=layer, unit=unit)
    assert torch.allclose(result, expected.detach(), atol=1e-5)


def test_a_channel_means_its_strongest_position_in_each_picture(residual, pictures):
    model = residual("F.relu")
    maps = activations(model, pictures, "conv2")["conv2"][:, 5]  # N x 6 x 6
    result = gradient(model, pictures, layer="conv2", unit=5)
    positions = [divmod(int(single.argmax()), 6) for single in maps]
    assert len(set(positions)) > 1
    for single, picture, position in zip(result, pictures, positions, strict=True):
        assert torch.allclose(single, gradient(model, picture, layer="conv2", unit=(5, *position)), atol=1e-6)


def test_a_unit_before_an_in_place_relu_is_the_unit_before_it(residual, pictures):
    """A unit at -2.2 has a gradient, though the ReLU behind it overwrites it with 0."""
    model = residual("nn.ReLU(inplace=True)")
    values = activations(model, pictures[0], "norm1")["norm1"]
    negative = tuple(int(i) for i in (values == values.min()).nonzero()[0])
    assert values[negative] < -1
    result = gradient(model, pictures[0], layer="norm1", unit=negative)
    assert result.abs().max() > 0
    assert torch.allclose(result, gradient(residual(), pictures[0], layer="norm1", unit=negative), atol=1e-6)


def test_the_gradient_of_a_unit_stays_in_its_receptive_field(residual, pictures):
    result = saliency(residual(), pictures[0], layer="conv1", unit=(2, 6, 3))
    assert result[10:15, 4:9].min() > 0
    result[10:15, 4:9] = 0
    assert result.max() == 0


class Counting(nn.Module):
    """Counts how many pictures pass forwards, and how many gradients come back to the picture."""

    class Gate(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values, counter):
            ctx.counter = counter
            return values.clone()

        @staticmethod
        def backward(ctx, grad_output):
            ctx.counter.back += len(grad_output)
            return grad_output, None

    def __init__(self, model):
        super().__init__()
        self.model, self.forth, self.back, self.asking = model, 0, 0, []

    def forward(self, images):
        self.forth += len(images)
        self.asking.append(any(parameter.requires_grad for parameter in self.parameters()))
        return self.model(self.Gate.apply(images, self))


@pytest.mark.parametrize("technique", [gradient, saliency, deconvnet, guided_backprop])
@pytest.mark.parametrize("requested", [{"target": 1}, {}, {"layer": "model.conv3", "unit": 2}])
def test_one_forward_and_one_backward_for_each_picture(residual, pictures, technique, requested):
    model = Counting(residual())
    technique(model, pictures, **requested)
    assert (model.forth, model.back) == (3, 3)
    assert model.asking == [False] and all(parameter.requires_grad for parameter in model.parameters())


def test_batch_normalisation_uses_its_stored_statistics_whatever_the_mode(residual, pictures):
    model = residual()
    expected = gradient(model, pictures[0], 1)
    model.train()
    assert torch.allclose(gradient(model, pictures, 1)[0], expected, atol=1e-6)
    assert model.training and model.norm1.training


def test_the_tag_in_the_corner_is_found(tag_in_the_corner, tagged):
    """The network decides by the tag alone; the bright object in the middle is nothing to it."""
    assert tag_in_the_corner(tagged[None]).argmax() == 0
    for technique in (saliency, gradient, guided_backprop):
        result = technique(tag_in_the_corner, tagged, 0)
        result = result if result.dim() == 2 else channel_max(result)
        assert result[:4, :4].min() > 0
        result[:4, :4] = 0
        assert result.max() == 0


def test_the_float_type_follows_the_model(residual, pictures):
    assert gradient(residual().double(), pictures, 0).dtype == torch.double
    assert gradient(residual(), pictures.double(), 0).dtype == torch.float


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ({"target": "sheeep"}, "class 'sheeep' is not known. Did you mean \"sheep\""),
        ({"target": 5}, "target"),
        ({"target": [0, 1]}, "2 targets came for 3 pictures"),
        ({"layer": "conv2"}, 'layer="conv2" and? ?.*but layer=|a unit is named by its layer and its channel'),
        ({"unit": 3}, "a unit is named by its layer and its channel"),
        ({"layer": "conv2", "unit": 3, "target": 1}, "not for both at once"),
        ({"layer": "conv9", "unit": 3}, 'layer "conv9" is not in Residual'),
        ({"layer": "conv2", "unit": 8}, r'unit \(a channel of layer "conv2" \(8 x 6 x 6\)\)'),
        ({"layer": "conv2", "unit": (1, 6, 0)}, "unit, axis 1 of layer"),
        ({"layer": "conv2", "unit": (1, 2)}, "unit must name 3 numbers"),
    ],
)
def test_impossible_questions_are_refused(residual, pictures, requested, message):
    with pytest.raises(ValueError, match=message):
        gradient(residual(), pictures, **requested)


def test_probabilities_are_for_classes(residual, pictures):
    with pytest.raises(ValueError, match="not for both at once"):
        gradient(residual(), pictures, layer="conv2", unit=1, score="probability")
    with pytest.raises(ValueError, match="score 'softmax' is not known"):
        gradient(residual(), pictures, score="softmax")
