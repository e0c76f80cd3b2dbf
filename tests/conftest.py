"""What every test stands on: a cache of its own, seeds, quiet libraries, and a word on browser tests that cannot run."""

from __future__ import annotations

import gc
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from cnnlab.diagnostics import browser

TESTS = Path(__file__).parent
OWN_CACHE = pytest.StashKey[str]()
NO_BROWSER = "no Chromium or Chrome on this machine: apt-get install chromium, or set CNNLAB_BROWSER"

hypothesis.settings.register_profile("cnnlab", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("cnnlab")


def pytest_configure(config):
    """Set what this process, its workers and the kernels that they start read from the environment."""
    if hasattr(config, "workerinput"):
        return  # a worker inherits it all, so that every worker draws a split into the same cache
    if not os.environ.get("CNNLAB_CACHE"):
        config.stash[OWN_CACHE] = os.environ["CNNLAB_CACHE"] = tempfile.mkdtemp(prefix="cnnlab-tests-")
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers share the cores already
    for threshold in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        # Else glibc asks Linux for each large tensor anew, page by page.
        os.environ.setdefault(threshold, str(2**27))


def pytest_unconfigure(config):
    """Remove the cache that was made for this run."""
    if OWN_CACHE in config.stash:
        del os.environ["CNNLAB_CACHE"]
        shutil.rmtree(config.stash[OWN_CACHE], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)  # before `-m browser` is weighed
def pytest_collection_modifyitems(config, items):
    """Mark what lies in tests/browser, and skip it where no browser is; workers begin with the notebooks, which take longest."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (TESTS / "notebooks") not in item.path.parents)
    driven = [item for item in items if (TESTS / "browser") in item.path.parents]
    for item in driven:
        item.add_marker(pytest.mark.browser)
        if browser() is None:
            item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


def pytest_collection_finish():
    """Leave out of the collector's rounds what stays to the end: with every test of the suite, a round takes half a second."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    """Say how many browser tests did not run, and why."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "browser" in getattr(report, "keywords", ())
    ]
    if skipped and browser() is None:
        terminalreporter.write_line(f"{len(skipped)} browser tests were skipped: {NO_BROWSER}", yellow=True)


@pytest.fixture(autouse=True)
def _seeds():
    """The same chance in every test, whatever ran before; torch only where it is loaded already."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  # for libraries that draw from the global state
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch) -> Path:
    """A cache folder that no other test has written to."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CNNLAB_CACHE", str(folder))
    return folder
