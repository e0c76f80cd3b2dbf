"""The course as pages: complete, readable without a connection, with links that lead somewhere."""

from __future__ import annotations

import re
import shutil
import threading
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from browser.accessible import FAULTS, faults
from browser.lab import Browser

import cnnlab as lab
from cnnlab import diagnostics, features, site
from cnnlab.site.formulas import mathml
from cnnlab.site.pages import PICTURES, links

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))


class Elements(HTMLParser):
    """The elements of a page, as (tag, attributes)."""

    def __init__(self, page: Path):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    out = tmp_path_factory.mktemp("host") / "some" / "course"
    assert (
        site.build(ROOT, out, repository="owner/course", living=False, reference=False) == out / "index.html"
    )
    return out


def written(pages: Path) -> list[Path]:
    return [page for page in sorted(pages.rglob("*.html")) if "_static" not in page.parts]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_has_all_the_figures_of_its_notebook_each_with_its_text(pages, notebook):
    outputs = [
        output["data"]
        for cell in nbformat.read(notebook, 4).cells
        for output in cell.get("outputs", ())
        if any(mime in output.get("data", {}) for mime in PICTURES)
    ]
    page = pages / "notebooks" / f"{notebook.stem}.html"
    shown = [image for image in Elements(page).of("img") if "figures/" in image["src"]]
    assert [image["alt"] for image in shown] == [data["text/plain"] for data in outputs]
    assert all((page.parent / image["src"]).is_file() for image in shown)


def test_pictures_have_texts_and_no_page_asks_another_host(pages):
    assert len(written(pages)) > len(NOTEBOOKS)
    for page in written(pages):
        elements = Elements(page)
        assert all(image.get("alt") for image in elements.of("img")), page
        parts = [("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "srcset")]
        asked = [element.get(key) or "" for tag, key in parts for element in elements.of(tag)]
        assert not [address for address in asked if urlsplit(address).netloc], page
    styles = "".join(style.read_text("utf-8") for style in pages.rglob("*.css"))
    assert not re.findall(r"url\(\s*['\"]?(?:https?:)?//", styles)


def test_links_within_the_site_lead_to_a_place(pages):
    names = {}
    for page in written(pages):
        found = Elements(page).found
        names[page] = {
            attributes[key] for _, attributes in found for key in ("id", "name") if key in attributes
        }
    for page in names:
        for link in Elements(page).of("a"):
            address = urlsplit(link.get("href") or "")
            if address.scheme or address.netloc or "reference" in address.path:
                continue
            place = (page.parent / unquote(address.path)).resolve() if address.path else page
            assert place.exists(), f"{page.name}: {link['href']}"
            if address.fragment and place in names:
                assert unquote(address.fragment) in names[place], f"{page.name}: {link['href']}"


def test_formulas_stand_as_mathml_and_solutions_are_folded(pages):
    text = (pages / "notebooks" / "05_occlusion.html").read_text("utf-8")
    assert text.count("<math") > 2 and "\\mathrm" not in re.sub(r"<annotation.*?</annotation>", "", text)
    assert "<summary>Solution</summary>" in text and "<details open" not in text


def test_no_code_is_cut_off_on_paper(pages):
    with Browser(diagnostics.browser()) as started:
        page = started.blank(width=794, height=1123)
        page.goto((pages / "notebooks" / "05_occlusion.html").as_uri())
        page.emulate_media(media="print")
        codes = page.evaluate(
            "[...document.querySelectorAll('.highlight pre')].map((code) => [code.scrollWidth, code.clientWidth])"
        )
        assert codes and all(wide <= room for wide, room in codes)


def test_every_page_leads_to_the_reference(pages):
    for page in written(pages):
        (link,) = [
            link for link in Elements(page).of("a") if "reference/index.html" in (link.get("href") or "")
        ]
        assert (page.parent / link["href"]).resolve() == pages / "reference" / "index.html"


def test_a_page_says_where_its_notebook_runs(pages):
    page = pages / "notebooks" / "05_occlusion.html"
    addresses = [link.get("href") or "" for link in Elements(page).of("a")]
    path = "notebooks/05_occlusion.ipynb"
    assert f"https://colab.research.google.com/github/owner/course/blob/main/{path}" in addresses
    assert "https://mybinder.org/v2/gh/owner/course/HEAD?labpath=" + path in addresses
    assert "colab" not in links(Path(path), "")
    assert (pages / path).read_bytes() == (ROOT / path).read_bytes()


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(
        ROOT / "assignments", checkout / "assignments", ignore=shutil.ignore_patterns("instructor")
    )
    (checkout / "notebooks").mkdir()
    for guide in ("README.md", "CONTRIBUTING.md", "LICENSE", "cnnlab/networks/weights/README.md"):
        (checkout / guide).parent.mkdir(parents=True, exist_ok=True)
        (checkout / guide).write_text("# A guide\n", "utf-8")
    for name in ("README.md", "STUDENTS.md"):
        (checkout / "assignments" / name).write_text("# Assignments\n", "utf-8")
    (checkout / "notebooks" / "README.md").write_text("# Notebooks\n", "utf-8")
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One\n\n[two](02_two.ipynb)")])
    nbformat.write(page, checkout / "notebooks" / "01_one.ipynb")
    with pytest.raises(RuntimeError, match=r"01_one\.ipynb.*02_two\.ipynb"):
        site.build(checkout, tmp_path / "out", living=False, reference=False)
    with pytest.raises(FileNotFoundError, match="no notebooks"):
        site.build(tmp_path / "elsewhere", tmp_path / "out", living=False, reference=False)
    with pytest.raises(FileExistsError, match="something else"):
        site.build(ROOT, checkout, living=False, reference=False)


def test_a_formula_is_a_formula_or_an_error():
    assert mathml(r"\frac{a}{b}").startswith("<math") and 'display="block"' in mathml("x", block=True)
    with pytest.raises(ValueError, match="cannot be read"):
        mathml(r"\frac{a}{")


def test_pages_are_accessible_in_light_and_dark(pages):
    """Every page but those of the reference, as a browser computes its styles."""
    server = site.serve(pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Browser(diagnostics.browser()) as started:
            page, found = started.blank(), {}
            for file in written(pages):
                name = file.relative_to(pages).as_posix()
                page.goto(f"http://127.0.0.1:{server.server_port}/{name}")
                if wrong := faults(page):
                    found[name] = wrong
            assert not found
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("element", "fault"),
    [
        ("<p style='color: #888'>grey on white</p>", "light: contrast 3.54"),
        ("<p style='background: #000a; color: #333'>dark on dark</p>", "light: contrast"),
        ("<button></button>", "no name"),
        ("<input type='range'>", "no name"),
        ("<img src='data:,' width='9' height='9'>", "no text alternative"),
        ("<h3>Deeper</h3>", "level 1 is followed by h3"),
        ("<h1>Another</h1>", "2 headings of the first level"),
    ],
)
def test_what_is_inaccessible_would_be_noticed(element, fault):
    """Negative control."""
    with Browser(diagnostics.browser()) as started:
        page = started.blank()
        whole = "<!doctype html><html lang=en><title>Page</title><body><h1>Page</h1>"
        page.set_content(whole)
        assert faults(page) == []
        page.set_content(whole + element)
        assert any(fault in one for one in faults(page))


def test_pages_work_below_any_path_are_searched_and_fit_a_phone(pages):
    (pages.parents[1] / "index.html").write_text("the host's own page")
    server = site.serve(pages.parents[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Browser(diagnostics.browser()) as started:
            page = started.blank(width=360, height=740)
            host, asked, failed = f"http://127.0.0.1:{server.server_port}/", [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("requestfailed", lambda request: failed.append(request.url))
            page.on("response", lambda response: response.status < 400 or failed.append(response.url))
            for notebook in NOTEBOOKS[:8:3]:
                page.goto(f"{host}some/course/notebooks/{notebook.stem}.html", wait_until="networkidle")
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= 360, f"{notebook.stem}: {wide} pixels"
            page.goto(f"{host}some/course/search.html?q=deconvnet")
            page.wait_for_selector("#search-results li a")
            assert page.locator("#search-results a[href*='06_saliency']").count()
            assert not failed and all(address.startswith((host, "data:")) for address in asked)
    finally:
        server.shutdown()
        server.server_close()


def test_the_reference_has_a_page_for_a_room(tmp_path):
    first = site.build_reference(tmp_path, ("cnnlab.features", "!cnnlab.features."))
    assert first.exists()
    page = (tmp_path / "cnnlab" / "features.html").read_text(encoding="utf-8")
    for name in features.__all__:
        assert f'id="{name}"' in page, name
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.?https?:", page), "readable offline"
    said = features.neighbours.__doc__.split(".")[0].split("?")[0].split()
    assert " ".join(said[:5]) in re.sub(r"<[^>]+>", "", page)


def test_the_reference_has_what_is_loaded_late(tmp_path):
    site.build_reference(tmp_path, ("cnnlab.grading", "!cnnlab.grading."))
    page = (tmp_path / "cnnlab" / "grading.html").read_text(encoding="utf-8")
    assert 'id="claim"' in page and "must lie strictly above and below" in page


def test_the_reference_is_light_or_dark_and_leads_back(tmp_path):
    site.build_reference(tmp_path / "reference", ("cnnlab.features", "!cnnlab.features."))
    (tmp_path / "index.html").write_text("the course")
    with Browser(diagnostics.browser()) as started:
        page = started.blank(width=360, height=740)
        page.goto((tmp_path / "reference" / "cnnlab" / "features.html").as_uri())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert not [fault for fault in page.evaluate(FAULTS) if fault.startswith("contrast")], scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.goto(
            page.get_by_role("link", name="To the notebooks", include_hidden=True).evaluate(
                "node => node.href"
            )
        )
        assert page.inner_text("body") == "the course"


def test_the_reference_has_what_the_front_door_leads_to(tmp_path):
    site.build_reference(tmp_path, ("cnnlab", "!cnnlab."))
    page = (tmp_path / "cnnlab.html").read_text(encoding="utf-8")
    for name in lab.__all__:
        assert f'id="{name}"' in page or isinstance(getattr(lab, name), ModuleType), name


def test_nothing_is_served_where_there_is_no_site(tmp_path):
    with pytest.raises(FileNotFoundError, match="cnnlab site"):
        site.serve(tmp_path)
