"""Grading: checks that readers run on their own work, and the grader of assignments.

For the reader of a notebook:

    checks     `check` says whether an answer is right, `claim` whether a sentence holds for a measured number
    exercises  the exercises of the lecture notebooks, a module each: plain references, and hints keyed on the kind of mistake
    lineup     three networks under false names, one honest and two not: the riddle of notebook 07
"""

from importlib import import_module

_HOMES = {"check": "checks", "claim": "checks", "suspects": "lineup"}

__all__ = ["check", "claim", "suspects"]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(f"cnnlab.grading.{_HOMES[name]}"), name)
    raise AttributeError(f"cnnlab.grading has no {name!r}; it has {', '.join(__all__)}")
