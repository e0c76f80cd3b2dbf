import pytest
import torch
from torch import nn

from cnnlab.networks.eval_mode import eval_mode, input_side, match_device_dtype


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


def test_each_mode_comes_back_also_after_an_exception(model):
    before = modes(model)
    with eval_mode(model):
        pass
    assert modes(model) == before
    with pytest.raises(ZeroDivisionError), eval_mode(model):
        raise ZeroDivisionError
    assert modes(model) == before


def test_blocks_nest(model):
    before = modes(model)
    with eval_mode(model), eval_mode(model):
        pass
    assert modes(model) == before


def test_of_blocks_that_overlap_the_last_sets_the_modes_back(model):
    """As when a slider moves while a cell computes: the block that begins first also ends first."""
    before = modes(model)
    first, second = eval_mode(model), eval_mode(model)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not any(m.training for m in model.modules())
    second.__exit__(None, None, None)
    assert modes(model) == before


def test_a_part_of_a_network_in_use_stays_in_eval_mode(model):
    with eval_mode(model):
        with eval_mode(model[2]):
            pass
        assert not model[2].training
    assert model[2].training


def test_images_take_the_type_of_the_weights(model):
    assert match_device_dtype(model.double(), torch.zeros(1, 3, 4, 4)).dtype == torch.float64
    assert match_device_dtype(nn.ReLU(), torch.zeros(1)).dtype == torch.float32


@pytest.mark.parametrize(
    ("size", "side"),
    [
        (64, 64),
        ([64, 64], 64),
        ((3, 64, 64), 64),
        (torch.Size((3, 64, 64)), 64),
        ((3, 64, 32), None),
        (None, None),
    ],
)
def test_the_side_of_the_pictures_is_what_the_network_says(model, size, side):
    model.input_size = size
    assert input_side(model) == side


def test_a_scalar_before_the_weights_does_not_set_the_type(model):
    model.temperature = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    assert next(model.parameters()).dtype == torch.float64
    assert match_device_dtype(model, torch.zeros(1, 3, 4, 4)).dtype == torch.float32


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_frozen_script_has_no_mode_and_is_used_as_it_is(model):
    images = torch.zeros(1, 3, 4, 4)
    frozen = torch.jit.freeze(torch.jit.trace(model[:2].eval(), images))
    assert not hasattr(frozen, "training")
    with eval_mode(frozen):
        assert torch.equal(frozen(images), model[:2](images))


def test_lazy_modules_are_named():
    with pytest.raises(ValueError, match="pass one batch"):
        match_device_dtype(nn.Sequential(nn.LazyConv2d(4, 3)), torch.zeros(1, 3, 4, 4))


def test_batch_norm_without_running_statistics_is_warned_of_once_and_leaves_the_mode_as_it_was():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)).train()
    with pytest.warns(UserWarning, match="depends on the other pictures"), eval_mode(network):
        pass
    with eval_mode(network):  # a second warning would be an error here
        pass
    assert all(module.training for module in network.modules())


def test_lazy_modules_are_named_before_anything_is_changed():
    network = nn.Sequential(nn.LazyLinear(3)).train()
    with pytest.raises(ValueError, match="lazy modules"), eval_mode(network):
        pass
    assert network.training
