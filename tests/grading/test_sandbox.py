"""The doctor says of each tier what it blocks here; the walls are what the runner says they are; what is lost is started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from sample_class import POINTS, RIGHT, notebook

from cnnlab import diagnostics
from cnnlab.grading import escapes, feedback, runner, runner_protocol
from cnnlab.grading.export import export
from cnnlab.grading.limits import Limits
from cnnlab.grading.runner_protocol import ProbeRequest, RunnableCell
from cnnlab.grading.sandbox import bubblewrap, confinement
from cnnlab.grading.sandbox.confinement import WITHOUT_WALLS, Confinement
from cnnlab.grading.sandbox.readable_paths import readable_paths


def test_doctor_names_what_is_not_blocked(monkeypatch):
    class Stand:
        def __init__(self, tiers):
            if tiers == ["namespaces"]:
                raise runner_protocol.RunnerError("no user namespaces")
            self.sandbox = Confinement(tiers[0], 5, True)

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *error: None  # noqa: E731

    def try_escapes(stand):
        opened = stand.sandbox.tier == WITHOUT_WALLS
        return {
            one.name: runner_protocol.ProbeResult(values={0: opened and one.family == "read"})
            for one in escapes.ESCAPES
        }

    monkeypatch.setattr(runner, "Runner", Stand)
    monkeypatch.setattr(escapes, "try_escapes", try_escapes)
    lines = list(diagnostics.check_sandbox())
    assert "namespaces: not to be had here (no user namespaces)" in lines
    total = len(escapes.ESCAPES)
    assert any(line.startswith("bubblewrap") and f"blocks {total} of {total}" in line for line in lines)
    assert "    not blocked: read the key" in lines


def test_a_tier_that_is_not_here_is_refused_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))  # so that there is no bubblewrap
    with pytest.raises(runner_protocol.RunnerError, match="bubblewrap: it is not installed"):
        runner.Runner(["bubblewrap"])


def test_the_world_is_drawn_before_the_first_fork_without_torch():
    """As assignments need it whose cells render pictures; where it fails, none of them is graded."""
    code = """
    import sys
    from cnnlab.grading.sandbox import forkserver
    from cnnlab.world import scenes
    drawn = []
    scenes.PAINTERS.update({name: lambda *args, paint=paint, name=name: (drawn.append(name), paint(*args))
                            for name, paint in scenes.PAINTERS.items()})
    forkserver._warm_up_world()
    assert set(drawn) == set(scenes.PAINTERS) and "torch" not in sys.modules, drawn
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("works", [True, False])
def test_bubblewrap_is_taken_where_it_works(monkeypatch, tmp_path, works):
    monkeypatch.setattr(bubblewrap, "_works", lambda words: works)
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "link").symlink_to("elsewhere")
    words = bubblewrap.command(["/usr", str(tmp_path / "link")], 2**20)
    if not works:
        assert words == []
        return
    assert words[words.index("--ro-bind") :][:3] == ["--ro-bind", "/usr", "/usr"]
    assert words[words.index("--symlink") :][:3] == ["--symlink", "elsewhere", str(tmp_path / "link")]
    assert words.index("--tmpfs") < words.index("--ro-bind"), (
        "an empty /tmp over them would hide what lies there"
    )
    assert {"--unshare-net", "--unshare-pid", "--die-with-parent"} <= set(words)
    writable = [words[at + 1] for at, word in enumerate(words) if word == "--tmpfs"]
    bounded = [words[at + 3] for at, word in enumerate(words) if word == "--size"]
    assert writable == bounded and "--bind" not in words, (
        "what can be written is small, and of this box alone"
    )


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Confinement("namespaces", 7, True), "namespaces + Landlock 7 + filtered system calls"),
        (Confinement(WITHOUT_WALLS, 0, False), "without walls"),
        (
            Confinement(WITHOUT_WALLS, 0, False, True, True),
            "without walls + another user: key and secret lie open to the student's code",
        ),
    ],
)
def test_walls_are_written_in_words(made, said):
    assert str(made) == said


def test_without_walls_every_result_says_so_and_whether_the_key_lies_open(tiny, grade, tmp_path):
    """Landlock hides it where the kernel has that; where the grader is root, its code is another user's, if that may run Python."""
    with runner.Runner([WITHOUT_WALLS], hidden=[tiny.folder]) as made:
        question = ProbeRequest("q", "look", False, [{"place": str(tiny.folder)}], Limits(seconds=5, cpu=5))
        look = "import os\ndef look(place):\n    try: return [os.getuid(), os.listdir(place)]\n    except OSError: return [os.getuid(), []]"
        graded = grade(notebook(), behind=made)
        user, seen = made.run([RunnableCell("a", None, look)], [question], Limits()).results["q"].values[0]
    assert made.sandbox.exposed == bool(seen) == (made.sandbox.landlock == 0)
    assert made.sandbox.another_user == (user != os.getuid())
    assert graded.sandbox == str(made.sandbox) and graded.sandbox.startswith(WITHOUT_WALLS)
    tables = [export(tiny, [graded], kind, tmp_path / kind).read_text() for kind in ("csv", "moodle")]
    page = feedback.page(tiny, graded).replace("Graded", "graded")
    assert all("graded without walls" in text for text in [*tables, page])


def test_a_course_inside_the_python_environment_is_hidden(monkeypatch, tmp_path):
    """Nothing of it but Python's own folders is visible, and of these not what lies about the submissions."""
    prefix = tmp_path / "env"
    for folder in (
        "bin",
        "lib/course/handed_in",
        "lib/course/pages",
        "lib/others",
        "share/course",
        "share/fonts",
    ):
        (prefix / folder).mkdir(parents=True)
    (prefix / "gradebook.sqlite").touch()
    monkeypatch.setattr(sys, "prefix", str(prefix))
    visible = [Path(path) for path in readable_paths([], [prefix / "lib/course", tmp_path])]
    inside = {str(path.relative_to(prefix)) for path in visible if path.is_relative_to(prefix)}
    assert inside == {"bin", "lib/others", "share/fonts"}
    assert any(Path(sysconfig.get_paths()["purelib"]).is_relative_to(path) for path in visible)
    with_data = readable_paths([prefix / "share/course"], [prefix])
    assert str(prefix / "share/course") in with_data


def test_what_is_around_the_key_and_the_submissions_is_hidden(monkeypatch, tmp_path):
    shown = []

    class Stand:
        sandbox, threads = Confinement("namespaces", 0, False), 1
        close = lambda self: None  # noqa: E731

        def __init__(self, _folder, settings):
            shown.extend(settings["readable"])

    for folder in ("lib/course/a1", "lib/course/a2", "lib/others"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(runner, "_ForkServer", Stand)
    runner.Runner(["namespaces"], hidden=[tmp_path / "lib/course/a1"]).close()
    assert [path for path in shown if path.startswith(str(tmp_path))] == [str(tmp_path / "lib/others")]


def test_a_tree_is_counted_whatever_its_processes_are_called():
    """A name that is not UTF-8; threads; the memory of a process whose parent has as much of its own."""
    body = """
        import ctypes, os, sys, threading, time
        from cnnlab.grading.sandbox import process_tree

        def hold():
            return bytes(range(256)) * 2**18

        ready, told = os.pipe()
        if not os.fork():
            ctypes.CDLL(None).prctl(15, b"\\xff\\xfe", 0, 0, 0)
            for _ in range(3):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            mine = hold()
            if not os.fork():
                del mine
                mine = hold()
            os.write(told, b"x")
            time.sleep(60)
        while len(os.read(ready, 1)) and process_tree.usage(os.getpid(), 2**40).tasks < 5:
            pass
        os.read(ready, 1)
        found = process_tree.usage(os.getpid(), 2**20)
        print(found.memory >> 20, found.tasks)
        process_tree.kill_tree(os.getpid())
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    memory, tasks = map(int, done.stdout.split())
    assert 2 * 64 <= memory < 3 * 64 and tasks == 5


@pytest.fixture(scope="module")
def own():
    """A runner that may be broken."""
    with runner.Runner(confinement.TIERS) as made:
        yield made


def test_a_fork_server_that_has_ended_is_started_again(own, grade):
    assert grade(notebook(), behind=own).points == POINTS
    first = own.processes
    os.kill(first, signal.SIGKILL)
    assert grade(notebook(), behind=own).points == POINTS
    assert own.processes != first


def test_where_each_submission_has_a_fork_server_of_its_own_the_next_one_is_named(own, grade, monkeypatch):
    monkeypatch.setattr(runner.Runner, "_one_each", True)
    first = own.processes
    assert grade(notebook(), behind=own).points == POINTS
    assert not psutil.pid_exists(first) and psutil.pid_exists(own.processes)


def test_a_fork_server_that_is_still_ending_is_not_asked_again(own, grade, monkeypatch):
    """A killed process has closed its files some time before its parent is told of its end."""
    assert grade(notebook(), behind=own).points == POINTS
    ending = own._server.process
    os.kill(ending.pid, signal.SIGKILL)
    ending.wait()
    monkeypatch.setattr(ending, "poll", lambda: None)
    assert grade(notebook(), behind=own).points == POINTS
    assert own.processes != ending.pid


def test_a_fork_server_whose_closing_was_interrupted_is_not_asked_again(own, grade):
    first = own._borrow()
    own._server = first
    first._connection.close()
    assert grade(notebook(), behind=own).points == POINTS
    assert own._server is not first


def test_a_fork_server_that_another_thread_has_closed_is_lost_and_not_an_error(tmp_path, own):
    lost = runner._ForkServer(tmp_path, own._settings)
    lost.close()
    assert not lost.alive()
    with pytest.raises(runner_protocol.GuardLost, match="the runner has gone"):
        lost.connect()


@pytest.mark.parametrize("times", [1, 9])
def test_a_guard_that_is_lost_costs_one_question_at_most(own, grade, monkeypatch, times):
    """The guard ends as soon as the first question is asked; once, and then always."""
    whole, killed = runner_protocol._send_probe, []

    def send(supervisor, request, number, *, last):
        if request.question == "q1" and len(killed) < times:
            server = psutil.Process(own.processes)
            killed.extend(one.pid for one in server.children() if one.status() != psutil.STATUS_ZOMBIE)
            os.kill(killed[-1], signal.SIGKILL)
        return whole(supervisor, request, number, last=last)

    monkeypatch.setattr(runner_protocol, "_send_probe", send)
    result = grade(notebook(), behind=own)
    assert len(killed) == min(times, 2)
    assert result.points == (POINTS if times == 1 else POINTS - 4)
    if times > 1:
        assert result.questions[0].status == "needs review"
        assert "guard of this question was lost" in result.questions[0].review[-1]
    until = time.monotonic() + 20
    while (left := psutil.Process(own.processes).children()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left


PIPES = {
    "closed": "os.close(4)",
    "overwritten": "os.dup2(os.open('/dev/null', os.O_WRONLY), 4)",
    "led elsewhere": "os.dup2(os.pipe()[1], 4)",
    "filled": "os.write(4, b'x' * 2**20)",
    "kept by another process": "os.fork() or time.sleep(600)\nos.close(4)",
}


@pytest.mark.parametrize("where", ["cell", "question"])
@pytest.mark.parametrize("pipe", PIPES)
def test_a_reply_pipe_that_is_gone_costs_one_question(own, grade, pipe, where):
    body = "import os, time\n" + PIPES[pipe]
    if where == "question":
        body = "\n".join(
            ["def triple(values):", *(f"    {line}" for line in [*body.split("\n"), "time.sleep(600)"])]
        )
    else:
        body += "\ntime.sleep(600)"
    result = grade(notebook(RIGHT | {"q1": body}), behind=own, limits=Limits(seconds=8, cpu=8))
    assert result.status == "graded", result.note
    assert [question.status for question in result.questions[1:]] == ["passed", "passed"]
    assert result.questions[0].status in ("error", "timeout")
