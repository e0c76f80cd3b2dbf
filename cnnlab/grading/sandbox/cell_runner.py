"""Execution of a notebook cell's code without a kernel: IPython's transformation of the cell, then plain execution.

Magics and shell commands are skipped (`%%time` and similar ones run their cell): their output is not part of an answer.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import linecache
import traceback
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

MAX_TEXT = 4000
BODY_MAGICS = {"time", "timeit", "capture", "prun", "python", "python3"}

_TRANSFORMER = TransformerManager()


class Shell:
    """The result of `get_ipython()` in a cell: it accepts every magic, and either ignores it or runs the body of the cell."""

    def __init__(self, namespace: dict[str, Any]):
        self.user_ns = namespace

    def run_line_magic(self, name: str, line: str, *rest: Any) -> None:
        """Ignore a line such as `%matplotlib inline`; run the statement of `%time`."""
        if name in BODY_MAGICS and line.strip():
            exec(compile(line, f"<%{name}>", "exec"), self.user_ns)

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        """Run the body of a magic that only measures or captures it; write that of `%%writefile`."""
        if name in BODY_MAGICS:
            run(body, f"<%%{name}>", self.user_ns)
        if name in ("writefile", "file"):
            Path(line.split()[-1]).write_text(body, encoding="utf-8")

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: None


def namespace() -> dict[str, Any]:
    """The initial namespace of a notebook's cells."""
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
    shell = Shell(names)
    names["get_ipython"] = lambda: shell
    return names


def run(source: str, name: str, names: dict[str, Any]) -> None:
    """Run one cell; `name` appears in its tracebacks."""
    code = _TRANSFORMER.transform_cell(source)
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    tree = ast.parse(code, name)
    compiled = compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    awaited = eval(compiled, names)
    if compiled.co_flags & inspect.CO_COROUTINE:  # it has an `await` outside of functions
        asyncio.run(awaited)


def _place(error: BaseException, asked: str) -> str:
    """Where an error comes from; "" for a cell itself, or the function that was `asked`."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames:
        return ""
    code, module = frames[-1].f_code, frames[-1].f_globals.get("__name__", "")
    if not code.co_filename.startswith(("<cell ", "<%")):
        return f"from `{code.co_name}` of {module}"
    return f"from `{code.co_name}`, which `{asked}` calls" if asked and code.co_name != asked else ""


def describe_error(error: BaseException, asked: str = "") -> dict[str, str]:
    """The type and the message of an error; every lack of memory is a MemoryError.

    NotImplementedError from elsewhere than the cells, or than the function that was `asked`, names its place: it is an error then, and
    no stub.
    """
    kind = type(error).__name__
    try:
        message = str(error)
    except BaseException as second_error:  # the message itself may raise
        message = f"(and its message: {type(second_error).__name__})"
    if isinstance(error, MemoryError) or (kind == "RuntimeError" and "DefaultCPUAllocator" in message):
        kind = "MemoryError"
    if kind == "NotImplementedError" and not message:
        message = _place(error, asked)
    return {"type": kind[:MAX_TEXT], "message": message[:MAX_TEXT]}
