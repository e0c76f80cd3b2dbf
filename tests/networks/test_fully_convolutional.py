"""A network turned into convolutions answers as before, and in a larger picture once for every place."""

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.networks import (
    EfficientNetLite0,
    MiniDenseNet,
    MiniResNet,
    MiniVGG,
    SqueezeNet,
    sliding_probabilities,
    to_convolutional,
)


def flat_head():
    """Neither padding nor remainders: every place of a larger picture is an answer to a piece cut out."""
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3), nn.ReLU()),
        *(nn.Dropout(), nn.Flatten(), nn.Linear(5 * 5 * 4, 7), nn.ReLU(), nn.Dropout(), nn.Linear(7, 4)),
    )


class Functional(nn.Module):
    """Flattens and pools by functions, as torchvision's networks do."""

    input_size = 20

    def __init__(self, pool=1):
        super().__init__()
        self.conv, self.head, self.pool = nn.Conv2d(3, 4, 3, 2), nn.Linear(4 * pool * pool, 3), pool

    def forward(self, images):
        maps = torch.relu(self.conv(images))
        maps = nn.functional.adaptive_avg_pool2d(maps, (self.pool, self.pool))
        return self.head(torch.flatten(maps, 1))


def noise(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", [MiniVGG, MiniResNet, MiniDenseNet])
def test_the_answer_to_a_picture_of_the_own_size_stays(kind, lively):
    model = lively(kind(["a", "b", "c"])).eval()
    images = noise(2, 3, 96, 96)
    with torch.inference_mode():
        expected, result = model(images), to_convolutional(model)(images)
    assert result.shape == (2, 3, 1, 1)
    assert expected.std() > 0.1
    assert torch.allclose(result[:, :, 0, 0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("alexnet", 224),
        ("resnet18", 64),
        ("densenet121", 64),
        ("mobilenet_v3_small", 64),
        ("shufflenet_v2_x0_5", 64),
    ],
)
def test_networks_of_torchvision_keep_their_answers(name, side, lively):
    model = lively(torchvision.models.get_model(name, num_classes=5)).eval()
    images = noise(1, 3, side, side)
    with torch.inference_mode():
        expected, result = model(images), to_convolutional(model, side)(images)
    assert torch.allclose(result[:, :, 0, 0], expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_each_place_is_the_answer_to_the_piece_that_it_sees(lively):
    model = lively(flat_head()).double().eval()
    picture = noise(1, 3, 26, 30).double()
    with torch.inference_mode():
        answers = to_convolutional(model, (16, 14))(picture)
        assert answers.shape == (1, 4, 6, 9)
        for row in range(6):
            for column in range(9):
                piece = picture[:, :, 2 * row : 2 * row + 16, 2 * column : 2 * column + 14]
                assert torch.allclose(answers[:, :, row, column], model(piece), atol=1e-10)


@pytest.mark.parametrize("pool", [1, 3])
def test_functions_are_followed_too(pool, lively):
    model = lively(Functional(pool)).eval()
    result = to_convolutional(model)
    with torch.inference_mode():
        assert torch.allclose(result(noise(1, 3, 20, 20))[:, :, 0, 0], model(noise(1, 3, 20, 20)), atol=1e-5)
        assert result(noise(1, 3, 32, 20)).shape[2:] == ((7, 1) if pool == 1 else (3, 1))


def test_the_original_is_left_as_it_was_and_shares_nothing(lively):
    model = lively(flat_head()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = to_convolutional(model, (16, 14))
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.zero_()
    assert model.training and isinstance(model[7], nn.Linear) and not result.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_it_keeps_the_names_of_the_classes():
    result = to_convolutional(MiniResNet(["cat", "dog"]))
    assert result.class_names == ("cat", "dog") and result.name == "mini_resnet_convolutional"
    probabilities = sliding_probabilities(result, noise(1, 3, 112, 96))
    assert probabilities.shape == (1, 2, 3, 1)
    assert torch.allclose(probabilities.sum(1), torch.ones(1, 3, 1))


class Regrouping(nn.Module):
    """Channels are exchanged between groups, gated by the mean of each map, and averaged, all in functions."""

    input_size = 20

    def __init__(self):
        super().__init__()
        self.conv, self.gate, self.head = nn.Conv2d(3, 4, 3, 2), nn.Conv2d(4, 4, 1), nn.Linear(4, 3)

    def forward(self, images):
        maps = self.conv(images)
        n, channels, height, width = maps.size()
        maps = (
            maps.view(n, 2, channels // 2, height, width).transpose(1, 2).reshape(n, channels, height, width)
        )
        maps = maps * torch.sigmoid(self.gate(maps.mean((2, 3), keepdim=True)))
        return self.head(maps.mean((2, 3)))


def test_regrouped_channels_and_gates_are_left_and_the_last_mean_slides(lively):
    model = lively(Regrouping()).eval()
    result = to_convolutional(model)
    with torch.inference_mode():
        assert torch.allclose(result(noise(1, 3, 20, 20))[:, :, 0, 0], model(noise(1, 3, 20, 20)), atol=1e-5)
        assert result(noise(1, 3, 32, 20)).shape[2:] == (7, 1)


@pytest.mark.parametrize("build", [SqueezeNet, EfficientNetLite0])
def test_the_imagenet_networks_slide(build, lively):
    model = lively(build(["a", "b", "c"])).eval()
    with torch.inference_mode():
        expected, result = model(noise(1, 3, 96, 96)), to_convolutional(model, 96)
        answers = result(noise(1, 3, 96, 96))
        assert answers.shape == (1, 3, 1, 1) and expected.std() > 0.1
        assert torch.allclose(answers.flatten(1), expected, rtol=1e-3, atol=1e-4)
        assert result(noise(1, 3, 160, 128)).shape == ((1, 3, 5, 3) if build is SqueezeNet else (1, 3, 3, 2))


class RowMean(nn.Module):
    def forward(self, images):
        return images.mean(3)


class Reshaping(nn.Module):
    def forward(self, images):
        return images.reshape(-1, 4 * 36)


class Sorting(nn.Module):
    def forward(self, vectors):
        return torch.sigmoid(vectors)


class Branching(nn.Module):
    def forward(self, images):
        return images if images.sum() > 0 else -images


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), RowMean(), nn.Flatten(), nn.Linear(24, 2)), 8, '"mean" leaves no'),
        (nn.Sequential(nn.Conv2d(3, 4, 3), Reshaping(), nn.Linear(144, 2)), 8, '"reshape" leaves no places'),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4), Sorting()), 8, '"sigmoid" behind flattening'),
        (nn.Sequential(nn.Conv2d(3, 4, 3), Branching()), 8, "cannot be followed"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), 9, "cannot be followed for pictures of 3 x 9 x 9"),
        (
            nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(27, 4)),
            8,
            "windows of several sizes",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), None, "does not tell its input_size"),
    ],
)
def test_what_cannot_slide_is_refused_with_a_reason(model, size, message):
    with pytest.raises(ValueError, match=message):
        to_convolutional(model, size)


@pytest.mark.parametrize("name", ["efficientnet_b0", "regnet_y_400mf"])
def test_gates_of_squeeze_and_excitation_still_look_at_the_whole_picture(name):
    """On a larger picture every position has the logits that the gates, which average over all of it, give it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torchvision.models.get_model(name).eval()
    state = torch.get_rng_state()
    sliding = to_convolutional(model, 64)
    assert torch.equal(torch.get_rng_state(), state)
    images = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(sliding(images[..., :64])[..., 0, 0], model(images[..., :64]), atol=1e-4)
        assert sliding(images).shape == (1, 1000, 1, 2)
