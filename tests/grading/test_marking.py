"""The marker's desk and its server: what the page gets, what it may change, and who may ask at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from marking_server import Served
from sample_class import ASKED, MODEL_ANSWER, write_assignment

from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.marking import Desk
from cnnlab.grading.scoring import CaseResult, QuestionResult, Result
from cnnlab.grading.written import Exhibit

PNG = b"\x89PNG\r\n\x1a\n of a map"
Q1 = QuestionResult(
    "q1", "partial", 1.0, 4.0, (CaseResult("numbers", 1, 4, "a hint", PNG),), code="def triple(v): ..."
)
REST = (QuestionResult("q2", "passed", 2.0, 2.0), QuestionResult("q3", "passed", 1.0, 1.0))
W1 = QuestionResult(
    "w1",
    "to be marked",
    0.0,
    4.0,
    code="The meadow.\u202e",
    exhibits=(Exhibit("w1-look", "my_seed = 1", "a map", PNG + b"2"),),
)
STUDENTS = ("anna-lena", "bert-olaf", "carl-uwe")


@pytest.fixture
def desk(tmp_path):
    essay = load_assignment(write_assignment(tmp_path / "tiny", written=True))
    with Gradebook(tmp_path / "book.sqlite") as book:
        for student in STUDENTS:
            book.write("tiny", Result(student, "to be marked", (Q1, *REST, W1)), "x")
        yield Desk(essay, book, "mia")


@pytest.fixture
def served(desk):
    with Served(desk) as served:
        yield served


def row(desk, question="w1", number=0):
    return next(one for one in desk.overview()["questions"] if one["name"] == question)["answers"][number]


def marked(desk, **more):
    wanted = {"question": "w1", "key": row(desk)["key"], "kind": "marked", "criteria": [1, 2, 0], "seen": 0}
    wanted |= {"digest": desk.answer("w1", wanted["key"])["digest"]}
    return wanted | more


def test_the_overview_has_rubric_comments_and_states(desk):
    overview = desk.overview()
    w1 = overview["questions"][-1]
    assert [one["name"] for one in overview["questions"]] == ["q1", "q2", "q3", "w1"]
    assert [one["points"] for one in w1["criteria"]] == [1, 2, 1] and w1["comments"] == [
        "say which pixels you mean"
    ]
    assert w1["solution"] == MODEL_ANSWER and w1["asked"].startswith(ASKED)
    assert [one["state"] for one in w1["answers"]] == ["to be marked"] * 3


def test_names_are_hidden_unless_asked_for(desk):
    everything = [
        desk.overview(),
        desk.answer("w1", row(desk)["key"]),
        desk.decide(marked(desk)),
        desk.news(0),
    ]
    assert not [name for name in STUDENTS if name in json.dumps(everything)]
    named = Desk(desk.assignment, desk.gradebook, "mia", names=True)
    assert named.answer("w1", row(desk)["key"])["name"] in STUDENTS


def test_each_marker_has_an_order_of_their_own(desk):
    def order(marker):
        other = Desk(desk.assignment, desk.gradebook, marker)
        return [one["key"] for one in other.overview()["questions"][-1]["answers"]]

    assert order("mia") == order("mia") and len({tuple(order(f"marker {n}")) for n in range(12)}) > 2
    assert sorted(order("mia")) == sorted(order("noah"))


def test_what_turns_text_round_is_written_out_for_the_marker(desk):
    assert desk.answer("w1", row(desk)["key"])["text"] == "The meadow.⟨U+202E⟩"


def test_pictures_of_cases_and_exhibits_are_numbered_in_a_row(desk):
    key = row(desk)["key"]
    assert desk.answer("q1", key)["cases"][0]["picture"] == 0 and desk.picture("q1", key, 0) == PNG
    assert desk.answer("w1", key)["exhibits"][0]["picture"] == 0 and desk.picture("w1", key, 0) == PNG + b"2"
    for question, number in (("w1", 1), ("q2", 0)):
        with pytest.raises(KeyError, match="no picture"):
            desk.picture(question, key, number)


def test_a_decision_is_stored_and_the_bank_of_comments_grows(desk):
    back = desk.decide(marked(desk, comments=["name the place", "name the place", " "]))
    assert (back["state"], back["points"], back["decision"]["comments"]) == ("marked", 3, ("name the place",))
    assert back["comments"] == ["name the place", "say which pixels you mean"]
    assert (
        desk.news(0)["comments"] == {"w1": back["comments"]}
        and desk.news(desk.news(0)["latest"])["changes"] == []
    )
    (change,) = desk.news(0)["changes"]
    assert (change["state"], change["marker"], change["points"]) == ("marked", "mia", 3)


def test_points_that_differ_from_the_computed_ones_need_a_reason(desk):
    override = {"question": "q1", "key": row(desk)["key"], "kind": "marked", "points": 3}
    with pytest.raises(ValueError, match="need a reason"):
        desk.decide(override | {"reason": "  "})
    assert desk.decide(override | {"reason": "the idea is right"})["points"] == 3
    assert desk.decide(override | {"points": 1})["points"] == 1, "as computed"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"criteria": [1, 2]}, "has 3 lines"),
        ({"criteria": [1, 2, 2]}, "between 0 and 1"),
        ({"criteria": [-1, 0, 0]}, "between 0"),
        ({"criteria": [True, 0, 0]}, "between 0"),
        ({"criteria": ["1", 0, 0]}, "between 0"),
        ({"criteria": [float("nan"), 0, 0]}, "between 0"),
        ({"criteria": None}, "has 3 lines"),
        ({"kind": "deleted"}, "kind of decision"),
        ({"question": "w9"}, "w9"),
        ({"question": "q1", "points": 5, "reason": "x"}, "between 0 and 4"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_stored(desk, wrong, said):
    with pytest.raises(ValueError, match=said):
        desk.decide(marked(desk, **wrong))
    assert desk.gradebook.decisions("tiny") == []


def test_an_answer_that_was_graded_again_meanwhile_is_marked_as_it_was_seen(desk):
    wanted = marked(desk)
    for student in STUDENTS:
        new = replace(W1, code="The rocks.")
        desk.gradebook.write("tiny", Result(student, "to be marked", (Q1, *REST, new)), "y")
    assert desk.decide(wanted)["review"] == ["the answer has changed since mia marked it"]


def test_the_address_with_the_token_sets_a_cookie_and_loses_the_token(served):
    status, headers, _ = served.ask("/?token=the-token-of-the-test", Cookie=None)
    assert status == 302 and headers["Location"] == "/"
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and f"cnnlab-mark-{served.port}" in cookie
    status, headers, body = served.ask("/")
    assert status == 200 and b"<script src=" in body and b"style=" not in body
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"


PATHS = (
    "/",
    "/page.js",
    "/api/overview",
    "/api/news/0",
    "/api/answer/w1/00",
    "/api/picture/w1/00/0",
    "/elsewhere",
)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_given_without_the_token(served, path):
    for cookie in (
        None,
        "x=y",
        f"cnnlab-mark-{served.port}=guess",
        f"cnnlab-mark-1={'the-token-of-the-test'}",
    ):
        status, _, body = served.ask(path, Cookie=cookie)
        assert status == 403 and b"meadow" not in body
    assert served.ask("/?token=guess", Cookie=None)[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"X_XSRFToken": None},
        {"X_XSRFToken": "2|00000000|626262|1"},
        {"Content_Type": "text/plain"},
        {"Cookie": None},
    ],
)
def test_another_web_page_can_change_nothing(served, desk, headers):
    status, _, _ = served.ask("/api/decide", body=marked(desk), **headers)
    assert status in (403, 415) and desk.gradebook.decisions("tiny") == []


def test_the_page_itself_can(served, desk):
    origin = f"http://127.0.0.1:{served.port}"
    status, _, body = served.ask("/api/decide", body=marked(desk), Origin=origin)
    assert status == 200 and json.loads(body)["points"] == 3
    assert len(desk.gradebook.decisions("tiny")) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'{"question": 3}', b'{"question": "w1", "key": "100%"}']
)
def test_a_request_that_is_no_decision_is_told_so(served, body):
    status, headers, said = served.ask("/api/decide", body=body)
    assert status in (400, 404) and said and headers["Content-Type"].startswith("text/plain")
    assert b"Traceback" not in said


def test_pictures_come_as_png_and_what_is_not_there_is_said(served, desk):
    key = row(desk)["key"]
    status, headers, body = served.ask(f"/api/picture/w1/{key}/0")
    assert status == 200 and headers["Content-Type"] == "image/png" and body == PNG + b"2"
    assert served.ask(f"/api/picture/w1/{key}/7")[0] == 404
    assert served.ask("/api/answer/w1/0123456789abcdef")[0] == 404
    assert served.ask("/page.css/../../gradebook.py")[0] == 404


def test_it_listens_on_this_machine_alone(served):
    assert served.address.startswith("http://127.0.0.1:")
