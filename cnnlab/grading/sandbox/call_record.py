"""Record of whose code runs when an answer is called: libraries beyond those of the course, rooms of the kit, and watched functions.

It tells what has run, however it was reached: by a star import, `getattr`, `__import__`, a helper cell or a magic. It is kept by Python's
own profiler, in C, and names a function only if the student's code called it, directly or through Python's own library; what a library of
the course uses inside does not count.

Student code runs in the same process, so the record informs a human and never decides. Who switches it off is named, since Python's
auditing hooks cannot be removed. It does not see what runs in another process, in a thread that was not started with `threading`, or
in a copy of a library's source, and its message could be forged: all of that stands in the code of the answer, where a human sees it.
"""

from __future__ import annotations

import contextlib
import cProfile
import inspect
import os
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from types import BuiltinFunctionType, CodeType
from typing import Any

COURSE = {"torch", "numpy", "cnnlab", "matplotlib", "IPython", "tqdm"}
OPEN_ROOMS = {"world", "networks", "grading"}  # of the kit; the sandbox is in the last one
SWITCHES = {"sys.setprofile", "sys.monitoring.register_callback"}
SWITCHED_OFF = "the record of calls was switched off"
MAX_NAMES = 4

_KIT = f"{Path(__file__).parents[2]}{os.sep}"
_INSTALLED = [f"{sysconfig.get_path(name)}{os.sep}" for name in ("purelib", "platlib")]
_STANDARD = (f"{sysconfig.get_path('stdlib')}{os.sep}", "<frozen ")
_state: dict[str, Any] = {"ours": True, "switched": False, "thread": 0}
_loaded: set[str] = set()


def install() -> None:
    """Notice from now on if a profiler is switched; packages that are loaded by now belong to the course's libraries."""
    _loaded.update(name.partition(".")[0] for name in sys.modules)
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in SWITCHES and not _state["ours"] and threading.get_ident() == _state["thread"]:
        _state["switched"] = True


@contextlib.contextmanager
def recording(watched: Iterable[str], names: list[str], *, directly: bool = False) -> Iterator[None]:
    """Add to `names` what runs in the block: libraries, closed rooms of the kit, and the functions of `watched`, dotted names.

    With `directly`, only what the student's code calls itself: where libraries are imported, Python's library calls much of them.
    """
    watched = tuple(watched)
    # To record the calls of C functions too would slow a loop of cheap ones down five times.
    profiler, in_threads = cProfile.Profile(builtins=any(map(_is_in_c, watched))), set()
    _state.update(switched=False, thread=threading.get_ident())
    threading.setprofile(lambda frame, event, argument: in_threads.add(frame.f_code))
    with contextlib.suppress(ValueError):  # a profiler of the student's is still on
        profiler.enable()
    _state["ours"] = False
    try:
        yield
    finally:
        _state["ours"] = True
        with contextlib.suppress(BaseException):
            profiler.disable()
            threading.setprofile(None)
        called = [*_called_by_students(profiler.getstats(), directly), *in_threads]
        # An import runs modules and bodies of classes, which are no functions: that is no use of the library.
        called = [code for code in called if isinstance(code, str) or code.co_flags & inspect.CO_OPTIMIZED]
        found = {name for name in watched for code in called if _is_watched(code, name)}
        found |= {package for package in map(_package, called) if _is_foreign(package)}
        names += sorted(found)[:MAX_NAMES] + [SWITCHED_OFF] * _state["switched"]


def _called_by_students(entries: list[Any], directly: bool) -> Iterator[CodeType | str]:
    """What was called by the student's cells; and unless `directly`, by Python's library, or by the grader, if it is the answer itself."""
    from_inside: Counter[CodeType | str] = Counter()
    for entry in entries:
        is_cell = isinstance(entry.code, CodeType) and entry.code.co_filename.startswith("<cell ")
        is_student = is_cell or (not directly and _package(entry.code) in ("", "python"))
        for call in entry.calls or ():
            from_inside[call.code] += call.callcount
            if is_student:
                yield call.code
    if not directly:
        yield from (entry.code for entry in entries if entry.callcount > from_inside[entry.code])


def _is_in_c(dotted: str) -> bool:
    """Whether torch has a function of this name that is written in C, such as conv_transpose2d."""
    return isinstance(getattr(sys.modules.get("torch"), dotted.rpartition(".")[2], None), BuiltinFunctionType)


def _is_foreign(package: str) -> bool:
    first, _, room = package.partition(".")
    if first == "cnnlab":
        return bool(room) and room not in OPEN_ROOMS
    return first not in COURSE | _loaded | {"", "python"}


def _package(code: CodeType | str) -> str:
    """The package that a function is of, with the kit's room; "python" for its own library, "" for the student's code."""
    if isinstance(code, str):
        return "python"
    file = code.co_filename
    for folder in (_KIT, *_INSTALLED):
        if file.startswith(folder):
            package = file[len(folder) :].partition(os.sep)[0].partition(".")[0]
            return f"cnnlab.{package}" if folder == _KIT else package
    return "python" if file.startswith(_STANDARD) else ""


def _is_watched(code: CodeType | str, dotted: str) -> bool:
    """Whether this is the function or a method of the class with this dotted name, whose first parts are a package or a module."""
    *place, name = dotted.split(".")
    if isinstance(code, str):
        return f" {name}>" in code or f".{name}>" in code
    parts = {part.removesuffix(".py").lstrip("_") for part in PurePath(code.co_filename).parts}
    return (
        code.co_qualname.split(".")[0] == name
        and set(place) <= parts
        and _package(code) not in ("", "python")
    )
