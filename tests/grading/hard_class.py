"""A class with hostile and chaotic submissions among the ordinary ones, graded in one run that is killed twice on its way.

Nobody else's points may change by one. `python tests/benchmarks/grading.py hostile` does it with 30 hostile and 30 chaotic among 200.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from sample_class import POINTS, RIGHT, STUBS, cell, hand_in, marks, notebook

from cnnlab.grading import batch
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.batch import Batch
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.runner import Runner
from cnnlab.grading.sandbox.confinement import TIERS
from cnnlab.grading.scoring import Result

OTHERS = 3  # the points of q2 and q3, which the hostile ones answer honestly
FORGED = (
    "import json, os, struct\n"
    "def frame(value):\n"
    "    tree = {'k': 'dict', 'v': [[key, part] for key, part in value.items()]}\n"
    "    header = json.dumps(tree).encode()\n"
    "    return struct.pack('<4sIQ', b'cnf1', len(header), 0) + header\n"
)
HOSTILE = {  # what the cell of q1 holds; the body of the function comes with an indent
    "leaves": "import os\nos._exit(0)",
    "leaves when asked": "import os\ndef triple(values): os._exit(0)",
    "crashes": "import ctypes\nctypes.string_at(0)",
    "never ends": "def triple(values):\n    while True: pass",
    "sleeps": "import time\ndef triple(values): time.sleep(10**6)",
    "ignores signals": "import signal\nfor number in range(1, 32):\n    try: signal.signal(number, signal.SIG_IGN)\n"
    "    except (OSError, ValueError): pass\ndef triple(values):\n    while True: pass",
    "forks": "import os\ndef triple(values):\n    while True: os.fork()",
    "threads": "import threading, time\ndef triple(values):\n    while True: threading.Thread(target=time.sleep, args=(99,)).start()",
    "hogs memory": "def triple(values):\n    kept = []\n    while True: kept.append(np.ones(2**23))",
    "fills the disk": "def triple(values):\n    for n in range(10**4): open(f'f{n}', 'wb').write(bytes(2**20))",
    "prints": "def triple(values):\n    while True: print('x' * 10**6)",
    "closes its pipes": "import os\ndef triple(values): os.closerange(0, 4096)",
    "closes its pipes in the cell": "import os\nos.closerange(0, 4096)",
    "kills everybody": "import os, signal\ndef triple(values):\n    os.kill(-1, signal.SIGKILL)\n    os.kill(os.getppid(), 9)",
    "writes garbage": "import os\ndef triple(values): os.write(4, os.urandom(10**5))",
    "forges a value": f"{FORGED}def triple(values):\n    os.write(4, b'v' + frame({{'question': 0, 'case': 0, 'value': 1}}))\n",
    "forges the end": f"{FORGED}os.write(4, b'r' + frame({{}}))\nos._exit(0)",
    "returns too much": "def triple(values): return np.broadcast_to(0.0, (10**10,))",
    "returns what is too deep": "def triple(values):\n    deep = []\n    for _ in range(10**5): deep = [deep]\n    return deep",
    "returns a liar": "class Liar(np.ndarray):\n    __eq__ = __le__ = lambda *a: True\ndef triple(values): return np.ones(3).view(Liar)",
    "patches the comparison": "np.isclose = lambda a, *b, **c: np.ones(np.shape(a), bool)\n"
    "def triple(values): return values if values.size else None",
    "patches the worker": "import sys\nfor name, module in list(sys.modules.items()):\n"
    "    if name.startswith('cnnlab.grading'): module.encode = lambda *a: b''\ndef triple(values): return 0",
    "raises without end": "class Bad(Exception):\n    def __str__(self):\n        while True: pass\ndef triple(values): raise Bad",
    "raises what cannot be told": "class Bad(BaseException):\n    def __str__(self): raise self\ndef triple(values): raise Bad",
    "reads keys": "import glob\ndef triple(values): raise ValueError(str([open(f).read() for f in glob.glob('/**/key.py')]))",
    "opens files": "def triple(values):\n    kept = []\n    while True: kept.append(open('/dev/null'))",
    "traces its parents": "import ctypes, os\ndef triple(values): return ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)",
    "calls home": "import socket\ndef triple(values): return socket.create_connection(('192.0.2.1', 80), 2)",
    "lowers its limits": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\ndef triple(values): return open('x')",
    "ends in a destructor": "import os\nclass Last:\n    def __del__(self): os._exit(0)\ndef triple(values): Last()",
}


def _cells(*sources: str, **more: object) -> dict:
    return {
        "cells": [cell(source) for source in sources],
        "metadata": {"cnnlab": {"assignment": "tiny"}},
    } | more


_WHOLE = json.dumps(notebook())
_ALL = "\n\n".join(RIGHT.values())
CHAOTIC: dict[str, dict | str | bytes] = {  # what is handed in, as `NAME.ipynb` or, with a slash, in a folder
    "empty": "",
    "cut off": _WHOLE[:-300],
    "UTF-16": _WHOLE.encode("utf-16"),
    "a script": "import numpy as np\n",
    "a page": "<!doctype html><title>x</title>",
    "an archive": b"PK\x03\x04" + bytes(300),
    "no cells": '{"cells": 5}',
    "old sheets": {"worksheets": [{"cells": [{"cell_type": "code", "input": _ALL}]}]},
    "numbers for names": notebook() | {"metadata": 5},
    "half surrogates": notebook() | {"metadata": {"cnnlab": {"assignment": "tiny\ud800"}}},
    "nested deep": "[" * 10**5,
    "many values": '{"cells": [' + "[]," * 10**6,
    "many cells": _cells(*["x = 1"] * 2001),
    "a huge number": '{"cells": ' + "9" * 5000 + "}",
    "without ids": notebook(ids=False, markers=False),
    "all in one cell": _cells("import numpy as np", _ALL),
    "in the test cells": _cells("import numpy as np")
    | {
        "cells": [
            cell("import numpy as np"),
            *(cell(text, marks(f"{name}-test", grade=True)) for name, text in RIGHT.items()),
        ]
    },
    "twice": notebook() | {"cells": notebook()["cells"] * 2},
    "another assignment": notebook() | {"metadata": {"cnnlab": {"assignment": "a9"}}},
    "a loop beside": notebook(more=["while True: pass"]),
    "an error beside": notebook(more=["1 / 0", "this is no code"]),
    "magics": notebook(more=["%matplotlib inline\n!rm -rf .\n%%html\n<b>"]),
    "tiny floats": notebook(
        RIGHT
        | {
            "q1": "def triple(values): return np.full(values.shape, 1e-320) * np.arange(values.size).reshape(values.shape)"
        }
    ),
    "stubs": notebook(STUBS),
    "Mu\u0308ller": notebook(),
    "M\u00fcller": notebook(RIGHT | {"q3": "answer = 41"}),
    "x" * 200 + "a": notebook(),
    "x" * 200 + "b": notebook(RIGHT | {"q3": "answer = 41"}),
    "=cmd|' /C calc'!A0": notebook(),
    "a\nline\x1b[31m": notebook(),
}
ORDINARY = (
    RIGHT,
    RIGHT | {"q1": "def triple(values): return values * 2"},
    RIGHT | {"q2": "def row_sums(values): return values.sum(0)"},
    {"q2": RIGHT["q2"]},
    RIGHT
    | {
        "q1": "import numpy.random\ndef triple(values): return values * 3 if np.random.rand() < 0.5 else values"
    },
)


def fill(room: Path, size: int, hostile: int, chaotic: int) -> list[str]:
    """Fill `room` with `size` submissions, of which some are hostile and some chaotic; returns the names of the ordinary students."""
    ordinary = [f"student {number:03}" for number in range(size - hostile - chaotic)]
    for number, student in enumerate(ordinary):
        hand_in(room / f"{student}.ipynb", notebook(ORDINARY[number % len(ORDINARY)]))
    for number, (name, source) in enumerate(
        list(HOSTILE.items())[:: max(1, len(HOSTILE) // max(1, hostile))][:hostile]
    ):
        hand_in(room / f"student {7 * number:03} {name}.ipynb", notebook(RIGHT | {"q1": source}))
    for name, content in list(CHAOTIC.items())[:: max(1, len(CHAOTIC) // max(1, chaotic))][:chaotic]:
        hand_in(room / f"{name}.ipynb", content)
    return ordinary


def grade(
    assignment: Assignment, room: Path, book: Path, *, jobs: int | None = None, runner: Runner | None = None
) -> Batch:
    """Grade to the end, behind this `runner` if there is one already."""
    ready = contextlib.nullcontext(runner)
    started = mock.patch.object(batch, "Runner", return_value=ready) if runner else ready
    with started, Gradebook(book) as gradebook:
        return batch.grade_folder(assignment, room, gradebook, jobs=jobs, tiers=TIERS, progress=False)


def run_with_kills(
    assignment: Assignment, place: Path, size: int, hostile: int, chaotic: int, runner: Runner | None = None
) -> list[str]:
    """What is not as it must be, after the ordinary students are graded alone, and then all with two kills.

    What is not to be killed may run behind a `runner` that is there already, since a start takes seconds.
    """
    ordinary = fill(place / "all", size, hostile, chaotic)
    for student in ordinary:
        hand_in(place / "calm" / f"{student}.ipynb", (place / "all" / f"{student}.ipynb").read_bytes())
    with Gradebook(place / "calm.book"):
        pass
    shutil.copy(place / "calm.book", place / "all.book")  # with the same secret, so that the same is asked
    grade(assignment, place / "calm", place / "calm.book", runner=runner)
    kept: dict[str, float] = {}
    wrong: list[str] = []
    for share in (3, 3 / 2):
        now = graded_before_a_kill(assignment, place / "all", place / "all.book", size / share)
        wrong += [f"{student}: graded twice" for student in kept if kept[student] != now.get(student)]
        wrong += [f"killed after {len(now)} of {size}"] if not len(kept) < len(now) < size else []
        kept = now
    rest = grade(assignment, place / "all", place / "all.book", runner=runner)
    wrong += [f"{rest.graded} and {rest.already_graded} graded"] if rest.already_graded < len(kept) else []
    with Gradebook(place / "calm.book") as calm, Gradebook(place / "all.book") as book:
        found = {result.student: result for result in book.results("tiny")}
        wrong += [f"{len(found)} rows for {size}"] if len(found) != size else []
        for result in calm.results("tiny"):
            other = found.pop(result.student)
            wrong += (
                [f"{result.student}: {told(other)}, alone {told(result)}"]
                if told(result) != told(other)
                else []
            )
    for student, result in found.items():
        wrong += [f"{student}: {result.status}: {result.note}"] if result.status == "grader error" else []
        name = student[12:]
        if name in HOSTILE and result.points > OTHERS and result.status != "needs review":
            wrong.append(f"{student}: {result.points:g} points")
        if name in HOSTILE and result.points < OTHERS:
            wrong.append(f"{student}: its other questions have {result.points:g} points: {told(result)}")
        wrong += [f"{student}: {result.points:g} points of {POINTS:g}"] if result.points > POINTS else []
    return wrong


def told(result: Result) -> tuple:
    """What a student is told: statuses, points, hints."""
    questions = [
        (one.question, one.status, one.points, [(case.points, case.hint) for case in one.cases])
        for one in result.questions
    ]
    return result.status, result.note, questions


def graded_before_a_kill(
    assignment: Assignment, room: Path, book: Path, enough: float, *, jobs: int | None = None
) -> dict[str, float]:
    """When each student was graded by a grader that gets kill -9 as soon as `enough` of them are in the book, or has ended before."""
    child = forked(lambda: grade(assignment, room, book, jobs=jobs))
    while len(graded_at(book)) < enough and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return graded_at(book)


def forked(work: Callable[[], object]) -> int:
    """The id of a process that does `work` and ends; a fork has everything imported already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads
        child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


def graded_at(path: Path) -> dict[str, float]:
    """When each student in the gradebook was graded; looked at from outside."""
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as book,
    ):
        return dict(book.execute("select student, graded from submissions"))
    return {}


def main(size: int, place: Path, assignment: Assignment) -> None:
    """Grade a class of `size` with 30 hostile and 30 chaotic submissions, and say what is not as it must be."""
    started = time.monotonic()
    wrong = run_with_kills(
        assignment, place, size, min(size // 4, len(HOSTILE)), min(size // 4, len(CHAOTIC))
    )
    with Gradebook(place / "all.book") as book:
        statuses = [(result.student, result.status, result.points) for result in book.results("tiny")]
    for student, status, points in statuses:
        if student[12:] in HOSTILE or not student.startswith("student"):
            print(f"    {student[:60]!r}: {status}, {points:g} points")
    print(f"{size} with two kills, and the ordinary ones alone before, in {time.monotonic() - started:.0f} s")
    print("not as it must be:", *(wrong or ["nothing"]), sep="\n    ")
    sys.exit(bool(wrong))
