import json

import pytest
import torch

import cnnlab
from cnnlab.networks import MiniAlexNet, activations, available, load, weight_files, zoo
from cnnlab.networks.imagenet import PACKAGED
from cnnlab.networks.recipes import RECIPES
from cnnlab.networks.zoo import NetworkInfo

CLASSES = ["sheep", "goat", "wolf"]


@pytest.fixture
def shipped(monkeypatch, tmp_path, lively):
    """A weights folder with a network of three classes in it, and no pretrained weights in torch's cache."""
    monkeypatch.setattr(weight_files, "FOLDER", tmp_path / "weights")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    model = lively(MiniAlexNet(CLASSES)).eval()
    card = {"architecture": "MiniAlexNet", "classes": CLASSES, "task": "object", "purpose": "a try"}
    weight_files.write_weights("mini_alexnet", model, card)
    weight_files.write_weights("mini_other", model, {**card, "task": "scene"})
    monkeypatch.setattr(zoo, "RECIPES", {"mini_alexnet": RECIPES["mini_alexnet"]})
    return model


def test_a_shipped_network_comes_back_as_it_was_written(shipped):
    model = load("mini_alexnet")
    images = torch.rand(2, 3, 96, 96)
    assert torch.allclose(model(images), shipped(images), atol=0.02)  # rounded to float16
    assert not torch.equal(model(images)[0], model(images)[1])
    assert not any(module.training for module in model.modules())
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_a_loaded_network_tells_its_name_classes_and_size(shipped):
    model = load("mini_other")
    assert (model.name, model.class_names, model.input_size) == ("mini_other", tuple(CLASSES), 96)
    assert activations(model, torch.rand(3, 96, 96), "fc8")["fc8"].shape == (3,)


def test_the_device_is_kept(shipped):
    assert next(load("mini_alexnet", device="meta").parameters()).is_meta
    assert next(load("mini_alexnet", torch.device("cpu")).parameters()).device.type == "cpu"


def test_available_tells_what_is_there_and_what_is_not(shipped):
    result = available()
    assert list(result)[:4] == [*PACKAGED, "mini_alexnet", "mini_other"]
    assert result["mini_other"] == NetworkInfo("mini_other", "shipped", True, "scene", "a try")
    assert {"alexnet", "vgg16", "resnet18", "resnet101", "densenet121", "squeezenet1_1"} <= set(result)
    assert all(name == info.name and info.note for name, info in result.items())
    assert not any(info.ready for info in result.values() if info.source == "torchvision")


def test_what_is_not_trained_yet_says_how_to_train_it(monkeypatch, tmp_path):
    monkeypatch.setattr(weight_files, "FOLDER", tmp_path)
    assert not available()["mini_alexnet"].ready
    assert "cnnlab train mini_alexnet" in available()["mini_alexnet"].note
    with pytest.raises(FileNotFoundError, match="cnnlab train mini_alexnet"):
        load("mini_alexnet")


@pytest.mark.parametrize("name", ["mini_alexnt", "", None, "../mini_alexnet"])
def test_an_unknown_network_is_refused_with_those_that_there_are(shipped, name):
    with pytest.raises(
        ValueError,
        match=r"network .* is not known.*squeezenet, efficientnet_lite0, mini_alexnet, mini_other, alexnet",
    ):
        load(name)


def test_weights_of_another_shape_are_refused(shipped, tmp_path):
    file = tmp_path / "weights" / "mini_alexnet.json"
    card = json.loads(file.read_text())
    file.write_text(json.dumps({**card, "classes": CLASSES[:2]}))
    with pytest.raises(ValueError, match="do not fit the network MiniAlexNet"):
        load("mini_alexnet")


def test_the_short_cuts_are_these_functions():
    assert cnnlab.load is load and cnnlab.available is available
