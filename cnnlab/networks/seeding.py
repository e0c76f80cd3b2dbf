"""Seeding: random generators and the number of threads, so that a training can be repeated exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def num_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Chance:
    """The random numbers for one purpose, such as one epoch, which may be drawn in several blocks, one after the other.

    Between the blocks torch's global generator is that of the caller.
    """

    def __init__(self, seed: int, purpose: str):
        self._seed = int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:6], "big")
        self._left: tuple[Tensor, list[Tensor]] | None = None
        self.generator = torch.Generator().manual_seed(self._seed + 1)

    @contextmanager
    def resumed(self) -> Iterator[None]:
        """A block in which torch's global generator goes on where the last block left it."""
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            if self._left is None:
                torch.manual_seed(self._seed)
            else:
                torch.set_rng_state(self._left[0])
                torch.cuda.set_rng_state_all(self._left[1])
            yield
            self._left = torch.get_rng_state(), torch.cuda.get_rng_state_all()


@contextmanager
def seeding(seed: int, purpose: str) -> Iterator[torch.Generator]:
    """A generator for one purpose, such as one epoch; so a resumed run need not know what was drawn before.

    Initialisation and dropout can use only torch's global generator. It is seeded inside the block too, and restored afterwards.
    """
    chance = Chance(seed, purpose)
    with chance.resumed():
        yield chance.generator
