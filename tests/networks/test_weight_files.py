import json

import pytest
import torch
from torch import nn

from cnnlab.networks import weight_files
from cnnlab.networks.architectures import MiniAlexNet


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(weight_files, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = MiniAlexNet(["sheep", "goat"])
        network.norm1.running_var.mul_(1e-7)  # below what float16 can hold
        network.norm1.running_mean.normal_()
    return network.eval()


CARD = {"purpose": "a try", "classes": ["sheep", "goat"], "accuracy": 0.5}


def test_weights_and_card_come_back(folder, model):
    written = weight_files.write_weights("mini_alexnet", model, CARD)
    state, card = weight_files.read_weights("mini_alexnet")
    assert card == written == weight_files.card("mini_alexnet")
    assert card["name"] == "mini_alexnet" and card["classes"] == ["sheep", "goat"]
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    assert card["bytes"] == (folder / "mini_alexnet.safetensors").stat().st_size
    assert weight_files.shipped() == ["mini_alexnet"]
    assert all(tensor.dtype == torch.float32 for tensor in state.values())


def test_weights_are_rounded_to_float16_and_all_else_is_exact(folder, model):
    weight_files.write_weights("mini_alexnet", model, CARD)
    state, card = weight_files.read_weights("mini_alexnet")
    for key, value in model.state_dict().items():
        if key.endswith("num_batches_tracked"):
            assert key not in state
        elif value.dim() > 1 and key.endswith("weight"):
            assert torch.equal(state[key], value.half().float())
            assert (state[key] - value).abs().max() <= value.abs().max() * 2**-11
        else:
            assert torch.equal(state[key], value)
    assert card["bytes"] < 2.1 * card["parameters"]


def test_a_second_round_changes_nothing(folder, model):
    first = weight_files.write_weights("one", model, CARD)
    model.load_state_dict(weight_files.read_weights("one")[0])
    assert weight_files.write_weights("two", model, CARD)["sha256"] == first["sha256"]


def test_the_state_loads_strictly_and_gives_the_same_answers(folder, model):
    weight_files.write_weights("mini_alexnet", model, CARD)
    state, card = weight_files.read_weights("mini_alexnet")
    other = MiniAlexNet(card["classes"]).eval()
    other.load_state_dict(state, strict=True)
    images = torch.rand(3, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(other(images), model(images), atol=2e-2, rtol=2e-2)


def test_memory_layout_does_not_matter(folder, model):
    first = weight_files.write_weights("one", model, CARD)
    second = weight_files.write_weights("two", model.to(memory_format=torch.channels_last), CARD)
    assert first["sha256"] == second["sha256"]


def test_a_path_serves_as_well_as_a_name(folder, model):
    weight_files.write_weights(folder / "deeper" / "mine.safetensors", model, CARD)
    assert weight_files.card(folder / "deeper" / "mine.safetensors")["name"] == "mine"
    assert weight_files.read_weights(folder / "deeper" / "mine")[0]
    assert weight_files.shipped() == []


def test_damaged_weights_are_refused_with_the_command_that_makes_them_again(folder, model):
    weight_files.write_weights("mini_alexnet", model, CARD)
    file = folder / "mini_alexnet.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"mini_alexnet.safetensors is damaged.*cnnlab train mini_alexnet"):
        weight_files.read_weights("mini_alexnet")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"sha256": 3})])
def test_a_damaged_card_is_refused(folder, model, text):
    weight_files.write_weights("mini_alexnet", model, CARD)
    (folder / "mini_alexnet.json").write_text(text)
    with pytest.raises(ValueError, match=r"mini_alexnet.json.*cnnlab train mini_alexnet"):
        weight_files.read_weights("mini_alexnet")


@pytest.mark.parametrize("lost", ["mini_alexnet.json", "mini_alexnet.safetensors"])
def test_missing_files_are_named(folder, model, lost):
    weight_files.write_weights("other", model, CARD)
    weight_files.write_weights("mini_alexnet", model, CARD)
    (folder / lost).unlink()
    with pytest.raises(FileNotFoundError, match=r"shipped are: other. `cnnlab train mini_alexnet`"):
        weight_files.read_weights("mini_alexnet")


def test_values_that_float16_cannot_hold_are_refused(folder, model):
    nn.init.constant_(model.fc8.weight, 1e6)
    with pytest.raises(ValueError, match="fc8.weight"):
        weight_files.write_weights("mini_alexnet", model, CARD)
    assert list(folder.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file_whole(folder, model, monkeypatch):
    weight_files.write_weights("mini_alexnet", model, CARD)
    nn.init.zeros_(model.fc8.weight)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(weight_files.os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        weight_files.write_weights("mini_alexnet", model, CARD)
    assert weight_files.read_weights("mini_alexnet")[0]["fc8.weight"].abs().sum() > 0
    assert {file.name for file in folder.iterdir()} == {"mini_alexnet.json", "mini_alexnet.safetensors"}


@pytest.mark.parametrize("name", weight_files.shipped())
def test_shipped_weights_are_whole_and_their_card_is_complete(name):
    state, card = weight_files.read_weights(name)
    assert all(tensor.isfinite().all() for tensor in state.values())
    expected = {
        "name",
        "purpose",
        "architecture",
        "classes",
        "task",
        "data",
        "plan",
        "seed",
        "accuracy",
        "history",
        "seconds",
    }
    assert expected | {"threads", "machine", "parameters", "bytes", "torch", "sha256"} <= set(card)
