"""A network turned into convolutions answers as before, and in a larger picture once for every place."""

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.networks import MiniDenseNet, MiniResNet, MiniVGG, sliding_answer, to_convolutional


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
        expected, found = model(images), to_convolutional(model)(images)
    assert found.shape == (2, 3, 1, 1)
    assert expected.std() > 0.1
    assert torch.allclose(found[:, :, 0, 0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "side"), [("alexnet", 224), ("resnet18", 64), ("densenet121", 64)])
def test_networks_of_torchvision_keep_their_answers(name, side, lively):
    model = lively(torchvision.models.get_model(name, num_classes=5)).eval()
    images = noise(1, 3, side, side)
    with torch.inference_mode():
        expected, found = model(images), to_convolutional(model, side)(images)
    assert torch.allclose(found[:, :, 0, 0], expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


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
    found = to_convolutional(model)
    with torch.inference_mode():
        assert torch.allclose(found(noise(1, 3, 20, 20))[:, :, 0, 0], model(noise(1, 3, 20, 20)), atol=1e-5)
        assert found(noise(1, 3, 32, 20)).shape[2:] == ((7, 1) if pool == 1 else (3, 1))


def test_the_original_is_left_as_it_was_and_shares_nothing(lively):
    model = lively(flat_head()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = to_convolutional(model, (16, 14))
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.zero_()
    assert model.training and isinstance(model[7], nn.Linear) and not found.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_it_keeps_the_names_of_the_classes():
    found = to_convolutional(MiniResNet(["cat", "dog"]))
    assert found.class_names == ("cat", "dog") and found.name == "mini_resnet_convolutional"
    probabilities = sliding_answer(found, noise(1, 3, 112, 96))
    assert probabilities.shape == (1, 2, 3, 1)
    assert torch.allclose(probabilities.sum(1), torch.ones(1, 3, 1))


class Meaning(nn.Module):
    def forward(self, images):
        return images.mean((2, 3))


class Sorting(nn.Module):
    def forward(self, vectors):
        return torch.sigmoid(vectors)


class Branching(nn.Module):
    def forward(self, images):
        return images if images.sum() > 0 else -images


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), Meaning(), nn.Linear(4, 2)), 8, '"mean" leaves no places'),
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
