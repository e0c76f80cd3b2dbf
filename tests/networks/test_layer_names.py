import re

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.networks import MiniAlexNet, layer_names, resolve_layer


class Backwards(nn.Module):
    """Registers its layers in another order than they run in."""

    def __init__(self):
        super().__init__()
        self.last = nn.Conv2d(4, 2, 1)
        self.shelf = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.ReLU()])
        self.idle = nn.Dropout()
        self.first = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        maps = self.first(images)
        for layer in self.shelf:
            maps = layer(maps)
        return self.last(self.shelf[1](self.last_but_one(maps)))

    def last_but_one(self, maps):
        return self.shelf[0](maps)


class ByItsNumbers(Backwards):
    def forward(self, images):
        return super().forward(images) if images.sum() >= 0 else images


IN_ORDER = ["first", "shelf.0", "shelf.1", "last"]


def test_mini_alexnet_lists_its_layers_as_they_run():
    names = layer_names(MiniAlexNet(["sheep", "goat"]))
    convolutions = [f"conv{n}" for n in range(1, 6)]
    assert [n for n in names if n.startswith(("conv", "fc"))] == [*convolutions, "fc6", "fc7", "fc8"]
    assert names == [n for n, _ in MiniAlexNet(["sheep", "goat"]).named_children()]


def test_order_is_that_of_running_not_of_registration():
    assert layer_names(Backwards()) == IN_ORDER


def test_order_is_found_by_running_where_the_course_depends_on_numbers():
    model = ByItsNumbers()
    model.input_size = 8
    assert layer_names(model) == IN_ORDER


def test_where_nothing_else_helps_layers_stand_as_registered():
    assert layer_names(ByItsNumbers()) == ["last", "shelf.0", "shelf.1", "idle", "first"]


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "squeezenet1_1"])
def test_tracing_and_running_agree(name):
    model = torchvision.models.get_model(name)
    traced = layer_names(model)
    model.input_size = 64
    assert layer_names(model) == traced
    assert all(isinstance(resolve_layer(model, layer), nn.Module) for layer in traced)


def test_a_block_follows_its_parts():
    names = layer_names(torchvision.models.resnet18())
    block = [n for n in names if n.startswith("layer2.0")]
    assert block[-2:] == ["layer2.0.relu", "layer2.0"]
    assert names.index("layer2.1.conv1") > names.index("layer2.0")


def test_nested_names_and_aliases_mean_their_modules():
    model = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.Flatten())
    model.layer_aliases = {"conv1": "0.0", "first": "0.0"}
    assert resolve_layer(model, "0.1") is model[0][1]
    assert resolve_layer(model, "conv1") is resolve_layer(model, "first") is resolve_layer(model, "0.0")
    assert layer_names(model) == ["conv1", "0.1", "0", "1"]


def test_a_module_with_two_names_answers_to_both():
    model = nn.Sequential(nn.Conv2d(3, 3, 1))
    model.add_module("again", model[0])
    assert resolve_layer(model, "again") is resolve_layer(model, "0")


class _Deceptive(nn.Module):
    """Modules that are no layers, and a layer whose name the class has too."""

    shadowed = None

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential())
        self.shadowed = nn.ReLU()
        self.bag = [nn.ReLU()]
        object.__setattr__(self, "loose", nn.ReLU())

    @property
    def head(self):
        return self.body[0]

    @property
    def broken(self):
        raise RuntimeError("asked too early")

    def forward(self, images):
        return self.body(images)


@pytest.mark.parametrize(
    "name", ["head", "loose", "broken", "bag", "forward", "body.1.0", "body.weight", "body."]
)
def test_an_attribute_that_is_no_layer_is_refused(name):
    with pytest.raises(ValueError, match=re.escape(f'layer "{name}" is not in _Deceptive')):
        resolve_layer(_Deceptive(), name)


def test_a_layer_is_found_behind_an_attribute_of_its_class():
    assert isinstance(resolve_layer(_Deceptive(), "shadowed"), nn.ReLU)
    assert isinstance(resolve_layer(_Deceptive(), "body.1"), nn.Sequential)


@pytest.mark.parametrize("name", ["conv9", "", 0, 3, None])
def test_an_unknown_layer_is_refused_with_those_that_there_are(name):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with pytest.raises(ValueError, match=re.escape(f'layer "{name}" is not in Sequential; it has 0, 1.')):
        resolve_layer(model, name)


def test_a_slip_of_the_pen_is_guessed():
    with pytest.raises(ValueError, match=r'Did you mean "conv3"\?'):
        resolve_layer(MiniAlexNet(["sheep"]), "Conv3")


def test_the_list_of_a_deep_network_stays_readable():
    with pytest.raises(
        ValueError, match=r"it has conv1, .*layer1\.0, .*fc and \d+ more inside these"
    ) as raised:
        resolve_layer(torchvision.models.resnet50(), "layer9")
    assert len(str(raised.value)) < 600


def test_hooks_of_others_do_not_disturb_the_tracing():
    model = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3)), nn.ReLU())
    model[0].register_forward_hook(lambda *given: given[2].numpy(force=True))
    assert layer_names(model) == ["0.0", "0", "1"]
    with torch.no_grad(), pytest.raises(TypeError):
        model(torch.zeros(1, 3, 4, 4))
