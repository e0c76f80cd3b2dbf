"""The figures of relevance hold the maps that they were given, in the colours that their signs ask for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab.figures import attribution_figure, overlay_figure, segment_figure, spotlight
from cnnlab.figures.attribution import as_picture


@pytest.fixture
def images():
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def maps(images):
    return {"signed": images[:, 0] - 0.5, "size": images[:, 1], "colours": images - 0.5}


def test_every_map_stands_in_its_row_and_column(images, maps):
    masks = torch.zeros(2, 16, 16, dtype=torch.bool)
    masks[:, 4:9, 4:9] = True
    figure = attribution_figure(images, maps, masks)
    axes = np.array(figure.axes).reshape(2, 4)
    for row in range(2):
        assert np.allclose(axes[row, 0].images[0].get_array(), images[row].permute(1, 2, 0))
        assert np.allclose(axes[row, 1].images[0].get_array(), maps["signed"][row])
        assert np.allclose(axes[row, 2].images[0].get_array(), maps["size"][row])
    low, high = axes[0, 1].images[0].get_clim()
    assert low == -high  # white is nothing
    assert axes[0, 2].images[0].get_clim()[0] == 0
    assert [axis.get_title() for axis in axes[0]] == ["the picture", *maps] and "signed" in figure.alt_text


def test_grey_is_nothing_in_a_map_shown_as_a_picture():
    signed = torch.zeros(3, 8, 8)
    signed[0, 0, 0], signed[1, 7, 7] = 2.0, -2.0
    drawn = as_picture(signed)
    assert drawn[:, 3, 3].tolist() == [0.5] * 3 and drawn[0, 0, 0] == 1 and drawn[1, 7, 7] == 0
    assert (as_picture(torch.zeros(3, 4, 4)) == 0.5).all()


def test_a_title_in_two_lines_is_one_in_the_alternative_text(images):
    assert "logit tabby." in attribution_figure(images, {"logit\ntabby": images[:, 0]}).alt_text


def test_black_is_nothing_in_a_map_without_colours():
    sizes = torch.zeros(8, 8)
    sizes[0, 0], sizes[0, 1] = 4.0, 2.0
    drawn = as_picture(sizes)
    assert drawn.shape == (3, 8, 8)
    assert drawn[:, 0, 0].tolist() == [1, 1, 1] and (drawn[:, 1:] == 0).all()
    assert (as_picture(torch.zeros(4, 4)) == 0).all()


def test_a_spotlight_keeps_colours_where_the_map_is_strong_and_is_dark_grey_elsewhere():
    image = torch.rand(3, 40, 40)
    relevance = torch.zeros(40, 40)
    relevance[:20], relevance[30:] = 2.0, -1.0
    lit = spotlight(image, relevance, dark=0.25)
    assert torch.equal(lit[:, :20], image[:, :20])
    torch.testing.assert_close(lit[:, 20:], 0.25 * image[:, 20:].mean(0, keepdim=True).expand(3, -1, -1))
    torch.testing.assert_close(spotlight(image, 5 * relevance, dark=0.25), lit)


def test_as_many_maps_as_pictures_are_needed(images, maps):
    with pytest.raises(ValueError, match="1 maps of signed"):
        attribution_figure(images, {"signed": maps["signed"][:1]})
    with pytest.raises(ValueError, match="captions"):
        overlay_figure(images, maps["size"], ["one"])


def test_overlays_share_one_scale_unless_each_has_its_own(images):
    maps = [torch.full((16, 16), 1.0), torch.full((16, 16), 4.0)]
    shared = overlay_figure(images, maps, ["weak", "strong"])
    assert [axis.images[1].get_clim() for axis in shared.axes[:2]] == [(0, 4), (0, 4)]
    own = overlay_figure(images, maps, ["weak", "strong"], separate_scales=True)
    assert [axis.images[1].get_clim() for axis in own.axes[:2]] == [(0, 1), (0, 4)]
    assert "weak" in shared.alt_text


def test_what_is_not_positive_stays_clear(images):
    figure = overlay_figure(images[:1], [torch.full((16, 16), -1.0)], ["against"])
    assert np.asarray(figure.axes[0].images[1].get_alpha()).max() == 0


def test_the_segment_keeps_its_colours_and_the_ground_is_pale(images):
    segments = torch.zeros(2, 16, 16, dtype=torch.bool)
    segments[:, 2:7, 2:7] = True
    figure = segment_figure(images, images.mean(1), segments, segments, [1.0, 0.25])
    drawn = np.asarray(figure.axes[4].images[0].get_array())
    inside = segments[0].numpy()
    assert np.allclose(drawn[inside], images[0].permute(1, 2, 0).numpy()[inside])
    assert drawn[~inside].min() >= 0.75 - 1e-6
    assert figure.axes[5].get_xlabel() == "IoU 0.25" and "0.25" in figure.alt_text
    assert figure.axes[2].get_ylabel() == "map", "it may come from saliency, Grad-CAM or class maps"
