"""Similarity report: pairs of submissions with unusually similar code, apart from the given stub. Advice for a human, not a verdict.

Code is compared as a multiset of token windows, with names, numbers and strings normalised, so that renaming hides nothing.
"""

from __future__ import annotations

import io
import keyword
import tokenize
from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from cnnlab.grading.assignment import Assignment
from cnnlab.grading.scoring import Result

WINDOW = 6
MIN_WINDOWS = 25  # windows; shorter answers are necessarily alike
LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENCODING, tokenize.ENDMARKER}


@dataclass(frozen=True)
class SimilarPair:
    """Two students, the question, and the share of the shorter answer that also occurs in the other."""

    student: str
    other_student: str
    question: str
    similarity: float


def similar_answers(
    assignment: Assignment, results: list[Result], *, above: float = 0.85
) -> list[SimilarPair]:
    """The pairs of answers to a question with a similarity above `above`, the most similar first.

    Windows of the stub, and those shared by more than a third of a class of ten or more, are removed before.
    """
    pairs = []
    for question in assignment.questions:
        stub = windows(assignment.answer_cell(question.name).stub)
        answer_windows = {
            result.student: windows(first.code) - stub
            for result in results
            for first in result.questions
            if first.question == question.name and first.code
        }
        spread = Counter(window for code in answer_windows.values() for window in code)
        common = {
            window
            for window, count in spread.items()
            if len(answer_windows) >= 10 and count > len(answer_windows) / 3
        }
        rare = {
            student: Counter({w: n for w, n in code.items() if w not in common})
            for student, code in answer_windows.items()
        }
        long = {student: code for student, code in rare.items() if code.total() >= MIN_WINDOWS}
        for first, second in combinations(sorted(long), 2):
            share = (long[first] & long[second]).total() / min(long[first].total(), long[second].total())
            if share > above:
                pairs.append(SimilarPair(first, second, question.name, share))
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.student, pair.other_student))


def windows(code: str) -> Counter[tuple[str, ...]]:
    """The windows of normalised tokens of some code; invalid code is read as far as possible."""
    tokens = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type in LAYOUT:
                continue
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                tokens.append("name")
            elif token.type in (tokenize.NUMBER, tokenize.STRING):
                tokens.append(tokenize.tok_name[token.type])
            else:
                tokens.append(token.string if token.type != tokenize.INDENT else "indent")
    except (tokenize.TokenError, SyntaxError):
        pass
    return Counter(tuple(tokens[start : start + WINDOW]) for start in range(len(tokens) - WINDOW + 1))
