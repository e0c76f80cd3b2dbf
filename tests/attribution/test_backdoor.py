"""The planted tag: it lies where its mask says, it decides the answer, and the gradient of what reads it is known exactly."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.attribution import (
    BackdooredModel,
    add_trigger,
    channel_max,
    deconvnet,
    gradient,
    integrated_gradients,
)
from cnnlab.attribution.backdoor import CORNERS


@pytest.fixture
def images():
    return torch.rand(4, 3, 40, 32, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.fixture
def base():
    model = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3 * 5 * 4, 4)).double()
    generator = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model.eval()


@pytest.mark.parametrize("corner", CORNERS)
def test_the_tag_lies_in_its_corner_and_nowhere_else(images, corner):
    kept = images.clone()
    stamped, mask = add_trigger(images, side=6, margin=3, corner=corner)
    assert torch.equal(images, kept)
    assert torch.equal(stamped[..., ~mask], images[..., ~mask]) and int(mask.sum()) == 36
    rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
    assert int(rows[0]) == (3 if "top" in corner else 40 - 9)
    assert int(columns[0]) == (3 if "left" in corner else 32 - 9)
    assert len(stamped[0][:, mask].T.unique(dim=0)) == 2  # two colours


def test_one_picture_goes_without_its_axis(images):
    stamped, mask = add_trigger(images[0], side=6)
    assert torch.equal(stamped, add_trigger(images, side=6)[0][0]) and mask.shape == (40, 32)


def test_the_reader_adds_its_strength_on_the_tag_and_nothing_without_it(images, base):
    cheat = BackdooredModel(base, 2, strength=7.0, side=6).double()
    stamped, _ = add_trigger(images, side=6)
    expected = base(stamped)
    expected[:, 2] += 7.0
    assert torch.allclose(cheat(stamped), expected)
    assert torch.allclose(cheat(images), base(images))


def test_the_gradient_of_the_planted_part_is_the_filter(images, base):
    cheat = BackdooredModel(base, 2, strength=7.0, side=6).double()
    stamped, mask = add_trigger(images, side=6)
    extra = gradient(cheat, stamped, 2) - gradient(base, stamped, 2)
    assert torch.allclose(extra[0][:, mask], 14 * cheat.filter.double().flatten(1))
    assert extra[..., ~mask].abs().max() == 0


def test_the_parts_of_integrated_gradients_give_the_tag_its_due(images, base):
    cheat = BackdooredModel(base, 2, strength=500.0, side=6).double()
    stamped, mask = add_trigger(images, side=6)
    parts = integrated_gradients(cheat, stamped, 2, steps=64).sum(1)
    rest = integrated_gradients(base, stamped, 2, steps=64).sum(1)
    assert torch.allclose((parts - rest)[:, mask].sum(1), torch.full((4,), 500.0).double(), rtol=0.02)


def test_the_deconvnet_sees_the_tag_where_none_is(images, base):
    """Its ReLUs are open backwards whatever they did forwards: a false alarm, and the reason why it is no evidence."""
    cheat = BackdooredModel(base, 2, strength=1e3, side=6).double()
    _, mask = add_trigger(images, side=6)
    assert channel_max(deconvnet(cheat, images, 2))[:, mask].mean() > 10
    assert torch.allclose(gradient(cheat, images, 2), gradient(base, images, 2))


def test_a_class_may_be_named_and_wrong_ones_are_told():
    base = nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(3, 2))
    base.class_names = ("cat", "dog")
    assert BackdooredModel(base, "dog").target == 1
    with pytest.raises(ValueError, match="cat"):
        BackdooredModel(base, "cow")
    with pytest.raises(ValueError, match="corner"):
        add_trigger(torch.rand(3, 32, 32), corner="middle")
    with pytest.raises(ValueError, match="margin"):
        add_trigger(torch.rand(3, 32, 32), side=40)
