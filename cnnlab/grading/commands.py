"""Commands of the grader: release, hints, validate, grade, mark, check; those around a class are in `class_commands`.

The work is done in the other modules of this package. Nothing that needs torch is imported before a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnlab.grading.class_commands import GRADEBOOK, Book, Name, collect, export, report, rows


def release(
    assignment: Name,
    out: Annotated[Path | None, typer.Option(help="The folder; else the assignment's own.")] = None,
    run: Annotated[bool, typer.Option(help="Run the notebook once, so that its pictures are stored.")] = True,
) -> None:
    """Write the student version of an assignment from the instructor's source."""
    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.release import release as write

    path = write(load_assignment(assignment), out, run=run)
    typer.echo(f"{path} and {path.parent / 'checks.json'} are what students need")


def hints(
    assignment: Name,
    out: Annotated[Path, typer.Option(help="The folder.")] = Path("."),
) -> None:
    """Write the hint sheet of an assignment, with hints and solutions folded away, for self-study."""
    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.hint_sheet import write_hint_sheet

    typer.echo(f"{write_hint_sheet(load_assignment(assignment), out)}: open one step at a time")


def validate(
    assignment: Name,
    notebooks: Annotated[bool, typer.Option(help="Also run the notebooks with nbval.")] = True,
) -> None:
    """Test an assignment with its reference, stub, mutants and alternates.

    The exit code is 1 if one of them does not get the expected result.
    """
    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.runner import Runner
    from cnnlab.grading.sandbox.confinement import TIERS
    from cnnlab.grading.validation import validate as findings

    loaded, holds = load_assignment(assignment), True
    with Runner(
        TIERS, hidden=[loaded.folder], draws=loaded.needs_world
    ) as runner:  # all of it is the instructor's own code
        for finding in findings(loaded, runner, notebooks=notebooks):
            typer.echo(str(finding))
            holds = holds and finding.passed
    raise typer.Exit(0 if holds else 1)


def grade(
    assignment: Name,
    folder: Annotated[
        Path, typer.Argument(help="The folder of submissions: a notebook, or a folder, a student.")
    ],
    gradebook: Book = GRADEBOOK,
    new: Annotated[bool, typer.Option("--new", help="Make the gradebook if it is not there.")] = False,
    feedback: Annotated[Path | None, typer.Option(help="Also write a page for each student there.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Submissions at once; else one a core.")] = None,
    regrade: Annotated[bool, typer.Option("--again", help="Also grade what is graded already.")] = False,
    data: Annotated[list[Path] | None, typer.Option(help="A folder that answers may read.")] = None,
    tier: Annotated[str | None, typer.Option(help="Accept this kind of box alone.")] = None,
    without_walls: Annotated[
        bool, typer.Option("--without-walls", help="Grade even where code cannot be shut in.")
    ] = False,
    cluster: Annotated[str | None, typer.Option(help="A Dask scheduler to spread the work over.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="This student alone; may be given several times.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be graded and why.")] = False,
) -> None:
    """Grade a folder of submissions into the gradebook.

    After an interruption, the same command continues where it stopped. The exit code is 1 if the grader failed on a submission or a page.
    """
    from cnnlab._validation import one_of
    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.batch import grade_folder, plan
    from cnnlab.grading.gradebook import Gradebook
    from cnnlab.grading.sandbox.confinement import BOXES, WITHOUT_WALLS

    loaded = load_assignment(assignment)
    tiers = [one_of(tier, BOXES, "tier")] if tier else list(BOXES)
    tiers += [WITHOUT_WALLS] if without_walls else []
    with Gradebook(gradebook, create=new or gradebook == GRADEBOOK) as book:
        if dry_run:
            planned = plan(loaded, folder, book, regrade=regrade, only=only or ())
            reasons = [f"{found.student}: {reason}" for found, _, reason in planned if reason]
            typer.echo("\n".join([*reasons, f"{len(reasons)} of {len(planned)} submissions would be graded"]))
            return
        how = {"jobs": jobs, "tiers": tiers, "data": data or (), "regrade": regrade, "cluster": cluster}
        how["only"] = only or ()
        batch = grade_folder(loaded, folder, book, **how)
        typer.echo(str(batch))
        problems: list[str] = []
        if feedback:
            from cnnlab.grading.feedback import write_pages

            count, problems = write_pages(loaded, book.results(loaded.name), feedback)
            typer.echo("\n".join([f"{count} pages of feedback in {feedback}", *problems]))
    raise typer.Exit(1 if problems or batch.not_graded else 0)


def mark(
    assignment: Name,
    gradebook: Book = GRADEBOOK,
    marker: Annotated[str | None, typer.Option(help="Your name in the gradebook; else your login.")] = None,
    names: Annotated[bool, typer.Option("--names", help="Show the names of the students.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on this machine; 0 is a free one.")
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Mark written answers, and set points by hand, on a web page of this machine.

    Each decision is in the gradebook at once. Several markers can work on one gradebook, each with a page of their own.
    """
    import getpass
    import webbrowser

    from cnnlab.grading.assignment import load_assignment
    from cnnlab.grading.gradebook import Gradebook
    from cnnlab.grading.marking import Desk, serve

    def ready(address: str) -> None:
        typer.echo(f"the marking page is at {address} (Ctrl-C ends it)")
        if browser:
            webbrowser.open(address)

    loaded = load_assignment(assignment)
    with Gradebook(gradebook, create=False) as book:
        serve(Desk(loaded, book, marker or getpass.getuser(), names=names), port=port, ready=ready)


def check(
    notebook: Annotated[Path | None, typer.Argument(help="Your notebook; else the only one here.")] = None,
) -> None:
    """Run the public tests on your notebook of an assignment."""
    from cnnlab.grading.self_check import check_notebook

    for line in check_notebook(notebook):
        typer.echo(line)


def add_commands(app: typer.Typer) -> None:
    """Add the grader's commands to `app`."""
    for command in (release, hints, validate, collect, grade, mark, export, report, check):
        app.command()(command)
    app.add_typer(rows, name="gradebook")
