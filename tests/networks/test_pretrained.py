import io
import re
from email.message import Message
from urllib.error import URLError

import pytest
import torch
import torchvision

from cnnlab.networks import activations, available, layer_names, load, resolve_layer
from cnnlab.networks.pretrained import NOTES, Pretrained, is_cached, load_pretrained, weights_file

MEAN, STD = (
    torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1),
    torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1),
)


@pytest.fixture(autouse=True)
def asked_for(monkeypatch, tmp_path):
    """A torch cache of the test's own, and no internet: the list of addresses that were asked for."""
    requested = []

    def refuse(request, *_, **__):
        requested.append(request.full_url)
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    return requested


@pytest.fixture
def cached(lively):
    """Puts a network with random weights where torch's cache would keep the pretrained one."""

    def put(name, state=None):
        with torch.random.fork_rng(devices=[]):
            network = lively(torchvision.models.get_model(name)).eval()
        file = weights_file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict() if state is None else state(network.state_dict()), file)
        return network

    return put


def without_memory(name):
    with torch.device("meta"):
        network = torchvision.models.get_model(name)
        return Pretrained(
            network, name=name, class_names=["a"], input_size=224, mean=[0.5] * 3, std=[0.5] * 3
        )


def as_old_files_name_them(state):
    """The published DenseNet file has names of an earlier torchvision, norm.1 for norm1, and no counters."""
    cached = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    return {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): value for key, value in cached.items()
    }


@pytest.mark.parametrize(
    ("name", "state"), [("resnet18", None), ("squeezenet1_1", None), ("densenet121", as_old_files_name_them)]
)
def test_the_cached_file_is_loaded_with_the_normalisation_inside(cached, asked_for, name, state):
    network = cached(name, state)
    model = load(name)
    images = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        assert torch.allclose(model(images), network((images - MEAN) / STD), atol=1e-4, rtol=1e-4)
    assert (model.name, model.input_size) == (name, 224)
    assert len(model.class_names) == 1000 and model.class_names[207] == "golden retriever"
    assert not any(module.training for module in model.modules())
    assert asked_for == []


def test_alexnet_answers_to_the_names_of_the_lectures(cached):
    # One number stands for each fully connected layer, so that the file stays small.
    def small(state):
        return {k: v if "features" in k else v.new_full((1,), 0.01).expand(v.shape) for k, v in state.items()}

    cached("alexnet", small)
    model = load("alexnet")
    result = activations(model, torch.rand(3, 224, 224), ["conv1", "pool5", "fc6", "features.0", "fc8"])
    assert [tuple(maps.shape) for maps in result.values()] == [
        (64, 55, 55), (256, 6, 6), (4096,), (64, 55, 55), (1000,),
    ]  # fmt: skip
    assert torch.equal(result["conv1"], result["features.0"]) and result["conv1"].min() < 0
    names = layer_names(model)
    assert [n for n in names if n.startswith(("conv", "fc"))] == [
        "conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8",
    ]  # fmt: skip


LAYERS = {
    "alexnet": {"conv5": "Conv2d(256, 256", "relu7": "ReLU", "pool1": "MaxPool2d", "fc8": "Linear(in_features=4096"},
    "vgg16": {"conv1_1": "Conv2d(3, 64", "conv5_3": "Conv2d(512, 512", "pool5": "MaxPool", "fc6": "Linear(in_features=25088"},
    "resnet18": {"conv1": "Conv2d(3, 64", "layer4": "Sequential", "layer4.1.relu": "ReLU", "fc": "Linear(in_features=512"},
    "resnet50": {"layer3.5.conv3": "Conv2d(256, 1024", "fc": "Linear"},
    "resnet101": {"layer3.22": "Bottleneck", "avgpool": "AdaptiveAvgPool2d", "fc": "Linear"},
    "densenet121": {"conv0": "Conv2d(3, 64", "denseblock4.denselayer16": "_DenseLayer", "features.norm5": "BatchNorm2d"},
    "squeezenet1_1": {"conv1": "Conv2d(3, 64", "fire9.squeeze": "Conv2d(512, 64", "conv10": "Conv2d(512, 1000"},
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_names_of_layers_mean_the_right_modules(name):
    model = without_memory(name)
    for layer, beginning in LAYERS[name].items():
        assert repr(resolve_layer(model, layer)).startswith(beginning)
    # Every name that is listed, and each of torchvision's own, is understood.
    for layer in [*layer_names(model), *(path for path, _ in model.network.named_modules() if path)]:
        assert resolve_layer(model, layer) is not None


@pytest.mark.parametrize("name", NOTES)
def test_the_weights_are_those_of_the_papers_at_224_pixels(name):
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    preset = weights.transforms()
    assert preset.crop_size == [224] and torch.allclose(torch.tensor(preset.mean), MEAN.flatten())
    assert weights.url.endswith(weights_file(name).name)


def test_ready_means_that_the_file_is_there(cached):
    assert not is_cached("squeezenet1_1")
    cached("squeezenet1_1")
    assert is_cached("squeezenet1_1") and available()["squeezenet1_1"].ready
    assert not available()["vgg16"].ready


def test_offline_it_says_which_file_is_missing_where_it_belongs_and_what_works(cached, asked_for, tmp_path):
    cached("squeezenet1_1")
    with pytest.raises(ConnectionError) as raised:
        load("resnet18")
    message = str(raised.value)
    file = weights_file("resnet18")
    assert file.parent == tmp_path / "hub" / "checkpoints"
    assert file.name in message and str(file.parent) in message and "no route to host" in message
    works = re.search(r"Networks that work without: (.*)\.$", message)[1].split(", ")
    assert sorted(works) == sorted(name for name, info in available().items() if info.ready)
    assert "squeezenet1_1" in works
    assert len(asked_for) == 1 and asked_for[0].endswith(file.name)
    assert not list(file.parent.glob("resnet18*"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"<html>please log in</html>",
        lambda data: data[: len(data) // 2],
        lambda data: data[:5000] + bytes(5000) + data[10_000:-200] + bytes(200),
    ],
    ids=["empty", "a web page", "half", "scrambled"],
)
def test_a_damaged_file_is_named_with_what_to_delete(cached, damage):
    cached("squeezenet1_1")
    file = weights_file("squeezenet1_1")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(
        ValueError, match=re.escape(f"is damaged. Delete {file} and load squeezenet1_1 again")
    ):
        load("squeezenet1_1")


@pytest.mark.parametrize("content", [{"weight": torch.zeros(3)}, [1, 2], "text"], ids=str)
def test_a_file_of_something_else_is_named_too(cached, content):
    cached("squeezenet1_1", lambda _: content)
    with pytest.raises(ValueError, match="is damaged. Delete"):
        load("squeezenet1_1")


def test_a_download_that_comes_damaged_is_not_kept(monkeypatch):
    class Answer(io.BytesIO):
        def info(self):
            return Message()

    monkeypatch.setattr(torch.hub, "urlopen", lambda *_: Answer(b"please log in"))
    with pytest.raises(ConnectionError, match="it came damaged"):
        load("squeezenet1_1")
    assert list(weights_file("squeezenet1_1").parent.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="TORCH_HOME") as raised:
        load("squeezenet1_1")
    assert not isinstance(raised.value, ConnectionError) and str(tmp_path / "file") in str(raised.value)


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="alexnet, vgg16, resnet18"):
        load_pretrained("alexnett")
