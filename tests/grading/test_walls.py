"""The doctor says of each tier what it blocks here; and the walls are what the runner says they are."""

from __future__ import annotations

import pytest

from cnnlab.doctor import walls
from cnnlab.grading import asking, escapes, runner
from cnnlab.grading.running.confinement import Walls


def test_doctor_names_what_is_not_blocked(monkeypatch):
    class Stand:
        def __init__(self, tiers):
            if tiers == ["namespaces"]:
                raise asking.RunnerError("no user namespaces")
            self.walls = Walls(tiers[0], False, 5, True)

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *error: None  # noqa: E731

    def try_escapes(stand):
        opened = stand.walls.tier == "none"
        return {
            one.name: asking.Answer(values={0: opened and one.family == "read"}) for one in escapes.ESCAPES
        }

    monkeypatch.setattr(runner, "Runner", Stand)
    monkeypatch.setattr(escapes, "try_escapes", try_escapes)
    lines = list(walls.walls())
    assert "namespaces: not to be had here (no user namespaces)" in lines
    total = len(escapes.ESCAPES)
    assert any(line.startswith("landlock") and f"blocks {total} of {total}" in line for line in lines)
    assert "    not blocked: read the key" in lines


def test_a_tier_that_nobody_has_is_refused_with_the_reason():
    with pytest.raises(asking.RunnerError, match="none of the tiers bubblewrap works here"):
        runner.Runner(["bubblewrap"])


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            Walls("namespaces", True, 7, True),
            "namespaces + own processes + Landlock 7 + filtered system calls",
        ),
        (Walls("none", False, 0, False), "none"),
    ],
)
def test_walls_are_written_in_words(made, said):
    assert str(made) == said
