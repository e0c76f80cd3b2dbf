"""Every notebook runs from top to bottom and gives what it has stored; and keeps the shape that a reader can follow.

nbval compares a cell only if it carries the tag `nbval-check-output`, and passes it in silence where nothing is stored; a misspelt tag is
none to it. So the shape is checked first, and broken copies must fail. nbval's comments would stand before a reader's eyes: none is left.
"""

from __future__ import annotations

import copy
import re
import statistics
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from notebooks.execute import is_progress_bar

from cnnlab import world
from cnnlab.grading.notebook_runs import nbval

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MUST_BE_THERE = (
    "00_start_here",
    "01_layers_and_shapes",
    "02_filters",
    "03_activations_and_patches",
    "04_the_last_layer",
    "05_occlusion",
    "06_saliency",
    "07_grad_cam",
    "08_the_image_a_unit_wants",
    "09_inversion_and_deepdream",
    "10_style_transfer",
    "11_adversarial_examples",
    "12_fooling_images",
    "13_corruptions_texture_shape",
    "14_networks_can_learn_anything",
    "15_network_dissection",
    "16_retrieval",
    "17_transfer",
    "18_networks_and_brains",
    "19_segmentation",
    "20_the_true_importance_of_a_part",
    "21_a_microscope",
)
CHECK_TAG = "nbval-check-output"
TAGS = {CHECK_TAG, "nbval-ignore-output", "raises-exception"}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def lines(cell) -> list[str]:
    """The lines of a cell that a reader reads."""
    return [line for line in cell.source.splitlines() if line.strip()]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def is_checked(cell) -> bool:
    return CHECK_TAG in tags(cell)


def mute_checks(notebook) -> list[str]:
    """What nbval would let pass: checked cells with nothing stored, and tags that it does not know; and its comments."""
    silent = [cell.id for cell in code_cells(notebook) if is_checked(cell) and not cell.outputs]
    visible = [
        line
        for cell in code_cells(notebook)
        for line in map(str.strip, cell.source.splitlines())
        if "NBVAL" in line.upper()
    ]
    unknown = [tag for cell in code_cells(notebook) for tag in tags(cell) if tag not in TAGS]
    return silent + visible + unknown


@pytest.mark.parametrize("name", MUST_BE_THERE)
def test_notebook_is_there(name):
    """Without this an empty folder would pass."""
    assert FOLDER / f"{name}.ipynb" in NOTEBOOKS


@pytest.fixture(scope="module")
def validation_split():
    """The split that checked cells open: rendered before, since its progress bar would be an output that is not stored."""
    world.dataset("validation", progress=False)


@each_notebook
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_notebook_gives_what_it_has_stored(path, validation_split):
    done = nbval(path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@each_notebook
def test_notebook_is_valid_and_small(path):
    assert path.stat().st_size < 3_000_000
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor >= 5) == (4, True)
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    assert "widgets" not in notebook.metadata, "widget state does not belong into the file"
    assert notebook.metadata.kernelspec.name == "python3"


@each_notebook
def test_notebook_was_run_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in code_cells(notebook) if cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


@each_notebook
def test_notebook_stores_no_error_and_no_noise(path):
    for cell in code_cells(nbformat.read(path, as_version=4)):
        kinds = {output.output_type for output in cell.outputs}
        streams = {output.name for output in cell.outputs if output.output_type == "stream"}
        assert "error" not in kinds, cell.source
        assert "stderr" not in streams, cell.source
        assert not any(is_progress_bar(output) for output in cell.outputs), cell.source


@each_notebook
def test_notebook_checks_a_claim_and_stores_what_it_found(path):
    notebook = nbformat.read(path, as_version=4)
    assert any(is_checked(cell) for cell in code_cells(notebook)), f"no cell with the tag {CHECK_TAG}"
    assert not mute_checks(notebook)


@each_notebook
def test_notebook_keeps_its_cells_short(path):
    notebook = nbformat.read(path, as_version=4)
    sizes = sorted(len(lines(cell)) for cell in code_cells(notebook))
    assert statistics.median(sizes) <= 5
    assert sizes[int(0.9 * (len(sizes) - 1))] <= 12
    assert sizes[-1] <= 25
    setup = code_cells(notebook)[0]
    assert "import cnnlab as lab" in setup.source
    assert len(lines(setup)) <= 4


@each_notebook
def test_notebook_is_an_essay_in_short_paragraphs(path):
    notebook = nbformat.read(path, as_version=4)
    prose = prose_cells(notebook)
    assert prose[0].source.startswith("# "), "the first cell is the title"
    assert "?" in prose[0].source, "it opens with its question"
    for cell in prose:
        if not cell.source.startswith("## Read"):  # a list of references is as long as it is
            assert len(cell.source.split()) <= 120, cell.source
    for before, after in pairwise(notebook.cells):
        both_code = before.cell_type == after.cell_type == "code"
        assert not (both_code and len(lines(before)) + len(lines(after)) > 25), (
            "a word between two long cells"
        )


@each_notebook
def test_no_output_shows_an_address_in_memory(path):
    """The default text of an object tells a reader nothing, and is another one in every run."""
    texts = [
        text
        for cell in code_cells(nbformat.read(path, as_version=4))
        for output in cell.outputs
        for text in (output.get("text", ""), output.get("data", {}).get("text/plain", ""))
    ]
    assert [text for text in texts if re.search(r"\bat 0x[0-9a-f]+", text)] == []


def test_no_two_notebooks_say_the_same_lines():
    """Three lines of code in a row that stand in two notebooks belong into the package."""
    home: dict[tuple[str, ...], str] = {}
    for path in NOTEBOOKS:
        for cell in code_cells(nbformat.read(path, as_version=4)):
            said = [line.strip() for line in lines(cell) if not line.startswith(("import", "from"))]
            for three in zip(said, said[1:], said[2:], strict=False):
                assert home.setdefault(three, path.stem) == path.stem, three


@pytest.fixture(scope="module")
def beginning():
    """The first notebook as far as its first checked cell."""
    notebook = nbformat.read(FOLDER / f"{MUST_BE_THERE[0]}.ipynb", as_version=4)
    last = next(number for number, cell in enumerate(notebook.cells) if is_checked(cell))
    notebook.cells = notebook.cells[: last + 1]
    return notebook


def stored(notebook, path: Path) -> Path:
    nbformat.write(notebook, path)
    return path


def tagged(source: str, line: str):
    """A cell that is compared, with a line that it is said to have printed."""
    output = nbformat.v4.new_output("stream", name="stdout", text=f"{line}\n")
    return nbformat.v4.new_code_cell(
        source, execution_count=1, outputs=[output], metadata={"tags": [CHECK_TAG]}
    )


@pytest.mark.slow
def test_what_gives_something_else_fails_and_nothing_beside_it(beginning, tmp_path):
    """Negative controls, each with its twin, in one run: the beginning as it is passes, and so does what is as it is stored."""
    changed = copy.deepcopy(beginning.cells[-1])
    changed.id = "changed"
    changed.outputs = [nbformat.v4.new_output("stream", name="stdout", text="another result\n")]
    claim = "lab.claim('it is so', 0.813, above=0.5)"
    controls = {
        "the checked cell with another output": (changed, False),
        "an error": (nbformat.v4.new_code_cell("raise RuntimeError('deliberately broken')"), False),
        "another line": (tagged("print(1)", "something else"), False),
        "the same line": (tagged("print(1)", "1"), True),
        "a claim, but for its numbers": (
            tagged(claim, "holds: it is so (measured 0.812, claimed above 0.5)"),
            True,
        ),
        "a claim that did not hold": (
            tagged(claim, "does not hold: it is so (measured 0.812, claimed above 0.5)"),
            False,
        ),
        "another claim": (
            tagged(claim, "holds: it was so (measured 0.812, claimed above 0.5)"),
            False,
        ),
    }
    notebook = copy.deepcopy(beginning)
    notebook.cells += [cell for cell, _ in controls.values()]
    done = nbval(stored(notebook, tmp_path / "controls.ipynb"))
    assert done.returncode == 1
    failed = {int(number) for number in re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.MULTILINE)}
    first = len(code_cells(beginning))
    assert failed == {first + place for place, (_, passed) in enumerate(controls.values()) if not passed}
    assert all(word in done.stdout for word in ("another result", "deliberately broken", "something else"))


def test_a_kernel_that_dies_fails(beginning, tmp_path):
    broken = copy.deepcopy(beginning)
    broken.cells = [nbformat.v4.new_code_cell("import os; os._exit(1)", execution_count=1)]
    assert nbval(stored(broken, tmp_path / "broken.ipynb"), cell_timeout=5).returncode == 1


def test_a_check_without_a_stored_output_is_noticed(beginning):
    assert not mute_checks(beginning)
    broken = copy.deepcopy(beginning)
    broken.cells[-1].outputs = []
    assert mute_checks(broken) == [broken.cells[-1].id]
    comment = copy.deepcopy(beginning)
    comment.cells[-1].source = f"# NBVAL_CHECK_OUTPUT\n{comment.cells[-1].source}"
    assert mute_checks(comment) == ["# NBVAL_CHECK_OUTPUT"]
    tagged = copy.deepcopy(broken)
    assert mute_checks(tagged) == [broken.cells[-1].id]
    tagged.cells[-1].metadata.tags = ["nbval-check-outputs"]
    assert mute_checks(tagged) == ["nbval-check-outputs"]


LINK = re.compile(r"\[\d\d\]\((?P<file>\w+\.ipynb)\) (?:\| )?`(?P<cell>[\w-]+)`")
"""A notebook and a cell of it, as `notebooks/README.md` names them."""


def test_the_cells_that_the_overview_names_store_what_they_show():
    questions, items = (FOLDER / "README.md").read_text().split("## The lectures, item by item")
    assert len(list(LINK.finditer(questions))) == 20 and len(list(LINK.finditer(items))) > 50
    for match in LINK.finditer(questions + items):
        cells = nbformat.read(FOLDER / match["file"], as_version=4).cells
        cell = next(cell for cell in cells if cell.id == match["cell"])
        assert cell.cell_type == "markdown" or cell.outputs
    for match in LINK.finditer(questions):
        cells = nbformat.read(FOLDER / match["file"], as_version=4).cells
        cell = next(cell for cell in cells if cell.id == match["cell"])
        assert "(measured " in "".join(output.get("text", "") for output in cell.outputs)
