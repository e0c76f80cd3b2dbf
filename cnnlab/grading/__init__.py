"""Checks that a reader runs on their own work.

    checks     `check` says whether an answer to an exercise is right, `claim` whether a sentence holds for a measured number
    exercises  the exercises of the lecture notebooks: a slow and plain reference each, and hints keyed on the kind of mistake

What they print is canonical (no measured digits), so that stored outputs can be compared; tolerances live here.
"""

from cnnlab.grading.checks import check, claim

__all__ = ["check", "claim"]
