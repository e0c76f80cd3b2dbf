"""Commands of the grader around a class: collect, export, report, and gradebook for its rows.

The work is done in the other modules of this package. Nothing that needs torch is imported before a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Name = Annotated[
    str, typer.Argument(help="The assignment: its name, such as a1_seeing or a1, or its folder.")
]
Book = Annotated[Path, typer.Option(help="The gradebook.")]
GRADEBOOK = Path("gradebook.sqlite")
Roster = Annotated[
    Path | None,
    typer.Option(help="The table of the course: login, name, section, group, extension, late_days."),
]


def collect(
    assignment: Name,
    download: Annotated[Path, typer.Argument(help="What the platform gave: a zip, or the folder unpacked.")],
    out: Annotated[Path, typer.Option(help="The folder that gets a folder for each student.")] = Path(
        "handed_in"
    ),
    roster: Roster = None,
    platform: Annotated[
        str | None, typer.Option(help="canvas, moodle, gradescope, nbgrader or jupyterhub; else as it looks.")
    ] = None,
    worksheet: Annotated[Path | None, typer.Option(help="Moodle's grading worksheet, for the times.")] = None,
    table: Annotated[
        Path | None, typer.Option(help="The table of what went where; else ASSIGNMENT_collected.csv.")
    ] = None,
) -> None:
    """Sort the download of a learning platform into one folder a student, with a table of the times.

    Collecting again is the same. The exit code is 0 also if something needs a human; it is named.
    """
    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.collect import collect as sort_out
    from cnnlab.grading.collect import table_path
    from cnnlab.grading.roster import read_roster

    name = load_assignment(assignment).name
    path, members = table or table_path(name), read_roster(roster) if roster else None
    how = {"roster": members, "platform": platform, "worksheet": worksheet}
    typer.echo(str(sort_out(name, download, out, path, **how)))
    typer.echo(f"{out} can be graded; {path} says what went where")


def export(
    assignment: Name,
    format: Annotated[
        str, typer.Option(help="csv, canvas, moodle, gradescope; or feedback, a zip of pages to upload.")
    ] = "csv",
    out: Annotated[Path | None, typer.Option(help="The file, or for gradescope the folder.")] = None,
    gradebook: Book = GRADEBOOK,
    due: Annotated[
        str | None,
        typer.Option(
            help='When it was due: "2026-05-31", "2026-05-31 23:59", also with "Europe/Berlin" behind.'
        ),
    ] = None,
    grace: Annotated[float, typer.Option(help="Hours after that which are forgiven.")] = 0.0,
    per_day: Annotated[float, typer.Option(help="Share of the points that a late day costs.")] = 0.1,
    bank: Annotated[int, typer.Option(help="Free late days where the roster says none.")] = 0,
    roster: Roster = None,
    collected: Annotated[
        Path | None,
        typer.Option(
            help="Table with student,submitted; else ASSIGNMENT_collected.csv. Without one, no time is known."
        ),
    ] = None,
) -> None:
    """Write the grades in a format of another system, or the pages for it."""
    from dataclasses import replace

    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.collect import read_collected, table_path
    from cnnlab.grading.export import class_lateness, still_to_be_marked, walls_of_class
    from cnnlab.grading.export import export as write
    from cnnlab.grading.gradebook import Gradebook
    from cnnlab.grading.late import LatePolicy, parse_due, read_times
    from cnnlab.grading.roster import by_roster, read_roster

    loaded = load_assignment(assignment)
    policy = LatePolicy(parse_due(due), grace, per_day, bank) if due else None
    members = read_roster(roster) if roster else None
    ending = {"gradescope": "", "feedback": ".zip"}.get(format, ".csv")
    path, table = out or Path(f"{loaded.name}_{format}{ending}"), collected or table_path(loaded.name)
    with Gradebook(gradebook, create=False) as book:
        results, lines, marked, times = list(book.results(loaded.name)), [], set(), {}
    if collected or table.is_file():
        times, marked = read_times(table)
        lines.append(f"the times of handing in are those in {table}")
    # That of a file is never taken for one: whoever copies or downloads it may change it.
    results = [replace(result, submitted=times.get(result.student, 0.0)) for result in results]
    if members:
        results, doubts = by_roster(members, results)
        lines += doubts
    lines += still_to_be_marked(results)
    if format == "feedback":
        from cnnlab.grading.feedback import write_zip

        count, problems = write_zip(loaded, results, read_collected(table), path)
        lines.append(f"{path} has {count} pages, each where the platform looks for it")
        typer.echo("\n".join([*lines, *problems, f"graded in: {walls_of_class(results)}"]))
        return
    late = None
    if policy:
        late, untimed = class_lateness(loaded, results, policy, members, marked=marked)
        lines += untimed
    write(loaded, results, format, path, late=late, roster=members)
    if late and members:
        members.write_spent(loaded.name, {student: one.free for student, one in late.items()})
        lines.append(f"{members.path} has the free days that were spent")
    typer.echo("\n".join([*lines, f"{path} is written", f"graded in: {walls_of_class(results)}"]))


def report(
    assignment: Name,
    gradebook: Book = GRADEBOOK,
    roster: Roster = None,
    live: Annotated[
        bool, typer.Option("--live", help="Show the class while it is graded, until Ctrl-C.")
    ] = False,
) -> None:
    """Print the class report: scores, discrimination of the questions, similar answers, and with a roster who is missing."""
    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.gradebook import Gradebook
    from cnnlab.grading.report import class_report, watch
    from cnnlab.grading.roster import by_roster, read_roster

    loaded = load_assignment(assignment)
    with Gradebook(gradebook, create=False) as book:
        if live:
            watch(loaded, book)
            return
        results = list(book.results(loaded.name))
    typer.echo(str(class_report(loaded, results)))
    if roster:
        typer.echo("\n".join(by_roster(read_roster(roster), results)[1]))


rows = typer.Typer(
    help="Rows of the gradebook: rename, merge, remove; decisions move along.", no_args_is_help=True
)
Student = Annotated[str, typer.Argument(help="The student, as in the gradebook.")]


@rows.command("rename")
def rename_row(student: Student, new: str, gradebook: Book = GRADEBOOK) -> None:
    """Give a student's rows another name; their folder must have it too, or the next grading makes new rows."""
    _change_rows("rename", gradebook, student, new)


@rows.command("merge")
def merge_rows(student: Student, into: Student, gradebook: Book = GRADEBOOK) -> None:
    """Give a student's rows to another, who keeps their own where both have one."""
    _change_rows("merge", gradebook, student, into)


@rows.command("remove")
def remove_rows(student: Student, gradebook: Book = GRADEBOOK) -> None:
    """Take a student out of the gradebook; what they had stands in the log."""
    _change_rows("remove", gradebook, student)


@rows.command("log")
def log_of_rows(gradebook: Book = GRADEBOOK) -> None:
    """Print what was renamed, merged and removed."""
    from datetime import datetime

    from cnnlab.grading.gradebook import Gradebook
    from cnnlab.grading.row_changes import log

    with Gradebook(gradebook, create=False) as book:
        for at, what in log(book):
            typer.echo(f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M} {what}")


def _change_rows(change: str, gradebook: Path, *students: str) -> None:
    from cnnlab.grading import row_changes
    from cnnlab.grading.gradebook import Gradebook

    with Gradebook(gradebook, create=False) as book:
        typer.echo(getattr(row_changes, change)(book, *students))
