"""The three ways back through a ReLU, in numbers, and in every way in which a network can write one."""

from __future__ import annotations

import captum.attr
import pytest
import torch
import torch.nn.functional as F
from oracles import relu_way_back
from torch import nn

from cnnlab.attribution import RULES, deconvnet, gradient, guided_backprop, relu_backward, relu_rule

TECHNIQUES = {"gradient": gradient, "deconvnet": deconvnet, "guided": guided_backprop}
BY_CAPTUM = {
    "gradient": lambda model: captum.attr.Saliency(model),
    "deconvnet": lambda model: captum.attr.Deconvolution(model),
    "guided": lambda model: captum.attr.GuidedBackprop(model),
}
captum_speaks = pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
by_rule = pytest.mark.parametrize("rule", RULES)

FORWARD = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]])
ARRIVING = torch.tensor([[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]])
WORKED = {
    "gradient": [[-2.0, 0, -1], [6, 0, 0], [0, -1, 3]],
    "deconvnet": [[0.0, 3, 0], [6, 0, 1], [2, 0, 3]],
    "guided": [[0.0, 0, 0], [6, 0, 0], [0, 0, 3]],
}


def captums(rule: str, model: nn.Module, pictures, target):
    options = {"abs": False} if rule == "gradient" else {}
    return (
        BY_CAPTUM[rule](model).attribute(pictures.clone().requires_grad_(), target=target, **options).detach()
    )


@by_rule
def test_the_lectures_3_by_3_example(rule):
    assert torch.equal(relu_backward(FORWARD, ARRIVING, rule), torch.tensor(WORKED[rule]))


@by_rule
@pytest.mark.parametrize("write", [F.relu, torch.relu, lambda x: F.relu_(x.clone()), nn.ReLU(inplace=False)])
def test_a_single_relu_sends_back_what_the_example_says(rule, write):
    values = FORWARD.clone().requires_grad_()
    with relu_rule(rule):
        passed = write(values)
    assert torch.equal(passed, torch.tensor([[1.0, 0, 5], [2, 0, 0], [0, 2, 4]]))
    assert torch.equal(torch.autograd.grad(passed, values, ARRIVING)[0], torch.tensor(WORKED[rule]))


@by_rule
def test_each_rule_is_what_its_line_says(rule):
    """A network of three layers in float64, back by the lecture's lines in plain Python."""
    generator = torch.Generator().manual_seed(1)
    sizes = [(48, 20), (20, 12), (12, 4)]
    linear = [nn.Linear(*size).double() for size in sizes]
    for layer in linear:
        nn.init.normal_(layer.weight, std=0.4, generator=generator)
        nn.init.normal_(layer.bias, std=0.3, generator=generator)
    model = nn.Sequential(nn.Flatten(), linear[0], nn.ReLU(), linear[1], nn.ReLU(inplace=True), linear[2])
    image = torch.rand(3, 4, 4, dtype=torch.double, generator=generator)
    layers = [(layer.weight.tolist(), layer.bias.tolist()) for layer in linear]
    for target in range(4):
        expected = relu_way_back(layers, image.flatten().tolist(), target, rule)
        result = TECHNIQUES[rule](model, image, target)
        assert torch.allclose(result.flatten(), torch.tensor(expected).double(), atol=1e-12)
        assert result.abs().max() > 0.1


@captum_speaks
@by_rule
def test_each_rule_matches_captum_where_every_relu_is_a_module(residual, pictures, rule):
    model, targets = residual(), [0, 3, 4]
    expected = captums(rule, model, pictures, targets)
    assert expected.std() > 0.01
    assert torch.allclose(TECHNIQUES[rule](model, pictures, targets), expected, atol=1e-5)


@captum_speaks
@by_rule
def test_each_rule_holds_however_the_relus_are_written(residual, written, pictures, rule):
    expected = captums(rule, residual(), pictures, 2)
    assert torch.allclose(TECHNIQUES[rule](written, pictures, 2), expected, atol=1e-5)


@captum_speaks
def test_hooks_on_modules_miss_written_out_relus_and_this_does_not(residual, pictures):
    """The trap: Captum's guided backpropagation of an F.relu network is its plain gradient, exactly."""
    model = residual("F.relu")
    plain = gradient(model, pictures, 1)
    assert torch.allclose(captums("guided", model, pictures, 1), plain, atol=1e-6)
    assert (guided_backprop(model, pictures, 1) - plain).abs().max() > 0.1 * plain.abs().max()
    assert (deconvnet(model, pictures, 1) - plain).abs().max() > 0.1 * plain.abs().max()


def test_all_rules_agree_in_a_network_without_a_negative_number(residual, pictures):
    model = residual("x.relu_()")
    with torch.no_grad():
        for parameter in [*model.parameters(), *model.buffers()]:
            parameter.abs_()
        for norm in (model.norm1, model.norm2, model.norm3):
            norm.running_mean.zero_()
    plain = gradient(model, pictures, 0)
    assert plain.min() >= 0 and plain.max() > 0
    assert torch.allclose(guided_backprop(model, pictures, 0), plain)
    assert torch.allclose(deconvnet(model, pictures, 0), plain)


def test_guided_backprop_is_zero_where_the_first_relu_was_closed(lively):
    model = lively(nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)))
    image = torch.rand(3, 8, 8)
    closed = model[0](image[None])[0, 0] <= 0
    assert 0 < closed.sum() < 64
    assert guided_backprop(model, image, 0)[:, closed].abs().max() == 0
    assert gradient(model, image, 0)[:, closed].abs().max() == 0
    assert deconvnet(model, image, 0)[:, closed].abs().max() > 0


def test_deconvnet_without_pooling_does_not_look_at_the_picture(lively):
    """Zeiler and Fergus' way back uses the picture in the pooling switches alone."""
    model = lively(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)))
    first, second = torch.rand(2, 3, 8, 8)
    assert torch.equal(deconvnet(model, first, 0), deconvnet(model, second, 0))
    assert not torch.equal(guided_backprop(model, first, 0), guided_backprop(model, second, 0))


def test_the_rule_may_change_between_two_ways_back():
    values = FORWARD.clone().requires_grad_()
    with relu_rule("gradient") as relus:
        passed = torch.relu(values)
    for rule in RULES:
        relus.rule = rule
        (result,) = torch.autograd.grad(passed, values, ARRIVING, retain_graph=True)
        assert torch.equal(result, torch.tensor(WORKED[rule]))


RELU6_WRITINGS = {
    "F.relu6": F.relu6,
    "F.relu6(inplace=True)": lambda x: F.relu6(x.clone(), inplace=True),
    "nn.ReLU6": nn.ReLU6(),
    "nn.ReLU6(inplace=True)": lambda x: nn.ReLU6(inplace=True)(x.clone()),
    "F.hardtanh": lambda x: F.hardtanh(x, 0, 6),
    "F.hardtanh_": lambda x: F.hardtanh_(x.clone(), min_val=0, max_val=6),
}
VALUES = torch.tensor([-1.0, -1, 2, 2, 7, 7, 0, 6])  # below, inside and above the open range, and on its ends
SIGNALS = torch.tensor([3.0, -3, 3, -3, 3, -3, 3, 3])
RELU6_WORKED = {
    "gradient": [0.0, 0, 3, -3, 0, 0, 0, 0],
    "deconvnet": [3.0, 0, 3, 0, 3, 0, 3, 3],
    "guided": [0.0, 0, 3, 0, 0, 0, 0, 0],
}


@by_rule
@pytest.mark.parametrize("write", RELU6_WRITINGS)
def test_relu6_is_open_between_0_and_6(rule, write):
    values = VALUES.clone().requires_grad_()
    with relu_rule(rule) as relus:
        passed = RELU6_WRITINGS[write](values)
    assert relus.relu_count == 1 and torch.equal(passed, VALUES.clamp(0, 6))
    (result,) = torch.autograd.grad(passed, values, SIGNALS)
    assert torch.equal(result, torch.tensor(RELU6_WORKED[rule]))
    assert torch.equal(result, relu_backward(VALUES, SIGNALS, rule, ceiling=6))


def test_the_rule_gradient_is_autograds_own_at_a_relu6():
    values = torch.linspace(-2, 8, 101, requires_grad=True)
    (expected,) = torch.autograd.grad(F.relu6(values).sum(), values)
    with relu_rule("gradient"):
        passed = F.relu6(values)
    assert torch.equal(torch.autograd.grad(passed.sum(), values)[0], expected)


class ClippedForCaptum(nn.ReLU):
    """A ReLU6 that Captum takes for a ReLU, so that its hooks apply the rules to it."""

    def forward(self, values):
        return F.relu6(values, self.inplace)


@captum_speaks
@by_rule
def test_each_rule_matches_captum_at_relu6(lively, pictures, rule):
    def network(relu):
        layers = [nn.Conv2d(3, 8, 3), relu(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), relu(), nn.Flatten()]
        model = lively(nn.Sequential(*layers, nn.Linear(3200, 5)))
        with torch.no_grad():
            model[0].weight *= 8  # many values are above 6
        return model

    ours = network(nn.ReLU6)
    assert (ours[:2](pictures) == 6).float().mean() > 0.1
    expected = captums(rule, network(ClippedForCaptum), pictures, [0, 3, 4])
    result = TECHNIQUES[rule](ours, pictures, [0, 3, 4])
    assert torch.allclose(result, expected, atol=1e-5 * expected.abs().max())


@pytest.mark.parametrize("bounds", [(-3, 4), (0.5, 6)])
def test_a_hardtanh_with_another_lower_bound_is_no_relu(bounds):
    values = VALUES.clone().requires_grad_()
    with relu_rule("guided") as relus:
        passed = F.hardtanh(values, *bounds)
    assert relus.relu_count == 0
    assert torch.autograd.grad(passed, values, SIGNALS)[0].min() < 0


def test_relus_outside_of_the_block_are_left_alone():
    values = FORWARD.clone().requires_grad_()
    with pytest.raises(KeyError), relu_rule("guided"):
        raise KeyError
    assert torch.equal(
        torch.autograd.grad(torch.relu(values), values, ARRIVING)[0], torch.tensor(WORKED["gradient"])
    )


def test_a_relu_on_a_part_of_a_tensor_in_place():
    values = FORWARD.clone().requires_grad_()
    with relu_rule("guided"):
        whole = values * 1
        whole[:2].relu_()
    (result,) = torch.autograd.grad(whole, values, ARRIVING)
    assert torch.equal(result[:2], torch.tensor(WORKED["guided"])[:2]) and torch.equal(result[2], ARRIVING[2])


@pytest.mark.parametrize("technique", [deconvnet, guided_backprop])
@pytest.mark.parametrize("activation", [nn.GELU(), nn.Identity(), nn.LeakyReLU(), nn.Hardtanh()])
def test_a_network_without_relu_is_refused_instead_of_giving_the_gradient(lively, technique, activation):
    model = lively(nn.Sequential(nn.Conv2d(3, 4, 3), activation, nn.Flatten(), nn.Linear(144, 2)))
    with pytest.raises(ValueError, match="no ReLU ran in this network"):
        technique(model, torch.rand(3, 8, 8), 0)


def test_wrong_rules_and_shapes_are_refused():
    with pytest.raises(ValueError, match="rule 'guide' is not known. Did you mean \"guided\""):
        relu_backward(FORWARD, ARRIVING, "guide")
    with pytest.raises(ValueError, match="is not known"):
        relu_rule("plain")
    with pytest.raises(ValueError, match="same shape"):
        relu_backward(FORWARD, ARRIVING[:2])
    with pytest.raises(ValueError, match="ceiling must be above 0"):
        relu_backward(FORWARD, ARRIVING, ceiling=0)
