"""Which classes the bars show."""

from __future__ import annotations

import torch

from cnnlab.explorers.charts import probability_rows

NAMES = [f"c{i}" for i in range(8)]
NOW = torch.tensor([0.02, 0.3, 0.05, 0.2, 0.1, 0.15, 0.08, 0.1])
BEFORE = NOW.flip(0)


def test_most_probable_first_and_both_numbers():
    rows = probability_rows(NOW, BEFORE, NAMES, target=1)
    assert [row["name"] for row in rows] == ["c1", "c3", "c5", "c4", "c7"]
    assert [row["now"] for row in rows] == sorted((row["now"] for row in rows), reverse=True)
    assert rows[1] == {"name": "c3", "now": 0.2, "before": 0.1, "target": False}


def test_target_is_marked_once():
    assert [row["target"] for row in probability_rows(NOW, BEFORE, NAMES, target=3)] == [
        False,
        True,
        False,
        False,
        False,
    ]


def test_a_target_below_the_top_is_one_row_more():
    rows = probability_rows(NOW, BEFORE, NAMES, target=0)
    assert len(rows) == 6
    assert (rows[-1]["name"], rows[-1]["target"]) == ("c0", True)


def test_few_classes_give_few_rows():
    assert len(probability_rows(NOW[:2], BEFORE[:2], NAMES[:2], target=0)) == 2
