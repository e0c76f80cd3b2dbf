"""Graphs for pages give what torch gives, run by ONNX Runtime."""

from __future__ import annotations

import functools

import onnxruntime
import pytest
import torch

import cnnlab as lab
from cnnlab.explorers.choices import network_layers
from cnnlab.site.onnx_graphs import RULES, Weights, write_graph
from cnnlab.site.page_data import last_maps

BY_RULE = {
    "gradient": lab.attribution.gradient,
    "deconvnet": lab.attribution.deconvnet,
    "guided backprop": lab.attribution.guided_backprop,
}


@pytest.fixture
def run(tmp_path):
    """Writes a graph of a network and runs it: its outputs by name."""
    weights = Weights(tmp_path / "weights.bin")

    @functools.cache
    def session_of(kind, model):
        file = tmp_path / f"{kind}.onnx"
        write_graph(kind, {file: model}, model.input_size, weights)
        return onnxruntime.InferenceSession(file)

    def write_and_run(kind, model, **inputs):
        session = session_of(kind, model)
        names = [output.name for output in session.get_outputs()]
        values = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        return dict(zip(names, map(torch.from_numpy, values), strict=True))

    return write_and_run


@pytest.fixture(params=["mini_alexnet", "squeezenet"])
def model(request):
    return lab.load(request.param)


def picture(model, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, *2 * [model.input_size], generator=torch.Generator().manual_seed(seed))


def one_hot(index: int, count: int) -> torch.Tensor:
    return torch.eye(count)[index : index + 1]


def assert_close(found, wanted):
    """Equal to a ten-thousandth of the largest value."""
    torch.testing.assert_close(found, wanted, atol=1e-4 * float(wanted.abs().max()), rtol=1e-4)


def test_the_gradient_is_autograds_by_each_rule(model, run):
    image, seed = picture(model), one_hot(3, len(model.class_names))
    for rule, technique in BY_RULE.items():
        found = run("gradient", model, image=image, seed=seed, rule=torch.tensor(RULES[rule]))
        assert_close(found["gradient"], technique(model, image, 3))
        assert_close(found["logits"], model(image).detach())


def test_the_gradient_of_a_unit_is_that_of_its_largest_activation(run):
    model = lab.load("mini_alexnet")
    image, layers = picture(model), network_layers(model, 96)
    sizes = [layer.shape[0] for layer in layers]
    for place in (2, 14, 20):
        seed = one_hot(sum(sizes[:place]) + 5, sum(sizes))
        found = run("units", model, image=image, seed=seed, rule=torch.tensor(RULES["guided backprop"]))
        wanted = lab.attribution.guided_backprop(model, image, layer=layers[place].name, unit=5)
        assert_close(found["gradient"], wanted)


def test_the_maps_of_every_layer_are_there(model, run):
    image, names = picture(model), [layer.name for layer in network_layers(model, model.input_size)]
    found = run("maps", model, image=image)
    for name, wanted in lab.networks.activations(model, image, names).items():
        assert_close(found[name], wanted)


def test_class_maps_are_grad_cams(model, run):
    image, seed = picture(model), one_hot(3, len(model.class_names))
    found = run("cams", model, image=image, seed=seed)
    for name in ("relu1", last_maps(model, [name for name in found if name != "logits"])):
        wanted = lab.grad_cam(model, image, 3, name, relu=False, resize=False)[0]
        assert_close(found[name], wanted)
    last = found[last_maps(model, [name for name in found if name != "logits"])]
    assert_close(last.relu(), lab.grad_cam(model, image, 3, resize=False)[0])


def test_networks_of_one_kind_share_graph_and_weights(tmp_path):
    models = {name: lab.load(name) for name in ("sheep_goat_meadow", "sheep_goat")}
    weights = Weights(tmp_path / "weights.bin")
    files = {tmp_path / f"{name}.onnx": model for name, model in models.items()}
    write_graph("scores", files, 224, weights)
    image = picture(models["sheep_goat"]).expand(3, -1, -1, -1)
    for file, model in files.items():
        (logits,) = onnxruntime.InferenceSession(file).run(None, {"image": image.numpy()})
        assert_close(torch.from_numpy(logits), model(image).detach())
    heads = sum(weight.nbytes for weight in models["sheep_goat"].conv10.parameters())
    whole = sum(weight.nbytes for weight in models["sheep_goat"].parameters())
    assert weights.file.stat().st_size <= whole + heads, "what is equal is stored once"
