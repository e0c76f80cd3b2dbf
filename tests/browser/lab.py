"""A private JupyterLab, and a headless browser that looks at it.

    with Lab(folder) as lab, Browser(cnnlab.diagnostics.browser()) as browser:
        page = browser.open(lab.address("notebook.ipynb"))
        assert page.run_all() == []

Nothing is shared with a JupyterLab of the reader's: the server listens on the loopback interface alone, at a free port with a
token of its own, and keeps settings, workspaces and runtime files in a temporary folder. The browser is the system's Chromium
driven by Playwright.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat

from cnnlab.grading.notebook_runs import run_module

SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the document
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
CALM = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
TRAFFIC = """() => {
    const traffic = window.cnnlabTraffic = { sent: 0, open: new Set(), decoding: 0, scripts: new Set() };
    const decode = window.createImageBitmap;
    window.createImageBitmap = (...all) => {
        traffic.decoding += 1;
        return decode(...all).finally(() => traffic.decoding -= 1);
    };
    const [give, take] = [URL.createObjectURL, URL.revokeObjectURL];
    URL.createObjectURL = (what) => {
        const address = give(what);
        if (what.type === 'text/javascript') traffic.scripts.add(address); // anywidget takes it back once it is loaded
        return address;
    };
    URL.revokeObjectURL = (address) => {
        traffic.scripts.delete(address);
        take(address);
    };
    traffic.follow = (kernel) => {
        kernel.anyMessage.connect((_, { msg, direction }) => {
            if (direction !== 'send' || msg.channel !== 'shell') return;
            traffic.sent += 1;
            traffic.open.add(msg.header.msg_id);
        });
        kernel.iopubMessage.connect((_, msg) => {
            if (msg.header.msg_type === 'status' && msg.content.execution_state === 'idle') traffic.open.delete(msg.parent_header.msg_id);
        });
    };
}"""
"""Keeps count of what is under way in a page: requests to the kernel, pictures being decoded, scripts of widgets being loaded."""
READY = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    while (panel.sessionContext.session?.kernel?.status !== 'idle') await new Promise((done) => setTimeout(done, 50));
    window.cnnlabTraffic.follow(panel.sessionContext.session.kernel);
}"""
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
SETTLED = """async (milliseconds) => {
    const traffic = window.cnnlabTraffic, begun = performance.now();
    const frame = () => new Promise(requestAnimationFrame);
    for (let sent = -1; traffic.open.size || traffic.decoding || traffic.scripts.size || traffic.sent !== sent; ) {
        sent = traffic.sent;
        if (performance.now() - begun > milliseconds) {
            const { open, decoding, scripts } = traffic;
            throw new Error(`still under way: ${open.size} requests, ${decoding} pictures, ${scripts.size} scripts`);
        }
        await frame();
        await frame();
    }
}"""
VIEWS = """() => [...document.querySelectorAll('[data-mime-type="application/vnd.jupyter.widget-view+json"]')]
    .every((output) => output.querySelector('.jupyter-widgets, .jupyter-widgets-disconnected') || /^Error/.test(output.innerText))"""
RUN_ALL = """(milliseconds) => Promise.race([
    window.jupyterapp.commands.execute('notebook:run-all-cells'),
    new Promise((_, reject) => setTimeout(() => reject(new Error('the notebook takes too long')), milliseconds)),
])"""
FAILED_OUTPUTS = ", ".join(
    f'[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in ("stderr", "error")
)
FAILED_VIEWS = ("Click to show javascript error", "Error displaying widget", "Error creating widget")


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook with one code cell for each source."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


def choose(page, name: str, option: str) -> None:
    """Choose from the menu of this name, whether it is the browser's own or one that is searched by typing."""
    menu = page.get_by_label(name)
    if menu.evaluate("node => node.tagName") == "SELECT":
        menu.select_option(option)
        return
    menu.fill(option)
    page.locator(".cnnlab-search-popup:visible").get_by_role("option", name=option, exact=True).click()


def frames(page) -> None:
    """Wait until what has changed is drawn: two frames of the browser."""
    page.evaluate(FRAMES)


def settle(page, seconds: float = 60) -> None:
    """Wait until the kernel has done all that it was asked for and the browser has drawn it."""
    page.evaluate(SETTLED, seconds * 1000)


def eventually(page, is_so: Callable[[], bool], what: str = "", seconds: float = 30) -> None:
    """Look again with each frame of the browser until `is_so()`; where it never is, the page's words are told."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, (
            f"not within {seconds} s: {what}; the page says: {page.inner_text('body')[:4_000]}"
        )
        frames(page)


class Lab:
    """A JupyterLab on `folder`; a context manager. `settings` are added to those above, `options` to its command."""

    def __init__(self, folder: Path, settings: dict | None = None, options: Sequence[str] = ()):
        self.folder, self.settings, self.options = Path(folder), SETTINGS | (settings or {}), options
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def address(self, notebook: str) -> str:
        """Where `notebook` (a path within the folder) opens in a fresh workspace."""
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?token={self.token}&reset"

    def __enter__(self) -> Lab:
        self._home = Path(tempfile.mkdtemp(prefix="cnnlab-lab-"))
        for plugin, values in self.settings.items():
            file = self._home / "settings" / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTER_DATA_DIR": "data",
        }
        folders |= {
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        environment |= {name: str(self._home / folder) for name, folder in folders.items()}
        command = [*run_module("jupyterlab"), "--no-browser", "--allow-root", "--ip=127.0.0.1"]
        command += [
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self.token}",
        ]
        command += [f"--ServerApp.root_dir={self.folder}", "--LabApp.expose_app_in_browser=True"]
        command += self.options
        self._log = (self._home / "log").open("w+")
        self._server = subprocess.Popen(
            command, env=environment, cwd=self.folder, stdout=self._log, stderr=subprocess.STDOUT
        )
        try:
            self._wait(120)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._server.poll() is not None:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log()[-2000:]}")
            try:
                urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}/api/status?token={self.token}", timeout=2
                ).close()
                return
            except OSError:
                time.sleep(0.25)
        raise TimeoutError(f"JupyterLab did not answer within {seconds} s:\n{self.log()[-2000:]}")

    def log(self) -> str:
        """What the server has said so far."""
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")

    def __exit__(self, *_exception: object) -> None:
        self._server.terminate()  # takes its kernels along
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)


class Browser:
    """The headless Chromium at `path`; a context manager."""

    def __init__(self, path: str):
        self._path = path

    def __enter__(self) -> Browser:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=self._path, headless=True, args=CALM
            )
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def blank(self, *, width: int = 1280, height: int = 1000):
        """An empty page of Playwright's, for what is no notebook."""
        return self._browser.new_page(viewport={"width": width, "height": height})

    def open(self, address: str, *, width: int = 1280, height: int = 1000, scale: float = 1) -> Notebook:
        """Open a notebook and wait until its kernel is idle."""
        page = self._browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
        return Notebook(page, address)

    def __exit__(self, *_exception: object) -> None:
        self._browser.close()
        self._playwright.stop()


def is_splash(error) -> bool:
    """Whether JupyterLab took its splash screen off the page twice: a race in one line of its own bundle, when views are closed."""
    frames = [line for line in (error.stack or "").splitlines() if line.strip().startswith("at ")]
    return "removeChild" in error.message and len(frames) == 1 and "/static/lab/jlab_core." in frames[0]


class Notebook:
    """A notebook in JupyterLab; `page` is Playwright's page, `errors` what went wrong in it."""

    def __init__(self, page, address: str):
        self.page, self.errors = page, []
        page.on("pageerror", lambda error: self.errors.append(str(error)) if not is_splash(error) else None)
        page.add_init_script(f"({TRAFFIC})()")
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_selector(".jp-NotebookPanel", timeout=120_000)
        page.evaluate(READY)

    def run_all(self, seconds: float = 300) -> list[str]:
        """Run all cells; what went wrong, which is nothing if all is well."""
        self.page.evaluate(RUN_ALL, seconds * 1000)
        self.page.wait_for_function(VIEWS, timeout=60_000)  # views are made after their cell is done
        settle(self.page)
        return self.failures()

    def failures(self) -> list[str]:
        """Everything that looks like an error: tracebacks, stderr, views that failed, errors of the page."""
        found = self.page.locator(FAILED_OUTPUTS).all_inner_texts()
        for text in FAILED_VIEWS:  # a view that fails raises nothing in Python
            found += [text] * self.page.locator(".jp-OutputArea-output").filter(has_text=text).count()
        return found + self.errors

    def accessible(self) -> list[tuple[str, str]]:
        """(role, name) of everything in the accessibility tree, as a screen reader meets it."""
        session = self.page.context.new_cdp_session(self.page)
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        session.detach()
        seen = [node for node in nodes if not node.get("ignored")]
        return [
            (node.get("role", {}).get("value", ""), node.get("name", {}).get("value", "")) for node in seen
        ]

    def close(self) -> None:
        """Close the page and end its kernel, which would go on growing its maps beside the next test."""
        try:
            self.page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
        finally:
            self.page.close()
