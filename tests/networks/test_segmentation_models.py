import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnlab.networks import layer_names
from cnnlab.networks.architectures import MiniAlexNet
from cnnlab.networks.segmentation_models import FCN, DigitNet, UNet, UNetWithoutSkips

CLASSES = ("background", "sheep", "goat")


@pytest.mark.parametrize("network", [UNet, UNetWithoutSkips, FCN])
def test_every_pixel_gets_scores(network):
    model = network(CLASSES).eval()
    with torch.inference_mode():
        assert model(torch.rand(2, 3, 96, 96)).shape == (2, 3, 96, 96)
        assert model(torch.rand(1, 3, 64, 48)).shape == (1, 3, 64, 48)
    assert model.class_names == CLASSES and model.input_size == 96


@pytest.mark.parametrize("network", [UNet, UNetWithoutSkips, FCN])
def test_they_are_small(network):
    assert sum(p.numel() for p in network(range(21)).parameters()) <= 500_000


def test_layers_are_registered_in_the_order_in_which_they_run():
    for model in (UNet(CLASSES), FCN(CLASSES), DigitNet("0123456789")):
        leaves = [name for name, module in model.named_modules() if not list(module.children())]
        assert [name for name in layer_names(model) if name in leaves] == leaves


def test_normalisation_is_inside(lively):
    model = lively(UNet(CLASSES)).eval()
    raw = torch.rand(1, 3, 32, 32)
    expected = model.score(
        _merged(model, (raw - 0.5) / 0.25),
    )
    assert torch.allclose(model(raw), expected, atol=1e-5)


def _merged(model, maps):
    """The figure of the paper, line by line: down, down, down, bottleneck, up with a skip three times."""
    fine = model.down1(maps)
    middle = model.down2(F.max_pool2d(fine, 2))
    coarse = model.down3(F.max_pool2d(middle, 2))
    maps = model.bottleneck(F.max_pool2d(coarse, 2))
    for up, merge, skip in (
        (model.up3, model.merge3, coarse),
        (model.up2, model.merge2, middle),
        (model.up1, model.merge1, fine),
    ):
        maps = merge(torch.cat([up(maps), skip], 1))
    return maps


def test_only_a_network_with_skips_sees_what_the_bottleneck_does_not_tell(lively):
    """With the bottleneck silenced, the picture reaches the answer through the skips alone."""
    images = torch.rand(2, 3, 32, 32)
    for skips in (True, False):
        model = lively(UNet(CLASSES, skips=skips)).eval()
        model.bottleneck.register_forward_hook(lambda _module, _inputs, output: torch.zeros_like(output))
        first, second = model(images)
        assert torch.equal(first, second) is not skips


def test_the_twin_without_skips_is_the_unet_with_that_argument():
    torch.manual_seed(0)
    twin = UNetWithoutSkips(CLASSES).eval()
    torch.manual_seed(0)
    model = UNet(CLASSES, skips=False).eval()
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(twin(images), model(images)) and twin.name == model.name == "unet_without_skips"


def test_an_fcn_is_its_trunk_with_scores_enlarged(lively):
    trunk = lively(MiniAlexNet(["cat", "dog"])).eval()
    model = FCN(CLASSES, trunk).eval()
    images = maps = torch.rand(1, 3, 96, 96)
    for name, layer in trunk.named_children():
        maps = layer(maps)
        if name == "relu5":
            break
    scores = (
        torch.einsum("kc,nchw->nkhw", model.score6.weight[:, :, 0, 0], maps)
        + model.score6.bias[:, None, None]
    )
    expected = F.interpolate(scores, size=(96, 96), mode="bilinear", align_corners=False)
    assert torch.allclose(model(images), expected, atol=1e-4)


def test_the_trunk_is_copied_not_shared():
    trunk = MiniAlexNet(["cat", "dog"])
    model = FCN(CLASSES, trunk)
    assert torch.equal(model.conv3.weight, trunk.conv3.weight)
    with torch.no_grad():
        model.conv3.weight.zero_()
    assert trunk.conv3.weight.abs().sum() > 0


def test_a_trunk_without_relu5_is_refused():
    with pytest.raises(ValueError, match="no layer relu5.*Sequential"):
        FCN(CLASSES, nn.Sequential(nn.Conv2d(3, 4, 3)))


def test_digits_get_ten_scores():
    assert DigitNet("0123456789").eval()(torch.rand(2, 3, 32, 32)).shape == (2, 10)
