"""The feedback page in a real browser: no script of a student's runs, it fits a phone, and in print nothing stays folded away."""

from __future__ import annotations

import pytest
from grading import sample_class

from cnnlab.grading import feedback
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.batch import grade_folder
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.sandbox.confinement import TIERS

NASTY = (
    "</pre></title></style><script>window.hacked=1;alert(1)</script><img src=x onerror='window.hacked=2'>"
    "<svg onload='window.hacked=3'></svg><a href='javascript:window.hacked=4' id=trap>a link</a>"
    "<style>body{display:none}</style><iframe srcdoc='<script>parent.hacked=5</script>'></iframe>"
)
ATTACK = f'''# {NASTY}
print({NASTY!r})
def triple(values):
    """{NASTY}"""
    print({NASTY!r} + "x" * 500)
    raise type({NASTY!r}, (Exception,), {{}})({NASTY!r})
'''
RETURNED = f"def row_sums(values):\n    return type({NASTY!r}, (), {{}})()"
WORSE = "class Odd(dict):\n    pass\nanswer = {" + repr(NASTY) + ": 1}"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of four students: one right, one wrong, one whose code ends the process, one who injects wherever there is a way."""
    room = tmp_path_factory.mktemp("feedback")
    tiny = load_assignment(sample_class.write_assignment(room / "tiny"))
    right = sample_class.RIGHT
    people = {
        "right": right,
        "wrong": right | {"q1": "def triple(values):\n    return values * 2"},
        "crash": right | {"q1": "import os\nos._exit(1)"},
        "<script>window.hacked=6<\u2215script>": {"q1": ATTACK, "q2": RETURNED, "q3": WORSE},
    }
    for student, answers in people.items():
        sample_class.hand_in(room / "handed in" / f"{student}.ipynb", sample_class.notebook(answers))
    with Gradebook(room / "book.sqlite") as book:
        grade_folder(
            tiny,
            room / "handed in",
            book,
            tiers=TIERS,
            progress=False,
        )
        results = list(book.results("tiny"))
    return tiny, {result.student: result for result in results}


@pytest.fixture
def look(browser, tmp_path):
    """Show a page; gives Playwright's page, and what it asked of the network and of the reader."""
    opened = []

    def look(html, **how):
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        page, asked = browser.blank(**how), []
        opened.append(page)
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        page.on(
            "requestfinished",  # what the policy blocks is begun and never finished
            lambda request: (
                None if request.url.startswith(("data:", file.as_uri())) else asked.append(request.url)
            ),
        )
        page.goto(file.as_uri())
        return page, asked

    yield look
    for page in opened:
        page.close()


def injected(pages):
    tiny, results = pages
    (student,) = (name for name in results if "hacked" in name)
    return feedback.page(tiny, results[student])


def test_the_attack_would_work_on_a_page_that_is_not_guarded(look):
    """Negative control: without escaping and without the policy, the same text runs."""
    page, asked = look(f"<!doctype html><body><pre>{NASTY}</pre>")
    assert page.evaluate("window.hacked") and asked


def test_no_script_from_a_student_runs(pages, look):
    page, asked = look(injected(pages))
    assert page.evaluate("window.hacked") is None and asked == []
    assert page.locator("script, svg, iframe, a, object, embed, form").count() == 0
    assert page.locator("img:not([src^='data:image/png;base64,'])").count() == 0
    for text in ("window.hacked=1", "onerror='window.hacked=2'", "javascript:window.hacked=4"):
        assert text in page.locator("body").text_content(), "it is shown as text"
    assert page.locator("section").first.is_visible()


def test_the_policy_holds_where_escaping_would_fail(pages, look, monkeypatch):
    monkeypatch.setattr(feedback, "escape", str)
    page, asked = look(injected(pages))
    page.evaluate("document.querySelector('#trap')?.click()")
    assert page.evaluate("window.hacked") is None and asked == []


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_fit_the_window(pages, look, width):
    tiny, results = pages
    for result in results.values():
        page, _ = look(feedback.page(tiny, result), width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, result.student


def test_what_is_folded_on_screen_is_open_in_print(pages, look):
    page, _ = look(injected(pages))
    folded = page.locator("details:not([open]) pre").first
    assert not folded.is_visible()
    page.emulate_media(media="print")
    assert folded.is_visible() and folded.bounding_box()["height"] > 10


def test_a_page_tells_right_from_wrong(pages, look):
    tiny, results = pages
    page, _ = look(feedback.page(tiny, results["right"]))
    assert page.locator("td.right").count() == 5 and page.locator("td.wrong").count() == 0
    page, _ = look(feedback.page(tiny, results["wrong"]))
    assert page.locator("td.wrong").all_inner_texts()[:2] == ["that is twice as much", "as above"]
    page, _ = look(feedback.page(tiny, results["crash"]))
    assert "Your code stopped with an error" in page.locator("section.error").inner_text()
