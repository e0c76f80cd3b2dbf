"""The doctor says of each tier what it blocks here; and the walls are what the runner says they are."""

from __future__ import annotations

import pytest

from cnnlab import diagnostics
from cnnlab.grading import escapes, runner, runner_protocol
from cnnlab.grading.sandbox import bubblewrap
from cnnlab.grading.sandbox.confinement import Confinement


def test_doctor_names_what_is_not_blocked(monkeypatch):
    class Stand:
        def __init__(self, tiers):
            if tiers == ["namespaces"]:
                raise runner_protocol.RunnerError("no user namespaces")
            self.sandbox = Confinement(tiers[0], False, 5, True)

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *error: None  # noqa: E731

    def try_escapes(stand):
        opened = stand.sandbox.tier == "none"
        return {
            one.name: runner_protocol.ProbeResult(values={0: opened and one.family == "read"})
            for one in escapes.ESCAPES
        }

    monkeypatch.setattr(runner, "Runner", Stand)
    monkeypatch.setattr(escapes, "try_escapes", try_escapes)
    lines = list(diagnostics.check_sandbox())
    assert "namespaces: not to be had here (no user namespaces)" in lines
    total = len(escapes.ESCAPES)
    assert any(line.startswith("landlock") and f"blocks {total} of {total}" in line for line in lines)
    assert "    not blocked: read the key" in lines


def test_a_tier_that_is_not_here_is_refused_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))  # so that there is no bubblewrap
    with pytest.raises(runner_protocol.RunnerError, match="none of the tiers bubblewrap works here"):
        runner.Runner(["bubblewrap"])


@pytest.mark.parametrize(("works", "asked"), [(["--cap-add"], 1), ([], 2), (None, 2)])
def test_bubblewrap_is_taken_as_far_as_it_goes(monkeypatch, tmp_path, works, asked):
    """With capabilities, without them, or not at all; what it would be started with says which."""
    tried = []

    def try_it(words):
        tried.append(words)
        return works is not None and all((word in words) for word in works) and (works or len(tried) == 2)

    monkeypatch.setattr(bubblewrap, "_works", try_it)
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "link").symlink_to("elsewhere")
    words = bubblewrap.command(["/usr", str(tmp_path / "link")], str(tmp_path))
    assert len(tried) == asked
    if works is None:
        assert words == []
        return
    assert ("--cap-add" in words) == bool(works)
    assert words[words.index("--ro-bind") :][:3] == ["--ro-bind", "/usr", "/usr"]
    assert words[words.index("--symlink") :][:3] == ["--symlink", "elsewhere", str(tmp_path / "link")]
    assert words.index("--tmpfs") < words.index("--ro-bind"), (
        "an empty /tmp over them would hide what lies there"
    )
    assert "--unshare-net" in words and words[words.index("--bind") :][1] == str(tmp_path)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            Confinement("namespaces", True, 7, True),
            "namespaces + own processes + Landlock 7 + filtered system calls",
        ),
        (Confinement("none", False, 0, False), "none"),
    ],
)
def test_walls_are_written_in_words(made, said):
    assert str(made) == said
