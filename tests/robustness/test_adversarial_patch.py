"""A patch that wins at any place: by a closed form on a linear network, and against random pixels on one that is not."""

from __future__ import annotations

import pytest
import torch
from enlivening import enliven
from torch import nn
from unchanged import state

from cnnlab.robustness import adversarial_patch, adversarial_patch_steps, paste_patch, patch_success
from cnnlab.robustness.adversarial_patch import _transformed


class MeanColour(nn.Module):
    """Classes red, green, blue: the mean of each colour, ten times."""

    class_names = ("red", "green", "blue")

    def forward(self, images):
        return 10 * images.mean((2, 3))


@pytest.fixture
def network():
    """Convolution, batch statistics and mean pooling, so that places do not count; of noise it says every class about as often."""
    model = nn.Sequential(
        *(nn.Conv2d(3, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 8, 3), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)),
    )
    model.class_names = ("sheep", "goat", "wolf", "husky", "bird")
    enliven(model, 0).eval()
    with torch.no_grad():
        model[-1].weight *= 20
        model[-1].bias -= model(torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(4))).mean(0)
    return model


@pytest.fixture
def pictures():
    return torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(2))


def test_for_the_mean_of_a_colour_the_best_patch_is_that_colour(pictures):
    """The logit of green is the mean of green, and softmax falls with the others: the optimum is pure green."""
    patch = adversarial_patch(MeanColour(), pictures, "green", side=6, steps=60, scale=(0.5, 0.5))
    assert torch.allclose(patch, torch.tensor([0.0, 1, 0])[:, None, None].expand(3, 6, 6))


def test_the_probability_of_the_class_grows_and_the_patch_stays_a_picture(network, pictures):
    network[1].train()
    before = state(network)
    steps = list(adversarial_patch_steps(network, pictures, "sheep", side=8, steps=40, scale=(0.4, 0.6)))
    assert state(network) == before
    assert [one.step for one in steps] == list(range(41)) and (steps[0].patch == 0.5).all()
    first, last = (sum(one.probability for one in part) / 8 for part in (steps[1:9], steps[-8:]))
    assert last > first + 0.2
    assert steps[-1].patch.min() >= 0 and steps[-1].patch.max() <= 1
    again = adversarial_patch(network, pictures, "sheep", side=8, steps=40, scale=(0.4, 0.6))
    assert torch.equal(again, steps[-1].patch)


def test_a_trained_patch_wins_on_other_pictures_where_random_pixels_do_not(network, pictures):
    held_out = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(8))
    patch = adversarial_patch(network, pictures, "sheep", side=8, steps=60, scale=(0.4, 0.6))
    trained = patch_success(network, held_out, patch, "sheep", scale=0.5, places=3)
    noise = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    random = patch_success(network, held_out, noise, "sheep", scale=0.5, places=3)
    assert trained.interval[0] > random.interval[1]
    assert trained.count == random.count == 3 * round(20 * (1 - trained.without))


def test_success_counts_places_and_leaves_out_what_is_called_so_anyway():
    pictures = torch.zeros(4, 3, 16, 16)
    pictures[:, 0] = 0.3
    pictures[3, 1] = 1  # green without any patch
    green = torch.tensor([0.0, 1, 0])[:, None, None].expand(3, 4, 4)
    found = patch_success(MeanColour(), pictures, green, "green", scale=0.75, places=5)
    assert (found.rate, found.count, found.without) == (1, 15, 0.25)
    # A patch of a quarter of the side covers 1/16 of the picture: 1/16 of green is less than 15/16 * 0.3 of red.
    assert patch_success(MeanColour(), pictures, green, "green", scale=0.25).rate == 0
    with pytest.raises(ValueError, match="already"):
        patch_success(MeanColour(), pictures[3:], green, "green")


def test_pasting_changes_the_window_alone(pictures):
    patch = torch.rand(3, 4, 4)
    pasted = paste_patch(pictures, patch, top=3, left=9, size=4)
    assert torch.equal(pasted[:, :, 3:7, 9:13], patch.expand(12, 3, 4, 4))
    outside = torch.ones(16, 16, dtype=torch.bool)
    outside[3:7, 9:13] = False
    assert torch.equal(pasted[..., outside], pictures[..., outside])
    assert paste_patch(pictures[0], patch, 0, 0, 16).shape == (3, 16, 16)
    with pytest.raises(ValueError, match="left"):
        paste_patch(pictures, patch, top=3, left=13, size=4)


def test_transformed_without_rotation_is_pasted_and_a_quarter_turn_turns_the_patch(pictures):
    patch = torch.rand(3, 8, 8)
    half, place = torch.full((12,), 0.5), torch.tensor([0.25, 0.75])[:, None].expand(2, 12)
    same = _transformed(pictures, patch, half, torch.zeros(12), place)
    assert torch.allclose(same, paste_patch(pictures, patch, top=2, left=6, size=8), atol=1e-5)
    turned = _transformed(pictures, patch, half, torch.full((12,), 90.0), place)
    quarter = torch.rot90(patch, 1, (1, 2)), torch.rot90(patch, -1, (1, 2))
    assert any(
        torch.allclose(turned, paste_patch(pictures, one, top=2, left=6, size=8), atol=1e-4)
        for one in quarter
    )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"scale": (0.5, 0.2)}, "scale"),
        ({"scale": 0.3}, "two shares of the side, above 0 and rising, but got 0.3"),
        ({"scale": (0.1, 0.2, 0.3)}, "two shares"),
        ({"side": 0}, "side"),
        ({"side": 60}, "pasted 7 pixels wide at most.*take 14 or fewer"),
        ({"steps": 0}, "steps"),
        ({"degrees": float("nan")}, "degrees must be 0 or above"),
        ({"learning_rate": -0.1}, "learning_rate above 0"),
    ],
)
def test_what_makes_no_patch_is_refused(network, pictures, options, match):
    with pytest.raises(ValueError, match=match):
        adversarial_patch(network, pictures, 0, **options)


def test_the_class_must_be_said_and_the_patch_be_one(network, pictures):
    """None would be the class predicted for the first picture, and several patches would lie on one picture each."""
    for attempt in (
        lambda: adversarial_patch(network, pictures, None),
        lambda: patch_success(network, pictures, torch.rand(3, 5, 5), None),
    ):
        with pytest.raises(ValueError, match="None is no class"):
            attempt()
    with pytest.raises(ValueError, match=r"one patch, 3 x any x any, but came as \(12, 3, 5, 5\)"):
        paste_patch(pictures, torch.rand(12, 3, 5, 5), 0, 0, 4)


def test_a_patch_finer_than_its_picture_still_wins(pictures):
    """Up to twice its side, each of its pixels is seen in training."""
    patch = adversarial_patch(MeanColour(), pictures, "green", side=16, steps=80, scale=(0.5, 0.5))
    assert patch[1].mean() > 0.9 and patch[[0, 2]].mean() < 0.1
