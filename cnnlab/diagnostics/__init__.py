"""The doctor: what is on this machine, what is missing, and how to get it.

    doctor    look at everything and report; the command `cnnlab doctor`
    report    the findings, and how a terminal and a notebook show them
    looks     one look for each thing that the kit uses
    browser   the Chromium or Chrome of the browser tests, if there is one
    walls     what keeps submissions in while they are graded, tried out (`cnnlab doctor --grading`)

Nothing is installed or downloaded here, and the network is left alone unless `online=True` asks for one short try.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cnnlab.diagnostics import looks
from cnnlab.diagnostics.checks import browser
from cnnlab.diagnostics.report import Check, Report

__all__ = ["Check", "Report", "browser", "doctor"]


def doctor(*, online: bool = False) -> Report:
    """What is here of everything that the kit uses, and how to get what is missing.

    A check that raises never stops the others: the exception is its result.

    Parameters
    ----------
    online
        Also try once, for a few seconds, whether pretrained weights can be reached.

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
        "Python": looks.python,
        "packages": looks.packages,
        "torch": looks.torch,
        "torchvision": looks.torchvision,
        "widgets": looks.widgets,
        "networks": looks.networks,
    }
    optional = {
        "ImageNet networks": looks.imagenet,
        "photographs": looks.photographs,
        "pretrained": looks.pretrained,
        "cache": looks.cache,
        "disk": looks.disk,
        "memory": looks.memory,
        "network": partial(looks.network, online),
        "test browser": looks.test_browser,
        "nbval": looks.nbval,
    }
    results = [_run_check(name, check, essential=True) for name, check in essential.items()]
    return Report((*results, *(_run_check(name, check, essential=False) for name, check in optional.items())))


def _run_check(name: str, check: Callable[[], looks.CheckOutcome], *, essential: bool) -> Check:
    try:
        status, detail, advice = check()
    except Exception as error:  # whatever goes wrong in a look is what it found
        status, advice = ("missing" if essential else "warning"), looks.INSTALL_HINT
        detail = str(error).strip().partition("\n")[0] or type(error).__name__
    return Check(name, status, detail, advice, essential)
