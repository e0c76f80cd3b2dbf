"""The command line: `cnnlab lab`, `doctor`, `train`, `run`, `zoo`, `site`, and the grader's commands of `cnnlab.grading.commands`.

Commands only parse their arguments and call another package, which does the work. torch is imported inside the commands
that need it, so that `cnnlab --help` is fast. Errors are reported in one line; `cnnlab --debug ...` shows the traceback.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import quote

import typer
from typer.core import TyperGroup

import cnnlab
from cnnlab.grading.commands import add_commands as add_grading_to
from cnnlab.grading.notebook_runs import run_module
from cnnlab.saved_views import EXTENSION

FIRST_NOTEBOOK = Path("notebooks", "00_start_here.ipynb")


class _PlainErrors(TyperGroup):
    """Command group that prints errors in one line on stderr with exit code 1, unless `--debug` asks for the traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("Stopped.", err=True)
            raise typer.Exit(130) from None
        except Exception as error:
            is_typer_exit = isinstance(error, typer.Abort) or hasattr(
                error, "exit_code"
            )  # typer's own way to stop
            if is_typer_exit or ctx.params.get("debug"):
                raise
            typer.echo(f"cnnlab: {_in_words(error)}", err=True)
            raise typer.Exit(1) from None


def _in_words(error: Exception) -> str:
    message = str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip()
    if isinstance(error, ValueError | TypeError | LookupError | OSError | RuntimeError) and message:
        return message
    return f"{type(error).__name__}: {message} (`cnnlab --debug ...` shows where)"


LONGEST = 200
"""Characters of a value that `cnnlab run` prints; the record at --out has all."""

app = typer.Typer(
    cls=_PlainErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Look inside convolutional networks.",
    epilog="Begin with `cnnlab lab`.",
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"cnnlab {cnnlab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before every command; `_PlainErrors` reads `debug`."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    ctx: typer.Context,
    notebook: Annotated[
        str | None, typer.Argument(help="The notebook to open; without it, the first one of the kit.")
    ] = None,
) -> None:
    """Open JupyterLab on a notebook.

    Options of JupyterLab, such as --no-browser or --port=9999, are passed on to it.
    """
    options = list(ctx.args)
    if notebook is not None and notebook.startswith("-"):  # an option of JupyterLab, not a notebook
        options, notebook = [notebook, *options], None
    exec_process(_lab_command(_notebook_to_open(notebook), options))


@app.command()
def doctor(
    online: Annotated[bool, typer.Option("--online", help="Also try once to reach the network.")] = False,
    grading: Annotated[
        bool, typer.Option("--grading", help="Also try to break out of the grader's runner, in every tier.")
    ] = False,
) -> None:
    """Check the installation, and report what is missing.

    For everything missing it says how to get it. The exit code is 1 if the kit cannot work without it.
    """
    from cnnlab.diagnostics import doctor as examine

    report = examine(online=online)
    report.show()
    if grading:
        from cnnlab.diagnostics import check_sandbox

        for line in check_sandbox():
            typer.echo(line)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="The network, such as mini_alexnet.")],
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the data; else the recipe's.")
    ] = None,
    pictures: Annotated[
        int | None, typer.Option(min=1, help="How many pictures to train on; else the recipe's.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the weights go; else where `cnnlab.load` finds them.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an interrupted training.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Processor threads; else torch's choice.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Where chance begins.")] = 0,
) -> None:
    """Train one of the kit's networks.

    An interrupted training continues where it stopped when the same command is given again.
    """
    from cnnlab.networks.training import train as train_network

    train_network(
        name, epochs=epochs, pictures=pictures, out=out, resume=not fresh, seed=seed, threads=threads
    )


@app.command()
def run(
    name: Annotated[str | None, typer.Argument(help="The experiment; all are listed without it.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="The small version that notebooks run live.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Another value, such as layer=fire5 for unit_sheets."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the record there, as JSON.")] = None,
    add: Annotated[
        bool,
        typer.Option("--add", help="Keep the rows that the record at --out has, and measure what it lacks."),
    ] = False,
) -> None:
    """Run one of the recorded experiments.

    An interrupted run continues where it stopped when the same command is given again.
    """
    from cnnlab import experiments

    if name is None:
        for title, experiment in experiments.EXPERIMENTS.items():
            typer.echo(f"{title}: {experiment.question}")
        return
    pairs = [setting.partition("=") for setting in settings or ()]
    chosen = {key: value for key, _, value in pairs}
    record = experiments.run(name, quick=quick, settings=chosen, out=out, add=add)
    for row in record.rows:
        typer.echo(", ".join(f"{key} {_short(value)}" for key, value in row.items()))
    typer.echo(record.summary())


zoo = typer.Typer(help="The networks: what there is, and what each shows.")
app.add_typer(zoo, name="zoo")


@zoo.callback(invoke_without_command=True)
def list_networks(ctx: typer.Context) -> None:
    """List the networks with size, task, accuracy and purpose."""
    if ctx.invoked_subcommand is None:
        from rich.console import Console

        from cnnlab.experiments.zoo_report.list_networks import network_table

        Console().print(network_table())


@zoo.command("report")
def zoo_report(
    rows: Annotated[list[str] | None, typer.Argument(help="Rows to compute; all unless said.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the rows there, as JSON.")] = None,
) -> None:
    """Measure the shipped networks on pictures that were not used in any training.

    The exit code is 1 if a row misses its required value.
    """
    from cnnlab.experiments.zoo_report import report
    from cnnlab.experiments.zoo_report.report import report_lines, write

    results = report(rows)
    for line in report_lines(results.values()):
        typer.echo(line)
    if out is not None:
        write(results, out)
    raise typer.Exit(0 if all(row.passed for row in results.values()) else 1)


@zoo.command("cards")
def zoo_cards() -> None:
    """Print the model cards of the shipped networks as one page (Markdown)."""
    from cnnlab.experiments.zoo_report.model_cards import model_cards

    typer.echo(model_cards(), nl=False)


@zoo.command("gallery")
def zoo_gallery(
    out: Annotated[Path, typer.Option(help="The folder for the pictures.")] = Path("gallery"),
) -> None:
    """Draw filters, prototypes, maps and confusion matrices of the shipped networks."""
    from cnnlab.figures.zoo_gallery import save_figures

    for file, alt_text in save_figures(out):
        typer.echo(f"{file}: {alt_text}")


@app.command()
def site(
    out: Annotated[Path, typer.Argument(help="The folder for the pages.")] = Path("build/site"),
    repository: Annotated[
        str, typer.Option(help="OWNER/NAME on GitHub, for links to Colab and Binder.")
    ] = "",
    still: Annotated[bool, typer.Option("--still", help="Leave out living explorers and films.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show the pages at an address of this machine.")
    ] = False,
    port: Annotated[int, typer.Option(help="The port to show them at; 0 takes a free one.")] = 0,
) -> None:
    """Build the course as a static site: every notebook a page, and the reference.

    It can be read from the folder, or put on any host for static pages.
    """
    from cnnlab import site as pages

    checkout = _notebook_to_open(None).parents[1]
    first = pages.build(checkout, out, repository=repository, living=not still, progress=True)
    typer.echo(f"{first} is the first page.")
    if serve:
        server = pages.serve(out, port)
        typer.echo(f"http://127.0.0.1:{server.server_port}/ shows it; Ctrl-C ends that.")
        server.serve_forever()


add_grading_to(app)


def _short(value: object) -> str:
    """A measured value for one line: of a picture as text, or of a number for each of 256 units, only the beginning."""
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


def exec_process(command: list[str]) -> NoReturn:
    """Replace this process by `command`, so that Ctrl-C and signals reach it directly."""
    if os.name == "posix":
        os.execv(command[0], command)
    raise SystemExit(subprocess.call(command))  # Windows has no exec


def _notebook_to_open(requested: str | None) -> Path:
    """The path of an existing notebook: the requested one, or the first of the kit's."""
    if requested is not None:
        if not Path(requested).exists():
            raise FileNotFoundError(
                f"there is no notebook {requested}; `cnnlab lab` alone opens the first one of the kit."
            )
        return Path(requested).resolve()
    cwd = Path.cwd()
    for folder in (cwd, *cwd.parents, Path(cnnlab.__file__).parents[1]):
        if (folder / FIRST_NOTEBOOK).is_file():
            return folder / FIRST_NOTEBOOK
    raise FileNotFoundError(
        f"{FIRST_NOTEBOOK} is not here: the package is installed without its notebooks. Get the cnnlab repository and run"
        " `cnnlab lab` in it, or name a notebook of yours: cnnlab lab mine.ipynb"
    )


def _lab_command(notebook: Path, options: list[str]) -> list[str]:
    """The command that starts JupyterLab on `notebook`, with the whole checkout as root folder if the notebook is one of the kit's."""
    folder = notebook.parent
    root = folder.parent if folder.name == FIRST_NOTEBOOK.parent.name else folder
    page = f"/lab/tree/{quote(notebook.relative_to(root).as_posix())}"  # so that the printed address leads there too
    command = [
        *run_module("jupyterlab"),
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url={page}",
        f"--ServerApp.jpserver_extensions={EXTENSION}=True",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in options:
        command.append("--allow-root")  # as in containers; the server still listens to this machine only
    return [*command, *options]


def main() -> None:
    """Run the command line; the entry point of the script `cnnlab`."""
    app(prog_name="cnnlab")


if __name__ == "__main__":
    main()
