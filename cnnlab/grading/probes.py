"""Inputs of the probes: different for each student, and reproducible for the same student.

The seed is HMAC(secret of the course, assignment, question, case, student), so a second grading draws the same inputs, and nobody without
the secret can predict them. Public cases come from a public seed.
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


def draw(secret: bytes, assignment: str, question: Question, case: Case, student: str) -> dict[str, Any]:
    """The inputs of `case` for `student`: the arguments, and those withheld by the grader."""
    case_seed = seed(secret, assignment, question.name, case.name, student)
    return case.inputs(np.random.default_rng(case_seed))


def draw_all(secret: bytes, assignment: str, question: Question, student: str) -> list[dict[str, Any]]:
    """The inputs of each case of the question for `student`."""
    return [draw(secret, assignment, question, case, student) for case in question.cases]


def request(
    secret: bytes,
    assignment: str,
    question: Question,
    student: str,
    inputs_of_cases: list[dict[str, Any]] | None = None,
) -> ProbeRequest:
    """The runner's request for a question: name and arguments, without the reference and the withheld inputs."""
    inputs_of_cases = (
        draw_all(secret, assignment, question, student) if inputs_of_cases is None else inputs_of_cases
    )
    cases = [
        case.call_arguments(inputs) for case, inputs in zip(question.cases, inputs_of_cases, strict=True)
    ]
    case_seed = seed(secret, assignment, question.name, student) % 2**63
    return ProbeRequest(question.name, question.defines, question.variable, cases, question.limits, case_seed)


def expected_value(question: Question, inputs: dict[str, Any]) -> Any:
    """The reference's value for these inputs."""
    return question.reference(**probe_networks.materialize(inputs))
