"""Silenced units, and what is lost with them."""

from __future__ import annotations

import pytest
import torch

from cnnlab.networks import activations
from cnnlab.networks.evaluation import evaluate
from cnnlab.units import ablate, ablate_each, ablation_steps


def logits(model, images):
    return activations(model, images, "fc4")["fc4"]


def test_a_silent_unit_is_one_that_nobody_reads(tiny, floats):
    with ablate(tiny, "relu2", [1, 3]):
        silenced = logits(tiny, floats)
    assert not torch.allclose(silenced, logits(tiny, floats))
    with torch.no_grad():
        tiny.fc3.weight.view(7, 5, 25)[:, [1, 3]] = 0
    assert torch.allclose(silenced, logits(tiny, floats))


def test_a_factor_scales_a_unit_of_a_vector(tiny, floats):
    with ablate(tiny, "relu3", 2, factor=3.0):
        scaled = logits(tiny, floats)
    with torch.no_grad():
        tiny.fc4.weight[:, 2] *= 3
    assert torch.allclose(scaled, logits(tiny, floats))


def test_the_network_is_itself_again_also_after_an_error(tiny, floats):
    before = logits(tiny, floats)
    with pytest.raises(KeyError), ablate(tiny, "relu1", 0):
        raise KeyError
    with (
        pytest.raises(ValueError, match="unit must be a whole number between 0 and 5"),
        ablate(tiny, "relu1", 6),
    ):
        logits(tiny, floats)
    with pytest.raises(ValueError, match='layer "relu9" is not in'), ablate(tiny, "relu9", 0):
        pass
    assert torch.equal(logits(tiny, floats), before)
    assert not any(module._forward_hooks for module in tiny.modules())


def test_the_class_that_needs_the_unit_falls(colour_network, flags):
    result = ablate_each(colour_network, flags, "relu", [0, 2], batch_size=5)
    assert result.before.tolist() == [1, 1, 1]
    assert result.units == ((0,), (2,))
    assert result.after.tolist() == [[0, 1, 1], [1, 1, 0]]
    assert torch.equal(result.change, result.after - result.before)
    assert result.overall_change.tolist() == pytest.approx([-1 / 3, -1 / 3])


def test_step_by_step_it_comes_to_the_same(colour_network, flags):
    images = flags.images.float() / (255 if flags.images.dtype == torch.uint8 else 1)
    steps = list(ablation_steps(colour_network, images, flags.labels, "relu", 2, batch_size=5))
    before, after = steps[-1]
    assert len(steps) == 3 and (before.tolist(), after.tolist()) == ([1, 1, 1], [1, 1, 0])


def test_before_is_what_evaluation_says(tiny, pictures):
    result = ablate_each(tiny.float(), pictures, "relu2", [0])
    expected = evaluate(tiny.eval(), pictures)
    assert torch.allclose(result.before, expected.per_class.double())
    counts = torch.bincount(pictures.labels, minlength=4) / len(pictures)
    assert float((result.before * counts).sum()) == pytest.approx(expected.accuracy)


def test_a_class_without_pictures_has_no_accuracy(colour_network, flags):
    flags.labels = flags.labels.clamp(max=1)
    result = ablate_each(colour_network, flags, "relu", [1])
    assert result.before[2].isnan() and result.overall_change.isfinite().all()


def test_a_group_is_silenced_as_one_and_evidence_is_the_own_logit(colour_network, flags):
    result = ablate_each(colour_network, flags, "relu", [[0, 2], 1])
    assert result.units == ((0, 2), (1,))
    images = flags.images.float() / 255
    with torch.inference_mode():
        loud = colour_network(images)
        with ablate(colour_network, "relu", [0, 2]):
            quiet = colour_network(images)
    for c in range(3):
        own = flags.labels == c
        assert float(result.logit_change[0, c]) == pytest.approx(
            float((quiet - loud)[own, c].mean()), abs=1e-5
        )
        assert float(result.after[0, c]) == float((quiet[own].argmax(1) == c).float().mean())
