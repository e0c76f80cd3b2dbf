"""Grading: checks that readers run on their own work, and the grader of assignments.

For the reader of a notebook:

    checks          `check` says whether an answer is right, `claim` whether a sentence holds for a measured number
    exercises       the exercises of the lecture notebooks, a module each: plain references, and hints keyed on the kind of mistake
    mystery_models  three networks under false names, one honest and two not: the riddle of notebook 07

For the grader of assignments, probe in, value out (the commands are in `commands`):

    assignment, source_notebook, answer_key      an assignment: the instructor's source in nbgrader's format, and the key
    release, public_tests, self_check            the student version, and the public probes that come with it
    hint_sheet                                   hints and solutions, folded away, for self-study
    submissions, source_analysis, cell_matching  what was handed in, and which cells answer which question
    probes, limits, runner_protocol, runner      inputs of a student's own; what goes to the runner and comes out of it
    sandbox                                      the processes that student code runs in, behind walls
    comparison, hints, scoring                   whether a value is right, what to say if not, and what it is worth
    model_scoring                                what came of a training, on pictures that stayed with the grader
    batch, cluster, gradebook                    a whole class, here or on a cluster, into one file that survives anything
    feedback, thumbnails                         a page for each student
    export, late, report, similarity_report      what the course staff takes away
    validation, escapes                          the grader's graders: mutants and alternates; attempts to get out of the runner
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
