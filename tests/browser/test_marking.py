"""The marking page in a real browser: sixty answers by keyboard alone, two markers at once, and answers that attack the marker."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from browser.lab import eventually
from grading import sample_class
from grading.marking_server import Served
from PIL import Image

from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.batch import grade_folder
from cnnlab.grading.export import export
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.marking import Desk
from cnnlab.grading.sandbox.confinement import TIERS

NASTY = (
    "</pre></textarea></title></style><script>window.hacked=1;alert(1)</script><img src=x onerror='window.hacked=2'>"
    "<svg onload='window.hacked=3'></svg><a href='javascript:window.hacked=4' id=trap>a link</a>"
    "<style>body{display:none}</style> \x1b[31mred\x1b[0m \x07 \u202eevil\u2066 \ud800 "
)
HUGE = f"{NASTY}{'x' * 30_000}"


def png() -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(written, "PNG")
    return written.getvalue()


def marks(number: int) -> tuple[int, ...]:
    """The lines of the rubric that the answer of a student deserves; it says so itself."""
    return tuple(line for line in (1, 2, 3) if number >> (line - 1) & 1)


@pytest.fixture
def room(tmp_path):
    """A course of its own: assignment, folder for what is handed in, gradebook."""

    class Room:
        folder, book = tmp_path / "handed in", tmp_path / "book.sqlite"
        tiny = load_assignment(sample_class.write_assignment(tmp_path / "tiny", written=True))

        def hand_in(self, essays, answers=None):
            for student, essay in essays.items():
                content = sample_class.with_essay(sample_class.notebook(answers), essay, picture=png())
                sample_class.hand_in(self.folder / f"{student}.ipynb", content)

        def grade(self, **how):
            with Gradebook(self.book) as book:
                result = grade_folder(self.tiny, self.folder, book, tiers=TIERS, progress=False, **how)
            assert not result.not_graded, result
            return result

        def table(self):
            with Gradebook(self.book) as book:
                path = export(self.tiny, book.results("tiny"), "csv", tmp_path / "grades.csv")
            return {row["student"]: row for row in csv.DictReader(io.StringIO(path.read_text()))}

    return Room()


@pytest.fixture
def served(room):
    """Begin a server for a marker; ends it after the test."""
    begun, books = [], []

    def serve(marker="mia", **how):
        books.append(Gradebook(room.book))
        begun.append(Served(Desk(room.tiny, books[-1], marker, **how)).__enter__())
        return begun[-1]

    yield serve
    for one in begun:
        one.__exit__()
    for book in books:
        book.close()


@pytest.fixture
def look(browser):
    """Open an address and wait for its first answer; what went wrong in the page is collected in `page.trouble`."""
    opened = []

    def look(address, **how):
        page = browser.blank(**how)
        opened.append(page)
        page.trouble = []
        page.on("pageerror", lambda error: page.trouble.append(str(error)))
        page.on("dialog", lambda dialog: (page.trouble.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda said: page.trouble.append(said.text) if said.type == "error" else None)
        host = "/".join(address.split("/")[:3])
        page.on(
            "request", lambda asked: None if asked.url.startswith(host) else page.trouble.append(asked.url)
        )
        page.goto(address)
        page.locator("#state:not(:empty)").wait_for()
        return page

    yield look
    for page in opened:
        page.close()


def text(page, part):
    return page.locator(f"#{part}").inner_text()


def saved(page):
    said = ("saved", "all answers to this question are marked")  # the second comes after the first alone
    eventually(page, lambda: text(page, "saved") in said, "the mark is saved")


def at_answer(page, wanted):
    """Go to the answer of this text, by keyboard: to the first one, and on from there."""
    for key, is_there in (("ArrowLeft", "Answer 1 of"), ("ArrowRight", wanted)):
        part = "place" if key == "ArrowLeft" else "answer"
        while is_there not in text(page, part):
            before = text(page, "place")
            page.keyboard.press(key)
            eventually(page, lambda before=before: text(page, "place") != before, "another answer")


def test_sixty_answers_are_marked_by_keyboard_alone_and_outlive_a_regrading(room, served, look):
    room.hand_in({f"student {number}": f"Answer number {number}." for number in range(60)})
    assert room.grade().to_be_marked == 60
    assert {row["w1_status"] for row in room.table().values()} == {"to be marked"}
    page = look(served().address)
    for _ in range(60):
        state = text(page, "place")
        number = int(re.search(r"number (\d+)\.", text(page, "answer"))[1])
        for line in marks(number):
            page.keyboard.press(str(line))
        if not marks(number):
            page.keyboard.press("0")
        if number == 7:
            page.keyboard.press("c")
            page.keyboard.type("which pixels?")
            page.keyboard.press("Enter")
        if number in (8, 9):  # from the bank
            page.keyboard.press("c")
            page.keyboard.type("say which")
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        eventually(
            page, lambda state=state: text(page, "place") != state or ", 0 to do" in text(page, "count")
        )
    eventually(page, lambda: text(page, "count") == "60 done, 0 to do")
    saved(page)
    assert page.trouble == [] and not page.locator("#trouble").is_visible()
    points = {f"student {number}": sum((1, 2, 1)[line - 1] for line in marks(number)) for number in range(60)}
    assert {name: float(row["w1"]) for name, row in room.table().items()} == points
    assert room.grade(regrade=True).graded == 60
    table = room.table()
    assert {name: float(row["w1"]) for name, row in table.items()} == points
    assert {row["w1_status"] for row in table.values()} == {"marked"}
    assert {name: float(row["points"]) for name, row in table.items()} == {
        n: 7 + p for n, p in points.items()
    }
    with Gradebook(room.book) as book:
        comments = {one.student: one.comments for one in book.decisions("tiny")}
    assert comments["student 7"] == ("which pixels?",) and comments["student 9"] == (
        "say which pixels you mean",
    )


def test_two_markers_share_the_work_and_lose_nothing(room, served, look):
    room.hand_in({f"student {number}": f"Answer number {number}." for number in range(4)})
    room.grade()
    command = [
        sys.executable,
        "-m",
        "cnnlab.cli",
        "mark",
        str(room.tiny.folder),
        "--gradebook",
        str(room.book),
    ]
    other = subprocess.Popen(
        [*command, "--marker", "noah", "--no-browser"], stdout=subprocess.PIPE, text=True
    )
    try:
        mia = look(served("mia").address)
        noah = look(re.search(r"http://\S+", other.stdout.readline())[0])
        at_answer(mia, "number 1.")
        mia.keyboard.press("f")
        saved(mia)
        eventually(noah, lambda: text(noah, "count") == "1 done, 3 to do", "noah sees what mia has marked")
        at_answer(noah, "number 1.")
        assert text(noah, "total") == "4 / 4" and "mia" in noah.locator("#decisions").text_content()
        for page in (mia, noah):  # now both mark one answer, and neither has heard of the other
            page.route(
                "**/api/news/*",
                lambda route: route.fulfill(json={"latest": 0, "changes": [], "comments": {}}),
            )
            at_answer(page, "number 2.")
        mia.keyboard.press("f")
        saved(mia)
        noah.keyboard.press("0")
        saved(noah)
        assert "mia and noah marked it at the same time" in text(noah, "remarks")
        assert text(noah, "state") == "needs review"
    finally:
        other.terminate()
        other.wait(30)
        other.stdout.close()
    with Gradebook(room.book) as book:
        both = [(one.marker, one.points) for one in book.decisions("tiny") if one.student == "student 2"]
        assert both == [("mia", 4), ("noah", 0)]


def test_an_answer_that_attacks_the_marker_is_text(room, served, look):
    room.hand_in({"nasty": HUGE, "<b>bold": NASTY}, sample_class.RIGHT | {"q1": f"# {NASTY!r}\n1 / 0"})
    room.grade()
    for names in (False, True):
        page = look(served("<script>window.hacked=9</script>", names=names).address)
        for _ in range(2):
            assert "<script>window.hacked=1" in text(page, "answer") and "⟨U+202E⟩evil⟨U+2066⟩" in text(
                page, "answer"
            )
            assert not re.search(
                "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text(page, "answer")
            )
            assert (
                page.locator("#exhibits img").evaluate(
                    "image => image.decode().then(() => image.naturalWidth)"
                )
                == 10
            )
            page.keyboard.press("s")
            saved(page)
            page.keyboard.press("ArrowRight")
        page.keyboard.press("[")
        page.locator("#answer.code").wait_for()
        assert page.evaluate("window.hacked") is None and page.trouble == []
        assert page.locator("svg, iframe, a, object, embed, style, script:not([src])").count() == 0


def test_keys_pressed_before_the_server_answers_keep_their_order(room, served, look):
    room.hand_in({"anna": "The meadow.", "berta": "The lamb."})
    room.grade()
    page = look(served().address)

    def late(route):
        time.sleep(0.3)
        route.continue_()

    page.route("**/api/answer/**", late)
    for key in "[[[":
        page.keyboard.press(key)
    eventually(page, lambda: page.locator("#question").input_value() == "q1")
    for key in "]]]f":  # "f" gives all points to the question that stands there at its turn
        page.keyboard.press(key)
    eventually(
        page, lambda: page.locator("#question").input_value() == "w1" and text(page, "total") == "4 / 4"
    )
    saved(page)
    assert [row["q1_status"] for row in room.table().values()] == ["passed", "passed"]
    assert page.trouble == []


def test_points_by_hand_have_a_reason_and_can_be_taken_back(room, served, look):
    wrong = sample_class.RIGHT | {"q1": "def triple(values):\n    return values * 2"}
    room.hand_in({"anna": "The meadow."}, wrong)
    room.grade()
    page = look(served().address)
    for _ in range(3):
        page.keyboard.press("[")
    eventually(page, lambda: "values * 2" in text(page, "answer"))
    page.keyboard.press("p")
    page.keyboard.type("3.5")
    page.keyboard.press("Tab")
    eventually(page, lambda: "need a reason" in text(page, "trouble"))
    page.keyboard.type("the idea is right")
    page.keyboard.press("Enter")
    saved(page)
    assert text(page, "total") == "3.5 / 4" and room.table()["anna"]["q1"] == "3.5"
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    eventually(page, lambda: text(page, "state") != "marked")
    saved(page)
    assert room.table()["anna"]["q1"] == "1"
    assert page.trouble == []


def test_undo_and_a_second_look_and_half_of_the_points(room, served, look):
    room.hand_in({"anna": "The meadow."})
    room.grade()
    page = look(served().address)
    page.keyboard.press("Shift+Digit2")
    eventually(page, lambda: text(page, "total") == "1 / 4")
    page.keyboard.press("f")
    eventually(page, lambda: text(page, "total") == "4 / 4")
    page.keyboard.press("z")
    eventually(page, lambda: text(page, "total") == "1 / 4")
    page.keyboard.press("s")
    eventually(page, lambda: "asks for a second look" in text(page, "remarks"))
    saved(page)
    assert room.table()["anna"]["w1_status"] == "needs review" and room.table()["anna"]["w1"] == "1"
    for _ in range(2):
        page.keyboard.press("z")
    eventually(page, lambda: text(page, "state") == "to be marked", "all is undone")
    page.keyboard.press("z")
    eventually(page, lambda: text(page, "saved") == "nothing to undo")
    with Gradebook(room.book) as book:
        assert len(book.decisions("tiny")) == 6, "and nothing is lost"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 400])
def test_the_page_fits_and_says_what_it_shows(room, served, look, width, scheme):
    room.hand_in({"anna": "The meadow. " * 200, "bert": "A" * 900})
    room.grade()
    page = look(served("a marker with a long name").address, width=width)
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width >= 800:
        page.evaluate("scrollTo(0, 500)")
        covered = "document.querySelector('header').getBoundingClientRect().bottom"
        points = "document.querySelector('#right').getBoundingClientRect().top"
        assert page.evaluate(f"{covered} <= {points}"), "the header covers the points"
        page.evaluate("scrollTo(0, 0)")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 30)"
    assert dark == (scheme == "dark")
    assert page.locator("#exhibits img").get_attribute("alt") == "a map over a sheep"
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, textarea, button')]"
        ".filter(one => !(one.labels?.length || one.ariaLabel || one.textContent.trim())).length"
    )
    assert unnamed == 0
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px", "focus is seen"
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("?")
    assert page.locator("#help").is_visible() and page.locator("#keys dt").count() >= 15
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible() and page.trouble == []


def test_a_changed_answer_is_said_to_the_marker(room, served, look):
    room.hand_in({"anna": "The meadow."})
    room.grade()
    page = look(served().address)
    page.keyboard.press("f")
    saved(page)
    room.hand_in({"anna": "No, the rocks."})
    room.grade()
    page.reload()
    eventually(page, lambda: "the answer has changed since mia marked it" in text(page, "remarks"))
    assert text(page, "total") == "4 / 4" and text(page, "state") == "needs review"


def test_marks_wait_for_a_server_that_is_away_for_a_while(room, served, look):
    room.hand_in({"anna": "The meadow."})
    assert room.grade().to_be_marked == 1
    page = look(served().address)
    page.route("**/api/decide", lambda route: route.abort())
    page.keyboard.press("f")
    eventually(page, lambda: "trying again" in text(page, "trouble"), "the page says that it tries again")
    page.unroute("**/api/decide")
    saved(page)
    assert room.table()["anna"]["w1"] == "4" and not page.locator("#trouble").is_visible()
