"""Inputs of the probes: drawn anew for each hand-in, and reproducible for the same one.

The seed is HMAC(secret of the course, assignment, question, case, hand-in), where the hand-in is the student with the digest of the file.
So a second grading of a file draws the same inputs, what a first hand-in has seen of its own is of no use to a second one, and nobody
without the secret can predict them. Public cases come from a public seed.
"""

from __future__ import annotations

import hmac
from typing import Any

import numpy as np

from cnnlab.grading.answer_key import Case, Question
from cnnlab.grading.runner_protocol import ProbeRequest
from cnnlab.grading.sandbox import probe_networks

PUBLIC = b"public"


def seed(secret: bytes, *names: str) -> int:
    """A seed of 128 bits for a sequence of names; different sequences give different seeds."""
    message = b"".join(len(part).to_bytes(4, "big") + part for part in (name.encode() for name in names))
    return int.from_bytes(hmac.digest(secret, message, "sha256")[:16], "big")


def hand_in(student: str, digest: str) -> str:
    """The name of a hand-in, from which its inputs are drawn: who handed in a file of which digest."""
    return f"{digest} {student}"


def draw(secret: bytes, assignment: str, question: Question, case: Case, hand_in: str) -> dict[str, Any]:
    """The inputs of `case` for a hand-in: the arguments, and those withheld by the grader."""
    case_seed = seed(secret, assignment, question.name, case.name, hand_in)
    return case.inputs(np.random.default_rng(case_seed))


def draw_all(secret: bytes, assignment: str, question: Question, hand_in: str) -> list[dict[str, Any]]:
    """The inputs of each case of the question for a hand-in."""
    return [draw(secret, assignment, question, case, hand_in) for case in question.cases]


def request(
    secret: bytes,
    assignment: str,
    question: Question,
    hand_in: str,
    inputs_of_cases: list[dict[str, Any]] | None = None,
) -> ProbeRequest:
    """The runner's request for a question: name and arguments, without the reference and the withheld inputs."""
    inputs_of_cases = (
        draw_all(secret, assignment, question, hand_in) if inputs_of_cases is None else inputs_of_cases
    )
    cases = [
        case.call_arguments(inputs) for case, inputs in zip(question.cases, inputs_of_cases, strict=True)
    ]
    case_seed = seed(secret, assignment, question.name, hand_in) % 2**63
    return ProbeRequest(
        question.name,
        question.defines,
        question.variable,
        cases,
        question.limits,
        case_seed,
        question.forbidden_names,
    )


def expected_value(question: Question, inputs: dict[str, Any]) -> Any:
    """The reference's value for these inputs."""
    return question.reference(**probe_networks.materialize(inputs))
