"""Record of whose code runs when an answer is called: libraries beyond those of the course, rooms of the kit, and watched functions.

It tells what has run, however it was reached: by a star import, `getattr`, `__import__`, a helper cell, a magic, a module of torch that
calls it. It is kept by Python's own profiler, in C. A function counts if the code that called it is of another library than its own:
what a library uses inside does not.

Student code runs in the same process, so the record informs a human and never decides. Who switches it off is named, and so is who does
work where it does not see: in another process, or in a thread that was not started with `threading`. Python's auditing hooks, which tell
that, cannot be removed. A copy of a library's source is the student's own code for it, and whoever finds the record's objects in memory
can forge it: all of that stands in the code of the answer, where a human sees it.
"""

from __future__ import annotations

import _thread
import contextlib
import cProfile
import functools
import inspect
import os
import sys
import sysconfig
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from types import BuiltinFunctionType, CodeType, FrameType
from typing import Any

COURSE = {"torch", "numpy", "cnnlab", "matplotlib", "IPython", "tqdm"}
# What these load only when they need it.
LATE = {"PIL", "contourpy", "dateutil", "filelock", "fontTools", "fsspec", "jinja2", "kiwisolver", "mpmath"}
LATE |= {"networkx", "packaging", "pyparsing", "sympy"}
OPEN_ROOMS = {"world", "networks", "grading", "_validation"}  # of the kit; the sandbox is in `grading`
SWITCHES = {"sys.setprofile", "sys.monitoring.register_callback"}
SWITCHED_OFF = "the record of calls was switched off"
PROCESSES = {"os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen"}
UNSEEN = "a process or a thread, whose calls are not recorded, was at work"
MAX_NAMES = 4

_KIT = f"{Path(__file__).parents[2]}{os.sep}"
_INSTALLED = [f"{sysconfig.get_path(name)}{os.sep}" for name in ("purelib", "platlib")]
_STANDARD = (f"{sysconfig.get_path('stdlib')}{os.sep}", "<frozen ")
_BOOTSTRAP = threading.Thread._bootstrap  # type: ignore[attr-defined]  # which sets the profiler of a new thread
_STARTS = (
    "start_new_thread",
    "start_new",
    "start_joinable_thread",
    "_start_new_thread",
    "_start_joinable_thread",
)
_state: dict[str, Any] = {"ours": True, "switched": False, "processes": False, "thread": 0, "bare": 0}
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()  # in which the profiler is set
_in_threads: set[CodeType] = set()
_loaded: set[str] = set()


def install() -> None:
    """Notice from now on what threads do, and if a profiler is switched; packages loaded by now belong to the course's libraries."""
    _loaded.update(name.partition(".")[0] for name in sys.modules)
    threading.setprofile(_in_thread)
    for module in (_thread, threading):
        for name in _STARTS:
            if start := getattr(module, name, None):
                setattr(module, name, _watched(start))
    sys.addaudithook(_audit)


def _in_thread(frame: FrameType, event: str, argument: object) -> None:
    _in_threads.add(frame.f_code)


def _watched(start: Callable[..., Any]) -> Callable[..., Any]:
    """The function that starts a thread, which tells if it is started without its profiler; no auditing hook of Python 3.11 does."""

    @functools.wraps(start)
    def starting(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if getattr(function, "__func__", None) is not _BOOTSTRAP or threading.getprofile() is not _in_thread:
            _state["bare"] = os.getpid()  # also before the call: it may wait for it
        return start(function, *arguments, **options)

    return starting


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _state["ours"]:
        return
    if event in PROCESSES:
        _state["processes"] = True
    if event in SWITCHES and not _is_set_by_threading():
        _state["switched"] = True


def _is_set_by_threading() -> bool:
    """Whether this is the one time that the profiler of a thread is set, by `threading`."""
    if threading.get_ident() == _state["thread"]:
        return False
    thread = threading.current_thread()
    again = thread in _threads
    _threads.add(thread)
    return not again


@contextlib.contextmanager
def recording(watched: Iterable[str], names: list[str], *, directly: bool = False) -> Iterator[None]:
    """Add to `names` what runs in the block: libraries, closed rooms of the kit, and the functions of `watched`, dotted names.

    With `directly`, only what the student's code calls itself: where libraries are imported, Python's library calls much of them.
    """
    watched = tuple(watched)
    # To record the calls of C functions too would slow a loop of cheap ones down five times.
    profiler = cProfile.Profile(builtins=any(map(_is_in_c, watched)))
    _state.update(switched=False, processes=False, thread=threading.get_ident())
    _in_threads.clear()
    with contextlib.suppress(ValueError):  # a profiler of the student's is still on
        profiler.enable()
    _state["ours"] = False
    try:
        yield
    finally:
        _state["ours"] = True
        with contextlib.suppress(BaseException):
            profiler.disable()
        called = [*_called_from_outside(profiler.getstats(), directly), *_in_threads]
        # An import runs modules and bodies of classes, which are no functions: that is no use of the library.
        called = [code for code in called if isinstance(code, str) or code.co_flags & inspect.CO_OPTIMIZED]
        found = {name for name in watched for code in called if _is_watched(code, name)}
        found |= {package for package in map(_package, called) if _is_foreign(package)}
        unseen = _state["processes"] or _state["bare"] == os.getpid()
        names += sorted(found)[:MAX_NAMES] + [SWITCHED_OFF] * _state["switched"] + [UNSEEN] * unseen


def _called_from_outside(entries: list[Any], directly: bool) -> Iterator[CodeType | str]:
    """What was called by the student's cells; unless `directly`, also by Python's library, by another library, or by the grader."""
    from_inside: Counter[CodeType | str] = Counter()
    for entry in entries:
        is_cell = isinstance(entry.code, CodeType) and entry.code.co_filename.startswith("<cell ")
        library = _package(entry.code).partition(".")[0]
        is_student = is_cell or (not directly and library in ("", "python"))
        for call in entry.calls or ():
            from_inside[call.code] += call.callcount
            is_elsewhere = (
                isinstance(call.code, CodeType) and _package(call.code).partition(".")[0] != library
            )
            if is_student or (is_elsewhere and not directly):
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
    return first not in COURSE | LATE | _loaded | {"", "python"}


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
