"""Run every test in two passes, and close with one line for both.

    python tests/run.py              everything
    python tests/run.py -k layers    one pass of pytest with these options

First all that needs no browser, in two workers; then the browser tests, alone, because they measure how fast a picture answers.
The exit code is 0 only if both passes are green.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
PASSES = (
    ("without a browser", ["-n", "2", "--dist", "worksteal", "-m", "not browser"]),
    ("in the browser", ["-m", "browser"]),
)


def main(options: list[str]) -> int:
    """Run the passes and print what came of them; the exit code of the first that failed."""
    if options:
        return subprocess.call([sys.executable, "-m", "pytest", *options], cwd=ROOT)
    start, code, total = time.monotonic(), 0, {"passed": 0, "failed": 0, "skipped": 0}
    for name, chosen in PASSES:
        print(f"\nTests {name}: pytest {' '.join(chosen)}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            record = Path(folder, "record.xml")
            command = [sys.executable, "-m", "pytest", *chosen, f"--junit-xml={record}", "--durations=8"]
            code = subprocess.call(command, cwd=ROOT) or code
            for outcome, number in outcomes(record).items():
                total[outcome] += number
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    print(f"\nBoth passes took {minutes} min {seconds} s; the exit code is {code}.")
    print(
        f"cnnlab: {total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped", flush=True
    )
    return code


def outcomes(record: Path) -> dict[str, int]:
    """Numbers of tests that passed, failed (errors too) and were skipped, read from pytest's own record."""
    if not record.exists():  # pytest did not come so far; its exit code says so
        return {"passed": 0, "failed": 0, "skipped": 0}
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in ElementTree.parse(record).iter("testcase"):
        outcome = next(
            (child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed"
        )
        counts[{"failure": "failed", "error": "failed"}.get(outcome, outcome)] += 1
    return counts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
