"""Accuracy under attack, and defences attacked by someone who knows them."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn
from unchanged import state

from cnnlab.robustness import (
    JpegDefence,
    NoiseDefence,
    accuracy_by_epsilon,
    fgsm,
    loss_gradient,
    pgd,
    robust_accuracy,
)
from cnnlab.robustness.digital import jpeg_round_trip


@pytest.fixture
def many():
    return torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(9))


def test_robust_accuracy_by_hand(network, many):
    labels = network(many).argmax(1)
    labels[:4] = (labels[:4] + 1) % 5  # four that are wrong as they are
    attacked = fgsm(network, many, labels)
    result = robust_accuracy(network, [(many[:25], labels[:25]), (many[25:], labels[25:])], fgsm)
    stays = (network(attacked).argmax(1) == labels) & (network(many).argmax(1) == labels)
    assert torch.equal(result.robust, stays) and result.accuracy == pytest.approx(float(stays.float().mean()))
    assert result.clean_accuracy == 0.9 and result.correct.sum() == 36
    assert result.interval[0] < result.accuracy < result.interval[1]


def test_an_attack_that_does_nothing_leaves_the_clean_accuracy(network, many):
    labels = torch.arange(40) % 5
    result = robust_accuracy(network, [(many, labels)], lambda _model, images, _labels: images)
    assert torch.equal(result.robust, result.correct) and result.accuracy == result.clean_accuracy


class Stored:
    """As a data set of the world keeps its pictures: bytes, with labels."""

    def __init__(self, images, labels):
        self.images, self.labels = (images * 255).round().byte(), labels

    def __len__(self):
        return len(self.images)


def test_stored_bytes_are_cut_into_batches(network, many):
    seen = []
    result = robust_accuracy(
        network,
        Stored(many, network(many).argmax(1)),
        lambda _model, images, _labels: seen.append(images) or images,
        batch_size=16,
    )
    assert [len(images) for images in seen] == [16, 16, 8] and result.robust.shape == (40,)
    assert (torch.cat(seen) - many).abs().max() <= 0.5 / 255 + 1e-6


def test_accuracy_falls_with_epsilon(network, many):
    data = [(many, network(many).argmax(1))]
    accuracies = accuracy_by_epsilon(network, data, (0, 0.005, 0.02, 0.08), partial(pgd, steps=5))
    assert accuracies[0] == 1 and (accuracies.diff() <= 0).all() and accuracies[-1] < 0.3
    with pytest.raises(ValueError, match="must rise"):
        accuracy_by_epsilon(network, data, (0.1, 0.05))
    with pytest.raises(ValueError, match="no pictures"):
        robust_accuracy(network, [])


def test_the_network_behind_jpeg_sees_the_stored_picture(network, images):
    defended = JpegDefence(network, quality=30)
    stored = torch.stack(
        [torch.from_numpy(jpeg_round_trip(x.permute(1, 2, 0).numpy(), 30)).permute(2, 0, 1) for x in images]
    )
    assert torch.allclose(defended(images), network(stored), atol=1e-5)
    assert not torch.allclose(defended(images), network(images), atol=1e-2)


def test_the_gradient_goes_straight_through_jpeg(network, images):
    defended = JpegDefence(network, quality=30)
    labels = defended(images).argmax(1)
    stored = torch.stack(
        [torch.from_numpy(jpeg_round_trip(x.permute(1, 2, 0).numpy(), 30)).permute(2, 0, 1) for x in images]
    )
    assert torch.allclose(
        loss_gradient(defended, images, labels), loss_gradient(network, stored, labels), atol=1e-6
    )


def test_who_knows_the_defence_beats_it_more_often_than_who_does_not(network, many):
    defended = JpegDefence(network, quality=60)
    labels = defended(many).argmax(1)
    attack = partial(pgd, epsilon=0.03)
    knowing = robust_accuracy(defended, [(many, labels)], attack).accuracy
    unknowing = robust_accuracy(defended, [(many, labels)], lambda _d, x, y: attack(network, x, y)).accuracy
    assert knowing < unknowing < 1


def test_the_noise_defence_averages_probabilities(network, images):
    defended = NoiseDefence(network, deviation=0.2, samples=5, seed=4)
    noise = torch.randn(20, 3, 16, 16, generator=torch.Generator().manual_seed(4))
    expected = torch.zeros(4, 5)
    for number in range(20):
        picture = images[number // 5] + 0.2 * noise[number]
        expected[number // 5] += network(picture[None]).softmax(1)[0].detach() / 5
    assert torch.allclose(defended(images).exp(), expected, atol=1e-6)


def test_noise_is_new_each_time_and_its_start_repeats(network, images):
    single, two = NoiseDefence(network, seed=1), NoiseDefence(network, seed=1)
    first, second = single(images), single(images)
    assert (
        not torch.equal(first, second)
        and torch.equal(two(images), first)
        and torch.equal(two(images), second)
    )


def test_attacks_on_the_noise_defence_follow_the_mean_gradient(network, images):
    defended = NoiseDefence(network, deviation=0.05, samples=64, seed=0)
    other = NoiseDefence(network, deviation=0.05, samples=64, seed=1)
    labels = network(images).argmax(1)
    alike = torch.cosine_similarity(
        *(loss_gradient(single, images, labels).flatten(1) for single in (defended, other))
    )
    assert (alike > 0.8).all()


@pytest.mark.parametrize("defence", [JpegDefence, NoiseDefence])
def test_attacks_leave_the_network_behind_a_defence_as_it_was(network, images, defence):
    network[1].train()
    before = state(network)
    fgsm(defence(network), images)
    assert state(network) == before


def test_defences_speak_for_the_network_behind_them(network):
    for defended in (JpegDefence(network), NoiseDefence(network)):
        assert defended.class_names == network.class_names and defended.input_size == 16
        assert not defended.eval().model.training
        twin = copy.deepcopy(defended)
        assert twin.model is not network and twin(torch.rand(1, 3, 16, 16)).shape == (1, 5)
    assert "JPEG" in JpegDefence(nn.Identity()).name
    with pytest.raises(ValueError, match="quality"):
        JpegDefence(network, quality=0)
    with pytest.raises(ValueError, match="deviation"):
        NoiseDefence(network, deviation=0)
