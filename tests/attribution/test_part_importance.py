"""The true importance of parts against closed forms: linear networks, and a network that needs two parts at once."""

from __future__ import annotations

import math

import captum.attr
import pytest
import torch
from torch import nn

from cnnlab.attribution import (
    PartGame,
    important_parts,
    kernel_shap,
    lime,
    part_claims,
    part_game,
    shapley_values,
    true_importance,
)
from cnnlab.world import parts_of, render, sample

SIDE = 32


@pytest.fixture(scope="module")
def linear():
    """A network whose logits are linear in the pixels."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 3)).double().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def car():
    return sample(6, shape="car", clutter=0, cover=0.0, scale=0.4, position=(0.5, 0.5))


def picture(recipe, *without):
    return render(recipe, size=SIDE, without=without).image.double()


def test_a_linear_network_gives_its_weights_times_what_changed(linear, car):
    found = true_importance(linear, car, target=1, size=SIDE)
    weights = linear[1].weight[1].view(3, SIDE, SIDE)
    for i, part in enumerate(found.parts):
        expected = (weights * (picture(car) - picture(car, part))).sum()
        assert found.leave_one_out[i] == pytest.approx(float(expected), abs=1e-8)
        others = [name for name in found.parts if name != part]
        alone = (weights * (picture(car, *others) - picture(car, *found.parts))).sum()
        assert found.keep_one[i] == pytest.approx(float(alone), abs=1e-8)
    whole = (weights * (picture(car) - picture(car, *found.parts))).sum()
    assert found.object == pytest.approx(float(whole), abs=1e-8)
    scenes = [found.scenes[scene] for scene in found.scenes]
    other = (weights * (picture(car) - render(car, size=SIDE, scene="sky").image)).sum()
    assert found.scenes["sky"] == pytest.approx(float(other), abs=1e-6) and len(scenes) == 9
    assert found.scene == pytest.approx(sum(scenes) / 9)


def test_without_a_size_pictures_have_that_of_the_network_or_of_the_world(car):
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    for said, side in ((None, 96), ((3, SIDE, SIDE), SIDE)):
        model.input_size = said
        found = true_importance(model, car, target=1, pairs=False)
        expected = true_importance(model, car, target=1, pairs=False, size=side)
        assert torch.equal(found.leave_one_out, expected.leave_one_out)


def test_in_a_linear_network_parts_interact_only_where_one_hides_the_other(linear, car):
    found = true_importance(linear, car, target=1, size=SIDE)
    weights = linear[1].weight[1].view(3, SIDE, SIDE)
    apart = 0
    for i, first in enumerate(found.parts):
        for j, second in enumerate(found.parts[:i]):
            crossed = picture(car) - picture(car, first) - picture(car, second) + picture(car, first, second)
            assert found.interaction[i, j] == pytest.approx(float((weights * crossed).sum()), abs=1e-8)
            differs = [(picture(car) - picture(car, part)).any(0) for part in (first, second)]
            if not (differs[0] & differs[1]).any() and not crossed.any():
                assert found.interaction[i, j] == pytest.approx(0, abs=1e-8)
                apart += 1
    assert apart >= 8, "most pairs of a car do not touch"
    assert torch.equal(found.interaction, found.interaction.T) and not found.interaction.diagonal().any()


def test_parts_that_do_not_touch_add_up_in_a_linear_network(linear, car):
    two = car.replace(without=())
    wheel, light = (picture(two) - picture(two, part) for part in ("wheel", "light"))
    assert not (wheel.any(0) & light.any(0)).any()
    both = picture(two) - picture(two, "wheel", "light")
    falls = true_importance(linear, car, target=0, size=SIDE, pairs=False)
    parts = falls.parts
    expected = (linear[1].weight[0].view(3, SIDE, SIDE) * both).sum()
    total = falls.leave_one_out[parts.index("wheel")] + falls.leave_one_out[parts.index("light")]
    assert total == pytest.approx(float(expected), abs=1e-8)
    assert falls.interaction.numel() == 0


class Both(nn.Module):
    """Its logit is the product of the redness of two pixels: it needs both."""

    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, images):
        product = images[:, 0, self.first[0], self.first[1]] * images[:, 0, self.second[0], self.second[1]]
        return torch.stack([product, -product], 1)


def test_a_network_that_needs_two_parts_at_once_has_their_interaction(car):
    truth = render(car, size=SIDE)
    wheel, window = (torch.nonzero(truth.mask("part", part))[0].tolist() for part in ("wheel", "window"))
    found = true_importance(Both(wheel, window), car, target=0, size=SIDE)
    i, j = found.parts.index("wheel"), found.parts.index("window")
    a, b = (float(truth.image[0, y, x]) for y, x in (wheel, window))
    gone = render(car, size=SIDE, without=("wheel", "window")).image
    c, d = (float(gone[0, y, x]) for y, x in (wheel, window))
    assert found.interaction[i, j] == pytest.approx((a - c) * (b - d), abs=1e-6)
    assert found.leave_one_out[i] == pytest.approx((a - c) * b, abs=1e-6)
    assert found.ranking()[0] in ("wheel", "window", "body", "cabin")
    assert "wheel" in found.table() and "the scene" in found.table()


def test_claims_add_up_the_map_on_each_part():
    truth = render(7, shape="cup", cover=0.0, clutter=0)
    relevance = torch.rand(96, 96)
    claims = part_claims(relevance, truth, widen=0)
    for part, claim in zip(parts_of("cup"), claims, strict=True):
        assert claim == pytest.approx(float(relevance.double()[truth.mask("part", part)].sum()))
    assert (part_claims(relevance, truth, widen=2) > claims).all()
    assert torch.equal(part_claims(relevance.numpy(), truth, widen=0), claims)
    relevance[truth.mask("part", "rim")] = torch.nan
    assert part_claims(relevance, truth, widen=0)[parts_of("cup").index("rim")] == 0
    assert important_parts(claims, parts_of("cup"), float(claims.sum()), 0.0) == parts_of("cup")


def test_what_has_no_parts_is_refused(linear, car):
    with pytest.raises(ValueError, match="no object"):
        true_importance(linear, car.replace(shape="none"), 0, size=SIDE)
    with pytest.raises(ValueError, match="missing already"):
        true_importance(linear, car.replace(without=("wheel",)), 0, size=SIDE)
    with pytest.raises(ValueError, match="size of the picture"):
        part_claims(torch.rand(8, 8), render(car, size=SIDE))
    with pytest.raises(ValueError, match="no object"):
        part_claims(torch.rand(SIDE, SIDE), render(car, size=SIDE, shape="none"))
    with pytest.raises(TypeError, match="those of a rendered picture, so give one .*, not Recipe"):
        part_claims(torch.rand(SIDE, SIDE), car)
    with pytest.raises(ValueError, match="infinite somewhere"):
        part_claims(torch.full((SIDE, SIDE), -math.inf), render(car, size=SIDE))
    with pytest.raises(ValueError, match="size .* but got 0"):
        true_importance(linear, car, 0, size=0)
    for no_recipe in (render(car), 6):
        with pytest.raises(TypeError, match="give one .picture.recipe, or sample.seed.., not"):
            true_importance(linear, no_recipe, 0, size=SIDE)


@pytest.fixture(scope="module")
def game():
    torch.manual_seed(1)
    values = torch.randn(16).double()
    coalitions = (torch.arange(16)[:, None] >> torch.arange(4)) % 2 == 1
    return PartGame(("saucer", "handle", "body", "rim"), coalitions, values, 0)


def test_shapley_values_are_captums(game):
    def value(rows):
        return game.values[(rows.long() * 2 ** torch.arange(4)).sum(1)]

    expected = captum.attr.ShapleyValues(value).attribute(torch.ones(1, 4))
    assert torch.allclose(shapley_values(game), expected[0].double(), atol=1e-6)


def test_kernel_shap_of_all_coalitions_is_exact(game):
    shares = shapley_values(game)
    assert torch.allclose(kernel_shap(game), shares, atol=1e-9)
    assert shares.sum() == pytest.approx(float(game.values[-1] - game.values[0]))
    one = PartGame(("body",), torch.tensor([[False], [True]]), torch.tensor([2.0, 5.0]), 0)
    assert kernel_shap(one).tolist() == shapley_values(one).tolist() == [3.0]


def test_of_a_sum_all_three_find_the_terms(game):
    terms = torch.tensor([1.0, -2.0, 0.5, 4.0]).double()
    added = PartGame(game.parts, game.coalitions, game.coalitions.double() @ terms, 0)
    assert torch.allclose(shapley_values(added), terms) and torch.allclose(kernel_shap(added), terms)
    assert torch.allclose(lime(added, penalty=1e-9), terms, atol=1e-4)
    assert (lime(added, penalty=10).abs() < terms.abs()).all(), "the penalty shrinks"


def test_lime_is_the_weighted_ridge_of_its_formula(game):
    there = game.coalitions.double()
    weights = torch.exp(-((1 - (there.sum(1) / 4).sqrt()) ** 2) / 0.25**2)
    centred = there - (weights[:, None] * there).sum(0) / weights.sum()
    aim = game.values - (weights * game.values).sum() / weights.sum()
    left = centred.T @ (weights[:, None] * centred) + torch.eye(4).double()
    expected = torch.linalg.solve(left, centred.T @ (weights * aim))
    assert torch.allclose(lime(game), expected)


@pytest.mark.parametrize(
    ("parts", "rows", "values", "match"),
    [
        (4, slice(16), slice(5), r"16 x 4 and 16 for 4 parts, but came as \(16, 4\) and \(5,\)"),
        (4, slice(7), slice(7), r"came as \(7, 4\) and \(7,\); part_game renders"),
        (3, slice(16), slice(16), "8 x 3 and 8 for 3 parts"),
        (0, slice(1), slice(1), "one part or more"),
        (4, range(15, -1, -1), slice(16), "binary digits of n"),
    ],
)
def test_a_game_of_odd_sizes_is_refused(game, parts, rows, values, match):
    with pytest.raises(ValueError, match=match):
        PartGame(game.parts[:parts], game.coalitions[rows], game.values[values], 0)


def test_a_game_is_of_finite_numbers_and_so_are_limes_settings(game):
    with pytest.raises(ValueError, match="must be finite"):
        PartGame(game.parts, game.coalitions, game.values * math.nan, 0)
    for options in ({"kernel_width": 0}, {"kernel_width": math.nan}, {"penalty": -1}, {"penalty": math.inf}):
        with pytest.raises(ValueError, match="kernel_width must be above 0 and penalty 0 or above, but got"):
            lime(game, **options)


def test_the_game_of_a_picture_has_its_logits(linear):
    cup = sample(7, shape="cup", clutter=0, cover=0.0)
    found = part_game(linear, cup, target=2, size=SIDE)
    assert found.parts == parts_of("cup") and found.values.shape == (16,)
    for row, value in zip(found.coalitions, found.values, strict=True):
        missing = [part for part, there in zip(found.parts, row, strict=True) if not there]
        assert value == pytest.approx(float(linear(picture(cup, *missing)[None])[0, 2]), abs=1e-8)
    truth = true_importance(linear, cup, target=2, size=SIDE)
    assert shapley_values(found).sum() == pytest.approx(truth.object)
