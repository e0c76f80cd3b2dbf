"""How fast the grader is beside nbgrader and otter, and whether a class of 200 odd submissions comes out right, also after kill -9.

    python tests/benchmarks/grading.py rates --peers PATH     PATH/bin has nbgrader and otter; without it, ours alone
    python tests/benchmarks/grading.py class
    python tests/benchmarks/grading.py hostile                30 hostile and 30 chaotic among 200, killed twice
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

import hard_class
import sample_class

from cnnlab.grading import release
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.batch import grade_folder
from cnnlab.grading.feedback import write_feedback
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.sandbox.confinement import TIERS
from cnnlab.grading.scoring import Result
from cnnlab.grading.validation import variants

LOOP = "def triple(values):\n    while True: pass"
ALL = ("passed", "passed", "passed")
NONE = ("unreadable", "unreadable", "unreadable")
WRONG = {
    "q1": "def triple(values): return values + 1",
    "q2": "def row_sums(values): return values.sum(0)",
    "q3": "answer = 41",
}
PARTIAL = {"q1": "def triple(values): return values * 2", "q2": sample_class.RIGHT["q2"]}
HOG = "kept = []\ndef triple(values):\n    while True: kept.append(np.ones(2**24))"
CRASH = "import ctypes\nctypes.string_at(0)"
LOUD = "def triple(values):\n    for _ in range(300): print('x' * 10**6)\n    return 3 * values"
WARNS = "import warnings\nwarnings.warn('careful')\n" + sample_class.RIGHT["q1"]
KINDS = {  # what is answered (None for all of it, right), and what must come of it: status, points, status of each question
    "right": (None, "graded", 7, ALL),
    "wrong": (WRONG, "graded", 1, ("partial", "failed", "failed")),
    "partial": (PARTIAL, "graded", 3, ("partial", "passed", "not attempted")),
    "endless loop": (sample_class.RIGHT | {"q1": LOOP}, "graded", 3, ("timeout", "passed", "passed")),
    "memory hog": (sample_class.RIGHT | {"q1": HOG}, "graded", 3, ("memory", "passed", "passed")),
    "crash": (sample_class.RIGHT | {"q1": CRASH}, "graded", 3, ("error", "passed", "passed")),
    "renamed": (None, "graded", 7, ALL),
    "stripped": (None, "graded", 7, ALL),
    "duplicated": (None, "graded", 7, ALL),
    "truncated": (None, "unreadable", 0, NONE),
    "empty": (None, "unreadable", 0, NONE),
    "not a notebook": (None, "unreadable", 0, NONE),
    "loud": (sample_class.RIGHT | {"q1": LOUD}, "graded", 7, ALL),
    "warnings": (sample_class.RIGHT | {"q1": WARNS}, "graded", 7, ALL),
}


def fill(room: Path, size: int) -> dict[str, tuple[str, float, tuple[str, ...]]]:
    """A class of `size`, every kind in turn, and what each must get."""
    wanted = {}
    for number in range(size):
        kind = list(KINDS)[number % len(KINDS)]
        answers, *must = KINDS[kind]
        content: dict | str = sample_class.notebook(answers)
        if kind == "stripped":
            content = sample_class.notebook(ids=False, markers=False)
        elif kind == "duplicated":
            content["cells"] += content["cells"][1:]
        elif kind == "truncated":
            content = json.dumps(content)[: -100 - number]
        elif kind in ("empty", "not a notebook"):
            content = "" if kind == "empty" else '{"a": 1}'
        student = f"{kind} {number:03}"
        sample_class.hand_in(
            room / student / "as I like it (2).ipynb" if kind == "renamed" else room / f"{student}.ipynb",
            content,
        )
        wanted[student] = tuple(must)
    return wanted


def whole_class(size: int) -> None:
    """Grade a class, kill the grader half-way, go on; compare with what each must get, and with a grading that nobody killed."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="cnnlab-class-") as folder:
        place = Path(folder)
        # Generous, so that a machine with other work finds the same: to fill two gigabytes for the first time may take seconds.
        assignment = sample_class.write_assignment(place / "tiny", seconds=60, cpu=8)
        wanted = fill(place / "room", size)
        with Gradebook(place / "killed"):
            pass
        shutil.copy(place / "killed", place / "whole")  # with the same secret, so that the same is asked
        with Peak() as peak:
            begin = time.perf_counter()
            grade(assignment, place, "whole")
            seconds = time.perf_counter() - begin
        first = subprocess.Popen(command(assignment, place, "killed"), stderr=subprocess.DEVNULL)
        while first.poll() is None and len(rows(place / "killed")) < size // 2:
            time.sleep(0.05)
        below = psutil.Process(first.pid).children(recursive=True)
        first.send_signal(signal.SIGKILL)
        first.wait()
        kept = rows(place / "killed")
        left = psutil.wait_procs(below, timeout=30)[1]
        wrong += [f"{len(left)} processes outlive the grader"] if left else []
        print(grade(assignment, place, "killed"))
        now = rows(place / "killed")
        wrong += [f"{who}: graded twice" for who in kept if now.get(who) != kept[who]]
        grade(assignment, place, "killed")
        wrong += ["a third run grades again"] if rows(place / "killed") != now else []
        with Gradebook(place / "killed") as book, Gradebook(place / "whole") as other:
            found = {result.student: result for result in book.results("tiny")}
            wrong += [
                f"{one.student}: another grade after a kill"
                for one in other.results("tiny")
                if told(one) != told(found.get(one.student))
            ]
            start = time.perf_counter()
            for result in found.values():
                write_feedback(load_assignment(assignment), result, place / "pages")
            pages = time.perf_counter() - start
        for student in wanted.keys() | found.keys():
            one = found.get(student)
            got = (one.status, one.points, tuple(part.status for part in one.questions)) if one else "lost"
            wrong += [f"{student}: {got}, not {wanted.get(student)}"] if got != wanted.get(student) else []
        book_size = (place / "killed").stat().st_size
    print(
        f"{size} in {seconds:.0f} s, start and all; at most {peak.bytes >> 20} MiB at once, the book {book_size >> 10} KiB;"
        f" pages {1000 * pages / size:.0f} ms each"
    )
    print(f"killed after {len(kept)}, gone on with {size - len(kept)}")
    print("not as it must be:", *(sorted(wrong) or ["nothing"]), sep="\n    ")
    sys.exit(bool(wrong))


def hostile_class(size: int) -> None:
    """A class with hostile and chaotic submissions among it, in one run that is killed twice; compared with the ordinary ones alone."""
    with tempfile.TemporaryDirectory(prefix="cnnlab-hostile-") as folder:
        assignment = sample_class.write_assignment(Path(folder, "tiny"), seconds=20, cpu=6)
        hard_class.main(size, Path(folder), load_assignment(assignment))


def command(assignment: Path, place: Path, book: str) -> list[str]:
    """The grader's command line."""
    parts = [sys.executable, "-m", "cnnlab.cli", "grade", assignment, place / "room"]
    return [*map(str, parts), "--gradebook", str(place / book), "--without-walls"]


def grade(assignment: Path, place: Path, book: str) -> str:
    """Grade to the end; what it says."""
    return subprocess.run(command(assignment, place, book), capture_output=True, text=True, check=True).stdout


def rows(path: Path) -> dict[str, tuple]:
    """Who is in the book, with everything about the grading and when it was; looked at from outside."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as book:
            return {row[1]: row for row in book.execute("select * from submissions")}
    except sqlite3.Error:
        return {}


def told(result: Result | None) -> tuple:
    """What a student is told: statuses, points, hints."""
    if result is None:
        return ()
    questions = [
        (one.question, one.status, one.points, [(case.points, case.hint) for case in one.cases])
        for one in result.questions
    ]
    return result.status, result.note, questions


def rates(peers: Path | None, size: int) -> None:
    """Submissions a second, ours and the peers', for answers with numpy and with torch."""
    for name, first in (("numpy", "import numpy as np"), ("torch", "import numpy as np\nimport torch")):
        with tempfile.TemporaryDirectory(prefix="cnnlab-rates-") as folder:
            place = Path(folder)
            assignment = load_assignment(sample_class.write_assignment(place / "tiny"))
            answers = {key: f"{first}\n{text}" for key, text in sample_class.RIGHT.items()}
            for number in range(size):
                sample_class.hand_in(place / "room" / f"s{number:03}.ipynb", sample_class.notebook(answers))
            with Gradebook(place / "book") as book:
                batch = grade_folder(assignment, place / "room", book, tiers=TIERS, progress=False)
            memory = psutil.Process().memory_info().rss >> 20
            ours = batch.seconds / size
            print(
                f"{name}: cnnlab {1000 * ours:.0f} ms a submission, start {batch.start_seconds:.1f} s, grader {memory} MiB; {batch.sandbox}"
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
                notebook = release.with_answers(assignment, None)
                for wrong in draw.sample(mutants, draw.randrange(4)):
                    for cell in notebook.cells:
                        if cell.metadata.get("nbgrader", {}).get("grade_id") == wrong.question:
                            cell.source = release.with_answer(
                                assignment.answer_cell(wrong.question), wrong.code
                            )
                release.write(notebook, room / f"student {number:02}.ipynb")
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
    parser.add_argument("what", choices=("rates", "class", "hostile", "school"))
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--size", type=int, default=200)
    chosen = parser.parse_args()
    if chosen.what == "rates":
        rates(chosen.peers, chosen.size)
    else:
        {"class": whole_class, "hostile": hostile_class, "school": school}[chosen.what](chosen.size)
