"""Every public technique with its network on another device: no tensor of the wrong one is met, and the numbers are those of the CPU."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from pretended_device import OnDevice, pretended_device
from test_hostile_networks import ASKED, RETURN_A_NETWORK, RUN_IN_ITS_MODE, Small, answer, asked, given

from cnnlab.networks import mixed_precision


@pytest.fixture
def device(monkeypatch):
    monkeypatch.setattr(mixed_precision, "compute_dtype", lambda device: torch.float32)
    with pretended_device() as device:
        yield device


@cache
def expected(technique: str) -> list[torch.Tensor]:
    """What a technique answers on the CPU."""
    return asked(technique, Small())


def test_the_pretended_device_refuses_what_a_device_refuses(device):
    here, there = torch.ones(3), torch.ones(3, device=device)
    assert there.device == (there * 2).device == torch.nn.Linear(3, 2).to(device).weight.device == device
    assert (there * 2).tolist() == [2, 2, 2] and there.cpu().device.type == "cpu"
    assert not isinstance((there * 2).cpu(), OnDevice)
    there += torch.tensor(1.0)  # a number may come from anywhere
    assert there[torch.tensor([0])].item() == 2
    there[[1, 2]] = 7.0
    assert there.tolist() == [2, 7, 7] == [2, *there[[1, 2]].tolist()]
    for mistake in (
        lambda: here + there,
        lambda: torch.cat([here, there]),
        lambda: here[torch.tensor([0], device=device)],
        lambda: torch.rand(3, device=device, generator=torch.Generator()),
        lambda: there.numpy(),
    ):
        with pytest.raises((RuntimeError, TypeError), match=r"cuda|indices"):
            mistake()


FORWARD_MODE = {"units.logit_attribution", "units.vector_attribution"}
"""They differentiate forwards, where torch's own formulas pass the pretended device by and end the process."""

ELSEWHERE = [
    (technique, where)
    for technique in ASKED
    if technique not in FORWARD_MODE
    for where in ("images on the CPU", "images on the device")
    # A network that is called itself takes images of its own device, as every network does.
    if where == "images on the device" or technique not in RETURN_A_NETWORK | RUN_IN_ITS_MODE
]


@pytest.mark.parametrize(("technique", "where"), ELSEWHERE)
def test_a_network_on_another_device_gives_the_same_numbers(technique, where, device):
    sound = expected(technique)
    torch.manual_seed(0)
    g = given(Small().eval().to(device))
    if where == "images on the device":
        g.image, g.images, g.labels = g.image.to(device), g.images.to(device), g.labels.to(device)
        g.task = tuple(part.to(device) for part in g.task)
    found = answer(technique, g)
    for one, other in zip(found, sound, strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-4, atol=1e-5)
