"""Hostile and chaotic submissions, and two kills of the grader, change nobody else's points."""

from __future__ import annotations

from hard_class import CHAOTIC, HOSTILE, run_with_kills


def test_nobody_elses_points_change_in_a_class_with_hostile_and_chaotic_submissions_killed_twice(
    tiny, tmp_path
):
    assert len(HOSTILE) == len(CHAOTIC) == 30
    assert run_with_kills(tiny, tmp_path, size=20, hostile=4, chaotic=4) == []
