"""A small assignment, a runner behind the strongest walls that this machine has, and which tiers it has."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the small assignment in `sample_class`

import sample_class

from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.runner import Runner
from cnnlab.grading.runner_protocol import RunnerError
from cnnlab.grading.sandbox.confinement import BOXES, TIERS
from cnnlab.grading.scoring import grade_submission
from cnnlab.grading.submissions import read


def pytest_collection_modifyitems(items):
    """The grader's processes need fork; where there is none, its tests are skipped, with the reason."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not hasattr(os, "fork"):
            item.add_marker(pytest.mark.skip(reason="the runner of the grader needs Linux or macOS"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return load_assignment(sample_class.write_assignment(tmp_path_factory.mktemp("assignments") / "tiny"))


@pytest.fixture(scope="session")
def runner():
    """Behind whatever walls this machine has."""
    with Runner(TIERS) as made:
        yield made


@pytest.fixture(scope="session")
def walled():
    """Behind real walls; skipped where this machine has none."""
    try:
        made = Runner(BOXES)
    except RunnerError as error:
        pytest.skip(f"no tier of confinement works on this machine: {error}")
    with made:
        yield made


@pytest.fixture
def grade(tiny, runner, tmp_path):
    """Grade a submission to the small assignment."""

    def grade(content, student="anna", *, behind=None, limits=None):
        path = sample_class.hand_in(tmp_path / "handed in" / f"{student}.ipynb", content)
        return grade_submission(
            tiny, student, read(path), runner=behind or runner, secret=b"secret", limits=limits
        )

    return grade
