"""Static analysis of a cell's code: the names that it defines and uses, its imports, its normalised syntax tree."""

from __future__ import annotations

import ast
import hashlib
import re
import symtable
import sys
from dataclasses import dataclass
from functools import lru_cache

COURSE_LIBRARIES = {"torch", "numpy", "cnnlab", "matplotlib", "IPython", "tqdm"}
# No pattern crosses a line, so that all are linear.
MARKER = re.compile(r"^[ \t]*#[ \t]*question:[ \t]*([\w.-]+)", re.M | re.I)
DEFINITION = re.compile(r"^(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*=[^=]", re.M)
WORD = re.compile(r"\w+")
KEPT = 4096  # cells whose analysis is kept: more than a submission may have, so that each is analysed once
MAGIC = re.compile(r"^[ \t]*[%!].*$", re.M)


@dataclass(frozen=True)
class CellNames:
    """Names that a cell defines at its top level, and those that it uses there or in its functions, as globals."""

    bound: frozenset[str]
    used: frozenset[str]


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell without its magics; None if the syntax is invalid."""
    try:
        return ast.parse(MAGIC.sub("", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=KEPT)
def names(source: str) -> CellNames:
    """The names that a cell defines and uses; with invalid syntax, definitions found at the left margin, and all words."""
    words = frozenset(WORD.findall(source))
    try:
        top = symtable.symtable(MAGIC.sub("", source), "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return CellNames(
            frozenset(name for pair in DEFINITION.findall(source) for name in pair if name), words
        )
    bound = {name.get_name() for name in top.get_symbols() if name.is_assigned() or name.is_imported()}
    used, tables = set(), [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        names_there = [name for name in table.get_symbols() if name.is_referenced()]
        used |= {name.get_name() for name in names_there if table is top or name.is_global()}
    return CellNames(frozenset(bound), words if MAGIC.search(source) else frozenset(used))


@lru_cache(maxsize=KEPT)
def normalised_ast(source: str) -> str:
    """A hash of the syntax tree without comments, layout and docstrings: cells with equal ones do the same."""
    return hashlib.sha256(_normalised(source).encode("utf-8", "replace")).hexdigest()


def _normalised(source: str) -> str:
    parsed = parse(source)
    if parsed is None:
        return re.sub(r"\s+", " ", source).strip()
    try:
        for node in ast.walk(parsed):
            body = getattr(node, "body", None)
            if (
                isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)
                and body
                and _is_docstring(body[0])
            ):
                node.body = body[1:] or [ast.Pass()]
        return ast.dump(parsed)
    except RecursionError:
        return re.sub(r"\s+", " ", source).strip()


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def count_functions(source: str, name: str) -> int:
    """How many functions of this name the cell defines at its top level."""
    parsed = parse(source)
    functions = (
        [node for node in parsed.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        if parsed
        else []
    )
    return sum(function.name == name for function in functions)


def markers(source: str) -> list[str]:
    """The questions named in the cell's comments: `# question: q3`."""
    return MARKER.findall(source)


def other_libraries(source: str) -> list[str]:
    """Packages that the cell imports beyond Python's own and those of the course."""
    parsed, libraries = parse(source), set()
    for node in ast.walk(parsed) if parsed else ():
        if isinstance(node, ast.Import):
            libraries |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            libraries.add(node.module.partition(".")[0])
    return sorted(libraries - COURSE_LIBRARIES - set(sys.stdlib_module_names))


def mentions(source: str, dotted: tuple[str, ...]) -> list[str]:
    """The dotted names whose last part the cell uses as a name or an attribute, or imports."""
    parsed = parse(source)
    used: set[str] = set()
    for node in ast.walk(parsed) if parsed else ():
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
        if isinstance(node, ast.ImportFrom):
            used |= {alias.name for alias in node.names}
    return [name for name in dotted if name.rpartition(".")[2] in used]
