"""A browser and a JupyterLab for the tests of one file.

They are not kept for the whole session: Playwright's loop runs in the main thread, where other tests start loops of their own.
"""

from __future__ import annotations

import pytest
from browser.lab import Browser, Lab

from cnnlab import diagnostics


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that JupyterLab shows."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def server(folder):
    with Lab(folder) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser():
    pytest.importorskip("playwright", reason="playwright is not installed: pip install 'cnnlab[test]'")
    with Browser(diagnostics.browser()) as started:
        yield started
