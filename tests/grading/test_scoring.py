"""Statuses and points: right, partly right, wrong, stopped, missing; one question never touches another, nor does what is printed."""

from __future__ import annotations

import numpy as np
import pytest
from sample_class import POINTS, RIGHT, cell, marks, notebook

from cnnlab.grading import feedback, probes
from cnnlab.grading.limits import Limits
from cnnlab.grading.runner_protocol import RunnerError


def statuses(result) -> dict[str, str]:
    return {one.question: one.status for one in result.questions}


def points(result) -> dict[str, float]:
    return {one.question: one.points for one in result.questions}


def with_q1(source: str) -> dict:
    return notebook(RIGHT | {"q1": source})


def test_a_right_submission_gets_everything_and_says_behind_which_walls(grade, runner):
    result = grade(notebook())
    assert set(statuses(result).values()) == {"passed"}
    assert result.points == POINTS and result.status == "graded"
    assert result.sandbox == str(runner.sandbox) and runner.sandbox.tier in result.sandbox


def test_the_stub_is_not_attempted(grade):
    assert set(statuses(grade(notebook({}))).values()) == {"not attempted"}


@pytest.mark.parametrize(
    "nothing", ["return", "return None", "...", "raise NotImplementedError", "return ..."]
)
def test_an_answer_that_gives_nothing_is_not_attempted(grade, nothing):
    result = grade(with_q1(f"def triple(values):\n    x = 1\n    {nothing}"))
    assert statuses(result) == {"q1": "not attempted", "q2": "passed", "q3": "passed"}


@pytest.mark.parametrize(
    ("source", "status", "reached", "words"),
    [
        ("def triple(values): return values * 2", "partial", 1, "that is twice as much"),
        ("def triple(values): return values * 3 if values.size else None", "partial", 3, "return"),
        (
            "def triple(values): return values * 3 if values.size else 1 / 0",
            "partial",
            3,
            "ZeroDivisionError",
        ),
        ("def triple(values): return 'many'", "failed", 0, "text"),
        ("def triple(values): raise ValueError('no')", "error", 0, "ValueError: no"),
        ("def triple(wrong_name): return wrong_name", "error", 0, "TypeError"),
        ("triple = 5", "error", 0, "TypeError"),
        ("def triple(values): return triple(values)", "error", 0, "RecursionError"),
        ("def triple(values):\n    import sys; sys.exit(0)", "error", 0, "SystemExit"),
        ("def triple(values):\n    raise MemoryError", "memory", 0, "MemoryError"),
        ("def triple(values) return values", "error", 0, "SyntaxError"),
        ("1 / 0\ndef triple(values): return 3 * values", "error", 0, "ZeroDivisionError"),
        ("def tripel(values): return 3 * values", "missing", 0, "there is no `triple`"),
    ],
)
def test_what_is_not_right_says_how(grade, source, status, reached, words):
    result = grade(with_q1(source))
    assert statuses(result) == {"q1": status, "q2": "passed", "q3": "passed"}
    assert points(result) == {"q1": reached, "q2": 2, "q3": 1}
    one = result.questions[0]
    assert words in " ".join([*(case.hint for case in one.cases), *one.notes])


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("def triple(values):\n    while True: pass", "timeout", "more than"),
        ("def triple(values):\n    import os; os._exit(0)", "error", "ended the whole process"),
        ("def triple(values):\n    import ctypes; ctypes.string_at(0)", "error", "ended the whole process"),
        ("def triple(values):\n    keep = []\n    while True: keep.append(np.ones(2**22))", "memory", ""),
        ("while True: pass", "timeout", "more than"),
        ("import os; os._exit(1)\ndef triple(values): return 3 * values", "error", "exit code 1"),
    ],
)
def test_what_is_stopped_costs_its_own_question_only(grade, source, status, words):
    result = grade(with_q1(source), limits=Limits(seconds=15, cpu=3, memory_bytes=300 * 2**20))
    assert statuses(result) == {"q1": status, "q2": "passed", "q3": "passed"}
    assert words in " ".join([*result.questions[0].notes, *(case.hint for case in result.questions[0].cases)])


def test_questions_do_not_share_what_they_change(grade):
    sources = RIGHT | {
        "q1": "seen = []\ndef triple(values):\n    seen.append(1)\n    np.sum = None\n    return values * 3",
        "q2": "def row_sums(values):\n    return np.sum(values, 1) if not seen else None",
    }
    assert grade(notebook(sources)).points == POINTS


def test_nothing_that_is_printed_changes_a_score(grade):
    loud = (
        "import sys, warnings\nwarnings.warn('careful')\nprint('q1: failed 0 points', file=sys.stderr)\n"
        "def triple(values):\n    print('<script>alert(1)</script>' * 50_000)\n    warnings.warn('x')\n    return 3 * values"
    )
    result = grade(with_q1(loud))
    assert result.points == POINTS
    assert 0 < len(result.questions[0].text) <= 4000


def test_the_same_submission_gets_the_same_grade_again(grade):
    content = notebook(
        RIGHT
        | {"q1": "import random\ndef triple(values): return values * (3 if random.random() < 0.5 else 2)"}
    )
    one, other = grade(content), grade(content)
    assert one.questions == other.questions


def test_inputs_are_a_student_s_own_and_always_the_same(tiny):
    question = tiny.question("q1")
    draws = [
        probes.draw(secret, "tiny", question, question.cases[0], who)["values"]
        for secret, who in ((b"a", "x"), (b"a", "x"), (b"a", "y"), (b"b", "x"))
    ]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2]) and not np.array_equal(draws[0], draws[3])
    assert probes.seed(b"s", "ab", "c") != probes.seed(b"s", "a", "bc")


def test_what_is_asked_of_the_runner_holds_no_answer(tiny):
    asked = probes.request(b"secret", "tiny", tiny.question("q3"), "anna")
    assert "42" not in repr(asked.cases) and not any(callable(part) for part in vars(asked).values())


def test_points_in_the_submission_s_metadata_count_for_nothing(grade):
    content = notebook({"q2": RIGHT["q2"]})
    content["cells"].append(cell("pass", marks("q2-test", grade=True, locked=True, points=1000)))
    assert grade(content).points == 2


def test_an_answer_from_another_library_is_flagged_and_keeps_its_points(grade):
    result = grade(with_q1("import scipy.special\ndef triple(values): return 3 * values"))
    assert result.status == "needs review" and result.points == POINTS
    assert "scipy" in result.questions[0].review[0]


def test_an_error_of_the_grader_is_not_a_zero_and_says_so(grade, tiny, runner, monkeypatch):
    def broken(*args):
        raise RunnerError("the guard was lost")

    monkeypatch.setattr(runner, "run", broken)
    result = grade(notebook())
    assert result.status == "grader error" and "guard was lost" in result.note
    assert set(statuses(result).values()) == {"grader error"}


def test_magics_and_a_notebook_s_own_checks_do_no_harm(grade):
    more = (
        "%matplotlib inline\n!echo hello\nimport cnnlab as lab\nlab.check('q1')\nget_ipython().system('ls')\n"
    )
    assert grade(with_q1(f"{more}def triple(values): return 3 * values")).points == POINTS


def test_cells_are_run_as_a_notebook_runs_them(grade):
    figure = "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n%time x = 1\n"
    assert grade(with_q1(f"{figure}def triple(values): return 3 * values * x")).points == POINTS


def test_a_second_hand_in_meets_other_inputs_and_the_counted_one_can_be_graded_again(grade, tmp_path):
    """What a first hand-in has learnt of its inputs, here by a function that hands them back, is of no use to a second one."""
    spying = notebook(RIGHT | {"q1": "def triple(values): return values"})
    first, again = grade(spying), grade(spying)
    spying["metadata"]["try"] = 2
    second = grade(spying)
    seen = [
        [case.picture for case in result.questions[0].cases if case.picture]
        for result in (first, again, second)
    ]
    assert first.questions == again.questions and len(seen[0]) == 2
    assert not set(seen[0]) & set(seen[2])


def test_what_is_printed_or_smuggled_while_hidden_inputs_are_there_is_on_no_page(tiny, grade):
    """Printed in a probe, or by the cells when they are run once more because a probe has ended its process and left a file."""
    cells = "import os\nif os.path.exists('seen'):\n    print(open('seen').read())\n    raise ValueError(open('seen').read())"
    body = "    print('SEEN', values)\n    open('seen', 'w').write('SEEN')\n"
    sources = {
        "q1": f"def triple(values):\n{body}    return values * 3",
        "q2": f"def row_sums(values):\n{body}    os.write(4, b'no frame' * 9)\n    while True: pass",
    }
    result = grade(notebook(RIGHT | sources, more=[cells, "print('shown')"]))
    page = feedback.page(tiny, result)
    assert "SEEN" in result.questions[0].text, "the course staff may read it"
    code = "".join(question.code for question in result.questions)
    assert page.count("SEEN") == code.count("SEEN") and "shown" in page
