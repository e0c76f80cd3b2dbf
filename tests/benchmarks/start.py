"""From nothing to the first explorer: `python tests/benchmarks/start.py`. Half a minute on two cores.

Seconds in a fresh process until torch is imported, the floor of everything, then the explorers, until one is made, and until its still
picture is drawn; and until JupyterLab, started by `cnnlab lab`, answers for its page. The second run of each counts, with files in
memory, as it is after the first one of a day. The time of the processor stands beside: on a machine with other work to do it says more.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request

EXPLORER = """
import time
def note(what): print(f"{what:32} {time.time() - begun:6.2f} s, processor {time.process_time():6.2f} s")
begun = time.time()
import torch
note("torch is imported")
from cnnlab.explorers import OcclusionExplorer
note("explorers are imported")
explorer = OcclusionExplorer()
note("the first explorer is made")
explorer.static_preview()
note("its still picture is drawn")
"""
PATIENCE = 180.0


def explorer() -> str:
    """The lines that a fresh process prints."""
    command = [sys.executable, "-c", EXPLORER]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def lab(port: int = 18_765) -> str:
    """A line with the seconds until JupyterLab's page comes, and the processor's until it has ended."""
    token = secrets.token_hex(8)
    options = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={token}", "--allow-root"]
    with tempfile.TemporaryDirectory() as folder:
        places = dict.fromkeys(("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"), folder)
        begun, before = time.monotonic(), _processor()
        server = subprocess.Popen(
            [sys.executable, "-m", "cnnlab.cli", "lab", *options],
            env=os.environ | places,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _answers(f"http://127.0.0.1:{port}/lab?token={token}"):
                if time.monotonic() - begun > PATIENCE or server.poll() is not None:
                    raise SystemExit("JupyterLab does not answer")
                time.sleep(0.05)
            seconds = time.monotonic() - begun
        finally:
            server.terminate()
            server.wait()
    return f"{'JupyterLab answers':32} {seconds:6.2f} s, processor {_processor() - before:6.2f} s"


def _processor() -> float:
    """Seconds of the processor that ended processes of this one have taken."""
    times = os.times()
    return times.children_user + times.children_system


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as page:
            return page.status == 200
    except OSError:
        return False


def main() -> None:
    for measure in (lab, explorer):
        measure()
        print(measure().rstrip(), flush=True)


if __name__ == "__main__":
    main()
