"""Who takes too much is ended with the reason, whether the kernel counts or the supervisor looks; groups are out of reach and removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from cnnlab.grading import runner
from cnnlab.grading.limits import Limits
from cnnlab.grading.runner_protocol import ProbeRequest, RunnableCell
from cnnlab.grading.sandbox import control_group
from cnnlab.grading.sandbox.confinement import TIERS
from cnnlab.grading.sandbox.control_group import ControlGroup, Parent

LIMITS = Limits(
    seconds=30, cpu=20, memory_bytes=300 * 2**20, processes=20, scratch_bytes=2**29, file_bytes=2**28
)
HUNGRY = {
    "one process": ("MemoryError", "kept = []\nwhile True: kept.append(np.ones(2**21))"),
    "many processes": (
        "memory",
        "for _ in range(8):\n    if not os.fork():\n        kept = np.ones(2**23)\n        time.sleep(600)\ntime.sleep(600)",
    ),
    "a process that is not waited for": (
        "memory",
        "if not os.fork():\n    kept = np.ones(2**24)\n    if not os.fork(): more = np.ones(2**24)\n    kept, n = [kept], 2**20\n"
        "    for _ in range(9):\n        if not os.fork():\n            kept.append(np.ones(16 * n))\n            time.sleep(600)\n"
        "    time.sleep(600)\nos.waitpid(-1, 0)\ntime.sleep(600)",
    ),
    "shared memory": (
        "memory",
        "import mmap\nkept = []\nfor n in range(8):\n    f = open(f'/dev/shm/cnnlab-{os.getpid()}-{n}', 'w+b')\n    os.unlink(f.name)\n"
        "    f.truncate(2**26)\n    kept.append(mmap.mmap(f.fileno(), 2**26))\n    kept[-1].write(b'x' * 2**26)\ntime.sleep(600)",
    ),
    "forks": ("processes", "while True:\n    try: os.fork()\n    except OSError: time.sleep(600)"),
    "threads": (
        "processes",
        "import threading\nfor _ in range(50): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\ntime.sleep(600)",
    ),
}


@pytest.fixture(scope="module", params=["control group", "process tree"])
def watched(request):
    """A runner whose submissions are counted by the kernel, or looked at."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "process tree":
            patch.setattr(control_group, "make_parent", lambda name: None)
        made = runner.Runner(TIERS)
    with made:
        if request.param == "control group" and not made.sandbox.control_group:
            pytest.skip("this machine gives the grader no control group")
        assert ("control group" in str(made.sandbox)) == (request.param == "control group")
        yield made


def ask(made, body, limits=LIMITS):
    indented = "\n".join(f"    {line}" for line in body.split("\n"))
    cell = RunnableCell("a", None, f"import os, time\nimport numpy as np\ndef answer():\n{indented}")
    questions = [ProbeRequest(name, "answer", False, [{}], limits) for name in ("first", "last")]
    return made.run([cell], questions, limits)


@pytest.mark.parametrize("who", HUNGRY)
def test_who_takes_too_much_is_ended_with_the_reason(watched, who):
    reason, body = HUNGRY[who]
    for name, result in ask(watched, body).results.items():
        said = result.end_reason or result.errors[0]["type"]
        refused = (
            who == "threads" and not watched.sandbox.control_group
        )  # by the limit of the user, before a look
        assert said == reason or (refused and said == "RuntimeError"), (name, result)


def test_who_stays_within_the_limits_is_left_alone(watched):
    body = "kept = np.ones(2**23)\nfor _ in range(2):\n    if not os.fork(): os._exit(0)\nreturn float(kept.sum())"
    assert {result.values[0] for result in ask(watched, body).results.values()} == {2.0**23}


def test_the_time_of_the_processor_is_counted(watched):
    limits = Limits(seconds=60, cpu=1)
    result = ask(watched, "for _ in range(2): os.fork()\nwhile True: pass", limits).results["first"]
    assert result.end_reason == "processor"


def test_the_group_is_out_of_reach(watched):
    seen = "return [os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')]"
    for result in ask(watched, seen).results.values():
        assert not [path for path in result.values[0] if "cgroup" in path or "submission" in path]
    if watched.sandbox.tier != "without walls":
        assert ask(watched, "return os.path.exists('/sys')").results["last"].values == {0: False}


def groups(made) -> list[Path]:
    """The groups of submissions that there are."""
    parent = made._server._group
    return [path for folder in parent.folders.values() for path in folder.glob(f"{control_group.MEMBER}*")]


def test_groups_are_removed(watched):
    if not watched.sandbox.control_group:
        pytest.skip("there are no groups")
    ask(watched, "return 1")
    ask(watched, HUNGRY["many processes"][1])
    until = time.time() + 20
    while groups(watched) and time.time() < until:
        time.sleep(0.05)
    assert not groups(watched)
    folders = watched._server._group.folders.values()
    watched._server.close()
    assert not [folder for folder in folders if folder.exists()]


def test_what_a_killed_grader_has_left_is_removed_at_the_next_start():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = control_group.make_parent(f"{runner.PREFIX}{gone.pid}-left")
    if not left:
        pytest.skip("this machine gives the grader no control group")
    kept = control_group.make_parent(f"{runner.PREFIX}{os.getpid()}-kept")
    elsewhere = [
        folder / "other" / f"{runner.PREFIX}{gone.pid}-elsewhere" for folder in kept.folders.values()
    ]
    for folder in [*left.folders.values(), *elsewhere]:
        folder.joinpath("submission-1").mkdir(parents=True)
    try:
        runner._remove_what_is_stale()
        assert not [folder for folder in [*left.folders.values(), *elsewhere] if folder.exists()]
        assert all(folder.exists() for folder in kept.folders.values())
    finally:
        kept.remove()


@pytest.fixture
def parent():
    """A group of the test's own."""
    made = control_group.make_parent(f"{runner.PREFIX}{os.getpid()}-test")
    if not made:
        pytest.skip("this machine gives the grader no control group")
    yield made
    made.remove()


def put_into(parent, folder: str) -> psutil.Process:
    """A process that sleeps in this folder of the group, which is made."""
    sleeper = psutil.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    for tree in parent.folders.values():
        tree.joinpath(folder).mkdir(parents=True)
        tree.joinpath(folder, "cgroup.procs").write_text(str(sleeper.pid))
    return sleeper


def test_groups_in_groups_and_processes_in_them_are_removed_in_the_end(parent):
    for tree in parent.folders.values():
        tree.joinpath("submission-1/inside/deep").mkdir(parents=True)
    sleepers = [put_into(parent, folder) for folder in ("submission-2", "submission-3/inside")]
    sleepers[1].suspend()
    parent.remove()
    assert not [tree for tree in parent.folders.values() if tree.exists()]
    assert [sleeper.wait(10) for sleeper in sleepers] == [-9, -9]


def test_a_stale_group_with_a_process_in_it_stays_whole(parent):
    sleeper = put_into(parent, "submission-2")
    for tree in parent.folders.values():
        tree.joinpath("submission-1").mkdir()
    name = next(iter(parent.folders.values())).name
    control_group.remove_stale(name, lambda name: True)
    assert all(tree.joinpath("submission-1").exists() for tree in parent.folders.values())
    sleeper.kill()
    sleeper.wait(10)
    control_group.remove_stale(name, lambda name: True)
    assert not [tree for tree in parent.folders.values() if tree.exists()]


FILES = {
    2: {
        "fine": {"memory.events": "low 0\nmax 9\noom 0\noom_kill 0", "pids.events": "max 0"},
        "memory": {"memory.events": "low 0\nmax 9\noom 1\noom_kill 2", "pids.events": "max 0"},
        "ended for another's sake": {"memory.events": "oom 0\noom_kill 1", "pids.events": "max 0"},
        "processes": {"memory.events": "oom 0\noom_kill 0", "pids.events": "max 3"},
    },
    1: {
        "fine": {
            "memory.oom_control": "under_oom 0\noom_kill 0",
            "memory.max_usage_in_bytes": "1000",
            "pids.events": "max 0",
        },
        "memory": {
            "memory.oom_control": "under_oom 0\noom_kill 1",
            "memory.max_usage_in_bytes": "1000",
            "pids.events": "max 0",
        },
        "ended for another's sake": {
            "memory.oom_control": "under_oom 0\noom_kill 1",
            "memory.max_usage_in_bytes": "700",
            "pids.events": "max 0",
        },
        "processes": {
            "memory.oom_control": "under_oom 0\noom_kill 0",
            "memory.max_usage_in_bytes": "700",
            "pids.events": "max 1",
        },
    },
}
TIME = {2: {"cpu.stat": "usage_usec 2500000\nuser_usec 1"}, 1: {"cpuacct.usage": "2500000000"}}


@pytest.mark.parametrize("version", FILES)
@pytest.mark.parametrize("case", FILES[2])
def test_the_kernels_files_are_understood(tmp_path, version, case):
    """Folders stand in for those of the kernel: what is written into them, and what is made of what they say."""
    folders = {}
    for tree in control_group.TREES[version]:
        tmp_path.joinpath(tree or "all").mkdir()
        folders[tree] = tmp_path / (tree or "all")
    group = ControlGroup(Parent(version, folders).opened(), {"memory_bytes": 1000, "processes": 20})
    for file, text in (FILES[version][case] | TIME[version]).items():
        (folders.get(file.partition(".")[0]) or folders[""]).joinpath(group._name, file).write_text(text)
    assert group.look() == (case if case in ("memory", "processes") else "", 2.5)
    written = {
        path.name: path.read_text() for folder in folders.values() for path in folder.glob("*/*.[lm]*")
    }
    wanted = {
        2: {"memory.max": "1000", "memory.swap.max": "0", "pids.max": "20"},
        1: {"memory.limit_in_bytes": "1000", "memory.memsw.limit_in_bytes": "1000", "pids.max": "20"},
    }
    assert wanted[version].items() <= written.items()
    group.join()
    joined = [path for folder in folders.values() for path in folder.glob(f"*/{control_group.JOIN[version]}")]
    assert len(joined) == len(folders) and {path.read_text() for path in joined} == {"0"}


@pytest.mark.parametrize(
    ("mounted", "own", "version", "where"),
    [
        ("cgroup2", "0::/user.slice/app.slice\n", 2, ["user.slice/app.slice"]),
        ("cgroup2", "0::/not/seen/here\n", 2, [""]),
        ("cgroup", "4:memory:/a\n3:pids:/b\n2:cpu,cpuacct:/\n", 1, ["memory/a", "pids", "cpuacct"]),
        ("cgroup2", f"0::/user.slice/{'x' * 300}\n", 2, ["user.slice"]),
        ("cgroup", "4:memory:/../x\n3:pids:/..\n2:cpu,cpuacct:/\n", 1, ["memory", "pids", "cpuacct"]),
        ("none", "0::/\n", None, []),
    ],
)
def test_the_deepest_group_that_is_there_is_taken(monkeypatch, tmp_path, mounted, own, version, where):
    root = tmp_path / "fs"
    for folder in ("memory/a", "pids", "cpuacct", "user.slice/app.slice"):
        root.joinpath(folder).mkdir(parents=True)
    partitions = [SimpleNamespace(fstype="tmpfs", opts="rw", mountpoint="/tmp")]
    if mounted == "cgroup2":
        partitions += [SimpleNamespace(fstype="cgroup2", opts="rw,nsdelegate", mountpoint=str(root))]
    if mounted == "cgroup":
        names = {"memory": "rw,memory", "pids": "rw,pids", "cpuacct": "rw,cpu,cpuacct"}
        partitions += [
            SimpleNamespace(fstype="cgroup", opts=opts, mountpoint=str(root / name))
            for name, opts in names.items()
        ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: partitions)
    monkeypatch.setattr(control_group, "OWN", tmp_path / "own")
    control_group.OWN.write_text(own)
    parent = control_group.make_parent("mine")
    assert (parent and parent.version) == version
    assert [path.parent for path in (parent.folders.values() if parent else ())] == [
        root / folder for folder in where
    ]
    if version == 2:
        assert parent.folders[""].joinpath("cgroup.subtree_control").read_text().split() == [
            "+memory",
            "+pids",
        ]
