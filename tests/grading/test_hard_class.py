"""Hostile and chaotic submissions, and two kills of the grader, change nobody else's points."""

from __future__ import annotations

from hard_class import CHAOTIC, HOSTILE, run_with_kills
from sample_class import RIGHT, hand_in, notebook

from cnnlab.grading.scoring import grade_submission
from cnnlab.grading.submissions import read


def test_nobody_elses_points_change_in_a_class_with_hostile_and_chaotic_submissions_killed_twice(
    tiny, runner, tmp_path
):
    assert len(HOSTILE) == len(CHAOTIC) == 30
    assert run_with_kills(tiny, tmp_path, size=20, hostile=4, chaotic=4, runner=runner) == []


def test_a_forged_end_of_the_cells_costs_its_own_question_alone(tiny, runner, tmp_path):
    path = hand_in(tmp_path / "anna.ipynb", notebook({**RIGHT, "q1": HOSTILE["forges the end"]}))
    result = grade_submission(tiny, "anna", read(path), runner=runner, secret=b"secret")
    assert [question.points for question in result.questions] == [0, 2, 1]
