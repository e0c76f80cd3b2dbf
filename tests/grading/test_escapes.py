"""The attack corpus: nothing gets out of the runner, no score rises, nothing outlives its limits, and others are graded all the same."""

from __future__ import annotations

import contextlib
import os
import time

import psutil
import pytest
from sample_class import POINTS, RIGHT, notebook

from cnnlab.grading import escapes
from cnnlab.grading.limits import Limits
from cnnlab.grading.runner import Runner
from cnnlab.grading.runner_protocol import ProbeRequest, RunnableCell, RunnerError
from cnnlab.grading.sandbox.confinement import BOXES, TIERS, WITHOUT_WALLS

# What each tries to do; all of them define `triple` in a way that is not right. An attack on the score that works would give points.
ON_THE_SCORE = {
    "print what a grader might print": (
        "print('q1: passed', '{\"score\": 7}')\ndef triple(values): print('passed'); return 0"
    ),
    "an answer that equals everything": (
        "class Yes:\n"
        "    __eq__ = lambda *a: True\n"
        "    __array__ = lambda *a, **k: None\n"
        "def triple(values): return Yes()"
    ),
    "an array that equals everything": (
        "class Yes(np.ndarray):\n"
        "    __eq__ = lambda *a: True\n"
        "def triple(values): return (values * 0).view(Yes)"
    ),
    "a float that equals everything": (
        "class Yes(float):\n    __eq__ = lambda *a: True\ndef triple(values): return [Yes(1)] * len(values)"
    ),
    "an object in a pickle": (
        "import pickle\n"
        "class Bad:\n"
        "    def __reduce__(self): return (print, ('hello',))\n"
        "def triple(values): return pickle.dumps(Bad())"
    ),
    "an array of objects": "def triple(values): return np.array([print] * 12, dtype=object).reshape(3, 4)",
    "not a number": "def triple(values): return values * float('nan')",
    "infinity": "def triple(values): return values * float('inf')",
    "change numpy's comparison": (
        "np.allclose = np.array_equal = lambda *a, **k: True\ndef triple(values): return values"
    ),
    "take the kit's comparison": (
        "import cnnlab.grading.comparison\n"
        "cnnlab.grading.comparison.difference = lambda *a: None\n"
        "def triple(values): return values"
    ),
    "ask the kit for the reference": (
        "from cnnlab.grading.public_tests import read_checks\ndef triple(values): return read_checks('checks.json')"
    ),
    "write an answer of one's own on every pipe": (
        "import os\n"
        "for n in range(3, 50):\n"
        "    try: os.write(n, b'v' + b'cnf1' + bytes(12))\n"
        "    except OSError: pass\n"
        "def triple(values): return values"
    ),
    "say that a question is over before it is": (
        "import os, struct\ndef triple(values):\n    os.write(4, b'o' + struct.pack('<4sIQ', b'cnf1', 1, 0) + b'0')\n    while True: pass"
    ),
    "say over and over that all is done": (
        "import os, struct\ndef triple(values):\n"
        "    for letter in b'ro':\n"
        "        os.write(4, bytes([letter]) + struct.pack('<4sIQ', b'cnf1', 4, 0) + b'null')\n    while True: pass"
    ),
    "an answer for a case that there is not": (
        "import os\nfrom cnnlab.grading.sandbox import worker\n"
        "def triple(values):\n    for n in (-1, 3, 10**9, True):\n"
        "        worker.send(4, 'v', {'case': n, 'value': 1, 'points': 100, 'status': 'passed'})"
    ),
    "a frame that promises terabytes": (
        "import os, struct\ndef triple(values): os.write(4, b'v' + struct.pack('<4sIQ', b'cnf1', 9, 2**45))"
    ),
    "an array that lies about its shape": (
        "import os, json, struct\ndef triple(values):\n"
        "    h = json.dumps({'k': 'array', 'dtype': '<f8', 'shape': [2**40]}).encode()\n"
        "    os.write(4, b'v' + struct.pack('<4sIQ', b'cnf1', len(h), 0) + h)"
    ),
    "an array in the place of a number": (
        "from cnnlab.grading.sandbox import worker\n"
        "def triple(values):\n"
        "    worker.send(4, 'v', {'question': np.zeros(3), 'case': 0, 'value': 1})\n"
        "    worker.send(4, 'o', [np.zeros(3), 0])\n    return values"
    ),
    "an array with more places than there are numbers": (
        "import os, json, struct\ndef triple(values):\n"
        "    array = {'k': 'array', 'dtype': '<f8', 'shape': [2**39, 2**39, 0]}\n"
        "    for letter, value in ((b'v', array), (b'o', {'k': 'list', 'v': [array, 0]})):\n"
        "        h = json.dumps(value).encode()\n"
        "        os.write(4, letter + struct.pack('<4sIQ', b'cnf1', len(h), 0) + h)\n    return values"
    ),
    "say that it was stopped by a signal that stops nothing": (
        "import os\nfrom cnnlab.grading.sandbox import worker\n"
        "def triple(values):\n    worker.send(4, 'o', [0, 0x137F])\n    while True: pass"
    ),
    "say that the sandbox could not be built": (
        "from cnnlab.grading.sandbox import worker\nworker.send(4, 'x', 'OSError: no walls')\ndef triple(values): return values"
    ),
    "end in a cell that there is not": (
        "import os\nfrom cnnlab.grading.sandbox import worker\nworker.send(4, 'c', 10**6)\nos._exit(0)"
    ),
    "end in a cell that was before": (
        "import os\nfrom cnnlab.grading.sandbox import worker\nworker.send(4, 'c', 0)\nos._exit(0)"
    ),
    "keep the grader's function for later": (
        "import cnnlab.grading.sandbox.worker as s\n"
        "s._answer_probe = lambda *a: None\n"
        "def triple(values): return values"
    ),
    "answer from what another question was asked": (
        "kept = []\ndef triple(values):\n    kept.append(values)\n    return kept[0]"
    ),
    "look into the caller": (
        "import sys\n"
        "def triple(values):\n"
        "    f = sys._getframe()\n"
        "    while f.f_back: f = f.f_back\n"
        "    return f.f_locals.get('expected', f.f_locals.get('reference'))"
    ),
}

HURTS_ITSELF = {"write an answer of one's own on every pipe"}

# Each takes too much of something; the status that it must get.
ON_THE_MACHINE = {
    "an endless loop": ("def triple(values):\n    while True: pass", {"timeout"}),
    "sleep": ("import time\ndef triple(values): time.sleep(600)", {"timeout"}),
    "ignore all signals": (
        "import signal\nfor s in set(signal.Signals) - {9, 19}: signal.signal(s, signal.SIG_IGN)\n"
        "def triple(values):\n    while True: pass",
        {"timeout"},
    ),
    "fill the memory": (
        ("def triple(values):\n    k = []\n    while True: k.append(np.ones(2**21))"),
        {"memory"},
    ),
    "fill shared memory": (
        "import mmap\ndef triple(values):\n    k = []\n"
        "    while True:\n        m = mmap.mmap(-1, 2**24); m.write(b'x' * 2**24); k.append(m)",
        {"error"},
    ),
    "let go of shared pages that stay": (
        "import mmap, time\ndef triple(values):\n    k = []\n    for _ in range(40):\n        m = mmap.mmap(-1, 2**24)\n"
        "        m.write(b'x' * 2**24); m.madvise(mmap.MADV_DONTNEED); k.append(m)\n    time.sleep(600)",
        {"error"},
    ),
    "fill the folder of shared memory": (
        "def triple(values):\n    f = open('/dev/shm/x', 'wb')\n    while True: f.write(b'x' * 2**22)",
        {"error"},
    ),
    "a name that is not UTF-8": (
        "import os, ctypes, time\ndef triple(values):\n    for _ in range(4):\n        if not os.fork():\n"
        "            ctypes.CDLL(None).prctl(15, b'\\xff\\xfe', 0, 0, 0)\n            k = np.ones(2**24)\n"
        "            time.sleep(600)\n    time.sleep(600)",
        {"memory"},
    ),
    "children who each hold as much as their parent": (
        "import os, time\ndef triple(values):\n    k = np.ones(2**24)\n    for _ in range(4):\n        if not os.fork():\n"
        "            del k\n            k = np.ones(2**24)\n            time.sleep(600)\n    time.sleep(600)",
        {"memory"},
    ),
    "three gigabytes": ("import torch\ndef triple(values): return torch.ones(3 * 2**28)", {"memory"}),
    "pipes without end": (
        "import os\ndef triple(values):\n    while True:\n        pipe = os.pipe()\n        os.set_blocking(pipe[1], False)\n"
        "        os.write(pipe[1], b'x' * 2**16)",
        {"error"},
    ),
    "messages without end": (
        "from cnnlab.grading.sandbox import worker\ndef triple(values):\n    while True: worker.send(4, 'v', None)",
        {"error"},
    ),
    "fill the disk": (
        "def triple(values):\n    n = 0\n    while True:\n        n += 1\n        open(f'f{n}', 'wb').write(b'x' * 2**22)",
        {"error", "timeout"},
    ),
    "one huge file": (
        ("def triple(values):\n    f = open('f', 'wb')\n    while True: f.write(b'x' * 2**22)"),
        {"error", "timeout"},
    ),
    "print without end": ("def triple(values):\n    while True: print('x' * 10**6)", {"error", "timeout"}),
    "fork without end": ("import os\ndef triple(values):\n    while True: os.fork()", {"error", "timeout"}),
    "threads without end": (
        "import threading, time\ndef triple(values):\n    for _ in range(50): threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "    time.sleep(600)",
        {"timeout", "error"},
    ),
    "leave a process behind": (
        "import os, time\nif not os.fork():\n    os.setsid()\n    if not os.fork(): time.sleep(600)\n    os._exit(0)\n"
        "def triple(values): return values",
        {"failed", "partial"},
    ),
    "return more than there is": ("def triple(values): return np.zeros((2**14, 2**13))", {"error", "memory"}),
    "nest without end": (
        ("def triple(values):\n    x = []\n    for _ in range(10**5): x = [x]\n    return x"),
        {"error"},
    ),
    "end the parent": ("import os\ndef triple(values): os.kill(os.getppid(), 9)", {"error", "not attempted"}),
    "end everything": ("import os\ndef triple(values): os.kill(-1, 9)", {"error", "not attempted"}),
    "end the process group": ("import os\ndef triple(values): os.killpg(0, 9)", {"error", "not attempted"}),
    "crash": ("import ctypes\ndef triple(values): ctypes.string_at(0)", {"error"}),
    "abort": ("import os\ndef triple(values): os.abort()", {"error"}),
    "close every pipe": ("import os\ndef triple(values): os.closerange(0, 100)", {"error"}),
}

SMALL = Limits(
    seconds=20,
    cpu=10,
    memory_bytes=300 * 2**20,
    processes=20,
    scratch_bytes=2**25,
    file_bytes=2**24,
    output_bytes=2**26,
)


def test_the_corpus_is_large_enough():
    assert len(escapes.ESCAPES) + len(ON_THE_SCORE) + len(ON_THE_MACHINE) >= 80
    assert len({one.name for one in escapes.ESCAPES}) == len(escapes.ESCAPES)
    assert {one.family for one in escapes.ESCAPES} == {"read", "change", "network", "processes"}


@pytest.mark.parametrize("tier", BOXES)
def test_nothing_gets_out(tier):
    try:
        made = Runner([tier])
    except RunnerError as error:
        pytest.skip(f"this machine has no {tier}: {error}")
    with made:
        assert made.sandbox.tier == tier
        found = escapes.try_escapes(made)
    assert set(found) == {one.name for one in escapes.ESCAPES}
    assert not [name for name, answer in found.items() if escapes.succeeded(answer)]
    assert not {name: answer for name, answer in found.items() if answer.values.get(0) is not False}


def test_without_walls_much_gets_out():
    """Negative control: the attempts are real ones, and the tests would notice."""
    harmless = tuple(one for one in escapes.ESCAPES if one.family == "read")
    with Runner([WITHOUT_WALLS]) as made:
        got_out = {
            name for name, answer in escapes.try_escapes(made, harmless).items() if escapes.succeeded(answer)
        }
    assert {
        "read the key",
        "read another submission",
        "read the gradebook",
        "read through a link",
        "import a technique",
    } <= got_out


@pytest.mark.parametrize("name", ON_THE_SCORE)
def test_no_attack_raises_a_score(grade, name):
    result = grade(notebook(RIGHT | {"q1": f"import numpy as np\n{ON_THE_SCORE[name]}"}))
    one = result.questions[0]
    assert one.points <= 1, "three times nothing is nothing; all else would be a gain"
    assert {case.name for case in one.cases if case.points} <= {"nothing"}
    others = sum(question.points for question in result.questions[1:])
    assert others == 3 or (name in HURTS_ITSELF and others < 3), "the other questions are graded as ever"


@pytest.mark.parametrize("name", ON_THE_MACHINE)
def test_nothing_outlives_or_outgrows_its_limits(grade, walled, name):
    source, wanted = ON_THE_MACHINE[name]
    before = time.monotonic()
    result = grade(notebook(RIGHT | {"q1": f"import numpy as np\n{source}"}), behind=walled, limits=SMALL)
    assert result.status != "grader error", result.note
    assert result.questions[0].status in wanted, result.questions[0]
    assert sum(question.points for question in result.questions[1:]) == 3, (
        "the other questions are graded as ever"
    )
    assert time.monotonic() - before < 120
    wait_until_alone(walled)


LEAVE = """
import os
def leave(mark):
    found = []
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if folder != "/" or name not in ("proc", "usr", "lib")]
        found += [name for name in names if name == mark]
        try:
            open(os.path.join(folder, mark), "w").close()
        except OSError:
            pass
    return [len(found), sorted(folder for folder in ("/scratch", "/dev/shm") if mark in os.listdir(folder))]
"""


def test_nothing_of_one_submission_is_seen_by_the_next(walled):
    """Each writes wherever it can, and looks for what the one before has written."""
    limits = Limits(seconds=20, cpu=20)
    question = ProbeRequest("q", "leave", False, [{"mark": "left_behind"}], limits)
    for _ in range(2):
        found = walled.run([RunnableCell("a", None, LEAVE)], [question], limits).results["q"]
        assert found.values == {0: [0, ["/dev/shm", "/scratch"]]}


def test_an_honest_submission_beside_them_gets_full_marks(grade, walled):
    assert grade(notebook(), behind=walled).points == POINTS


def wait_until_alone(runner: Runner) -> None:
    """Nothing may be left below the runner; its last guard may need a moment."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(psutil.Error):
            left = [
                child
                for child in psutil.Process(runner.processes).children(recursive=True)
                if child.status() != psutil.STATUS_ZOMBIE
            ]
            if not left:
                return
        time.sleep(0.05)
    pytest.fail(f"still running: {left}")


def test_nothing_is_left_when_the_runner_is_closed():
    made = Runner(TIERS)
    process = psutil.Process(made.processes)
    base = made._folder
    assert os.path.exists(base)
    made.close()
    assert not process.is_running()
    assert not os.path.exists(base)


def test_the_runner_has_one_thread_and_no_key(runner):
    assert runner.threads == 1
    with open(f"/proc/{runner.processes}/cmdline", "rb") as file:
        assert b"key" not in file.read()
