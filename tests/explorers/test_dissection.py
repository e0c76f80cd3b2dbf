"""The dissection explorer: what it lists and lights is what dissection found, and each control changes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from explorers.small_network import Small

from cnnlab.explorers import DissectionExplorer
from cnnlab.explorers.activation_store import collect_activations, first_images
from cnnlab.explorers.render import dissection
from cnnlab.units import ablate_each, activation_mask, dissect, top_patches
from cnnlab.world import NAMES, OBJECTS, SCENES, dataset


@pytest.fixture(scope="module")
def model():
    return Small(class_names=OBJECTS)


@pytest.fixture(scope="module")
def data():
    return dataset("validation", n=40, progress=False)


@pytest.fixture(scope="module")
def found(model, data):
    return dissect(model, data, ["relu1", "relu2"], pixel_step=4)


@pytest.fixture
def explorer(model, data, found):
    return DissectionExplorer(model, data, found)


def test_tiles_are_the_strongest_pictures_with_the_units_mask(explorer, model, data, found):
    assert explorer.layer.value == "relu2" and explorer.unit.value == found["relu2"].rows()[0].unit
    best, lit = explorer._strongest_masks()
    unit = explorer.unit.value
    assert best.tolist() == top_patches(model, data, "relu2", k=8).picture[unit].tolist()
    images = data.images[best].float() / 255
    assert torch.equal(lit, activation_mask(model, images, found["relu2"], unit))
    assert lit.any() and not lit.all()


def test_the_concept_can_be_lit_instead_of_the_mask(explorer, data, found):
    before = explorer.picture_grid.overlay["png"]
    explorer.highlight.value = "its concept"
    best, lit = explorer._strongest_masks()
    c = int(found["relu2"].iou[explorer.unit.value].argmax())
    category, name = found["relu2"].categories[c], found["relu2"].concepts[c]
    assert torch.equal(lit, data.maps(category)[best] == NAMES[category].index(name))
    assert explorer.picture_grid.overlay["png"] != before


def test_threshold_and_kind_decide_who_is_listed(explorer, found):
    explorer.threshold.value = 0.01
    many, said = explorer.detector_grid.captions, explorer.status.value
    assert len(many) == int(found["relu2"].detectors(0.01).sum()) > 0
    category = found["relu2"].rows()[0].category
    explorer.category.value = category
    assert 0 < len(explorer.detector_grid.captions) <= len(many)
    assert all(f"({category})" in caption for caption in explorer.detector_grid.captions)
    explorer.threshold.value = 0.4
    assert explorer.detector_grid.captions == [] and explorer.detector_grid.tiles == {}
    assert explorer.status.value != said and explorer.error is None


def test_a_click_on_the_list_chooses_the_unit(explorer):
    explorer.threshold.value = 0.01
    shown = explorer.bars.entries
    explorer.detector_grid.selected = 1
    assert explorer.unit.value == explorer._detector_units[1]
    assert explorer.bars.entries != shown
    assert explorer.bars.entries[0]["name"] in explorer.picture_grid.label.replace(", IoU", "\n")


def test_a_layer_that_was_not_dissected_is_dissected_when_it_is_chosen(model, data, found):
    explorer = DissectionExplorer(model, data, {"relu2": found["relu2"]})
    explorer.layer.value = "relu1"
    expected = dissect(model, data, "relu1", min_pictures=10)
    assert torch.equal(explorer.report.iou, expected.iou)
    assert explorer.unit.max == 5 and explorer.error is None


def test_silencing_counts_what_the_technique_counts(explorer, model, data):
    assert "Ablate" in explorer.ablation_words.value
    explorer.ablate_button.click()
    assert explorer.ablation_words.value == ""
    before, after = explorer.ablation_accuracies
    expected = ablate_each(model, data, "relu2", [explorer.unit.value])
    assert torch.allclose(before.double(), expected.before) and torch.allclose(
        after.double(), expected.after[0]
    )
    everything, *fallen = explorer.ablation_bars.entries
    assert everything["now"] == pytest.approx(float(after.nanmean()), abs=1e-4)
    assert len(fallen) == min(4, int((after < before).sum())) and all(
        row["now"] < row["before"] for row in fallen
    )
    assert "without unit" in explorer.status.value
    explorer.unit.value = (explorer.unit.value + 1) % 5
    assert explorer.ablation_bars.entries == [], "what fell belongs to another unit"
    assert "Ablate" in explorer.ablation_words.value
    assert "without unit" not in explorer.status.value


def test_where_no_class_falls_none_is_listed(explorer):
    same = torch.tensor([1.0, 0.5])
    assert [row["name"] for row in dissection.ablation_rows(same, same, ("a", "b"))] == ["all classes"]
    explorer.ablation_accuracies = (same, same)
    explorer._show_ablation()
    assert (
        "no class falls; over all classes 75.0% of the pictures are right, with it 75.0%"
        in explorer.status.value
    )


def test_a_network_of_scenes_is_asked_for_scenes(data):
    pictures = first_images(data)
    labels = dissection.labels_for(pictures, SCENES)
    assert [SCENES[i] for i in labels.tolist()] == [recipe.scene for recipe in data.recipes]
    with pytest.raises(ValueError, match="nobody knows"):
        dissection.labels_for(pictures, ("elm", "oak"))


def test_counts_say_what_is_found_and_what_chance_gives(found):
    one = found["relu2"]
    words = dissection.count_sentence(one, 0.04)
    assert words.startswith(f"{int(one.detectors().sum())} of 5 units")
    assert f"of {one.unique_detectors()} different" in words
    none = replace(one, iou=torch.zeros_like(one.iou))
    assert dissection.common_concepts(none, 0.04) == "none"
    rows = dissection.overlap_rows(one, 2, max_rows=3)
    assert [row["now"] for row in rows] == sorted((row["now"] for row in rows), reverse=True)


def test_masks_pass_the_threshold_at_every_pixel(model, data, found):
    *_, maps = collect_activations(model, data.images.float() / 255, "relu1")
    index, masks = dissection.strongest_masks(maps, found["relu1"], 3, 4)
    assert index.shape == (4,) and masks.shape == (4, 96, 96)
    assert masks[0].any(), "the strongest picture holds pixels above the threshold"


def test_an_unknown_layer_is_refused(model, data):
    with pytest.raises(ValueError, match="relu1, relu2"):
        DissectionExplorer(model, data, layer="relu9")


def test_another_network_is_dissected_anew(model, data, found):
    other = Small(class_names=OBJECTS)
    with torch.no_grad():
        other.conv2.weight.neg_()
    explorer = DissectionExplorer(model, data, found)
    explorer.network.options = [("one", model), ("other", other)]
    explorer.network.value = other
    assert explorer.error is None and explorer.model is other
    assert not torch.equal(explorer.report.iou, found["relu2"].iou)
    assert explorer.search.activations.layer == "relu2"
