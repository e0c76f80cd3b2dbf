"""The figures of occlusion hold the numbers that they say they show."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch

from cnnlab.attribution import OcclusionMap
from cnnlab.figures import class_colours, describe_occlusion, drop_figure, occlusion_figure
from cnnlab.world import render

NAMES = ("sheep", "goat", "wolf")


def found(lowest: tuple[int, int] = (2, 0), takeover: bool = True) -> OcclusionMap:
    """A 3 x 3 map on 96 pixels whose lowest value stands at `lowest`."""
    probability = torch.full((3, 3), 0.9)
    probability[lowest] = 0.1
    predicted = torch.zeros(3, 3, dtype=torch.long)
    if takeover:
        predicted[lowest] = 2
    places = torch.tensor([0, 36, 72])
    return OcclusionMap(probability, predicted, places, places, size=24, target=0, baseline=0.95)


def test_the_probability_panel_shows_the_map_from_0_to_1_where_the_occluders_centre_was():
    result, picture = found(), render(3, shape="sheep")
    figure = occlusion_figure(picture, result, NAMES)
    shown = figure.axes[1].images[1]
    assert np.allclose(shown.get_array(), result.probability)
    assert shown.get_clim() == (0, 1)
    left, right, bottom, top = shown.get_extent()
    width, height = (right - left) / 3, (bottom - top) / 3
    # The middle of the first cell is the centre of an occluder on the pixels 0 to 23.
    assert (left + width / 2, top + height / 2) == (11.5, 11.5)
    assert (left + 2.5 * width, top + 2.5 * height) == (83.5, 83.5)


def test_the_drop_panel_is_symmetric_about_zero_and_outlines_the_truth():
    result, picture = found(), render(3, shape="sheep")
    drop = occlusion_figure(picture, result, NAMES).axes[2]
    assert np.allclose(drop.images[1].get_array(), result.to_pixels().numpy(), equal_nan=True)
    low, high = drop.images[1].get_clim()
    assert low == -high and high == pytest.approx(0.85)
    outline = np.concatenate([path.vertices for path in drop.collections[0].get_paths()])
    top, left, bottom, right = picture.box
    assert outline[:, 0].min() == pytest.approx(left - 0.5) and outline[:, 1].max() == pytest.approx(
        bottom - 0.5
    )


def test_a_plain_tensor_has_no_outline():
    figure = occlusion_figure(
        torch.rand(3, 96, 96, generator=torch.Generator().manual_seed(0)), found(), NAMES
    )
    assert not figure.axes[2].collections


def test_the_predicted_class_has_its_colour_and_its_name_in_the_legend():
    result = found()
    figure = occlusion_figure(render(3), result, NAMES)
    instead = figure.axes[3]
    assert np.allclose(instead.images[1].get_array(), class_colours(result.predicted.numpy()))
    assert [text.get_text() for text in instead.get_legend().get_texts()] == ["sheep", "wolf"]


@pytest.mark.parametrize(
    ("lowest", "words"),
    [((2, 0), "lower left"), ((0, 2), "upper right"), ((1, 1), "the middle of"), ((1, 2), "middle right")],
)
def test_the_words_say_where_it_is_lowest_and_who_takes_over(lowest, words):
    described = describe_occlusion(found(lowest), NAMES)
    assert words in described and "wolf is predicted instead" in described
    assert "never changes" in describe_occlusion(found(lowest, takeover=False), NAMES)


def test_several_drops_stand_side_by_side_with_their_ranges():
    figure = drop_figure(render(3), [found(), found((0, 0))], ["one", "two"], columns=2)
    assert [axis.get_title() for axis in figure.axes] == ["one", "two"]
    assert all(axis.get_xlabel() == "up to 0.85" for axis in figure.axes)
    assert not np.array_equal(figure.axes[0].images[1].get_array(), figure.axes[1].images[1].get_array())


def test_a_figure_shows_itself_with_its_words():
    figure = occlusion_figure(render(3), found(), NAMES)
    data, metadata = figure._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == figure.words == metadata["image/png"]["alt"]
    assert f'alt="{figure.words}"' in data["text/html"]
