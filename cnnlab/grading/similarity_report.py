"""Similarity report: answers to a question that are unusually similar, apart from the given stub. Advice for a human, not a verdict.

Code is compared by the fragments of its normalised syntax tree: statements, heads of loops and functions, and expressions. Names, numbers,
texts, layout, parentheses, annotations, comments and statements without effect do not count, so that none of them hides anything. A
fragment weighs as much as it says: little if most of the class wrote it too, since there is often one obvious way to write it.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from cnnlab.grading import source_analysis
from cnnlab.grading.assignment import Assignment
from cnnlab.grading.scoring import Result

MAX_INVALID = 20  # lines
MIN_NODES = 3  # of the syntax tree: a smaller expression is no fragment
OTHERS = 10  # students with other answers, whom the weights assume beyond the class, so that a small class has weights too
MIN_FRAGMENTS = 10  # that two answers share; shorter ones are necessarily alike
MIN_BITS = 30.0  # of the fragments that they share
BUILTINS = frozenset(dir(builtins))
NOT_COMPARED = {
    "ctx",
    "annotation",
    "returns",
    "type_comment",
    "body",
    "orelse",
    "finalbody",
    "handlers",
    "cases",
}


@dataclass(frozen=True)
class SimilarAnswers:
    """Students whose answers to a question are alike, each to at least one other, and the smallest similarity that joins them.

    The similarity of two answers is the share of the shorter one, by weight, that also occurs in the other.
    """

    question: str
    students: tuple[str, ...]
    similarity: float


def similar_answers(
    assignment: Assignment, results: list[Result], *, above: float = 0.85
) -> list[SimilarAnswers]:
    """The groups of answers to a question with a similarity above `above`, the most similar first.

    Two answers are compared if they share `MIN_FRAGMENTS` that are together worth `MIN_BITS`: a fragment that k of n students wrote is
    worth log2((n + `OTHERS`) / k). So a long solution that a third of the class shares is shown, and three obvious lines are not.
    """
    groups = []
    for question in assignment.questions:
        stub = fragments(assignment.answer_cell(question.name).stub)
        answers = {
            result.student: fragments(first.code) - stub
            for result in results
            for first in result.questions
            if first.question == question.name and first.code
        }
        groups += [
            SimilarAnswers(question.name, students, similarity)
            for students, similarity in _groups(answers, above)
        ]
    return sorted(groups, key=lambda group: (-group.similarity, group.question, group.students))


def _groups(answers: dict[str, frozenset[str]], above: float) -> Iterator[tuple[tuple[str, ...], float]]:
    """The groups of students whose fragments are alike, and their smallest joining similarity."""
    students = sorted(student for student, found in answers.items() if found)
    spread = Counter(fragment for student in students for fragment in answers[student])
    column = {fragment: number for number, fragment in enumerate(spread)}
    weights = np.log2((len(students) + OTHERS) / np.array(list(spread.values()), float))
    there = np.zeros((len(students), len(column)), np.float32)
    for row, student in enumerate(students):
        there[row, [column[fragment] for fragment in answers[student]]] = 1
    shared = (there * weights) @ there.T  # students x students, in bits
    total = shared.diagonal()
    similarity = (
        shared / np.minimum.outer(total, total) * (shared >= MIN_BITS) * (there @ there.T >= MIN_FRAGMENTS)
    )
    np.fill_diagonal(similarity, 0)
    left = set(range(len(students)))
    while left:
        group, queue = set(), [min(left)]
        while queue:
            student = queue.pop()
            group.add(student)
            queue += [
                int(other) for other in np.flatnonzero(similarity[student] > above) if int(other) not in group
            ]
        left -= group
        if len(group) > 1:
            members = sorted(group)
            closest = similarity[np.ix_(members, members)].max(1)
            yield tuple(students[member] for member in members), float(closest.min())


def fragments(code: str) -> frozenset[str]:
    """The fragments of some code; lines with invalid syntax are left out."""
    try:
        return frozenset(_fragments(_parse(code)))
    except RecursionError:
        return frozenset()


def _parse(code: str) -> ast.Module:
    """The syntax tree, without the first lines that are invalid; an empty one if they are more."""
    lines = source_analysis.MAGIC.sub("", code).splitlines()
    for _ in range(MAX_INVALID):
        try:
            return ast.parse("\n".join(lines))
        except SyntaxError as error:
            if not error.lineno or error.lineno > len(lines):
                break
            lines[error.lineno - 1] = ""
        except (ValueError, MemoryError):
            break
    return ast.Module([], [])


def _fragments(tree: ast.Module) -> Iterator[str]:
    nodes = list(ast.walk(tree))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for statement in _statements(tree.body, used, top=True):
        for node in _parts(statement):
            text, size = _normalised(node, bound)
            if isinstance(node, ast.stmt) or size >= MIN_NODES:
                yield text


def _statements(body: Iterable[ast.stmt], used: set[str], *, top: bool = False) -> Iterator[ast.stmt]:
    """The statements that have an effect, at any depth; at the `top`, names that nothing uses may be answers."""
    for statement in body:
        if isinstance(statement, ast.If) and isinstance(statement.test, ast.Constant):
            yield from _statements(
                statement.body if statement.test.value else statement.orelse, used, top=top
            )
            continue
        if _is_without_effect(statement, used, top=top):
            continue
        yield statement
        inside = [getattr(statement, field, []) for field in ("body", "orelse", "finalbody")]
        inside += [
            part.body for part in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]
        ]
        for part in inside:
            yield from _statements(part, used)


def _is_without_effect(statement: ast.stmt, used: set[str], *, top: bool) -> bool:
    """Whether this is a constant, a printed line, an import, or an assignment of what nothing uses, or of a name to itself."""
    if isinstance(statement, ast.Pass | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal | ast.Assert):
        return True
    if isinstance(statement, ast.Expr):
        call = statement.value
        printed = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print"
        return printed or isinstance(call, ast.Constant | ast.Name)
    if isinstance(statement, ast.AnnAssign) and statement.value is None:
        return True
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    to_itself = isinstance(statement.value, ast.Name) and statement.value.id in names
    return to_itself or (not top and len(names) == len(targets) and not used & set(names))


def _parts(statement: ast.stmt) -> Iterator[ast.AST]:
    """The statement, and the expressions in it; statements in its body are others."""
    yield statement
    queue = [
        part for part in ast.iter_child_nodes(statement) if not isinstance(part, ast.stmt | ast.ExceptHandler)
    ]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.expr):
            yield node
        queue += [part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.stmt)]


def _normalised(node: ast.AST, bound: set[str]) -> tuple[str, int]:
    """The node as text without names, numbers and texts, and how many nodes that are; of a compound statement its head alone."""
    if isinstance(node, ast.Name):
        return (node.id if node.id in BUILTINS - bound else "name"), 1
    if isinstance(node, ast.Constant):
        number = isinstance(node.value, int | float | complex) and not isinstance(node.value, bool)
        return "number" if number else type(node.value).__name__, 1
    if isinstance(node, ast.AugAssign):  # as the assignment that it abbreviates
        node = ast.Assign([node.target], ast.BinOp(node.target, node.op, node.value))
    if isinstance(node, ast.AnnAssign):
        node = ast.Assign([node.target], node.value)
    texts, size = [type(node).__name__], 1
    for field, value in ast.iter_fields(node):
        is_lambda = field == "body" and not isinstance(value, list)
        if field in NOT_COMPARED and not is_lambda:
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                text, inside = _normalised(part, bound)
                texts.append(text)
                size += inside
            elif isinstance(node, ast.Attribute | ast.keyword):
                texts.append(str(part))
    return f"({' '.join(texts)})", size
