"""The occlusion map in colours and in words."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.attribution import occlusion, occlusion_steps
from cnnlab.explorers.render import occlusion as occlusion_overlays
from cnnlab.figures import class_colours


def pixels(overlay: dict) -> np.ndarray:
    """R x C x 4 bytes, as the browser gets them."""
    return np.asarray(Image.open(io.BytesIO(overlay["png"])).convert("RGBA"))


@pytest.fixture
def found(detector, bright):
    return occlusion(detector, bright, size=24, stride=8, fill="black")


@pytest.fixture
def partial(detector, bright):
    return next(occlusion_steps(detector, bright, size=24, stride=8, fill="black", batch_size=7))


def test_one_pixel_for_each_place(found):
    overlay, _legend = occlusion_overlays.probability_overlay(found, "square")
    assert pixels(overlay).shape == (10, 10, 4)
    assert overlay["rows"] == overlay["columns"] == list(range(0, 73, 8))
    assert overlay["size"] == 24


def test_places_not_yet_computed_are_clear(partial):
    for overlay, _legend in (
        occlusion_overlays.probability_overlay(partial, "square"),
        occlusion_overlays.class_overlay(partial, ("square", "rest", "never")),
    ):
        alpha = pixels(overlay)[..., 3].ravel()
        assert (alpha[:7] > 0).all()
        assert (alpha[7:] == 0).all()


def test_colours_tell_probabilities_apart_in_their_order(found):
    overlay, legend = occlusion_overlays.probability_overlay(found, "square")
    lightness = pixels(overlay)[..., :3].astype(float) @ [0.2126, 0.7152, 0.0722]
    order = found.probability.flatten().argsort().numpy()
    assert (np.diff(lightness.ravel()[order]) >= -1).all()  # improbable is dark, up to a step of rounding
    assert (legend["low"], legend["high"], legend["mark"]) == (0.0, 1.0, found.baseline)
    assert legend["colours"][0] != legend["colours"][-1]


def test_stretched_colours_use_the_range_that_occurs(found):
    _overlay, legend = occlusion_overlays.probability_overlay(found, "square", stretched=True)
    assert legend["low"] == pytest.approx(float(found.probability.min()))
    assert legend["high"] == pytest.approx(float(found.probability.max()))


def test_classes_have_colours_and_shares(found):
    overlay, legend = occlusion_overlays.class_overlay(found, ("square", "rest", "never"))
    names = [entry["name"] for entry in legend["entries"]]
    assert names == ["square", "rest"]
    flips = (found.predicted == 1).numpy()
    colour = tuple(int(legend["entries"][1]["colour"][i : i + 2], 16) for i in (1, 3, 5))
    assert (pixels(overlay)[flips][:, :3] == colour).all()
    assert legend["entries"][1]["share"] == f"{flips.mean():.0%}"
    assert np.allclose(colour, class_colours(1) * 255, atol=0.5), "as in the figures"


def test_the_lowest_place_covers_the_square(found):
    finding = occlusion_overlays.summarise_map(found, ("square", "rest", "never"))
    assert (finding.row, finding.column) == (24, 48)
    assert (
        "least probable (0.00 instead of 1.00) with the occluder at row 24, column 48" in finding.sentences[0]
    )


def test_takeover_is_counted(found):
    flips = int((found.predicted == 1).sum())
    finding = occlusion_overlays.summarise_map(found, ("square", "rest", "never"))
    assert finding.sentences[1] == f"Another class wins in {flips} of 100 places, most often rest."


def test_drop_on_the_object_is_told_beside_its_area(found):
    mask = torch.zeros(96, 96, dtype=torch.bool)
    mask[24:48, 48:72] = True
    words = occlusion_overlays.summarise_map(found, ("square", "rest", "never"), mask, "square").sentences[-1]
    share, area = (int(part.rstrip("%")) for part in words.split() if part.endswith("%"))
    assert area == 6
    assert share > 3 * area
    elsewhere = occlusion_overlays.summarise_map(
        found, ("square", "rest", "never"), mask.flip(1), "square"
    ).sentences[-1]
    assert int(elsewhere.split("%")[0]) < share


def test_an_unfinished_map_does_not_speak_of_the_object(partial):
    mask = torch.ones(96, 96, dtype=torch.bool)
    assert not any(
        "drop" in sentence
        for sentence in occlusion_overlays.summarise_map(partial, ("a", "b", "c"), mask).sentences
    )


def test_where_covering_changes_nothing_nothing_is_claimed(detector, bright):
    flat = occlusion(detector, bright, size=24, stride=24, fill="white")
    words = occlusion_overlays.summarise_map(
        flat, ("square", "rest", "never"), torch.ones(96, 96, dtype=torch.bool)
    ).sentences
    assert words[1:] == ("No place of the occluder makes another class win (16 places).",)
