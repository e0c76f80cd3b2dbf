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
LEAST = 25  # windows; shorter answers are alike by necessity
LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENCODING, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Lookalike:
    """Two students, the question, and the share of the shorter answer that the other has too."""

    one: str
    other: str
    question: str
    likeness: float


def lookalikes(assignment: Assignment, results: list[Result], *, above: float = 0.85) -> list[Lookalike]:
    """The pairs whose answers to a question are alike by more than `above`, the most alike first.

    What the stub gives to everybody, and windows that more than a third of a class of ten or more have, are taken out before.
    """
    found = []
    for question in assignment.questions:
        stub = windows(assignment.answer(question.name).stub)
        answers = {
            result.student: windows(one.code) - stub
            for result in results
            for one in result.questions
            if one.question == question.name and one.code
        }
        spread = Counter(window for code in answers.values() for window in code)
        common = {
            window for window, count in spread.items() if len(answers) >= 10 and count > len(answers) / 3
        }
        rare = {
            student: Counter({w: n for w, n in code.items() if w not in common})
            for student, code in answers.items()
        }
        long = {student: code for student, code in rare.items() if code.total() >= LEAST}
        for one, other in combinations(sorted(long), 2):
            share = (long[one] & long[other]).total() / min(long[one].total(), long[other].total())
            if share > above:
                found.append(Lookalike(one, other, question.name, share))
    return sorted(found, key=lambda pair: (-pair.likeness, pair.one, pair.other))


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
