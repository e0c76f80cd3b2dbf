"""How fast the grader is beside nbgrader and otter, and whether a class of 200 odd submissions comes out right, also after kill -9.

    python tests/benchmarks/grading.py rates --peers PATH     PATH/bin has nbgrader and otter; without it, ours alone
    python tests/benchmarks/grading.py class

Rates are of the same submissions in one run, start-up stated apart, for answers that need numpy and for answers that import torch.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "grading"))

import class_room

from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.batch import grade_folder
from cnnlab.grading.feedback import write_feedback
from cnnlab.grading.gradebook import Gradebook

TIERS = ("namespaces", "landlock", "none")
LOOP = "def triple(values):\n    while True: pass"
KINDS = {
    "right": (None, "graded", 7),
    "wrong": (
        {
            "q1": "def triple(values): return values + 1",
            "q2": "def row_sums(values): return values.sum(0)",
            "q3": "answer = 41",
        },
        "graded",
        1,
    ),
    "partial": ({"q1": "def triple(values): return values * 2", "q2": class_room.RIGHT["q2"]}, "graded", 3),
    "endless loop": (class_room.RIGHT | {"q1": LOOP}, "graded", 3),
    "memory hog": (
        class_room.RIGHT | {"q1": "def triple(values): return [np.ones(2**26) for _ in range(100)]"},
        "graded",
        3,
    ),
    "crash": (class_room.RIGHT | {"q1": "import ctypes\nctypes.string_at(0)"}, "graded", 3),
    "renamed": (None, "graded", 7),
    "stripped": (None, "graded", 7),
    "duplicated": (None, "graded", 7),
    "truncated": (None, "unreadable", 0),
    "empty": (None, "unreadable", 0),
    "not a notebook": (None, "unreadable", 0),
    "loud": (
        class_room.RIGHT
        | {"q1": "def triple(values):\n    for _ in range(300): print('x' * 10**6)\n    return 3 * values"},
        "graded",
        7,
    ),
    "warnings": (
        class_room.RIGHT | {"q1": "import warnings\nwarnings.warn('careful')\n" + class_room.RIGHT["q1"]},
        "graded",
        7,
    ),
}


def fill(room: Path, size: int) -> dict[str, tuple[str, float]]:
    """A class of `size`, every kind in turn, and what each must get."""
    wanted = {}
    for number in range(size):
        kind = list(KINDS)[number % len(KINDS)]
        answers, status, points = KINDS[kind]
        content: dict | str = class_room.notebook(answers)
        if kind == "stripped":
            content = class_room.notebook(ids=False, markers=False)
        elif kind == "duplicated":
            content["cells"] += content["cells"][1:]
        elif kind == "truncated":
            content = json.dumps(content)[: -100 - number]
        elif kind in ("empty", "not a notebook"):
            content = "" if kind == "empty" else '{"a": 1}'
        student = f"{kind} {number:03}"
        class_room.hand_in(
            room / student / "as I like it (2).ipynb" if kind == "renamed" else room / f"{student}.ipynb",
            content,
        )
        wanted[student] = (status, points)
    return wanted


def whole_class(size: int) -> None:
    """Grade a class, kill the grader half-way, go on, and compare with what each must get."""
    with tempfile.TemporaryDirectory(prefix="cnnlab-class-") as folder:
        place = Path(folder)
        assignment = class_room.write_assignment(place / "tiny")
        wanted = fill(place / "room", size)
        command = [
            sys.executable,
            "-m",
            "cnnlab.cli",
            "grade",
            assignment,
            place / "room",
            "--gradebook",
            place / "book",
            "--trust-submissions",
        ]
        begin = time.perf_counter()
        first = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
        while first.poll() is None and graded(place / "book") < size // 2:
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
        first.wait()
        half = graded(place / "book")
        print(subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout)
        with Gradebook(place / "book") as book:
            found = {result.student: (result.status, result.points) for result in book.results("tiny")}
            start = time.perf_counter()
            for result in book.results("tiny"):
                write_feedback(load_assignment(assignment), result, place / "pages")
            pages = time.perf_counter() - start
        wrong = {
            student: (found.get(student), must)
            for student, must in wanted.items()
            if found.get(student) != must
        }
        print(
            f"killed after {half} of {size}; {time.perf_counter() - begin:.0f} s in all; pages {1000 * pages / size:.0f} ms each"
        )
        print(f"not as they must be: {wrong or 'none'}")


def graded(path: Path) -> int:
    """How many results are in the book, looked at from outside."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
            return book.execute("select count(*) from submissions").fetchone()[0]
    except sqlite3.Error:
        return 0


def rates(peers: Path | None, size: int) -> None:
    """Submissions a second, ours and the peers', for answers with numpy and with torch."""
    for name, first in (("numpy", "import numpy as np"), ("torch", "import numpy as np\nimport torch")):
        with tempfile.TemporaryDirectory(prefix="cnnlab-rates-") as folder:
            place = Path(folder)
            assignment = load_assignment(class_room.write_assignment(place / "tiny"))
            answers = {key: f"{first}\n{text}" for key, text in class_room.RIGHT.items()}
            for number in range(size):
                class_room.hand_in(place / "room" / f"s{number:03}.ipynb", class_room.notebook(answers))
            with Gradebook(place / "book") as book:
                batch = grade_folder(assignment, place / "room", book, tiers=TIERS, progress=False)
            memory = psutil.Process().memory_info().rss >> 20
            ours = batch.seconds / size
            print(
                f"{name}: cnnlab {1000 * ours:.0f} ms a submission, start {batch.start_seconds:.1f} s, grader {memory} MiB; {batch.walls}"
            )
            if peers:
                few = max(2, size // 10)
                theirs = nbgrader(peers, place, few)
                print(
                    f"{name}: nbgrader {1000 * theirs:.0f} ms a submission over {few}: {theirs / ours:.0f} times ours"
                )


def nbgrader(peers: Path, place: Path, size: int) -> float:
    """Seconds a submission of `nbgrader autograde`: the time for `size` of them less that for one, so that its start is not counted."""
    course = place / "course"
    (course / "source" / "tiny").mkdir(parents=True)
    shutil.copy(place / "tiny" / "instructor" / "source.ipynb", course / "source" / "tiny" / "tiny.ipynb")
    (course / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'x'\nc.ExecutePreprocessor.startup_timeout = 300\n"
    )
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    theirs = str(
        peers / "lib" / version / "site-packages"
    )  # first, and ours behind it: their kernel needs torch too
    path = {"PATH": f"{peers / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    path = os.environ | path | {"PYTHONPATH": os.pathsep.join([theirs, *filter(None, sys.path[1:])])}

    def run(*arguments: str) -> float:
        begin = time.perf_counter()
        subprocess.run(
            [str(peers / "bin" / "nbgrader"), *arguments],
            cwd=course,
            env=path,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - begin

    run("generate_assignment", "tiny", "--create")
    for number in range(size + 1):
        folder = course / "submitted" / f"s{number:03}" / "tiny"
        folder.mkdir(parents=True)
        shutil.copy(place / "room" / f"s{number:03}.ipynb", folder / "tiny.ipynb")
    one = run("autograde", "tiny", "--create", "--student", "s000")
    return (run("autograde", "tiny", "--create", "--force") - one) / size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("rates", "class"))
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--size", type=int, default=200)
    chosen = parser.parse_args()
    whole_class(chosen.size) if chosen.what == "class" else rates(chosen.peers, chosen.size)
