"""The mask of a unit is what dissection counted, at every pixel."""

from __future__ import annotations

import pytest
import torch

from cnnlab.networks import activations, receptive_field
from cnnlab.units import activation_mask, dissect, upsample_to_image


def test_masks_of_all_pictures_hold_the_share_that_dissection_asked_for(tiny, pictures, floats):
    result = dissect(
        tiny, pictures, "conv2", quantile=0.03, categories=("part",), pixel_step=1, min_pictures=1
    )
    for unit in range(5):
        masks = activation_mask(tiny, floats, result, unit)
        assert masks.shape == (23, 20, 20)
        # Pixels beyond the outermost middles tie, so a few on the threshold itself may fall to either side.
        assert float(masks.double().mean()) == pytest.approx(float(result.activated_fraction[unit]), abs=5e-3)
        assert torch.equal(activation_mask(tiny, floats[4], result, unit), masks[4])


def test_maps_at_pixels_keep_their_values_in_the_middle_of_each_field(tiny, floats):
    maps = activations(tiny, floats, "conv2")["conv2"]
    field = receptive_field(tiny, "conv2", (3, 20, 20))
    large = upsample_to_image(maps, field)
    assert large.shape == (*maps.shape[:2], 20, 20)
    for row in range(1, field.positions[0] - 1):
        middle = field.offset[0] + (field.size[0] - 1) / 2 + row * field.stride[0]
        if middle == int(middle):
            across = field.offset[1] + (field.size[1] - 1) / 2 + field.stride[1]
            if across == int(across):
                assert torch.allclose(large[:, :, int(middle), int(across)], maps[:, :, row, 1])
    assert float(large.max()) <= float(maps.max()) + 1e-9 and float(large.min()) >= float(maps.min()) - 1e-9


def test_a_unit_that_is_not_there_is_refused(tiny, pictures, floats):
    result = dissect(tiny, pictures, "conv2", categories=("part",), min_pictures=1)
    with pytest.raises(ValueError, match="unit"):
        activation_mask(tiny, floats, result, 5)
