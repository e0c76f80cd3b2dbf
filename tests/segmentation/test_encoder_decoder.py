"""The encoder and decoder remembers places, or does not; the three ways up have the same weights."""

from __future__ import annotations

import pytest
import torch

from cnnlab.segmentation import UPSAMPLING, EncoderDecoder, max_pool, max_unpool


@pytest.fixture
def images():
    return torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("upsampling", UPSAMPLING)
def test_it_answers_at_each_pixel_and_can_be_trained(upsampling, images):
    model = EncoderDecoder(["background", "cat", "dog"], upsampling)
    logits = model(images)
    assert logits.shape == (2, 3, 16, 24)
    logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_ways_up_have_the_same_weights_and_other_answers(images):
    torch.manual_seed(1)
    models = {
        upsampling: EncoderDecoder(["background", "cat"], upsampling).eval() for upsampling in UPSAMPLING
    }
    for model in models.values():
        model.load_state_dict(models["remembered"].state_dict())
    answers = [model(images) for model in models.values()]
    assert not any(torch.allclose(answers[0], other) for other in answers[1:])
    assert not torch.allclose(answers[1], answers[2])


def test_remembered_values_lie_where_the_maxima_stood(images):
    """Written out: the first unpooling on the way up gets the places of the last pooling on the way down."""
    model = EncoderDecoder(["background", "cat"]).eval()
    with torch.no_grad():
        maps, kept = model.normalise(images), []
        for block in (model.down1, model.down2, model.down3):
            before = block(maps)
            maps, indices = max_pool(before)
            kept.append((indices, before.shape[-2:]))
        maps = model.bottleneck(maps)
        for block in (model.up3, model.up2, model.up1):
            maps = block(max_unpool(maps, *kept.pop()))
        assert torch.allclose(model.score(maps), model(images), atol=1e-6)


def test_corners_are_the_first_places_of_their_windows():
    model = EncoderDecoder(["background", "cat"], "corner")
    indices = model._unpool_indices(torch.zeros(1, 2, 2, 3, dtype=torch.long), (4, 6))
    assert indices[0, 0].tolist() == [[0, 2, 4], [12, 14, 16]]


def test_an_unknown_way_up_is_refused():
    with pytest.raises(ValueError, match="remembered"):
        EncoderDecoder(["background", "cat"], "sideways")
