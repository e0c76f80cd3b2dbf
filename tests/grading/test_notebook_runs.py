"""Commands that run Jupyter and pytest."""

from __future__ import annotations

import subprocess

from cnnlab.grading.notebook_runs import run_module

PROBE = "import sys, jsonschema\nprint(__name__, sys.argv[1:], bool(sys.modules['rfc3987_syntax']))"


def test_a_module_runs_as_it_does_with_m_but_without_the_grammar_of_addresses(tmp_path):
    (tmp_path / "probe.py").write_text(PROBE)
    done = subprocess.run(
        [*run_module("probe"), "--one", "two"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "__main__ ['--one', 'two'] False\n", done.stderr
