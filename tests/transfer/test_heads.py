import pytest
import torch
from torch import nn

from cnnlab.networks.architectures import MiniAlexNet, MiniResNet
from cnnlab.networks.segmentation_models import FCN, UNet
from cnnlab.transfer import freeze, head_name, new_head, reinitialise_after


@pytest.mark.parametrize(
    ("network", "head"), [(MiniAlexNet, "fc8"), (MiniResNet, "fc"), (UNet, "score"), (FCN, "score6")]
)
def test_the_head_is_the_last_layer_with_weights_and_only_it_is_new(network, head):
    model = network(["cat", "dog"])
    other = new_head(model, ["elm", "oak", "fir"])
    assert head_name(model) == head and other.class_names == ("elm", "oak", "fir")
    with torch.inference_mode():
        before, after = (m.eval()(torch.rand(1, 3, 96, 96)) for m in (model, other))
    assert before.shape[1] == 2 and after.shape == (1, 3, *before.shape[2:])
    old, new = model.state_dict(), other.state_dict()
    assert {key for key in old if not key.startswith(f"{head}.")} == {
        key for key in old if old[key].shape == new[key].shape and torch.equal(old[key], new[key])
    }


def test_the_network_is_left_alone_and_nothing_is_shared(tiny):
    tiny.train()
    before = {key: value.clone() for key, value in tiny.state_dict().items()}
    chance = torch.random.get_rng_state()
    for other in (new_head(tiny, ["a", "b"]), freeze(tiny, "relu1"), reinitialise_after(tiny, "relu1")):
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.zero_()
        assert not other.training
    assert all(torch.equal(before[key], value) for key, value in tiny.state_dict().items())
    assert tiny.training and tiny.class_names == ("red", "green", "blue")
    assert all(p.requires_grad for p in tiny.parameters())
    assert torch.equal(torch.random.get_rng_state(), chance)


def test_a_seed_decides_the_new_weights(tiny):
    first, again, other = (new_head(tiny, ["a", "b"], seed=s).fc3.weight for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_new_head_keeps_the_form_of_the_old():
    model = nn.Sequential(nn.ConvTranspose2d(3, 5, 4, 2, 1, bias=False)).double()
    model.input_size = 8
    new = new_head(model, ["a", "b"])[0]
    assert (new.kernel_size, new.stride, new.padding, new.bias) == ((4, 4), (2, 2), (1, 1), None)
    assert new.weight.dtype == torch.float64 and new.weight.shape == (3, 2, 4, 4)


def test_freezing_stops_all_gradients_up_to_the_layer_and_none_behind(tiny):
    model = freeze(tiny, "relu1")
    model(torch.rand(2, 3, 16, 16)).sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == ["conv1.weight", "norm1.weight", "norm1.bias"]
    assert all(p.requires_grad for p in freeze(model, None).parameters())


def test_a_block_is_frozen_with_its_parts():
    model = freeze(MiniResNet(["cat", "dog"]), "layer1")
    frozen = {name.split(".")[0] for name, p in model.named_parameters() if not p.requires_grad}
    free = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert frozen == {"conv1", "norm1", "layer1"} and free == {"layer2", "layer3", "fc"}


def test_what_lies_behind_a_layer_starts_anew(tiny):
    with torch.no_grad():
        tiny.norm1.running_mean.fill_(3.0)
        tiny.norm2.running_mean.fill_(3.0)
    other = reinitialise_after(tiny, "relu1", seed=5)
    same = {key for key, value in tiny.state_dict().items() if torch.equal(value, other.state_dict()[key])}
    assert {"conv1.weight", "norm1.running_mean"} <= same
    assert not {"conv2.weight", "norm2.running_mean", "fc3.weight", "fc3.bias"} & same
    assert torch.equal(other.conv2.weight, reinitialise_after(tiny, "relu1", seed=5).conv2.weight)
    assert not torch.equal(reinitialise_after(tiny, None, seed=5).conv1.weight, tiny.conv1.weight)


def test_wrong_input_is_refused(tiny):
    with pytest.raises(ValueError, match="at least two names"):
        new_head(tiny, "ab")
    with pytest.raises(ValueError, match="no head to replace"):
        new_head(nn.Sequential(nn.ReLU()), ["a", "b"])
    with pytest.raises(ValueError, match='layer "relu9" is not in tiny'):
        freeze(tiny, "relu9")


class Cosine(nn.Module):
    """A head that compares directions with prototypes."""

    def __init__(self):
        super().__init__()
        self.prototypes = nn.Parameter(torch.randn(5, 8))

    def forward(self, vectors):
        return nn.functional.normalize(vectors) @ nn.functional.normalize(self.prototypes).T


def quantised(model):
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)


@pytest.mark.filterwarnings("ignore:torch.*quantiz")
@pytest.mark.parametrize(
    "made",
    [
        lambda body: nn.Sequential(body, Cosine()),
        lambda body: quantised(nn.Sequential(body, nn.Linear(8, 5))),
    ],
)
def test_a_head_that_cannot_be_built_anew_is_named(made):
    """The convolution before it must not be taken for it."""
    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(
        ValueError, match='computed by "1", a (Cosine|Linear|DynamicQuantizedLinear), which is neither'
    ):
        new_head(made(body), ["elm", "oak"])
