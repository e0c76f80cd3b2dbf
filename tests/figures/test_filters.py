"""Filters in colour: grey is zero, one scale where one is asked for, and the figures show the weights that went in."""

import numpy as np
import pytest
import torch

from cnnlab.figures import (
    filter_colours,
    filter_limits,
    filters_figure,
    fit_figure,
    kernels_figure,
    share_figure,
)
from cnnlab.units import fit_filters, gabor_pattern


def weights(units=4, inputs=3, side=5):
    made = torch.randn(units, inputs, side, side, generator=torch.Generator().manual_seed(1))
    return made * torch.arange(1.0, units + 1)[:, None, None, None]


def test_zero_is_grey_and_the_largest_weight_has_full_colour():
    made = weights()
    made[0, 0, 0, 0] = 0.0
    for scale in ("filter", "layer", 30.0):
        colours = filter_colours(made, scale)
        assert colours[0, 0, 0, 0] == 0.5
        assert colours.min() >= 0 and colours.max() <= 1
        assert torch.equal(colours > 0.5, made > 0)
    spans = (filter_colours(made) - 0.5).abs().flatten(1).amax(1)
    assert torch.allclose(spans, torch.full((4,), 0.5))


def test_one_scale_for_the_layer_keeps_filters_comparable():
    made = weights()
    limits = filter_limits(made, "layer")
    assert torch.equal(limits, made.abs().max().expand(4))
    assert torch.equal(filter_limits(made, "filter"), made.abs().flatten(1).amax(1))
    assert torch.allclose(filter_colours(made, 10.0), (0.5 + made / 20).clamp(0, 1))


@pytest.mark.parametrize(
    ("scale", "message"), [("unit", "Choose one of: filter, layer"), (0.0, "above 0"), (-1, "above 0")]
)
def test_a_scale_that_makes_no_sense_is_refused(scale, message):
    with pytest.raises(ValueError, match=message):
        filter_colours(weights(), scale)


def test_deeper_filters_are_no_pictures():
    with pytest.raises(ValueError, match="kernels_figure"):
        filter_colours(weights(inputs=4))


def test_the_grid_shows_every_filter_with_hard_pixels():
    figure = filters_figure(weights(), "abcd", columns=2)
    assert len(figure.axes) == 4 and "4 filters of 5 x 5" in figure.alt_text
    for axis, colours in zip(figure.axes, filter_colours(weights()), strict=True):
        assert np.allclose(axis.images[0].get_array(), colours.permute(1, 2, 0))
        assert axis.images[0].get_interpolation() == "nearest"


def test_kernels_stand_in_rows_of_units():
    made = weights(inputs=6)
    figure = kernels_figure(made, [1, 3], [0, 2, 5])
    assert [axis.get_ylabel() for axis in figure.axes if axis.get_ylabel().startswith("unit")] == [
        "unit 1",
        "unit 3",
    ]
    assert np.allclose(figure.axes[4].images[0].get_array(), made[3, 2])
    assert figure.axes[4].images[0].get_clim() == pytest.approx(
        (-float(made.abs().max()), float(made.abs().max()))
    )


def test_fits_stand_below_their_filters():
    made = gabor_pattern(7, orientation=0.4).float().expand(2, 3, 7, 7)
    figure = fit_figure(made, fit_filters(made), [1, 0])
    assert len(figure.axes) == 6 and "filter 1: Gabor; filter 0: Gabor" in figure.alt_text
    assert [axis.get_ylabel() for axis in figure.axes[::2]] == ["filter", "fit", "left over"]
    assert np.allclose(figure.axes[4].images[0].get_array(), 0.5, atol=0.05)


def test_curves_of_shares_fall_and_carry_their_names():
    r2 = {"net": torch.tensor([0.9, 0.2, 0.8]), "net untrained": torch.tensor([0.1, 0.0, 0.05])}
    axis = share_figure(r2).axes[0]
    first, second = axis.lines[:2]
    assert first.get_ydata().tolist() == pytest.approx([0.9, 0.8, 0.2])
    assert (first.get_linestyle(), second.get_linestyle()) == ("-", ":")
    assert first.get_color() == second.get_color()
    assert "net mostly above; net untrained mostly below" in share_figure(r2).alt_text
