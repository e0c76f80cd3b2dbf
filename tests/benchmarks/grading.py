"""How fast the grader is beside nbgrader and otter, and whether a class of 200 odd submissions comes out right, also after kill -9.

    python tests/benchmarks/grading.py rates --peers PATH     PATH/bin has nbgrader and otter; without it, ours alone
    python tests/benchmarks/grading.py class
    python tests/benchmarks/grading.py school --size 60       every assignment of the kit for a class of 60

Rates are of the same submissions in one run, start-up stated apart, for answers that need numpy and for answers that import torch.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "grading"))

import class_room

from cnnlab.grading import releasing
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.batch import grade_folder
from cnnlab.grading.feedback import write_feedback
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.validating import variants

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
                theirs = otter(peers, place, 3)
                print(
                    f"{name}: otter run {1000 * theirs:.0f} ms a submission over 3: {theirs / ours:.0f} times ours"
                )


def nbgrader(peers: Path, place: Path, size: int) -> float:
    """Seconds a submission of `nbgrader autograde`: the time for `size` of them less that for one, so that its start is not counted."""
    course, path = place / "course", environment(peers)
    (course / "source" / "tiny").mkdir(parents=True)
    shutil.copy(place / "tiny" / "instructor" / "source.ipynb", course / "source" / "tiny" / "tiny.ipynb")
    (course / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'x'\nc.ExecutePreprocessor.startup_timeout = 300\n"
    )

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


def environment(peers: Path) -> dict[str, str]:
    """Where the peers' commands find their packages first, and ours behind them: their kernel needs torch too."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    theirs = str(peers / "lib" / version / "site-packages")
    path = {"PATH": f"{peers / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    return os.environ | path | {"PYTHONPATH": os.pathsep.join([theirs, *filter(None, sys.path[1:])])}


OTTER_TEST = """
OK_FORMAT = True
case = {"code": ">>> import numpy as np\\n>>> bool((triple(np.ones(3)) == 3).all())\\nTrue", "hidden": False, "locked": False}
test = {"name": "q1", "points": 3, "suites": [{"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}]}
"""


def otter(peers: Path, place: Path, size: int) -> float:
    """Seconds a submission of `otter run`, which starts anew for each, with one of the three questions."""
    room, path = place / "otter", environment(peers)
    (room / "tests").mkdir(parents=True)
    (room / "tests" / "q1.py").write_text(OTTER_TEST)
    otter = str(peers / "bin" / "otter")
    subprocess.run(
        [otter, "generate", "-t", "tests", "-o", "autograder.zip"],
        cwd=room,
        env=path,
        check=True,
        capture_output=True,
    )
    archive = str(room / "autograder.zip")
    begin = time.perf_counter()
    for number in range(size):
        submission = shutil.copy(place / "room" / f"s{number:03}.ipynb", room / f"s{number:03}.ipynb")
        command = [otter, "run", "-a", archive, "-o", str(room), "--no-logo", str(submission)]
        subprocess.run(command, cwd=room, env=path, check=True, capture_output=True)
        score = json.loads((room / "results.json").read_text())["tests"][-1]["score"]
        assert score == 3, "otter must find the right answer right, or its time says nothing"
    return (time.perf_counter() - begin) / size


def school(size: int) -> None:
    """Every assignment of the kit for a class: each student gets some questions right and some wrong, as the mutants have them."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="cnnlab-school-") as folder, Peak() as peak:
        begin, all_graded = time.perf_counter(), 0
        for home in sorted((Path(__file__).parents[2] / "assignments").glob("a*_*")):
            assignment, room = load_assignment(home), Path(folder, home.name)
            room.mkdir()
            mutants = variants(assignment, "mutants")
            for number in range(size):
                notebook = releasing.filled(assignment, None)
                for wrong in draw.sample(mutants, draw.randrange(4)):
                    for cell in notebook.cells:
                        if cell.metadata.get("nbgrader", {}).get("grade_id") == wrong.question:
                            cell.source = releasing.with_answer(assignment.answer(wrong.question), wrong.code)
                releasing.write(notebook, room / f"student {number:02}.ipynb")
            with Gradebook(Path(folder, "book")) as book:
                batch = grade_folder(assignment, room, book, tiers=TIERS, progress=False)
                results = list(book.results(assignment.name))
            points = sorted(result.points for result in results)
            errors = [result.student for result in results if result.status not in ("graded", "needs review")]
            all_graded += len(results)
            print(
                f"{home.name}: {len(results)} in {batch.seconds:.0f} s, {1000 * batch.seconds / size:.0f} ms each, start"
                f" {batch.start_seconds:.1f} s; points {points[0]:g} to {points[-1]:g}; not graded: {errors or 'none'}",
                flush=True,
            )
        seconds = time.perf_counter() - begin
    print(f"{all_graded} submissions in {seconds / 60:.1f} minutes, at most {peak.bytes >> 20} MiB at once")


class Peak(threading.Thread):
    """The largest memory of this process and all below it (proportional shares, so that what is shared counts once)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes, self._over = 0, threading.Event()

    def __enter__(self) -> Peak:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        me = psutil.Process()
        while not self._over.wait(1.0):
            now = 0
            for one in (me, *me.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    now += one.memory_full_info().pss
            self.bytes = max(self.bytes, now)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("rates", "class", "school"))
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--size", type=int, default=200)
    chosen = parser.parse_args()
    if chosen.what == "rates":
        rates(chosen.peers, chosen.size)
    else:
        {"class": whole_class, "school": school}[chosen.what](chosen.size)
