"""The feedback page of a student: one HTML file with their code, points, hints and pictures of the values that their functions returned.

All that a student wrote or printed is escaped as text. The page has no script, and a policy that forbids any; pictures are drawn by the
grader. What was printed while hidden inputs were there is for the course staff, and not on the page.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterable
from html import escape
from pathlib import Path

from cnnlab.grading.answer_key import Question, Written
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.collect import CollectedFile
from cnnlab.grading.export import file_names, safe_name, walls
from cnnlab.grading.platforms import CANVAS, MOODLE
from cnnlab.grading.scoring import CaseResult, QuestionResult, Result
from cnnlab.grading.whole_files import write_whole

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
MARKS = {
    "passed": "✓",
    "partial": "◐",
    "failed": "✗",
    "not attempted": "–",
    "missing": "–",
    "to be marked": "…",
    "marked": "✎",
}
SENTENCES = {
    "passed": "Right in all cases.",
    "partial": "Right in some cases.",
    "failed": "Not right yet.",
    "error": "Your code stopped with an error.",
    "timeout": "Your code was stopped because it took too long.",
    "memory": "Your code was stopped because it took too much memory.",
    "not attempted": "Not attempted.",
    "missing": "There is no answer to this question in what was handed in.",
    "needs review": "A person will look at this; the points may change.",
    "to be marked": "A person has yet to read this; it has no points so far.",
    "marked": "Marked by a person.",
    "unreadable": "The file cannot be read.",
    "grader error": "The grader failed here. This is not your fault, and not a zero: your course staff knows.",
}
STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5b6675; --line: #d5dbe3; --paper: #fff; --code: #f5f7fa;
  --good: #1b6e3c; --part: #8a5a00; --bad: #a3282c; }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; --ink: #e4e8ee; --soft: #a3adba; --line: #3a434f;
  --paper: #14181e; --code: #1d232b; --good: #6fce94; --part: #e0b050; --bad: #f28b82; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 0; } p { margin: .4rem 0; }
.soft { color: var(--soft); } .sum { font-size: 1.25rem; font-weight: 600; }
h1, h2, p, li, td { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; table-layout: fixed; }
th { text-align: left; font-weight: 600; color: var(--soft); }
pre.prose { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; } .said { white-space: pre-line; }
td, th { border-bottom: 1px solid var(--line); padding: .35rem .5rem; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; width: 4.6rem; } th.q { width: 5.6rem; } th.s { width: 10rem; }
th.c { width: 11rem; } th.i { width: 178px; } td.right { color: var(--good); } td.wrong::before { content: "✗ "; color: var(--bad); }
section { border: 1px solid var(--line); border-left: .4rem solid var(--soft);
  border-radius: .4rem; padding: .8rem 1rem; margin: 1.2rem 0; }
section.passed { border-left-color: var(--good); } section.partial, section.review { border-left-color: var(--part); }
section.failed, section.error { border-left-color: var(--bad); }
.head { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; } .head span { white-space: nowrap; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: .3rem; padding: .6rem;
  overflow-x: auto; font-size: .85rem; line-height: 1.4; }
img { image-rendering: pixelated; max-width: 160px; max-height: 160px; border: 1px solid var(--line); }
details > summary { cursor: pointer; color: var(--soft); } .hint { font-weight: 500; }
@media (max-width: 36rem) { th.c { width: 26%; } th.i { width: 28%; } th.q, td.q { display: none; } th.s { width: 8rem; }
  section { padding: .6rem; } img { max-width: 100%; } }
@media print { @page { margin: 16mm; } body { margin: 0; padding: 0; max-width: none; font-size: 10.5pt; }
  h2, .head, tr, img { break-inside: avoid; }
  .head, summary { break-after: avoid; } pre { white-space: pre-wrap; overflow-wrap: anywhere; background: none; } img { max-width: 110px; }
  section { print-color-adjust: exact; -webkit-print-color-adjust: exact; border-radius: 0; }
  details > summary { list-style: none; } details::details-content { content-visibility: visible; display: block; height: auto; } }
"""


def write_pages(assignment: Assignment, results: Iterable[Result], folder: Path) -> tuple[int, list[str]]:
    """Write the page of each student into `folder`; returns how many there are, and a line for each that could not be written."""
    count, problems, results = 0, [], list(results)
    names = file_names(result.student for result in results)
    for result in results:
        try:
            write_feedback(assignment, result, folder, names[result.student])
            count += 1
        except Exception as error:  # it concerns this page alone
            problems.append(f"{result.student}: there is no page: {type(error).__name__}: {error}")
    return count, problems


def write_feedback(assignment: Assignment, result: Result, folder: Path, name: str | None = None) -> Path:
    """Write the page of one student into `folder`, whole or not at all; returns its path, by default named after the student."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_whole(folder / f"{name or safe_name(result.student)}.html", page(assignment, result))


def write_zip(
    assignment: Assignment, results: Iterable[Result], collected: list[CollectedFile], path: Path
) -> tuple[int, list[str]]:
    """Write the pages of all students into a zip that the platform takes back; how many there are, and a line for each without one.

    Canvas ("Upload Submissions") assigns a file by the numbers of user and attachment in its name, Moodle ("Upload multiple feedback
    files in a zip") by the folder, so both are named as in the download that was collected.
    """
    by_student = {result.student: result for result in results}
    places: dict[str, tuple[str, str]] = {}
    problems = []
    for row in sorted(
        collected, key=lambda row: not row.file.endswith(".ipynb")
    ):  # a notebook's number rather than another's
        if place := feedback_place(row.source, f"{assignment.name}_feedback.html"):
            places.setdefault(row.hand_in, (row.student, place))
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for hand_in in sorted({row.hand_in: row for row in collected}):
            student, place = places.get(hand_in, ("", ""))
            if not place:
                problems.append(f"{hand_in}: there is no place for a page in an upload to its platform")
            elif student not in by_student:
                problems.append(f"{hand_in}: {student} has no result")
            else:
                archive.writestr(
                    zipfile.ZipInfo(place),
                    page(assignment, by_student[student]).encode(),
                    zipfile.ZIP_DEFLATED,
                )
        count = len(archive.namelist())
    write_whole(path, written.getvalue())
    return count, problems


def feedback_place(source: str, name: str) -> str:
    """Where a page `name` goes in a zip that is uploaded to the platform of a collected file; "" where it takes none.

    Canvas reads the first two numbers between underscores as those of the user and of an attachment (`infer_comment_context_from_filename`
    in `assignment.rb`); Moodle the number and the two words behind it in the folder's name (`assignfeedback_file_zip_importer`).
    """
    first = source.partition("/")[0]
    if found := MOODLE.fullmatch(first):
        folder = f"{found['name']}_{found['id']}_assignsubmission_{found['kind']}"
        return f"{folder}/{name}" if found["id"] else ""
    found = CANVAS.fullmatch(first)
    if found and found["file"] and found["id"].isdecimal():
        late = "LATE_" if found["late"] else ""
        return f"{found['name']}_{late}{found['id']}_{found['file']}_{name}"
    return ""


def page(assignment: Assignment, result: Result) -> str:
    """The page of one student as HTML."""
    title = escape(f"{assignment.title} · {result.student}")
    questions = {question.name: question for question in assignment.every_question}
    sections = [
        _section(questions[graded.question], graded)
        for graded in result.questions
        if graded.question in questions
    ]
    is_graded = result.status != "grader error"
    so_far = any(graded.status == "to be marked" for graded in result.questions)
    total = f"{result.points:g} of {assignment.points:g} points{' so far' if so_far else ''}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{STYLE}</style></head><body>",
            f"<header><h1>{escape(assignment.title)}</h1><p class=soft>{escape(result.student)}</p>",
            f"<p class=sum>{total if is_graded else 'not graded yet'}</p>{_whole_notebook(result)}</header>",
            _overview(assignment, result),
            *sections,
            _output_html("What your cells printed", result.text),
            "<footer class=soft><p>Inputs of the cases are drawn for you alone, anew for each file that you hand in."
            f" Graded in: {escape(walls(result))}.</p></footer>",
            "</body></html>",
        ]
    )


def _whole_notebook(result: Result) -> str:
    lines = []
    if result.status in ("unreadable", "missing", "grader error"):
        lines.append(SENTENCES[result.status])
    if result.note and result.status != "grader error":  # the grader's own error does not help a student
        lines.append(result.note[:1].upper() + result.note[1:] + ".")
    return "".join(f"<p>{escape(line)}</p>" for line in [*lines, *result.notes])


def _overview(assignment: Assignment, result: Result) -> str:
    titles = {question.name: question.title for question in assignment.every_question}
    rows = "".join(
        f"<tr><td class=q>{escape(graded.question)}</td><td>{escape(titles.get(graded.question, ''))}</td>"
        f"<td>{MARKS.get(graded.status, '!')} {escape(graded.status)}</td><td class=n>{_points(graded, graded.out_of)}</td></tr>"
        for graded in result.questions
    )
    return f"<table><tr><th class=q>question</th><th></th><th class=s>status</th><th class=n>points</th></tr>{rows}</table>"


def _section(question: Question | Written, graded: QuestionResult) -> str:
    kind = {"needs review": "review", "timeout": "error", "memory": "error"}.get(graded.status, graded.status)
    if graded.status == "marked":
        kind = "passed" if graded.points >= graded.out_of else "partial" if graded.points else "failed"
    written = isinstance(question, Written)
    kind = kind if kind in ("passed", "partial", "failed", "error", "review") else "open"
    notes = "".join(f"<li>{escape(note)}</li>" for note in graded.notes)
    has_pictures = any(case.picture for case in graded.cases)
    head = f"<tr><th class=c>case</th><th></th>{'<th class=i></th>' if has_pictures else ''}<th class=n>points</th></tr>"
    before = ["", *(case.hint for case in graded.cases)]
    cases = "".join(
        _case(case, has_pictures, repeated=case.hint == last)
        for case, last in zip(graded.cases, before, strict=False)
    )
    code = (
        f"<details open><summary>Your {'answer' if written else 'code'}</summary>"
        f"<pre{' class=prose' if written else ''}>{escape(graded.code)}</pre></details>"
        if graded.code and graded.status != "not attempted"
        else ""
    )
    return (
        f'<section class="{kind}"><div class=head><h2>{escape(question.name)} · {escape(question.title)}</h2>'
        f"<span>{_points(graded, graded.out_of)}</span></div>"
        f"<p>{MARKS.get(graded.status, '!')} {SENTENCES.get(graded.status, escape(graded.status))}</p>"
        + _marking(question, graded)
        + (f"<table>{head}{cases}</table>" if cases else "")
        + (f"<ul>{notes}</ul>" if notes else "")
        + code
        + "</section>"
    )


def _marking(question: Question | Written, graded: QuestionResult) -> str:
    """What a person decided: the rubric with its marks, comments, and the reason for other points than the computed ones."""
    decision = graded.decision
    rows = ""
    if isinstance(question, Written) and decision is not None and decision.kind == "marked":
        rows = "".join(
            f"<tr><td>{escape(criterion.text)}</td><td class=n>{points:g} / {criterion.points:g}</td></tr>"
            for criterion, points in zip(question.criteria, decision.criteria, strict=False)
        )
    said = [*decision.comments, *([decision.reason] if decision.reason else [])] if decision else []
    return (f"<table>{rows}</table>" if rows else "") + "".join(
        f'<p class="hint said">{escape(comment)}</p>' for comment in said
    )


def _case(case: CaseResult, has_pictures: bool, repeated: bool) -> str:
    """One row of the table; a hint equal to that of the row above is not repeated."""
    thumbnail = ""
    if case.picture:
        thumbnail = f'<img alt="what your function gave back" src="data:image/png;base64,{base64.b64encode(case.picture).decode()}">'
    verdict = '<td class="right">✓ right</td>'
    if case.hint:
        verdict = (
            f'<td class="wrong"><span class=hint>{"as above" if repeated else escape(case.hint)}</span></td>'
        )
    return (
        f"<tr><td>{escape(case.name)}</td>{verdict}{f'<td>{thumbnail}</td>' if has_pictures else ''}"
        f"<td class=n>{case.points:g} / {case.out_of:g}</td></tr>"
    )


def _output_html(title: str, text: str) -> str:
    if not text.strip():
        return ""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text[:20_000])}</pre></details>"


def _points(graded: QuestionResult, out_of: float) -> str:
    waiting = {"grader error": "not graded", "to be marked": "not marked"}
    return waiting.get(graded.status, f"{graded.points:g} / {out_of:g}")
