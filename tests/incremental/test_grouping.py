"""Positions are grouped by the sizes of their windows: nothing is lost, no group is too small, and little is computed in vain."""

from __future__ import annotations

import random
from itertools import product

import pytest

from cnnlab._incremental.grouping import group_by_size


def cost(groups, positions, heights, widths) -> float:
    """What the groups cost, each window as large as the largest of its group."""
    return sum(
        len(group)
        * max(heights[positions[index][0]] for index in group)
        * max(widths[positions[index][1]] for index in group)
        for group in groups
    )


@pytest.mark.parametrize(("count", "least"), [(1, 1), (5, 3), (23, 12), (24, 12), (289, 12), (625, 16)])
def test_every_position_is_in_one_group_and_no_group_is_too_small(count, least):
    draw = random.Random(count)
    positions = [(draw.randrange(30), draw.randrange(30)) for _ in range(count)]
    sizes = {place: draw.random() for place in range(30)}
    groups = group_by_size(positions, sizes, sizes, least)
    assert sorted(index for group in groups for index in group) == list(range(count))
    assert all(least <= len(group) < 4 * least for group in groups) or len(groups) == 1


def test_windows_of_four_sizes_are_four_groups():
    """Two heights and two widths, mixed: each group has one size, and nothing is computed in vain."""
    heights, widths = (
        {place: 3 + place % 2 for place in range(8)},
        {place: 5 + place % 2 for place in range(8)},
    )
    positions = list(product(range(8), range(8)))
    random.Random(0).shuffle(positions)
    groups = group_by_size(positions, heights, widths, 16)
    assert len(groups) == 4
    exact = sum(heights[top] * widths[left] for top, left in positions)
    assert cost(groups, positions, heights, widths) == exact


def test_tall_windows_and_wide_ones_of_the_same_area_do_not_share_a_group():
    heights, widths = {0: 2, 1: 8}, {0: 8, 1: 2}
    positions = [(0, 0), (1, 1)] * 12
    groups = group_by_size(positions, heights, widths, 12)
    assert [len({positions[index] for index in group}) for group in groups] == [1, 1]
