"""CAM, Grad-CAM and guided Grad-CAM: right, raw, from the right layer, with no work too much."""

from __future__ import annotations

import captum.attr
import oracles
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from cnnlab.attribution import cam, grad_cam, guided_backprop, guided_grad_cam
from cnnlab.networks import EfficientNetLite0, MiniAlexNet, SqueezeNet, record_activations
from cnnlab.networks.forward import forward

captum_speaks = pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")


class Pooled(nn.Module):
    """Maps, their mean over all positions, a linear layer; the mean and the head are written as asked."""

    MEANS = {
        "adaptive": lambda maps: F.adaptive_avg_pool2d(maps, 1).flatten(1),
        "mean": lambda maps: maps.mean((2, 3)),
        "torch.mean": lambda maps: torch.mean(maps, dim=[-1, -2]),
        "whole window": lambda maps: F.avg_pool2d(maps, maps.shape[2:])[:, :, 0, 0],
    }

    def __init__(self, mean: str = "mean"):
        super().__init__()
        self.conv1, self.norm, self.conv2 = (
            nn.Conv2d(3, 6, 3),
            nn.BatchNorm2d(6),
            nn.Conv2d(6, 7, 3, stride=2),
        )
        self.mean, self.drop, self.head = mean, nn.Dropout(0.5), nn.Linear(7, 4)

    def maps(self, images):
        return F.relu(self.conv2(F.relu(self.norm(self.conv1(images)))))

    def forward(self, images):
        return self.head(self.drop(self.MEANS[self.mean](self.maps(images))))


@pytest.mark.parametrize("mean", Pooled.MEANS)
def test_cam_adds_up_the_pooled_maps_with_the_weights_of_the_class(lively, pictures, mean):
    model = lively(Pooled(mean))
    result = cam(model, pictures, [0, 3, 1], resize=False)
    expected = (model.head.weight[[0, 3, 1]][:, :, None, None] * model.maps(pictures)).sum(1)
    assert torch.allclose(result, expected, atol=1e-6) and result.std() > 0.05
    logits = model(pictures)[range(3), [0, 3, 1]]
    assert torch.allclose(result.mean((1, 2)) + model.head.bias[[0, 3, 1]], logits, atol=1e-5)


def test_cam_of_maps_with_a_single_position_is_the_logit(lively):
    model, images = lively(torchvision.models.resnet18(num_classes=6)), torch.rand(2, 3, 32, 32)
    result = cam(model, images, 5, resize=False)
    assert result.shape == (2, 1, 1)
    assert torch.allclose(result[:, 0, 0] + model.fc.bias[5], model(images)[:, 5], rtol=1e-4, atol=1e-4)


def test_grad_cam_is_proportional_to_cam_where_both_exist(lively, pictures):
    """The gradient of a mean over h w positions is w_k / (h w) everywhere."""
    model = lively(Pooled())
    plain = cam(model, pictures, 2, resize=False)
    result = grad_cam(model, pictures, 2, relu=False, resize=False)
    assert torch.allclose(result * result[0].numel(), plain, atol=1e-5)


def test_cam_of_torchvisions_resnet_reads_its_last_block(lively):
    model, images = lively(torchvision.models.resnet18(num_classes=6)), torch.rand(2, 3, 64, 64)
    expected = 4 * grad_cam(model, images, 5, "layer4", relu=False, resize=False)
    assert torch.allclose(cam(model, images, 5, resize=False), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "head",
    [
        [nn.Flatten(), nn.Linear(7 * 36, 4)],
        [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(7, 4)],
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 7), nn.ReLU(), nn.Linear(7, 4)],
        [nn.Conv2d(7, 4, 1), nn.AdaptiveMaxPool2d(1), nn.Flatten()],
        [nn.Conv2d(7, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.ReLU(), nn.Linear(4, 4)],
        [nn.AdaptiveAvgPool2d(1), nn.LayerNorm([7, 1, 1]), nn.Flatten(), nn.Linear(7, 4)],
    ],
)
def test_cam_refuses_networks_with_another_head(lively, head):
    model = lively(nn.Sequential(nn.Conv2d(3, 7, 3), nn.ReLU(), *head))
    with pytest.raises(ValueError, match="CAM needs a network that ends in global average pooling"):
        cam(model, torch.rand(2, 3, 8, 8), 1)


def ending_in_a_classifier_convolution(lively, *behind: nn.Module) -> nn.Module:
    """A small SqueezeNet: convolutions, one map for each of four classes, `behind`, average pooling."""
    front = [nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 7, 3), nn.ReLU(), nn.Dropout(), nn.Conv2d(7, 4, 1)]
    return lively(nn.Sequential(*front, *behind, nn.AdaptiveAvgPool2d(1), nn.Flatten()))


@pytest.mark.parametrize("behind", [[], [nn.ReLU()], [nn.ReLU(inplace=True), nn.Dropout()]])
def test_cam_of_a_classifier_convolution_is_the_map_of_the_class_as_it_is_pooled(lively, pictures, behind):
    model = ending_in_a_classifier_convolution(lively, *behind)
    result = cam(model, pictures, [0, 3, 1], resize=False)
    assert torch.equal(result, model[:-2](pictures)[range(3), [0, 3, 1]]) and result.std() > 0.05
    assert torch.allclose(result.mean((1, 2)), model(pictures)[range(3), [0, 3, 1]], atol=1e-5)


@pytest.mark.parametrize("of", ["logit", "probability"])
@pytest.mark.parametrize("pool", [nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)])
def test_grad_cam_reads_the_maps_in_front_of_a_classifier_convolution(lively, pictures, pool, of):
    model = ending_in_a_classifier_convolution(lively, nn.ReLU())
    model[-2] = pool

    def at(layer):
        return grad_cam(model, pictures, None, layer, score=of, relu=False)

    assert torch.equal(at(None), at("4")) and at(None).std() > 0
    assert not torch.equal(at(None), at("5")) and not torch.equal(at(None), at("6"))
    assert torch.equal(
        guided_grad_cam(model, pictures, score=of), guided_grad_cam(model, pictures, None, "3", score=of)
    )


def test_grad_cam_of_a_network_of_a_single_convolution_does_not_take_the_picture_for_maps(lively, pictures):
    model = lively(nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    assert torch.equal(grad_cam(model, pictures, 2), grad_cam(model, pictures, 2, "0"))


def test_squeezenet_has_class_maps_in_front_of_its_pooling_and_evidence_in_fire9(lively):
    model, images = lively(SqueezeNet("abcde")), torch.rand(2, 3, 96, 96)
    with record_activations(model, ["relu10", "fire9"]) as recorded:
        logits = forward(model, images)
    result = cam(model, images, ["b", "e"], resize=False)
    assert torch.equal(result, recorded["relu10"][[0, 1], [1, 4]])
    assert torch.allclose(result.mean((1, 2)), logits[[0, 1], [1, 4]], rtol=1e-5)
    expected = captum.attr.LayerGradCam(model, model.fire9).attribute(images, [1, 4], relu_attributions=True)
    result = grad_cam(model, images, [1, 4], resize=False)
    assert expected.max() > 1e-3 and torch.allclose(result, expected[:, 0], rtol=1e-4, atol=1e-6)


def test_class_maps_of_efficientnet_lite0_are_of_its_head(lively):
    model, images = lively(EfficientNetLite0("abcde")), torch.rand(2, 3, 96, 96)
    plain = cam(model, images, 3, resize=False)
    assert torch.allclose(plain.mean((1, 2)) + model.fc.bias[3], model(images)[:, 3], rtol=1e-4, atol=1e-4)
    expected = captum.attr.LayerGradCam(model, model.head).attribute(images, 3, relu_attributions=True)[:, 0]
    assert torch.allclose(grad_cam(model, images, 3, resize=False), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "side"), [(torchvision.models.vit_b_32, 224), (torchvision.models.swin_t, 64)]
)
def test_grad_cam_of_a_network_with_attention_wants_the_layer_named(build, side):
    model = build(weights=None, num_classes=4).eval()
    with pytest.raises(ValueError, match="attention mixes the positions behind the last convolution"):
        grad_cam(model, torch.rand(3, side, side), 0)


def test_a_swin_transformers_last_maps_can_be_named(lively):
    model, image = lively(torchvision.models.swin_t(weights=None, num_classes=4)), torch.rand(3, 64, 64)
    result = grad_cam(model, image, 2, "permute", relu=False, resize=False)
    assert result.shape == (2, 2)
    assert torch.allclose(result * 4, cam(model, image, 2, resize=False), atol=1e-4)


def test_grad_cam_is_what_its_formula_says(lively):
    front = lively(nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.ReLU())).double()
    back = lively(
        nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 4)), 1
    ).double()
    image = torch.rand(3, 6, 6, dtype=torch.double)
    with torch.no_grad():
        maps = front(image[None])[0]
        expected = torch.stack([oracles.grad_cam(lambda a, c=c: back(a[None])[0, c], maps) for c in range(4)])
    assert expected.min() < -1e-3 and expected.max() > 1e-3
    model = nn.Sequential(front, back)
    for c in range(4):
        result = grad_cam(model, image, c, "0.2", relu=False, resize=False)
        assert torch.allclose(result, expected[c], atol=1e-7)
        assert torch.equal(grad_cam(model, image, c, "0.2", resize=False), result.clamp_min(0))


@pytest.mark.parametrize("layer", ["conv1", "norm2", "conv3", "relus.2", "pool"])
def test_grad_cam_matches_captum_at_any_layer(residual, pictures, layer):
    model, targets = residual(), [1, 4, 0]
    probe = captum.attr.LayerGradCam(model, model.get_submodule(layer))
    expected = probe.attribute(pictures, targets, relu_attributions=True).detach()
    assert expected.max() > 1e-3
    assert torch.allclose(grad_cam(model, pictures, targets, layer, resize=False), expected[:, 0], atol=1e-5)
    resized = captum.attr.LayerAttribution.interpolate(expected, (24, 24), "bilinear")
    assert torch.allclose(grad_cam(model, pictures, targets, layer), resized[:, 0], atol=1e-5)


@captum_speaks
@pytest.mark.parametrize("layer", ["conv2", "relus.2"])
def test_guided_grad_cam_matches_captum(residual, pictures, layer):
    model, targets = residual(), [1, 4, 0]
    probe = captum.attr.GuidedGradCam(model, model.get_submodule(layer))
    expected = probe.attribute(
        pictures.clone().requires_grad_(), targets, interpolate_mode="bilinear"
    ).detach()
    result = guided_grad_cam(model, pictures, targets, layer)
    assert expected.abs().max() > 1e-3
    assert torch.allclose(result, expected, atol=1e-5)
    product = guided_backprop(model, pictures, targets) * grad_cam(model, pictures, targets, layer).unsqueeze(
        1
    )
    assert torch.allclose(result, product, atol=1e-6)


def test_class_maps_do_not_mind_how_the_relus_are_written(residual, written, pictures):
    for technique in (grad_cam, guided_grad_cam):
        for layer in ("norm3", None):
            expected = technique(residual(), pictures, 2, layer)
            assert torch.allclose(technique(written, pictures, 2, layer), expected, atol=1e-6)


def test_without_a_layer_the_last_maps_are_taken_as_the_network_reads_them(residual, lively, pictures):
    model = residual()
    assert torch.equal(grad_cam(model, pictures, 1), grad_cam(model, pictures, 1, "drop"))
    assert torch.equal(grad_cam(model, pictures, 1), grad_cam(model, pictures, 1, "relus.2"))
    assert not torch.equal(grad_cam(model, pictures, 1), grad_cam(model, pictures, 1, "conv3"))
    mini = lively(MiniAlexNet("abcd"))
    image = torch.rand(3, 96, 96)
    found = grad_cam(mini, image)
    rounding = 1e-5 * float(found.max())
    assert torch.allclose(found, grad_cam(mini, image, None, "relu5"), rtol=0, atol=rounding)
    assert not torch.allclose(found, grad_cam(mini, image, None, "relu4"), rtol=0, atol=rounding)


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (torchvision.models.resnet18, "layer4"),
        (torchvision.models.alexnet, "features.11"),
        (torchvision.models.mobilenet_v3_small, "features.12"),
    ],
)
def test_without_a_layer_on_torchvisions_networks(lively, build, layer):
    model, image = lively(build(num_classes=5)), torch.rand(3, 96, 96)
    result = grad_cam(model, image, 3, relu=False)
    assert result.std() > 0 and torch.equal(result, grad_cam(model, image, 3, layer, relu=False))


def test_values_are_raw(residual, pictures):
    """Twice the logits, twice the map; no scaling hides how little evidence there is."""
    model = residual()
    before = grad_cam(model, pictures, 1)
    with torch.no_grad():
        model.head.weight *= 2
        model.head.bias *= 2
    assert torch.allclose(grad_cam(model, pictures, 1), 2 * before, atol=1e-5)
    with torch.no_grad():
        model.head.weight.zero_()
    assert grad_cam(model, pictures, 1).abs().max() == 0


def test_upsampling_is_bilinear(lively):
    """Between the centres of two cells the map is a straight line: no blocks."""
    model = lively(nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.Flatten(), nn.Linear(16, 2)))
    image = torch.rand(3, 16, 16)
    coarse = grad_cam(model, image, 0, relu=False, resize=False)
    fine = grad_cam(model, image, 0, relu=False)
    assert torch.allclose(fine[0, :4], coarse[0, 0].expand(4))
    weight = (torch.arange(8) + 0.5) / 8
    assert torch.allclose(fine[0, 4:12], coarse[0, 0] * (1 - weight) + coarse[0, 1] * weight, atol=1e-6)


class Gates(nn.Module):
    """Counts what goes through: pictures forwards, and gradients back to the picture and to the layer."""

    class Gate(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values, counts, name):
            ctx.counts, ctx.name = counts, name
            counts[f"{name} forth"] = counts.get(f"{name} forth", 0) + 1
            return values.clone()

        @staticmethod
        def backward(ctx, grad_output):
            ctx.counts[f"{ctx.name} back"] = ctx.counts.get(f"{ctx.name} back", 0) + 1
            return grad_output, None, None

    def __init__(self):
        super().__init__()
        self.counts = {}
        self.conv, self.last, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4 * 400, 3)

    def forward(self, images):
        maps = F.relu(self.last(self.conv(self.Gate.apply(images, self.counts, "picture"))))
        return self.head(self.Gate.apply(maps.flatten(1), self.counts, "head"))


def test_one_forward_and_a_backward_that_stops_at_the_layer(lively, pictures):
    for layer in ("last", None):
        model = lively(Gates())
        grad_cam(model, pictures, 1, layer)
        assert model.counts == {"picture forth": 1, "head forth": 1, "head back": 1}
    model = lively(Gates())
    guided_grad_cam(model, pictures, 1, "last")
    assert model.counts == {"picture forth": 1, "head forth": 1, "head back": 2, "picture back": 1}


def test_the_tag_in_the_corner_is_found_by_class_maps(tag_in_the_corner, tagged):
    result = grad_cam(tag_in_the_corner, tagged, 0)
    assert result[:4, :4].min() > 0
    result[:4, :4] = 0
    assert result.max() == 0
    assert guided_grad_cam(tag_in_the_corner, tagged, 0)[:, 4:].abs().max() == 0


def test_grad_cam_shows_a_pattern_wherever_it_is_not_only_where_it_counts(tag_in_the_corner, tagged):
    """A caveat: weights are averaged over positions, so a second red patch lights up, which the network does not use."""
    tagged[:, 10:14, 10:14] = torch.tensor([1.0, 0.1, 0.1]).view(3, 1, 1)
    result = grad_cam(tag_in_the_corner, tagged, 0)
    assert torch.allclose(result[11:13, 11:13], result[1:3, 1:3])


def test_a_batch_is_its_pictures_one_by_one(residual, pictures):
    model = residual("F.relu")
    for technique in (grad_cam, guided_grad_cam):
        together = technique(model, pictures, ["wolf", 0, "bird"])
        for result, picture, target in zip(together, pictures, (2, 0, 4), strict=True):
            assert torch.allclose(technique(model, picture, target), result, atol=1e-6)
    assert torch.equal(grad_cam(model, pictures), grad_cam(model, pictures, model(pictures).argmax(1)))


def test_layers_without_maps_are_refused(residual, pictures):
    with pytest.raises(ValueError, match='layer "hidden" has no maps, but 16 numbers'):
        grad_cam(residual(), pictures, 0, "hidden")
    with pytest.raises(ValueError, match='layer "conv9" is not in Residual'):
        guided_grad_cam(residual(), pictures, 0, "conv9")
    dense = nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="no convolution gives maps of more than one position"):
        grad_cam(dense, pictures, 0)
    gelu = nn.Sequential(nn.Conv2d(3, 2, 3), nn.GELU(), nn.Flatten(), nn.Linear(2 * 22 * 22, 2))
    with pytest.raises(ValueError, match="no ReLU ran"):
        guided_grad_cam(gelu, pictures, 0)
    assert grad_cam(gelu, pictures, 0).shape == (3, 24, 24)


@pytest.mark.parametrize("scale", [1, 1e-6])
def test_cam_is_refused_where_something_else_than_a_linear_layer_makes_the_scores(scale, pictures):
    """Also if the scores are tiny, so that a fixed tolerance would take any two of them for equal."""

    class Squared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

        def forward(self, images):
            return scale * self.fc(self.conv(images).mean((2, 3))).square()

    with pytest.raises(ValueError, match="CAM needs a network that ends in"):
        cam(Squared(), pictures, 0)
