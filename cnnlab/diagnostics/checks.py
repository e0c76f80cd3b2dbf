"""One look for each thing that the kit uses: how it stands, what is here, how to get what is missing.

A check may raise; `cnnlab.diagnostics.doctor` reports the exception as a failed check, so each imports what it checks inside its function.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from importlib import metadata
from pathlib import Path

from cnnlab.diagnostics.report import Status

CheckOutcome = tuple[Status, str, str]

INSTALL_HINT = "run `make environment` in the checkout, or `pip install -e .` where there is no make"
GIB = 2**30


def python() -> CheckOutcome:
    """The version of Python; one that is too old does not come this far."""
    return "ok", ".".join(map(str, sys.version_info[:3])), ""


def packages() -> CheckOutcome:
    """Whether every package that the kit needs is here in a version that fits."""
    from packaging.requirements import Requirement

    requirements = [Requirement(line) for line in metadata.requires("cnnlab") or ()]
    requirements = [
        requirement
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]
    problems = []
    for requirement in requirements:
        version = _version(requirement.name)
        if version is None:
            problems.append(f"{requirement.name} is not here")
        elif not requirement.specifier.contains(version, prereleases=True):
            problems.append(f"{requirement.name} is {version}, needed is {requirement.specifier}")
    if problems:
        return "missing", "; ".join(problems), INSTALL_HINT
    return "ok", f"all {len(requirements)} that cnnlab {metadata.version('cnnlab')} needs", ""


def torch() -> CheckOutcome:
    """The version of torch, its threads and the device that it can use."""
    import torch

    threads = torch.get_num_threads()
    detail = f"{torch.__version__}, {threads} thread{'s' * (threads > 1)}"
    if torch.cuda.is_available():
        return "ok", f'{detail}, {torch.cuda.get_device_name(0)}: device="cuda"', ""
    if torch.backends.mps.is_available():
        return "ok", f'{detail}, the graphics of the Mac: device="mps"', ""
    return "ok", f"{detail}, on the processor (all that the kit needs)", ""


def torchvision() -> CheckOutcome:
    """The version of torchvision; importing it fails where its build does not fit torch's."""
    import torchvision

    return "ok", torchvision.__version__, ""


def widgets() -> CheckOutcome:
    """What the explorers need: JupyterLab, ipywidgets and anywidget."""
    versions = {name: _version(name) for name in ("jupyterlab", "ipywidgets", "anywidget")}
    missing = [name for name, version in versions.items() if version is None]
    detail = ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "none"
    return (
        ("missing", detail, f"{INSTALL_HINT} (not here: {', '.join(missing)})")
        if missing
        else ("ok", detail, "")
    )


def networks() -> CheckOutcome:
    """Which of the kit's own networks can be loaded."""
    ready, missing = _available("shipped")
    if not ready:
        return "missing", "none", "cnnlab train mini_alexnet"
    advice = "; ".join(f"cnnlab train {name}" for name in missing)
    return ("warning" if missing else "ok"), ", ".join(ready), advice


def imagenet() -> CheckOutcome:
    """Whether the ImageNet networks that come in packages load, checksum and all."""
    from cnnlab.networks.imagenet import PACKAGED, load_imagenet

    ready, problems = [], []
    for name in PACKAGED:
        try:
            load_imagenet(name)
            ready.append(name)
        except (ImportError, OSError, ValueError) as error:
            problems.append(str(error))
    return ("warning" if problems else "ok"), ", ".join(ready) or "none", " ".join(problems)


def photographs() -> CheckOutcome:
    """Which photographs are at hand without a connection."""
    import cnnlab

    names = cnnlab.photographs().names
    return "ok", f"{len(names)}: {', '.join(names)}", ""


def pretrained() -> CheckOutcome:
    """Which of torchvision's pretrained networks are in torch's cache; none has to be."""
    ready, missing = _available("torchvision")
    advice = f"with a network, once: cnnlab.load(name) of {', '.join(missing)}" if missing else ""
    return "ok", ", ".join(ready) or "none; those that are installed do without", advice


def cache() -> CheckOutcome:
    """Where drawn splits are kept, how much that is, and whether it can be written."""
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


def disk() -> CheckOutcome:
    """The room left where the cache is."""
    from cnnlab.world import cache

    free = shutil.disk_usage(_nearest_existing(cache.folder())).free / GIB
    detail = f"{free:.1f} GiB free where the cache is"
    return ("ok", detail, "") if free > 2 else ("warning", detail, "make room: 2 GiB are enough")


def memory() -> CheckOutcome:
    """The memory of the machine, and what is free of it."""
    import psutil

    memory = psutil.virtual_memory()
    detail = f"{memory.total / GIB:.1f} GiB, {memory.available / GIB:.1f} GiB of it free"
    if memory.available < 3 * GIB:
        return "warning", detail, "a notebook takes up to 3 GiB: shut down kernels and programs that idle"
    return "ok", detail, ""


def network(online: bool) -> CheckOutcome:
    """Whether pretrained weights can be fetched; only tried where `online` asks for it."""
    if not online:
        return "ok", "not tried; only pretrained networks need it, once", "cnnlab doctor --online tries it"
    from torchvision.models import AlexNet_Weights

    if is_reachable(AlexNet_Weights.DEFAULT.url):
        return "ok", "pretrained weights can be fetched", ""
    return "warning", "pretrained weights cannot be reached", "the networks that are installed work without"


def test_browser() -> CheckOutcome:
    """The browser that the tests drive; readers use their own."""
    path = browser()
    if path is None:
        return "warning", "none", "only the browser tests need one: apt-get install chromium, or Chrome"
    return "ok", path, ""


def nbval() -> CheckOutcome:
    """What checks the notebooks against their stored outputs."""
    version = _version("nbval")
    return ("ok", version, "") if version else ("warning", "none", f"only tests need it: {INSTALL_HINT}")


def browser() -> str | None:
    """The path of the Chromium or Chrome that the browser tests drive, or None; CNNLAB_BROWSER chooses another."""
    chosen = os.environ.get("CNNLAB_BROWSER")
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    apps = [f"/Applications/{app}.app/Contents/MacOS/{app}" for app in ("Google Chrome", "Chromium")]
    return next(filter(None, map(shutil.which, [chosen] if chosen else [*names, *apps])), None)


def is_reachable(url: str, seconds: float = 4.0) -> bool:
    """Whether a server answers to `url`, asked once; the wait is bounded even where looking up its name hangs."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    responded = threading.Event()

    def request_head() -> None:
        try:
            urlopen(Request(url, method="HEAD"), timeout=seconds).close()
            responded.set()
        except HTTPError:  # a refusal is an answer
            responded.set()
        except OSError:
            pass

    thread = threading.Thread(target=request_head, daemon=True)
    thread.start()
    thread.join(seconds)
    return responded.is_set()


def _available(source: str) -> tuple[list[str], list[str]]:
    """Names of the networks from `source` that load without a network, and of those that do not."""
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
    """The path as a reader may publish it: the home folder as ~."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
