"""Adversarial training, random signs and the linear classifier: what they promise, on networks small enough to know the answer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from cnnlab.robustness import (
    adversarial_training,
    fgsm,
    linear_classifier,
    pgd,
    random_signs,
    robust_accuracy,
    small_changes,
)


def two_classes(count: int = 80, side: int = 6):
    """One pixel tells the class by far; all others tell it by a little, which an attacker can turn round."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 2
    sign = (2.0 * labels - 1)[:, None, None, None]
    images = 0.5 + 0.04 * sign + 0.03 * torch.randn(count, 3, side, side, generator=generator)
    images[:, :, 0, 0] = 0.5 + 0.3 * sign[:, :, 0, 0]
    return images.clamp(0, 1), labels


def plain_network(side: int = 6):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * side * side, 2))
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[1].bias)
    return model


def test_training_on_attacked_pictures_makes_a_network_that_withstands_them():
    images, labels = two_classes()
    result = {}
    for epsilon in (0.0, 0.2):
        model = adversarial_training(
            plain_network(), images, labels, epsilon=epsilon, steps=120, learning_rate=0.3
        )
        result[epsilon] = robust_accuracy(
            model, [(images, labels)], lambda m, x, y: pgd(m, x, y, epsilon=0.2, steps=4)
        )
    assert result[0.0].clean_accuracy == result[0.2].clean_accuracy == 1
    assert result[0.2].accuracy > result[0.0].accuracy + 0.3


def test_training_repeats_to_the_bit_and_leaves_the_model_as_it_was():
    images, labels = two_classes(16)
    model, before, state = plain_network(), torch.rand(1), torch.random.get_rng_state()
    model[1].bias.requires_grad_(False)
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    watched = []
    single = adversarial_training(
        model, images, labels, steps=3, on_step=lambda *message: watched.append(message)
    )
    two = adversarial_training(model, (images * 255).round() / 255, labels, steps=3)
    again = adversarial_training(model, images, labels, steps=3)
    assert torch.equal(single[1].weight, again[1].weight) and not torch.equal(
        single[1].weight, kept["1.weight"]
    )
    assert two[1].weight.shape == single[1].weight.shape
    assert [step for step, _ in watched] == [1, 2, 3] and all(math.isfinite(loss) for _, loss in watched)
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())
    assert model.training and not single.training
    assert single[1].weight.requires_grad and not single[1].bias.requires_grad
    assert torch.equal(torch.random.get_rng_state(), state) and before.numel() == 1


def test_bytes_train_like_the_floats_that_they_stand_for():
    images, labels = two_classes(16)
    stored = (images * 255).round().byte()
    from_bytes, from_floats = (
        adversarial_training(plain_network(), single, labels, steps=2)
        for single in (stored, stored.float() / 255)
    )
    assert torch.equal(from_bytes[1].weight, from_floats[1].weight)


def test_labels_must_be_as_many_as_pictures():
    with pytest.raises(ValueError, match="one label for each, but came as 2 x 3 x 6 x 6 with 3"):
        adversarial_training(plain_network(), torch.rand(2, 3, 6, 6), torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="one label for each picture"):
        linear_classifier(torch.rand(2, 3, 6, 6), torch.zeros(3, dtype=torch.long), "ab")


def test_coin_tosses_move_every_value_by_epsilon_up_as_often_as_down():
    images = torch.full((2, 3, 40, 40), 0.5)
    change = random_signs(None, images, epsilon=0.1) - images
    assert torch.allclose(change.abs(), torch.full_like(change, 0.1))
    assert abs(float(change.mean())) < 0.005
    assert torch.equal(random_signs(None, images[0], seed=3), random_signs(None, images[:1], seed=3)[0])
    assert not torch.equal(random_signs(None, images, seed=3), random_signs(None, images, seed=4))
    assert float(random_signs(None, torch.ones(1, 3, 4, 4), epsilon=0.1).max()) == 1


def test_the_linear_classifier_is_sklearns_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    generator = torch.Generator().manual_seed(0)
    images = torch.rand(40, 3, 3, 3, generator=generator, dtype=torch.float64)
    labels = (images.mean((1, 2, 3)) > 0.5).long()
    decay = 0.02
    ours = linear_classifier(images, labels, ["dark", "bright"], decay=decay, steps=500)
    # Two classes share one weight vector there; w and -w in ours cost half of its square.
    pixels = (images - images.mean(0)).flatten(1).numpy()
    theirs = LogisticRegression(C=2 / (decay * len(images)), tol=1e-10, max_iter=5000).fit(pixels, labels)
    w = (ours[1].weight[1] - ours[1].weight[0]).detach()
    assert torch.allclose(w, torch.from_numpy(theirs.coef_[0]), atol=1e-4)
    assert ours.class_names == ("dark", "bright") and ours.input_size == 3


def test_small_changes_add_up_to_what_fgsm_does():
    images, labels = two_classes()
    model = linear_classifier(images, labels, ["one", "other"], decay=0.1)
    image, epsilon = 0.3 + 0.4 * images[0], 0.05  # away from 0 and 1
    result = small_changes(model, image, 0, epsilon=epsilon)
    w = (model[1].weight[0] - model[1].weight[1]).detach().double()
    z = (model(image[None])[0, 0] - model(image[None])[0, 1]).item()
    attacked = model(fgsm(model, image, 0, epsilon=epsilon)[None])[0].detach()
    assert result.margin == pytest.approx(z, abs=1e-5)
    assert float(result.sums[-1]) == pytest.approx(z - epsilon * float(w.abs().sum()), abs=1e-5)
    assert float(result.sums[-1]) == pytest.approx(float(attacked[0] - attacked[1]), abs=1e-5)
    assert (result.contributions.diff() <= 0).all() and len(result.sums) == len(result.contributions) + 1
    assert (result.sums[result.needed] < 0) and (result.sums[result.needed - 1] >= 0)


def test_values_at_the_end_of_their_range_have_no_room():
    model = linear_classifier(*two_classes(), ["one", "other"])
    image = (
        torch.rand(3, 6, 6, generator=torch.Generator().manual_seed(5)) < 0.5
    ).float()  # 0 or 1 everywhere
    result = small_changes(model, image, epsilon=0.2)
    attacked = model(fgsm(model, image, epsilon=0.2)[None])[0].detach()
    own = int(model(image[None]).argmax())
    assert float(result.sums[-1]) == pytest.approx(float(attacked[own] - attacked[1 - own]), abs=1e-4)
    assert 0 < int((result.contributions > 0).sum()) < len(result.contributions)
    nothing = small_changes(model, image, epsilon=0.0)
    assert nothing.needed == len(nothing.sums) and nothing.margin == pytest.approx(float(nothing.sums[-1]))


def test_small_changes_want_a_linear_network():
    with pytest.raises(TypeError, match="linear network"):
        small_changes(nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(48, 2)), torch.rand(3, 4, 4))
