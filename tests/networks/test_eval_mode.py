import pytest
import torch
from torch import nn

from cnnlab.networks.eval_mode import eval_mode, match_device_dtype


@pytest.fixture
def model():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Linear(2, 2)).train()
    network[1].eval()
    network[3].bias.requires_grad_(False)
    return network


def modes(model):
    return [m.training for m in model.modules()], [p.requires_grad for p in model.parameters()]


def test_inside_everything_is_in_eval_mode(model):
    with eval_mode(model) as same:
        assert same is model
        assert not any(m.training for m in model.modules())
        assert modes(model)[1] == [True, True, True, True, True, False]


def test_frozen_parameters_ask_for_no_gradient(model):
    with eval_mode(model, frozen=True):
        assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("frozen", [False, True])
def test_each_mode_and_flag_comes_back_also_after_an_exception(model, frozen):
    before = modes(model)
    with eval_mode(model, frozen=frozen):
        pass
    assert modes(model) == before
    with pytest.raises(ZeroDivisionError), eval_mode(model, frozen=frozen):
        raise ZeroDivisionError
    assert modes(model) == before


def test_modes_nest(model):
    before = modes(model)
    with eval_mode(model), eval_mode(model, frozen=True):
        pass
    assert modes(model) == before


def test_pictures_take_the_type_of_the_parameters(model):
    assert match_device_dtype(model.double(), torch.zeros(1, 3, 4, 4)).dtype == torch.float64
    assert match_device_dtype(nn.ReLU(), torch.zeros(1)).dtype == torch.float32
