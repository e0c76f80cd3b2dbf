"""What menus offer: layers grouped by block with the useful ones first, classes by their synonyms, networks by what they have learned."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cnnlab
from cnnlab.explorers import ActivationExplorer, DissectionExplorer, LayersExplorer, PatchExplorer
from cnnlab.explorers.activation_store import first_images
from cnnlab.explorers.choices import (
    arranged,
    deepest,
    first_layers,
    kind_of,
    network_layers,
    offer_classes,
    offer_layers,
    rectified,
)
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.networks import receptive_field, summary
from cnnlab.networks.imagenet import ClassName
from cnnlab.world import dataset


class Fire(nn.Module):
    """A narrow convolution, and two wide ones side by side."""

    def __init__(self, channels: int):
        super().__init__()
        self.squeeze, self.relu = nn.Conv2d(channels, 2, 1), nn.ReLU()
        self.left, self.right = nn.Conv2d(2, 4, 1), nn.Conv2d(2, 4, 3, padding=1)

    def forward(self, maps):
        maps = self.relu(self.squeeze(maps))
        return torch.cat([self.left(maps), self.right(maps)], 1).relu()


class Fires(nn.Module):
    """Blocks at the top level, inner parts below; the last maps are those of the three classes."""

    input_size, class_names = 32, ("a", "b", "c")

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv1, self.relu1 = nn.Conv2d(3, 6, 3, 2), nn.ReLU()
        self.fire2, self.fire3, self.drop = Fire(6), Fire(8), nn.Dropout()
        self.conv4, self.relu4 = nn.Conv2d(8, 3, 1), nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, images):
        maps = self.fire3(self.fire2(self.relu1(self.conv1(images))))
        return self.pool(self.relu4(self.conv4(self.drop(maps)))).flatten(1)


class Mirrored(nn.Module):
    """A wrapper that flips the channels and the picture, and resizes it: nobody knows what its units see."""

    input_size, class_names, name = 48, ("a", "b", "c"), "mirrored"

    def __init__(self):
        super().__init__()
        self.network = Fires()

    def forward(self, images):
        smaller = nn.functional.interpolate(images.flip(1).flip(3), size=(32, 32), mode="bicubic")
        return self.network(smaller)


INNER = [f"fire{n}.{part}" for n in (2, 3) for part in ("squeeze", "relu", "left", "right")]


# Layers.


def test_layers_are_those_of_the_summary_and_the_blocks_around_them():
    model = Fires().eval()
    layers = {layer.name: layer for layer in network_layers(model, 32)}
    rows = {row.name: row for row in summary(model).rows if row.type != "Dropout"}
    assert [name for name in layers if not layers[name].block] == list(rows)
    for name, row in rows.items():
        assert layers[name].shape == row.output_shape and layers[name].field == row.receptive_field
    assert layers["fire2"].block and layers["fire2"].shape == (8, 15, 15)
    assert layers["fire2"].field == receptive_field(model, "fire2")
    assert layers["fire3"].has_maps and not layers["pool"].has_maps


def test_the_network_within_a_wrapper_is_no_layer():
    wrapper = nn.Sequential()
    wrapper.add_module("network", Fires())
    names = [layer.name for layer in network_layers(wrapper.eval(), 32)]
    assert "network" not in names and "network.fire2" in names


def test_blocks_come_first_and_what_is_inside_of_them_after():
    names = [layer.name for layer in network_layers(Fires().eval(), 32)]
    order, headings = arranged(names)
    outer = ["conv1", "relu1", "fire2", "fire3", "conv4", "relu4", "pool"]
    assert order == [*outer, *INNER] and first_layers(names) == outer
    assert headings == [""] * 7 + ["inside fire2"] * 4 + ["inside fire3"] * 4
    assert arranged(["conv1", "relu1", "fc"]) == (["conv1", "relu1", "fc"], [])


def test_where_blocks_are_few_the_level_below_is_taken():
    names = [f"network.features.{n}" for n in range(8)] + ["network.features.3.conv", "network.classifier.1"]
    order, headings = arranged(names)
    assert order[:8] == names[:8] and order[8:] == ["network.classifier.1", "network.features.3.conv"]
    assert headings[-1] == "inside network.features.3" and not any(headings[:-1])


def test_the_deepest_layer_is_not_the_map_of_the_classes():
    layers = network_layers(Fires().eval(), 32)
    assert rectified(layers) == ["relu1", "fire2.relu", "fire2", "fire3.relu", "fire3", "relu4"]
    assert deepest(layers, rectified(layers)) == "fire3"


def test_a_menu_of_layers_keeps_its_choice_and_begins_where_it_should():
    control = SearchSelect(description="Layer")
    names = [layer.name for layer in network_layers(Fires().eval(), 32)]
    offer_layers(control, names, otherwise="fire3")
    assert control.value == "fire3"
    control.asked = "fire2.squeeze"
    offer_layers(control, names)
    assert control.value == "fire2.squeeze" and control.groups[control.index] == "inside fire2"
    offer_layers(control, ["conv1", "fire2.squeeze"], otherwise="conv1")
    assert control.value == "fire2.squeeze"
    offer_layers(control, ["conv1", "conv2"], before=[("nothing", None)])
    assert (control.label, control.value) == ("nothing", None)
    control.asked = "fire22"
    with pytest.raises(
        ValueError, match=r'"fire22" is not offered; choose one of conv1.* and 8 more. Did you mean "fire2"'
    ):
        offer_layers(control, names)


# Classes and networks.


def test_classes_are_found_by_their_synonyms():
    control = SearchSelect()
    offer_classes(
        control, [ClassName("tabby", ["tabby cat"]), ClassName("cup")], [("any", None)], "towards {}"
    )
    assert control.options == (("any", None), ("towards tabby", 0), ("towards cup", 1))
    assert control.keywords == ("", "tabby cat", "")


def test_kinds_of_networks():
    kinds = {name: kind_of(info) for name, info in cnnlab.available().items()}
    assert kinds["squeezenet"] == kinds["resnet18"] == "photographs"
    assert kinds["mini_alexnet"] == "objects" and kinds["mini_alexnet_scenes"] == "scenes"
    assert (
        kinds["unet"] == "masks" and kinds["digits"] == "digits" and kinds["memory_true"] == "random labels"
    )


# A receptive field that is not known.


@pytest.fixture(scope="module")
def pictures():
    return first_images(dataset("validation", n=12, progress=False))


@pytest.fixture(scope="module")
def mirrored():
    return Mirrored().eval()


def test_activations_open_without_a_receptive_field(mirrored, pictures):
    explorer = ActivationExplorer(mirrored, 5, layer="network.fire2", pictures=pictures)
    assert explorer.error is None and explorer.box is None
    assert "what it sees is not known" in explorer.status.value and explorer.image_view.boxes == []
    assert explorer.patch_grid.tiles["count"] == 9, "of each patch the whole picture is shown"
    explorer.position = (3, 4)
    assert explorer.error is None and explorer.static_preview()


def test_patches_open_without_a_receptive_field(mirrored, pictures):
    explorer = PatchExplorer(mirrored, pictures, layer="network.fire2", unit=1)
    assert explorer.error is None and "receptive field of the layer is not known" in explorer.status.value
    assert explorer.top_patches.box[0].unique(dim=0).tolist() == [[0, 0, 48, 48]]
    maps = torch.cat(
        [mirrored.network.fire2(_arrives(mirrored, image[None])) for image in pictures.as_floats(48)]
    )
    assert torch.allclose(
        explorer.top_patches.value[0], maps[:, 1].amax((1, 2)).topk(9).values.detach(), atol=1e-5
    )
    assert explorer.static_preview()


def _arrives(model, images):
    smaller = nn.functional.interpolate(images.flip(1).flip(3), size=(32, 32), mode="bicubic")
    return model.network.relu1(model.network.conv1(smaller))


def test_the_table_of_layers_opens_without_a_receptive_field(mirrored):
    explorer = LayersExplorer(mirrored, 5, layer="network.fire2.left")
    assert explorer.error is None and explorer.box is None
    assert explorer.image_view.readout.endswith("is not known.")
    assert {row[-1] for row in explorer.table.rows} == {"?"}


def test_what_needs_a_receptive_field_says_so(mirrored, pictures):
    with pytest.raises(ValueError, match="not known what their units see"):
        DissectionExplorer(mirrored, pictures.source)


def test_a_layer_is_found_by_typing_in_the_table_of_layers():
    explorer = LayersExplorer(Fires().eval(), 5)
    assert list(explorer.find.options[:7]) == ["conv1", "relu1", "drop", "conv4", "relu4", "pool", INNER[0]]
    explorer.find.value = "fire3.left"
    assert explorer.layer == "fire3.left" and explorer.error is None
    explorer.table.set_state({"selected": 0})
    assert explorer.find.value == explorer.layer == "conv1"


def test_a_wrapper_with_few_layers_shows_them_rather_than_itself():
    assert first_layers(["module.conv", "module.fc", "module"]) == ["module.conv", "module.fc", "module"]
