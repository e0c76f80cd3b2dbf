"""SmoothGrad and integrated gradients: the averages that their formulas name, in chunks that change nothing."""

from __future__ import annotations

import captum.attr
import oracles
import pytest
import torch
from torch import Tensor, nn

from cnnlab.attribution import fill_image, gradient, guided_backprop, integrated_gradients, smoothgrad


@pytest.fixture
def tiny(lively) -> nn.Module:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    return lively(net).double()


def score_of(model: nn.Module, target: int):
    def score(picture: Tensor) -> Tensor:
        with torch.no_grad():
            return model(picture[None])[0, target]

    return score


def test_integrated_gradients_is_the_sum_of_its_formula(tiny):
    image = torch.rand(3, 5, 5, dtype=torch.double)
    baseline = torch.full_like(image, 0.5)
    expected = oracles.integrated_gradients(score_of(tiny, 1), image, baseline, steps=7)
    assert expected.abs().max() > 0.01
    result = integrated_gradients(tiny, image, 1, baseline="grey", steps=7, batch_size=3)
    assert torch.allclose(result, expected, atol=1e-7)


def test_smoothgrad_is_the_mean_of_its_formula(tiny):
    image = torch.rand(3, 5, 5, dtype=torch.double) * 0.5
    generator = torch.Generator().manual_seed(6)
    noises = [torch.randn(3, 5, 5, generator=generator) * 0.2 * (image.max() - image.min()) for _ in range(5)]
    expected = oracles.smoothgrad(score_of(tiny, 2), image, noises)
    result = smoothgrad(tiny, image, 2, samples=5, noise=0.2, seed=6, batch_size=2)
    assert torch.allclose(result, expected, atol=1e-7)
    assert (result - gradient(tiny, image, 2)).abs().max() > 1e-3


@pytest.mark.parametrize("baseline", ["black", "grey", "blur"])
def test_integrated_gradients_matches_captum(residual, pictures, baseline):
    model, targets = residual(), [0, 3, 4]
    blank = torch.stack([fill_image(picture, baseline) for picture in pictures])
    expected = captum.attr.IntegratedGradients(model).attribute(
        pictures, blank, targets, n_steps=24, method="riemann_middle"
    )
    assert expected.abs().max() > 0.01
    result = integrated_gradients(model, pictures, targets, baseline=baseline, steps=24)
    assert torch.allclose(result, expected.float(), atol=1e-5)


def test_smoothgrad_matches_captums_noise_tunnel(residual, pictures):
    """Captum draws from the global state, here from the same seed; the noise is the same because the pictures' sizes allow it."""
    model, targets = residual(), [2, 2, 1]
    tunnel = captum.attr.NoiseTunnel(captum.attr.Saliency(model))
    for picture, target in zip(pictures, targets, strict=True):
        torch.manual_seed(3)
        deviation = 0.15 * float(picture.max() - picture.min())
        expected = tunnel.attribute(
            picture[None].clone().requires_grad_(),
            "smoothgrad",
            12,
            stdevs=deviation,
            target=target,
            abs=False,
        )
        result = smoothgrad(model, picture, target, samples=12, noise=0.15, seed=3)
        assert expected.abs().max() > 0.01
        assert torch.allclose(result, expected[0].detach().float(), atol=1e-5)


@pytest.mark.parametrize("of", ["logit", "probability"])
def test_the_parts_of_integrated_gradients_add_up_to_the_whole(residual, pictures, of):
    model = residual("F.relu")
    logits = model(torch.cat([pictures, torch.zeros_like(pictures)])).detach()
    whole = (logits if of == "logit" else logits.softmax(1))[:, 1]
    errors = []
    for steps in (5, 50, 500):
        parts = integrated_gradients(model, pictures, 1, score=of, steps=steps).sum((1, 2, 3))
        errors.append(float((parts - (whole[:3] - whole[3:])).abs().mean()))
    assert (whole[:3] - whole[3:]).abs().max() > 0.08
    assert errors[2] < 4e-3 and errors[2] < errors[1] / 2 < errors[0]


def test_on_a_linear_model_every_average_is_the_weight():
    model, images = nn.Sequential(nn.Flatten(), nn.Linear(75, 4)), torch.rand(2, 3, 5, 5)
    weight = model[1].weight[3].view(3, 5, 5).expand(2, -1, -1, -1)
    assert torch.allclose(smoothgrad(model, images, 3, samples=3), weight, atol=1e-6)
    result = integrated_gradients(model, images, 3, baseline="grey", steps=1)
    assert torch.allclose(result, (images - 0.5) * weight, atol=1e-6)


def test_what_equals_the_baseline_gets_nothing(residual, pictures):
    picture = pictures[0].clone()
    picture[:, 5:9] = 0
    assert integrated_gradients(residual(), picture, 1, steps=5)[:, 5:9].abs().max() == 0
    assert integrated_gradients(residual(), picture, 1, steps=5, baseline="white")[:, 5:9].abs().max() > 0


@pytest.mark.parametrize("technique", [smoothgrad, integrated_gradients])
def test_neither_chunks_nor_company_change_the_result(residual, pictures, technique):
    model = residual("F.relu")
    count = {"samples": 7} if technique is smoothgrad else {"steps": 7}
    whole = technique(model, pictures, [0, 1, 2], **count, batch_size=100)
    for batch_size in (1, 4):
        assert torch.allclose(
            technique(model, pictures, [0, 1, 2], **count, batch_size=batch_size), whole, atol=1e-6
        )
    # The first picture's noise is the first that is drawn, alone or in company.
    assert torch.allclose(technique(model, pictures[0], 0, **count), whole[0], atol=1e-6)


def test_no_noise_is_the_gradient_and_seeds_repeat(residual, pictures):
    model = residual("F.relu_")
    assert torch.allclose(
        smoothgrad(model, pictures, 1, samples=2, noise=0), gradient(model, pictures, 1), atol=1e-6
    )
    first, again, other = (smoothgrad(model, pictures, 1, samples=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_smoothgrad_averages_any_of_the_rules(residual, pictures):
    model = residual("F.relu_")
    result = smoothgrad(model, pictures, 1, samples=1, noise=0, rule="guided")
    assert torch.allclose(result, guided_backprop(model, pictures, 1), atol=1e-6)


def test_the_question_is_that_of_the_picture_without_noise(residual, pictures):
    """Noise may change the predicted class and the strongest position; what is asked about does not change with it."""
    model = residual()
    noisy = {"samples": 6, "noise": 1.0}
    predicted = model(pictures).argmax(1)
    assert torch.equal(smoothgrad(model, pictures, **noisy), smoothgrad(model, pictures, predicted, **noisy))
    maps = model.norm2(model.conv2(model.pool(model.relus[0](model.norm1(model.conv1(pictures))))))
    for picture, single in zip(pictures, maps[:, 4], strict=True):
        position = divmod(int(single.argmax()), 6)
        for technique, options in ((smoothgrad, noisy), (integrated_gradients, {"steps": 6})):
            result = technique(model, picture, layer="norm2", unit=4, **options)
            assert torch.equal(
                result, technique(model, picture, layer="norm2", unit=(4, *position), **options)
            )


class Counting(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model, self.batches = model, []

    def forward(self, images):
        self.batches.append(len(images))
        return self.model(images)


@pytest.mark.parametrize(("technique", "count"), [(smoothgrad, "samples"), (integrated_gradients, "steps")])
def test_one_forward_for_each_sample_in_chunks(residual, pictures, technique, count):
    model = Counting(residual())
    technique(model, pictures[0], 1, batch_size=10, **{count: 25})
    assert model.batches == [10, 10, 5]
    model.batches.clear()
    technique(model, pictures[0], batch_size=10, **{count: 25})  # to know the class takes one more
    assert model.batches == [1, 10, 10, 5]


def test_chunks_are_small_unless_asked(lively):
    model = Counting(lively(nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())))
    for side, most in ((96, 3), (224, 2)):
        smoothgrad(model, torch.rand(3, side, side), 1, samples=7)
        assert max(model.batches) == most and sum(model.batches) == 7
        model.batches.clear()


def test_the_tag_in_the_corner_is_found(tag_in_the_corner, tagged):
    for result in (
        smoothgrad(tag_in_the_corner, tagged, 0, samples=10),
        integrated_gradients(tag_in_the_corner, tagged, 0),
    ):
        result = result.abs().amax(0)
        assert result[:4, :4].min() > 0
        result[:4, :4] = 0
        assert result.max() == 0


@pytest.mark.parametrize(
    ("technique", "options", "error", "message"),
    [
        (smoothgrad, {"samples": 0}, ValueError, "samples must be"),
        (smoothgrad, {"noise": 1.5}, ValueError, "noise must lie between 0 and 1"),
        (smoothgrad, {"rule": "relu"}, ValueError, "rule 'relu' is not known"),
        (smoothgrad, {"batch_size": 0}, ValueError, "batch_size must be"),
        (integrated_gradients, {"steps": 2.5}, TypeError, "steps must be"),
        (integrated_gradients, {"baseline": "blakc"}, ValueError, 'Did you mean "black"'),
        (integrated_gradients, {"target": 9}, ValueError, "class index of 5 classes"),
    ],
)
def test_impossible_questions_are_refused(residual, pictures, technique, options, error, message):
    with pytest.raises(error, match=message):
        technique(residual(), pictures, **options)


def test_progress_is_shown_on_demand(residual, pictures, capsys):
    smoothgrad(residual(), pictures, 0, samples=2)
    assert capsys.readouterr().err == ""
    smoothgrad(residual(), pictures, 0, samples=2, progress=True)
    assert "noisy pictures: 100%" in capsys.readouterr().err
