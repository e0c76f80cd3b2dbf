"""Pictures that go uphill: known optima, every regulariser alone, and what stays as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.networks.relu_rules import REDIRECTED, relu_rule
from cnnlab.synthesis import (
    channel,
    gradient_ascent,
    layer_norm,
    logit,
    maximise,
    maximise_steps,
    pixels,
    total_variation,
)

BARE = {"jitter": 0, "zoom": 0, "rotate": 0, "l2": 0, "tv": 0}


@pytest.fixture
def linear():
    """z = W x for pictures of 8 x 8, float64."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 4, bias=False)).double()
    nn.init.normal_(model[1].weight, std=0.02, generator=torch.Generator().manual_seed(0))
    return model


def test_with_l2_a_linear_network_has_a_known_optimum(linear):
    # argmax of w.x - l2 |x - 0.5|^2 is grey plus w / (2 l2), clipped.
    result = maximise(
        linear,
        [0, 2],
        steps=400,
        parametrisation="pixels",
        learning_rate=0.005,
        size=8,
        **{**BARE, "l2": 0.05},
    )
    expected = (0.5 + linear[1].weight[[0, 2]].view(2, 3, 8, 8) / 0.1).clamp(0, 1)
    assert torch.allclose(result.images, expected, atol=2e-3)


def test_without_a_penalty_a_linear_network_wants_black_and_white(linear):
    result = maximise(linear, 1, steps=60, parametrisation="pixels", size=8, start="zero", **BARE)
    assert torch.equal(result.images[0] > 0.5, linear[1].weight[1].view(3, 8, 8) > 0)
    assert set(result.images.unique().tolist()) == {0, 1}


def test_the_first_step_goes_along_the_sign_of_the_gradient(linear):
    start = torch.full((3, 8, 8), 0.4, dtype=torch.float64)
    ascents = list(
        maximise_steps(linear, 3, steps=1, parametrisation="pixels", learning_rate=0.01, start=start, **BARE)
    )
    assert torch.equal(ascents[0].images[0], start) and ascents[0].step == 0
    step = (ascents[1].images[0] - start) / 0.01
    assert torch.allclose(step, linear[1].weight[3].view(3, 8, 8).sign(), atol=1e-3)
    assert ascents[1].scores[:, 0].tolist() == pytest.approx(
        [linear(ascent.images)[0, 3].item() for ascent in ascents]
    )


@pytest.mark.parametrize("parametrisation", ["pixels", "fourier"])
def test_the_score_rises_for_every_class_at_once(network, parametrisation):
    result = maximise(
        network, None, steps=25, parametrisation=parametrisation, restarts=2, jitter=1, rotate=3
    )
    assert result.images.shape == (10, 3, 16, 16) and result.scores.shape == (26, 10) and result.step == 25
    assert (result.scores[-1] > result.scores[0] + 1).all()
    assert result.images.min() >= 0 and result.images.max() <= 1
    answers = network(result.images).argmax(1).view(5, 2)
    assert (answers == torch.arange(5)[:, None]).double().mean() >= 0.8
    assert not torch.allclose(result.images[0], result.images[1], atol=0.05), "restarts are different"


def test_pictures_together_are_the_pictures_alone(network, images):
    together = maximise(network, ["goat", "bird"], start=images[:2], steps=8, **BARE)
    for number, name in enumerate(("goat", "bird")):
        alone = maximise(network, name, start=images[number], steps=8, **BARE)
        assert torch.allclose(alone.images[0], together.images[number], atol=1e-9)


def test_any_objective_can_be_maximised(network):
    objective = channel("conv2", [0, 3]) + 0.01 * layer_norm("conv1")
    result = maximise(network, objective, steps=15, jitter=1)
    assert result.images.shape[0] == 2 and (result.scores[-1] > result.scores[0]).all()


def test_every_regulariser_has_its_effect_alone(network):
    def made(**options):
        return maximise(
            network,
            2,
            steps=30,
            parametrisation="pixels",
            seed=1,
            **{**BARE, "learning_rate": 0.03, **options},
        ).images

    plain = made()
    assert (made(l2=1.0) - 0.5).norm() < 0.8 * (plain - 0.5).norm()
    assert total_variation(made(tv=0.2)) < 0.8 * total_variation(plain)
    assert total_variation(made(blur=0.7)) < 0.5 * total_variation(plain)
    assert total_variation(made(blur=0.7, blur_every=1)) < total_variation(made(blur=0.7, blur_every=10))
    for option in ("clip_small_norms", "clip_small_contributions"):
        grey = (made(**{option: 0.4}) == 0.5).all(1).double().mean()
        assert 0.3 < grey < 0.5 and (plain == 0.5).all(1).double().mean() < 0.05
    for option in ({"jitter": 2}, {"zoom": 0.1}, {"rotate": 10.0}):
        assert not torch.allclose(made(**option), plain, atol=0.05)


def test_clipping_by_contribution_sees_the_pictures_gradient_and_not_the_networks(network):
    before = [p.detach().clone() for p in network.parameters()]
    seen = []

    def edit(step, images, gradient):
        seen.append(gradient.shape)
        return images

    coordinates = pixels()
    start = torch.full((2, 3, 16, 16), 0.5, dtype=torch.float64)
    list(gradient_ascent(network, logit([0, 1]), start, coordinates, steps=3, edit=edit))
    assert seen == [(2, 3, 16, 16)] * 3
    assert all(
        torch.equal(a, b) and b.grad is None for a, b in zip(before, network.parameters(), strict=True)
    )


def test_starts(network, images):
    grey = next(maximise_steps(network, 0, start="zero", **BARE)).images
    assert torch.allclose(grey, torch.full_like(grey, 0.5), atol=1e-6)
    given = next(maximise_steps(network, [0, 1, 2], start=images, parametrisation="pixels")).images
    assert torch.equal(given, images)
    with pytest.raises(ValueError, match="one for each of 2"):
        maximise(network, [0, 1], start=images)
    with pytest.raises(ValueError, match="noise, zero"):
        maximise(network, 0, start="random")


def test_the_seed_decides(network):
    first, again, other = (maximise(network, 0, steps=3, seed=seed).images for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=1e-3)


def test_steps_can_be_stopped_and_leave_the_model_alone_in_between(network):
    network.train()
    network.conv1.bias.requires_grad_(False)
    state = torch.get_rng_state()
    steps = maximise_steps(network, 1, steps=10)
    kept = next(steps)
    picture = kept.images.clone()
    next(steps)
    assert network.training and network.head.weight.requires_grad and not network.conv1.bias.requires_grad
    assert not any(module._forward_hooks for module in network.modules())
    steps.close()
    assert torch.equal(kept.images, picture) and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"target": "sheap"}, "sheep"),
        ({"target": 0, "steps": 0}, "steps"),
        ({"target": 0, "parametrisation": "wavelets"}, "fourier"),
        ({"target": 0, "clip_small_norms": 1.5}, "clip_small_norms"),
        ({"target": 0, "restarts": 0}, "restarts"),
        ({"target": channel("conv7", 0)}, "conv7"),
    ],
)
def test_errors_say_what_was_expected(network, options, match):
    with pytest.raises(ValueError, match=match):
        maximise(network, **options)


def test_a_network_that_does_not_say_must_be_told(linear):
    with pytest.raises(ValueError, match="target"):
        maximise(linear, size=8)
    with pytest.raises(ValueError, match="size"):
        maximise(linear, 0)


def test_a_thousand_classes_are_not_taken_all_at_once(linear):
    linear.class_names = [f"class {number}" for number in range(1000)]
    with pytest.raises(ValueError, match="1000 classes, too many to optimise .* say which ones: target="):
        maximise_steps(linear, size=8)


def test_with_easing_the_price_rises_over_the_steps(linear):
    """Without a score all that moves is the price: the first step is shorter the more it is eased (plain gradient, no Adam)."""
    paid = []

    def spy(weight):
        def penalty(images):
            price = images.sum((1, 2, 3))
            price.register_hook(lambda gradient: paid.append(float(gradient[0])))
            return price

        steps = gradient_ascent(
            linear,
            logit(0),
            torch.full((1, 3, 8, 8), 0.5).double(),
            pixels(),
            steps=10,
            penalty=penalty,
            ramp=weight,
        )
        list(steps)

    spy(0.5)
    assert paid == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1, 1])
    paid.clear()
    spy(0.0)
    assert paid == [1.0] * 10


def asleep() -> nn.Sequential:
    """A network whose second unit needs more red than any noise has: its ReLU is shut on every start, the first one's is open."""
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 64, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0, 0], [1.0, 0, 0]])[..., None, None])
        model[0].bias.copy_(torch.tensor([0.0, -0.97]))
    return model.eval()


def test_a_unit_that_no_start_excites_is_woken_all_the_same():
    grey = torch.full((3, 8, 8), 0.5)
    result = maximise(
        asleep(), channel("1", 1), parametrisation="pixels", steps=40, start=grey, size=8, **BARE
    )
    assert result.scores[0] == 0
    assert result.scores[-1] > 0.01
    assert result.images[0, 0].min() > 0.97  # red is what it wants


def test_a_unit_that_is_awake_has_its_ordinary_gradient():
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    model = asleep()
    (plain,) = torch.autograd.grad(model[:2](image)[:, 0].sum(), image)
    with relu_rule(REDIRECTED):
        score = model[:2](image)[:, 0].sum()
    assert torch.equal(torch.autograd.grad(score, image)[0], plain)
