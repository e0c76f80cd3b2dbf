"""Grading: checks that readers run on their own work, and the grader of assignments.

For the reader of a notebook:

    checks          `check` tests an answer, `claim` a sentence about a measured number
    exercises       the exercises of the lecture notebooks, a module each: plain references, and a hint for each kind of mistake
    mystery_models  three anonymous networks of notebook 07, two of which use a shortcut

For the grader of assignments, which calls answers with probes and compares the values (commands: `commands`, `class_commands`):

    assignment, source_notebook, answer_key      an assignment: the instructor's source in nbgrader's format, and the answer key
    release, public_tests, self_check            the student version, and the public tests that come with it
    hint_sheet                                   hints and solutions, folded away, for self-study
    untrusted                                    the one door for what comes from outside: decoded, bounded, cleaned or refused
    archives, platforms, collect                 downloads of learning platforms, sorted into a folder for each student
    submissions, source_analysis, cell_matching  the files handed in, and the cells that answer each question
    probes, limits, runner_protocol, runner      inputs drawn for each hand-in; requests to the runner and its results
    sandbox                                      the confined processes in which student code runs
    comparison, hints, scoring                   comparison with the reference, the hint for a wrong value, and points
    model_scoring                                measures of a trained network on pictures that only the grader has
    batch, cluster, gradebook, gradebook_tables  a whole class, here or on a cluster, graded into one crash-safe file
    written, decisions, marking                  written answers, what people decide, and the page on which they mark
    feedback, thumbnails                         a page for each student
    roster, late, row_changes                    who is who, when it was due for them, and rows that are renamed or merged
    export, report, similarity_report            grades and statistics for the course staff
    tables, whole_files                          CSV tables in and out; files that are written whole or not at all
    validation, notebook_runs, escapes           an assignment tried with mutants, alternates and nbval; attempts to escape the sandbox
"""

from importlib import import_module

_MODULE_OF = {
    "check": "checks",
    "claim": "checks",
    "passes_public_tests": "checks",
    "mystery_networks": "mystery_models",
}

__all__ = ["check", "claim", "mystery_networks", "passes_public_tests"]


def __getattr__(name: str):
    if name in _MODULE_OF:
        value = globals()[name] = getattr(import_module(f"cnnlab.grading.{_MODULE_OF[name]}"), name)
        return value
    raise AttributeError(f"cnnlab.grading has no {name!r}; it has {', '.join(__all__)}")
