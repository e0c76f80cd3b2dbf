import threading

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from cnnlab.networks import MiniAlexNet
from cnnlab.networks.activations import activations, record_activations
from cnnlab.networks.data_loading import picture_at, picture_batches


@pytest.fixture
def model(lively):
    return lively(MiniAlexNet(["sheep", "goat", "wolf"])).eval()


@pytest.fixture
def pictures():
    return torch.rand(5, 3, 96, 96, generator=torch.Generator().manual_seed(1))


class Twice(nn.Module):
    """Runs one layer two times, another never, and gives a pair from a third."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.idle = nn.Conv2d(3, 3, 1)
        self.pair = Pair()

    def forward(self, images):
        return self.pair(self.conv(self.conv(images)))[0].mean((2, 3))


class Pair(nn.Module):
    def forward(self, maps):
        return maps, maps.flatten(1)


def test_recording_keeps_what_an_in_place_relu_overwrites(lively, pictures):
    model = lively(torchvision.models.resnet18()).eval()
    assert model.relu.inplace
    seen = []
    model.bn1.register_forward_hook(lambda *given: seen.append(given[2].clone()))
    with torch.no_grad(), record_activations(model, ["bn1", "relu"]) as recorded:
        model(pictures)
    assert recorded["bn1"].min() < -0.5 and recorded["relu"].min() == 0
    assert torch.equal(recorded["bn1"], seen[0])
    assert torch.equal(recorded["bn1"].relu(), recorded["relu"])


def test_recording_does_not_change_the_answer(model, pictures):
    alone = model(pictures)
    with record_activations(model, ["conv1", "relu1", "fc8"]) as recorded:
        assert torch.equal(model(pictures), alone)
    assert torch.equal(recorded["fc8"], alone)


def test_gradients_reach_a_recorded_layer_also_before_an_in_place_relu(lively, pictures):
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 94 * 94, 2)
    model = lively(nn.Sequential(*layers))
    with record_activations(model, ["0", "1"]) as recorded:
        logits = model(pictures)
    gradient = dict(
        zip(recorded, torch.autograd.grad(logits[:, 0].sum(), list(recorded.values())), strict=True)
    )
    weights = model[3].weight[0].view(gradient["1"].shape[1:])
    assert torch.allclose(gradient["1"], weights.expand_as(gradient["1"]))
    assert torch.equal(gradient["0"], gradient["1"] * (recorded["0"] > 0))


def test_a_layer_that_runs_twice_keeps_its_last_run(pictures):
    model = Twice()
    with torch.no_grad(), record_activations(model, "conv") as recorded:
        model(pictures)
        assert torch.equal(recorded["conv"], model.conv(model.conv(pictures)))


def test_after_the_block_nothing_is_recorded_any_more(model, pictures):
    with record_activations(model, "conv1") as recorded:
        pass
    model(pictures)
    assert recorded == {}


def test_a_layer_that_gives_no_tensor_is_named(pictures):
    with pytest.raises(TypeError, match='"pair" gives a tuple'):
        activations(Twice(), pictures, "pair")


def test_activations_are_the_layers_worked_out_by_hand(model, pictures):
    result = activations(model, pictures, ["fc7", "conv1", "relu1"])
    assert list(result) == ["fc7", "conv1", "relu1"]
    conv1 = F.conv2d((pictures - 0.5) / 0.25, model.conv1.weight, stride=2, padding=5)
    assert torch.allclose(result["conv1"], conv1, atol=1e-4)
    assert torch.allclose(result["relu1"], model.norm1(conv1).relu(), atol=1e-4)
    assert result["fc7"].shape == (5, 192)


def test_one_picture_goes_in_and_comes_back_without_its_batch_axis(model, pictures):
    alone = activations(model, pictures[2], "conv3")["conv3"]
    assert alone.shape == (128, 12, 12)
    assert torch.allclose(alone, activations(model, pictures, "conv3")["conv3"][2], atol=1e-5)


def test_batches_change_nothing(model, pictures):
    single = activations(model, pictures, ["pool2", "fc6"])
    several = activations(model, pictures, ["pool2", "fc6"], batch_size=2)
    assert all(torch.allclose(single[name], several[name], atol=1e-5) for name in single)


def test_activations_are_those_of_eval_mode(model, pictures):
    expected = activations(model, pictures, "fc6")["fc6"]
    assert torch.equal(activations(model.train(), pictures, "fc6")["fc6"], expected)


def test_a_probe_can_be_trained_on_activations(model, pictures):
    codes = activations(model, pictures, "fc7")["fc7"]
    probe = nn.Linear(192, 2)
    probe(codes).sum().backward()
    assert torch.allclose(probe.weight.grad[0], codes.sum(0), atol=1e-4)


def test_activations_follow_the_float_type_of_the_model(model, pictures):
    assert activations(model.double(), pictures, "conv1")["conv1"].dtype == torch.float64


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            "conv9",
            'layer "conv9" is not in mini_alexnet; it has normalise, conv1, norm1, .*Did you mean "conv',
        ),
        ([], "layers is empty"),
    ],
)
def test_wrong_layers_are_named(model, pictures, layers, message):
    with pytest.raises(ValueError, match=message):
        activations(model, pictures, layers)


def test_a_layer_that_does_not_run_is_named(pictures):
    with pytest.raises(ValueError, match='"idle" does not run'):
        activations(Twice(), pictures, "idle")


def test_a_layer_without_a_row_for_each_picture_is_refused(pictures):
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(0))
    with pytest.raises(ValueError, match=r'"1" gives 88360 for 5 pictures'):
        activations(model, pictures, "1")


def test_pictures_outside_the_range_are_refused(model, pictures):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        activations(model, pictures * 255, "conv1")


def test_bar_is_quiet_unless_asked_for(model, pictures, capfd):
    activations(model, pictures, "conv1")
    assert capfd.readouterr().err == ""


def test_what_another_thread_asks_is_not_recorded():
    model = MiniAlexNet(["cat", "dog"]).eval()
    mine, other = torch.rand(1, 3, 96, 96), torch.rand(2, 3, 96, 96)
    with record_activations(model, "conv1") as recorded, torch.no_grad():
        model(mine)
        before = recorded["conv1"].clone()
        thread = threading.Thread(target=lambda: model(other))
        thread.start()
        thread.join()
        assert torch.equal(recorded["conv1"], before)
        model(other)
        assert len(recorded["conv1"]) == 2


def test_a_picture_of_a_list_is_a_tensor_or_comes_with_its_label():
    pictures = list(torch.rand(3, 3, 5, 5))
    for entries in (pictures, [(picture, 1) for picture in pictures]):
        assert torch.equal(torch.cat(list(picture_batches(entries, 2))), torch.stack(pictures))
        assert torch.equal(picture_at(entries, 2), pictures[2])
    with pytest.raises(TypeError, match=r"entry 1 of the pictures must be a tensor 3 x H x W"):
        list(picture_batches([pictures[0], pictures[1][0]], 2))


def test_complex_maps_are_refused():
    class Spectrum(nn.Module):
        def forward(self, maps):
            return torch.fft.fft2(maps)

    model = nn.Sequential(nn.Conv2d(3, 4, 3), Spectrum())
    with pytest.raises(TypeError, match='layer "1" gives complex numbers'):
        activations(model, torch.rand(1, 3, 16, 16), "1")
