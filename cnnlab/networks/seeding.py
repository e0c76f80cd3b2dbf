"""Seeding: random generators and the number of threads, so that a training can be repeated exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def num_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeding(seed: int, purpose: str) -> Iterator[torch.Generator]:
    """A generator for one purpose, such as one epoch; so a resumed run need not know what was drawn before.

    Initialisation and dropout can use only torch's global generator. It is seeded inside the block too, and restored afterwards.
    """
    derived_seed = int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:6], "big")
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(derived_seed)
        yield torch.Generator().manual_seed(derived_seed + 1)
