"""Groups of positions whose windows are alike, so that one tensor holds them all.

Windows differ in size from position to position: at the border of the image they are smaller, since there is nothing beyond it, and
after a stride of two a change of six pixels shows in three or in four positions. In a group each window gets the size of the largest,
so the group costs

    number of windows * largest height * largest width

and is cut in two where that saves most, across the heights or across the widths, until its parts would be too small.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnlab._incremental.windows import Position


def group_by_size(
    positions: Sequence[Position], heights: dict[int, float], widths: dict[int, float], least: int
) -> list[list[int]]:
    """The indices of the positions in groups of at least `least`, for the height of each top's windows and the width of each left's."""
    sizes = np.array([(heights[top], widths[left]) for top, left in positions])
    finished, rest = [], [np.arange(len(sizes))]
    while rest:
        group = rest.pop()
        if len(group) < 2 * least:
            finished.append(group.tolist())
            continue
        # By height and then width, and by width and then height: lexsort's last key counts first.
        orders = [group[np.lexsort(sizes[group].T[keys])] for keys in ([1, 0], [0, 1])]
        cuts = [(*_best_cut(sizes[order], least), order) for order in orders]
        _, place, order = min(cuts, key=lambda cut: cut[0])
        rest += [order[place:], order[:place]]
    return finished


def _best_cut(sizes: np.ndarray, least: int) -> tuple[float, int]:
    """What both parts cost where the order is best cut in two, and the length of the first part."""
    places = np.arange(least, len(sizes) - least + 1)
    before, after = _areas(sizes), _areas(sizes[::-1])[::-1]
    costs = places * before[places - 1] + (len(sizes) - places) * after[places]
    best = int(costs.argmin())
    return float(costs[best]), int(places[best])


def _areas(sizes: np.ndarray) -> np.ndarray:
    """For each length of the beginning of the list, its largest height times its largest width."""
    return np.maximum.accumulate(sizes).prod(1)
