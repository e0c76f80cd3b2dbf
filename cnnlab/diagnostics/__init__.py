"""Diagnostics: checks of the installation, what is missing, and how to get it.

    doctor         run every check and report; the command `cnnlab doctor`
    Report, Check  the results, and how a terminal and a notebook show them
    browser        the Chromium or Chrome of the browser tests, if there is one
    check_sandbox  which sandbox tiers confine a submission while it is graded (`cnnlab doctor --grading`)

Nothing is installed or downloaded here, and the network is not used unless `online=True` asks for one short request. The checks
themselves are in `cnnlab.diagnostics.checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cnnlab.diagnostics import checks
from cnnlab.diagnostics.checks import browser
from cnnlab.diagnostics.report import Check, CheckOutcome, Report
from cnnlab.diagnostics.sandbox import check_sandbox

__all__ = ["Check", "Report", "browser", "check_sandbox", "doctor"]


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
        "Python": checks.check_python,
        "packages": checks.check_packages,
        "torch": checks.check_torch,
        "torchvision": checks.check_torchvision,
        "widgets": checks.check_widgets,
        "networks": checks.check_networks,
    }
    optional = {
        "ImageNet networks": checks.check_imagenet,
        "photographs": checks.check_photographs,
        "pretrained": checks.check_pretrained,
        "cache": checks.check_cache,
        "disk": checks.check_disk,
        "memory": checks.check_memory,
        "network": partial(checks.check_network, online),
        "test browser": checks.check_browser,
        "nbval": checks.check_nbval,
    }
    results = [_run_check(name, check, essential=True) for name, check in essential.items()]
    return Report((*results, *(_run_check(name, check, essential=False) for name, check in optional.items())))


def _run_check(name: str, check: Callable[[], CheckOutcome], *, essential: bool) -> Check:
    try:
        status, detail, advice = check()
    except Exception as error:  # the exception is the result of the check
        status, advice = ("missing" if essential else "warning"), checks.INSTALL_HINT
        detail = str(error).strip().partition("\n")[0] or type(error).__name__
    return Check(name, status, detail, advice, essential)
