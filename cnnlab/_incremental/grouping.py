"""Groups of positions whose windows are alike, so that one tensor holds them all.

Windows differ in size from position to position: at the border of the image they are smaller, since there is nothing beyond it, and
after a stride of two a change of six pixels shows in three or in four positions. In a group each window gets the size of the largest,
so the group costs

    number of windows * largest height * largest width

and is cut in two where that saves most, across the heights or across the widths, until its parts would be too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from cnnlab._incremental.windows import Position


def group_by_size(
    positions: Sequence[Position], heights: dict[int, float], widths: dict[int, float], least: int
) -> list[list[int]]:
    """The indices of the positions in groups of at least `least`, for the height of each top's windows and the width of each left's."""
    sizes = [(heights[top], widths[left]) for top, left in positions]
    finished, rest = [], [list(range(len(sizes)))]
    while rest:
        group = rest.pop()
        if len(group) < 2 * least:
            finished.append(group)
            continue
        by_height = sorted(group, key=lambda index: sizes[index])
        by_width = sorted(group, key=lambda index: sizes[index][::-1])
        cuts = [
            (*_best_cut([sizes[index] for index in order], least), order) for order in (by_height, by_width)
        ]
        _, place, order = min(cuts)
        rest += [order[place:], order[:place]]
    return finished


def _best_cut(sizes: list[tuple[float, float]], least: int) -> tuple[float, int]:
    """What both parts cost where the order is best cut in two, and the length of the first part."""
    before, after = _areas(sizes), _areas(sizes[::-1])[::-1]
    count = len(sizes)
    costs = (
        (place * before[place - 1] + (count - place) * after[place], place)
        for place in range(least, count - least + 1)
    )
    return min(costs)


def _areas(sizes: list[tuple[float, float]]) -> list[float]:
    """For each length of the beginning of the list, its largest height times its largest width."""
    heights, widths = (accumulate(side, max) for side in zip(*sizes, strict=True))
    return [height * width for height, width in zip(heights, widths, strict=True)]
