"""Look-alikes: submissions whose code is more alike than chance, once the given stub is taken out. Advice for a human, never a verdict.

Code is compared as a multiset of windows of tokens, with names, numbers and text made equal, so that renaming hides nothing.
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
MIN_WINDOWS = 25  # windows; shorter answers are alike by necessity
LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENCODING, tokenize.ENDMARKER}


@dataclass(frozen=True)
class SimilarPair:
    """Two students, the question, and the share of the shorter answer that the other has too."""

    student: str
    other_student: str
    question: str
    similarity: float


def similar_answers(
    assignment: Assignment, results: list[Result], *, above: float = 0.85
) -> list[SimilarPair]:
    """The pairs whose answers to a question are alike by more than `above`, the most alike first.

    What the stub gives to everybody, and windows that more than a third of a class of ten or more have, are taken out before.
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
    """The windows of normalised tokens of a piece of code; of code that is none, as far as it can be read."""
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
