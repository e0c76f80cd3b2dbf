"""The instructor's and the student's guide: every command and every piece of code in them is run, in a course of a few students."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.grading import batch, release, runner
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.decisions import Decision, answer_digest
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.late import parse_datetime
from cnnlab.grading.runner import Runner
from cnnlab.grading.sandbox.confinement import TIERS
from cnnlab.grading.scoring import END_STATUS, SENTENCES
from cnnlab.grading.submissions import read

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
ELSEWHERE = {  # where a command is tried that is too long for here, or needs more than one process
    "cnnlab doctor --grading": "tests/grading/test_sandbox.py",
    "cnnlab report a1_seeing --live": "tests/grading/test_commands.py",
    "dask scheduler": "tests/grading/test_cluster.py",
    "dask worker tcp://scheduler:8786 --nworkers 8 --nthreads 1": "tests/grading/test_cluster.py",
    "cnnlab mark a1_seeing": "tests/browser/test_marking.py",
    "cnnlab grade a1_seeing handed_in --cluster tcp://scheduler:8786": "tests/grading/test_cluster.py",
}
MARKED = {"ada": 3.0, "kat": 4.0}  # the points of written answers that somebody has marked
WRONG = {"q6": "def neighbours(queries, codes, k):\n    return (queries @ codes.T).topk(k, dim=1).indices"}

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="the runner of the grader needs Linux or macOS"
)


def blocks(guide: str, *languages: str) -> list[tuple[str, str]]:
    """(language, text) of each block of the guide in one of the languages."""
    text = (ROOT / "assignments" / guide).read_text(encoding="utf-8")
    return [(language, body) for language, body in BLOCK.findall(text) if language in languages]


def perform(language: str, body: str) -> str:
    """Do what a block says, in this folder; what its commands print."""
    if language == "text":  # the roster, the only table of the guide
        Path("roster.csv").write_text(body, encoding="utf-8")
        return ""
    if language == "python":
        named = re.match(r"# (assignments/\S+\.py)\n", body)
        if named:
            Path(named[1]).parent.mkdir(parents=True, exist_ok=True)
            Path(named[1]).write_text(body, encoding="utf-8")
        else:
            exec(compile(body, "guide", "exec"), {})
        return ""
    return "".join(map(command, filter(str.strip, body.splitlines())))


def command(line: str) -> str:
    """Do one line: the kit's own commands in this process, which has torch already, the others in a shell."""
    words = shlex.split(line)
    if line == "cnnlab mark a1_seeing":
        return mark_by_hand()
    if line in ELSEWHERE:
        return ""
    if words[0] == "cd":
        os.chdir(words[1])
        return ""
    if words[0] == "cnnlab":
        words += ["--without-walls"] if words[1] == "grade" else []  # where a machine has no walls at all
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code in (0, 1), f"{line}: {done.output}"
        assert done.exit_code == 0 or words[1] == "validate", f"{line}: {done.output}"
        return done.output
    places = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], capture_output=True, text=True, env=os.environ | places
    )
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout


def mark_by_hand() -> str:
    """What a marker does on the page for two of the four written answers."""
    with Gradebook(Path("gradebook.sqlite"), create=False) as book:
        for student, points in MARKED.items():
            (*_, answer) = book.result("a1_seeing", student).questions
            given = Decision(student, "w1", "marked", points, marker="mia", digest=answer_digest(answer))
            book.decide("a1_seeing", given)
    return ""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """What an instructor finds: downloads of Canvas, Moodle and Gradescope, nbgrader's and JupyterHub's folders."""
    a1 = load_assignment(ROOT / "assignments" / "a1_seeing")
    right, wrong = release.with_answers(a1, None), release.with_answers(a1, WRONG)
    room = tmp_path_factory.mktemp("guide") / "course"
    places = {
        "submitted/ada/a1_seeing/a1_seeing.ipynb": right,
        "homes/grace/a1_seeing/mine.ipynb": wrong,
        "canvas/hopperjane_LATE_101_202_a1_seeing-1.ipynb": right,
        "canvas/noetheremmy_102_203_a1_seeing.ipynb": right,
        "moodle/Alan Turing_7_assignsubmission_file/a1_seeing.ipynb": wrong,
        "gradescope/submission_9/a1_seeing.ipynb": right,
        "submission/a1_seeing.ipynb": wrong,
        "mine/x.ipynb": wrong,
    }
    for place, notebook in places.items():
        (room / place).parent.mkdir(parents=True, exist_ok=True)
        release.write(notebook, room / place)
    (room / "submitted/ada/a1_seeing/timestamp.txt").write_text("2026-06-01 10:00:00.123456 UTC")
    before_the_extension = parse_datetime("2026-06-03 11:00").timestamp()
    os.utime(room / "homes/grace/a1_seeing/mine.ipynb", (before_the_extension, before_the_extension))
    (room / "worksheet.csv").write_text(
        'Identifier,Full name,Last modified (submission)\nParticipant 7,Alan Turing,"Sunday, 31 May 2026, 9:00 PM"\n'
    )
    (room / "gradescope/submission_metadata.yml").write_text(
        "submission_9:\n  :submitters:\n  - :name: Katherine Johnson\n  :created_at: 2026-06-02 08:00:00 Z\n"
    )
    for platform in ("canvas", "moodle", "gradescope"):
        shutil.make_archive(str(room / platform), "zip", room / platform)
        shutil.rmtree(room / platform)
    (room / "mine/checks.json").write_bytes((ROOT / "assignments/a1_seeing/checks.json").read_bytes())
    return room


@pytest.fixture(scope="module")
def said(course):
    """What the instructor's guide prints, done from top to bottom; all its commands share one runner, since to start one takes longer."""
    with (
        Runner(TIERS) as one,
        pytest.MonkeyPatch.context() as patch,
    ):

        class Shared:
            def __init__(self, *_walls, **_rooms):
                pass

            __enter__ = lambda self: one  # noqa: E731
            __exit__ = lambda self, *_error: None  # noqa: E731

        patch.setattr(batch, "Runner", Shared)
        patch.setattr(runner, "Runner", Shared)
        patch.chdir(course.parent)
        return "\n".join(perform(*block) for block in blocks("README.md", "bash", "python", "text"))


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


@pytest.mark.timeout(300)
def test_an_instructor_follows_the_guide(said, course):
    # Four of the six are filled from the source, so they hold its answer to the written question; the other two leave it empty.
    assert "6 of 6 submissions would be graded" in said
    assert "6 submissions: 2 graded, 4 to be marked" in said and "(`cnnlab mark`): 4" in said
    assert "6 submissions, 6 graded\n2 of them with answers still to be marked" in said
    assert (
        "1 submissions: 1 graded" in said
        and "still to be marked, and without those points: emmy, jane\n" in said
    )
    assert "6 submissions: 4 graded, 2 to be marked" in said, "graded again, with what is marked"
    assert "no grade has changed" in said and "a time is known for 0, marked late are 1" in said
    table = {row["student"]: row for row in csv.DictReader((course / "grades.csv").read_text().splitlines())}
    assert set(table) == {"ada", "grace", "jane", "alan", "joan", "kat", "emmy"}
    points = {student: float(row["points"]) for student, row in table.items()}
    assert points["jane"] == points["emmy"] == 24
    assert {student: points[student] - 24 for student in MARKED} == MARKED
    words = {student: (row["w1"], row["w1_status"]) for student, row in table.items() if row["walls"]}
    assert words["ada"] == ("3", "marked") and words["emmy"] == ("", "to be marked")
    assert words["alan"] == ("0", "not attempted")
    # The question is worth 4; which of its small cases a product gets right by chance hangs on the course's secret.
    assert points["grace"] < 4 and points["alan"] == points["joan"] < 4
    assert {page.stem for page in (course / "pages").iterdir()} == set(table) - {"joan"}
    assert {path.name for path in (course / "to_students").iterdir()} == {"a1_seeing.ipynb", "checks.json"}
    canvas = {line[3]: line for line in rows(course / "a1_seeing_canvas.csv")}
    assert canvas["jane"][:2] == ["Jane Hopper", ""] and float(canvas["grace"][5]) == points["grace"], (
        "an extension"
    )
    final = {line[0]: line[1] for line in rows(course / "a1_seeing_moodle.csv")}
    assert float(final["ada"]) == pytest.approx(27 * 0.9), "a day late"
    assert (final["kat"], final["jane"]) == ("28", "24"), "two free days; a time that is not known"
    spent = {row[0]: row[-1] for row in rows(course / "roster.csv")}
    assert spent["login"] == "spent a1_seeing" and spent["kat"] == "2" and spent["ada"] == ""
    assert "no time of handing in is known, so counted as in time: emmy, jane" in said
    with zipfile.ZipFile(course / "a1_seeing_feedback.zip") as archive:
        assert archive.namelist() == [
            "Alan Turing_7_assignsubmission_file/a1_seeing_feedback.html",
            "hopperjane_LATE_101_202_a1_seeing_feedback.html",
            "noetheremmy_102_203_a1_seeing_feedback.html",
        ]
    for line in ("kat is now katherine", "katherine is now kat", "emmy is removed"):
        assert said.count(line.replace("katherine is now", "katherine is merged into")) == 2, (
            "done, and in the log"
        )
    handed_back = json.loads((course / "results/results.json").read_text())
    assert handed_back["score"] < 4 and [test["score"] for test in handed_back["tests"][:5]] == [0] * 5


def test_the_question_of_the_guide_is_a_good_one(said, course):
    failed = [line for line in said.splitlines() if line.startswith("FAILED")]
    assert [line.split(":")[0] for line in failed] == [
        "FAILED mutants of every question",
        "FAILED alternates of every question",
    ]
    assert "ok     mutant q1_variance: 0 of 4" in said and "ok     the reference: 4 points" in said
    stub = read(course / "assignments/b1_mine/b1_mine.ipynb")
    assert stub.assignment == "b1_mine" and "correction" not in "".join(cell.source for cell in stub.cells)


def test_a_student_follows_the_guide(course, monkeypatch):
    handed = course / "mine"
    monkeypatch.chdir(handed)
    said = "".join(perform(*block) for block in blocks("STUDENTS.md", "bash", "python"))
    assert "w1: in words, which a person reads and marks" in said
    assert "q1: not attempted" in said and "q6: not yet - long codes win a plain product" in said
    page = (handed / "a1_seeing_hints.md").read_text()
    steps = re.findall(r"<summary>(.*?)</summary>", page)
    written = ["What a good answer says", "One such answer"]
    assert steps == ["Hint 1", "Hint 2: what often goes wrong", "The solution"] * 6 + written
    assert "BEGIN SOLUTION" not in page and page.count("<details>") == page.count("</details>") == 20
    ElementTree.fromstring(f"<page>{re.sub(r'(?s)```.*?```|[&]', '', page.replace(' < ', ' '))}</page>")


def test_the_student_guide_knows_every_status():
    text = (ROOT / "assignments/STUDENTS.md").read_text(encoding="utf-8")
    table = set(re.findall(r"^\| ([a-z ]+) \|", text, re.M)) - {"status"}
    known = {"passed", "partial", "failed", "error", "not attempted", "missing", "needs review", "unreadable"}
    known |= {"to be marked", "marked"}
    assert table == known | {"grader error"} | set(END_STATUS.values()) and SENTENCES


def test_every_command_of_the_kit_is_in_the_guides():
    lines = [
        line
        for guide in ("README.md", "STUDENTS.md")
        for _, body in blocks(guide, "bash")
        for line in body.splitlines()
    ]
    named = {line.split()[1] for line in lines if line.startswith("cnnlab ")}
    assert named >= {
        "release",
        "validate",
        "collect",
        "grade",
        "mark",
        "export",
        "report",
        "gradebook",
        "check",
        "hints",
        "doctor",
    }
    assert set(ELSEWHERE) <= set(lines) and all((ROOT / file).is_file() for file in ELSEWHERE.values())


def test_the_guide_lists_the_assignments():
    text = (ROOT / "assignments/README.md").read_text(encoding="utf-8")
    names = {path.stem for path in (ROOT / "assignments").glob("a*/*.ipynb") if path.stem == path.parent.name}
    assert names and not [name for name in names if f"({name}/{name}.ipynb)" not in text]


def test_the_instructor_s_guide_has_twelve_screens_at_most():
    """A screen has 30 lines of 120 letters."""
    text = (ROOT / "assignments/README.md").read_text(encoding="utf-8")
    assert sum(max(1, -(-len(line) // 120)) for line in text.splitlines()) <= 12 * 30
