"""One look for each thing that the kit uses: how it stands, what is here, how to get what is missing.

A look may fail in any way, `cnnlab.doctor.doctor` makes a finding of that; so each imports what it looks at inside itself.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from importlib import metadata
from pathlib import Path

from cnnlab.doctor.report import Status

Finding = tuple[Status, str, str]

SET_UP = "run `make environment` in the checkout, or `pip install -e .` where there is no make"
GIB = 2**30


def python() -> Finding:
    """The version of Python; one that is too old does not come this far."""
    return "ok", ".".join(map(str, sys.version_info[:3])), ""


def packages() -> Finding:
    """Whether every package that the kit needs is here in a version that fits."""
    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in metadata.requires("cnnlab") or ()]
    needed = [need for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
    wrong = []
    for need in needed:
        version = _version(need.name)
        if version is None:
            wrong.append(f"{need.name} is not here")
        elif not need.specifier.contains(version, prereleases=True):
            wrong.append(f"{need.name} is {version}, needed is {need.specifier}")
    if wrong:
        return "missing", "; ".join(wrong), SET_UP
    return "ok", f"all {len(needed)} that cnnlab {metadata.version('cnnlab')} needs", ""


def torch() -> Finding:
    """The version of torch, its threads and the device that it can use."""
    import torch

    threads = torch.get_num_threads()
    here = f"{torch.__version__}, {threads} thread{'s' * (threads > 1)}"
    if torch.cuda.is_available():
        return "ok", f'{here}, {torch.cuda.get_device_name(0)}: device="cuda"', ""
    if torch.backends.mps.is_available():
        return "ok", f'{here}, the graphics of the Mac: device="mps"', ""
    return "ok", f"{here}, on the processor (all that the kit needs)", ""


def torchvision() -> Finding:
    """The version of torchvision; importing it fails where its build does not fit torch's."""
    import torchvision

    return "ok", torchvision.__version__, ""


def widgets() -> Finding:
    """What the explorers need: JupyterLab, ipywidgets and anywidget."""
    versions = {name: _version(name) for name in ("jupyterlab", "ipywidgets", "anywidget")}
    absent = [name for name, version in versions.items() if version is None]
    here = ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "none"
    return ("missing", here, f"{SET_UP} (not here: {', '.join(absent)})") if absent else ("ok", here, "")


def networks() -> Finding:
    """Which of the kit's own networks can be loaded."""
    ready, absent = _available("shipped")
    if not ready:
        return "missing", "none", "cnnlab train mini_alexnet"
    advice = "; ".join(f"cnnlab train {name}" for name in absent)
    return ("warning" if absent else "ok"), ", ".join(ready), advice


def imagenet() -> Finding:
    """Whether the ImageNet networks that come in packages load, checksum and all."""
    from cnnlab.networks.imagenet import PACKAGED, load_imagenet

    ready, wrong = [], []
    for name in PACKAGED:
        try:
            load_imagenet(name)
            ready.append(name)
        except (ImportError, OSError, ValueError) as error:
            wrong.append(str(error))
    return ("warning" if wrong else "ok"), ", ".join(ready) or "none", " ".join(wrong)


def photographs() -> Finding:
    """Which photographs are at hand without a connection."""
    import cnnlab

    names = cnnlab.photographs().names
    return "ok", f"{len(names)}: {', '.join(names)}", ""


def pretrained() -> Finding:
    """Which of torchvision's pretrained networks are in torch's cache; none has to be."""
    ready, absent = _available("torchvision")
    advice = f"with a network, once: cnnlab.load(name) of {', '.join(absent)}" if absent else ""
    return "ok", ", ".join(ready) or "none; those that are installed do without", advice


def cache() -> Finding:
    """Where drawn splits are kept, how much that is, and whether it can be written."""
    from cnnlab.world import cache

    folder = cache.folder()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0
    here = f"{_short(folder)}, {size / 2**20:.0f} MiB"
    try:
        tempfile.TemporaryFile(dir=_nearest(folder)).close()
    except OSError as error:
        advice = "set CNNLAB_CACHE to a folder that you may write to; until then each split is drawn anew"
        return "warning", f"{here}, cannot be written ({error.strerror})", advice
    return "ok", here, ""


def disk() -> Finding:
    """The room left where the cache is."""
    from cnnlab.world import cache

    free = shutil.disk_usage(_nearest(cache.folder())).free / GIB
    here = f"{free:.1f} GiB free where the cache is"
    return ("ok", here, "") if free > 2 else ("warning", here, "make room: 2 GiB are enough")


def memory() -> Finding:
    """The memory of the machine, and what is free of it."""
    import psutil

    memory = psutil.virtual_memory()
    here = f"{memory.total / GIB:.1f} GiB, {memory.available / GIB:.1f} GiB of it free"
    if memory.available < 3 * GIB:
        return "warning", here, "a notebook takes up to 3 GiB: shut down kernels and programs that idle"
    return "ok", here, ""


def network(online: bool) -> Finding:
    """Whether pretrained weights can be fetched; only tried where `online` asks for it."""
    if not online:
        return "ok", "not tried; only pretrained networks need it, once", "cnnlab doctor --online tries it"
    from torchvision.models import AlexNet_Weights

    if answers(AlexNet_Weights.DEFAULT.url):
        return "ok", "pretrained weights can be fetched", ""
    return "warning", "pretrained weights cannot be reached", "the networks that are installed work without"


def test_browser() -> Finding:
    """The browser that the tests drive; readers use their own."""
    found = browser()
    if found is None:
        return "warning", "none", "only the browser tests need one: apt-get install chromium, or Chrome"
    return "ok", found, ""


def nbval() -> Finding:
    """What checks the notebooks against their stored outputs."""
    version = _version("nbval")
    return ("ok", version, "") if version else ("warning", "none", f"only tests need it: {SET_UP}")


def browser() -> str | None:
    """The path of the Chromium or Chrome that the browser tests drive, or None; CNNLAB_BROWSER chooses another."""
    chosen = os.environ.get("CNNLAB_BROWSER")
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    apps = [f"/Applications/{app}.app/Contents/MacOS/{app}" for app in ("Google Chrome", "Chromium")]
    return next(filter(None, map(shutil.which, [chosen] if chosen else [*names, *apps])), None)


def answers(url: str, seconds: float = 4.0) -> bool:
    """Whether a server answers to `url`, asked once; the wait is bounded even where looking up its name hangs."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    answered = threading.Event()

    def ask() -> None:
        try:
            urlopen(Request(url, method="HEAD"), timeout=seconds).close()
            answered.set()
        except HTTPError:  # a refusal is an answer
            answered.set()
        except OSError:
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answered.is_set()


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


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.absolute().parents) if place.is_dir())


def _short(path: Path) -> str:
    """The path as a reader may publish it: the home folder as ~."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
