"""The networks that a probe may name: made anew and alike each time, with names that tell nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab.grading.answer_key import NetworkSpec
from cnnlab.grading.sandbox import probe_networks
from cnnlab.grading.validation import _double


@pytest.mark.parametrize("name", sorted(probe_networks.SMALL))
def test_the_same_seed_gives_the_same_network(name):
    images = torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    one, same, other = (probe_networks.build(NetworkSpec(name, seed))(images) for seed in (3, 3, 4))
    assert torch.equal(one, same) and not torch.allclose(one, other)
    assert one.std() > 0.1


def test_relus_that_are_calls_do_what_modules_do_and_are_no_modules():
    plain, called = (probe_networks.build(NetworkSpec(name, 5)) for name in ("plain", "called"))
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert torch.equal(plain(images), called(images))
    assert not [module for module in called.modules() if isinstance(module, nn.ReLU)]


def test_in_train_mode_a_batched_network_differs_by_its_statistics_alone():
    model = probe_networks.build(NetworkSpec("batched", 6))
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    before = model(images)
    one, same = (probe_networks.build(NetworkSpec("batched", 6)).train()(images) for _ in range(2))
    assert torch.equal(one, same) and not torch.allclose(one, before)


def test_a_suspect_is_one_of_three_and_is_not_called_so():
    found = [probe_networks.build(NetworkSpec("suspect", seed)) for seed in (0, 1, 2, 3)]
    images = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(2))
    answers = [suspect(images) for suspect in found]
    assert torch.equal(answers[0], answers[3])
    assert not any(torch.allclose(answers[0], other) for other in answers[1:3])
    assert {suspect.name for suspect in found} == {"a suspect"}


def test_rounding_is_looked_for_in_lists_and_dictionaries_too():
    made = _double({"one": [torch.zeros(2)], "two": {"three": (nn.Linear(1, 1), "text", 3)}})
    assert made["one"][0].dtype == made["two"]["three"][0].weight.dtype == torch.float64
    assert made["two"]["three"][1:] == ("text", 3)
