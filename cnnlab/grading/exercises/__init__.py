"""Exercises of the lecture notebooks, a module for each notebook: reference values, and hints for common mistakes.

Reference values are computed without the kit's own techniques. Every `Exercise` in a module of this folder is listed in `EXERCISES`.
"""

import pkgutil
from importlib import import_module

from cnnlab.grading.exercises.exercise import Exercise

_MODULES = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
_FOUND = [value for module in _MODULES for value in vars(module).values() if isinstance(value, Exercise)]

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for exercise in sorted(_FOUND, key=lambda exercise: exercise.name)
}
