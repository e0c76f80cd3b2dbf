"""How much work a network is, and how much of it an explorer does.

The work of a network is counted, not timed, so that an explorer looks at the same pictures on every machine.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from torch import nn

from cnnlab.networks.summary import multiply_adds

LARGE_SIDE = 160
"""From this side of its pictures on, in pixels, a network is large."""
LARGE_WORK = 200_000_000
"""A network with more work than this is large too; those of the kit for 96 x 96 have up to 191 million."""
LARGE_PICTURES = 100
"""Pictures that a large network looks at."""
FULL_WORK = 400_000_000
"""With more work than this, which is that of EfficientNet-Lite0 at 224 x 224, fewer pictures are looked at in the same time."""
LEAST = 20
"""Fewest pictures, of whatever network."""
PATIENCE = 10.0
"""Seconds after which work that was to be done before the first display goes on in the background."""

_known: WeakKeyDictionary[nn.Module, dict[int, int]] = WeakKeyDictionary()


def work(model: nn.Module, side: int) -> int:
    """Multiply-adds for a picture of side x side, and two for each weight, which must be read; 0 where the network does not run."""
    known = _known.setdefault(model, {})
    if side not in known:
        try:
            known[side] = multiply_adds(model, side) + 2 * sum(p.numel() for p in model.parameters())
        except Exception:  # what is wrong with the network is said by what the explorer asks it first
            known[side] = 0
    return known[side]


def is_large(model: nn.Module, side: int) -> bool:
    """Whether work on many pictures runs in the background from the start."""
    return side >= LARGE_SIDE or work(model, side) > LARGE_WORK


def within_reach(model: nn.Module, side: int, usual: int, least: int = LEAST) -> int:
    """How many pictures the network looks at, where others look at `usual`: fewer in proportion if it has more than `FULL_WORK`."""
    share = min(1.0, FULL_WORK / max(work(model, side), 1)) if is_large(model, side) else 1.0
    return min(usual, max(least, round(usual * share)))
