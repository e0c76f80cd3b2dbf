"""The segmentation explorer without a browser: answers, truth and errors are those of the networks and the world."""

from __future__ import annotations

import io

import pytest
import torch
from explorers.contract import ran
from PIL import Image
from torch import nn

from cnnlab.explorers import SegmentationExplorer
from cnnlab.explorers.image_sources import as_source
from cnnlab.explorers.render.segmentation import (
    NAMES,
    at_pixel,
    class_map,
    colour_image,
    describe,
    legend,
    render,
)
from cnnlab.segmentation import boundary_band, segment, vision_tasks


class Brightness(nn.Module):
    """Says sheep where a pixel is bright, background elsewhere."""

    name, class_names, input_size = "brightness", NAMES, 96

    def __init__(self, least):
        super().__init__()
        self.least = nn.Parameter(torch.tensor(least))

    def forward(self, images):
        logits = images.new_zeros(len(images), len(NAMES), *images.shape[-2:])
        logits[:, 1] = 20 * (images.mean(1) - self.least)
        return logits


@pytest.fixture
def networks():
    return {"low": Brightness(0.4).eval(), "high": Brightness(0.7).eval()}


@pytest.fixture
def explorer(networks, sheep):
    return SegmentationExplorer(sheep, networks)


def test_it_shows_what_the_network_answers_and_what_is_wrong(networks, sheep):
    found = render(networks["low"], as_source(sheep), 96)
    answer, truth = segment(networks["low"], sheep.image), vision_tasks(sheep).semantic
    assert torch.equal(found.prediction, answer) and torch.equal(found.truth, truth)
    shown = class_map(found, "answer")
    assert torch.equal(shown.isnan(), answer == 0) and float(shown.nan_to_num(0).max()) == 0
    wrong, near = answer != truth, boundary_band(truth, 2)
    assert torch.equal(~found.errors.isnan(), wrong)
    assert torch.equal(found.errors == 1, wrong & near)
    assert (colour_image(found, "errors")[..., 3] > 0).sum() == int(wrong.sum())
    assert f"{float(wrong.float().mean()):.1%} of all pixels are wrong" in describe(found)
    assert f"{float(wrong[near].float().mean()):.1%}" in describe(found)


def test_a_pixel_is_told_with_its_truth(networks, sheep):
    found = render(networks["low"], as_source(sheep), 96)
    row, column = (vision_tasks(sheep).semantic == 1).nonzero()[40].tolist()
    said = at_pixel(found, row, column)
    assert said.startswith(f"row {row}, column {column}: ") and said.endswith("in truth sheep")
    assert "sheep" in legend(found, "answer") and "near a true edge" in legend(found, "errors")


def test_a_tile_chooses_its_network_without_asking_again(explorer):
    before = explorer.results
    explorer.grid.set_state({"selected": 1})
    assert explorer.network.label == "high" and explorer.results is before
    assert explorer.status.value.startswith("high sees")


def test_a_photo_has_no_truth_and_says_so(explorer):
    explorer.view.value = "errors"
    explorer.image_picker.use_photo(photo(), "mine")
    assert explorer.error is None
    assert explorer.view.disabled and explorer.view.value == "answer"
    assert "Nobody knows" in explorer._finding.value


def photo() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 40), (200, 200, 200)).save(stream, "PNG")
    return stream.getvalue()


def test_a_classifier_is_refused(sheep, detector):
    with pytest.raises(ValueError, match="one answer a picture"):
        SegmentationExplorer(sheep, {"detector": detector})


def test_its_code_gives_its_numbers():
    explorer = SegmentationExplorer(7, {"U-Net": "unet"})
    wrong = explorer.result.prediction != explorer.result.truth
    assert f"tensor({float(wrong.float().mean()):.4f})"[:11] in ran(explorer)[1]
