"""The house keeps its own rules: import layers, ruff, docstrings on the public face, quick imports, a tidy top level."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cnnlab

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(sys.executable).parent
ROOMS = sorted(path.parent.name for path in (ROOT / "cnnlab").glob("*/__init__.py"))
MODULES = sorted(
    path.stem for path in (ROOT / "cnnlab").glob("*.py") if path.stem not in ("__init__", "__main__")
)
TOP_LEVEL = {
    *("cnnlab", "notebooks", "assignments", "tests", "README.md", "LICENSE", "Makefile"),
    *("CITATION.cff", "CONTRIBUTING.md"),
    *("pyproject.toml", "requirements.lock", "environment.yml"),
    *(".ci", ".gitattributes", ".gitignore", ".pre-commit-config.yaml"),
}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=120)


def own_files() -> list[Path]:
    """The files that are, or would be, in the repository."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no telling which files belong to it")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def public_things() -> list[tuple[str, object]]:
    """What a reader may touch: each room, each name in its `__all__`, and the public methods of the classes among them."""
    things: list[tuple[str, object]] = []
    for room in [*ROOMS, *MODULES]:
        module = importlib.import_module(f"cnnlab.{room}")
        things.append((module.__name__, module))
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if not callable(thing) or not getattr(thing, "__module__", "").startswith("cnnlab"):
                continue  # a constant, or something of another package
            things.append((f"{module.__name__}.{name}", thing))
            if inspect.isclass(thing):
                things += [(f"{module.__name__}.{name}.{key}", value) for key, value in public_methods(thing)]
    return things


def public_methods(cls: type) -> list[tuple[str, object]]:
    """The methods and properties that the class itself defines, not those that a library adds to it."""
    found = []
    for key, value in vars(cls).items():
        function = (
            value.fget if isinstance(value, property) else inspect.unwrap(getattr(value, "__func__", value))
        )
        if (
            inspect.isfunction(function)
            and function.__module__.startswith("cnnlab")
            and not key.startswith("_")
        ):
            found.append((key, function))
    return found


def test_imports_run_one_way():
    checked = run(TOOLS / "lint-imports", "--no-cache")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_wrong_import_would_be_noticed(tmp_path):
    """Negative control: a technique that imports the explorers breaks the same contracts."""
    package = tmp_path / "cnnlab"
    for file in (ROOT / "cnnlab").rglob("*.py"):
        copy = package / file.relative_to(ROOT / "cnnlab")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    with (package / "attribution" / "__init__.py").open("a", encoding="utf-8") as room:
        room.write("\nimport cnnlab.explorers\n")
    (tmp_path / "pyproject.toml").write_text(
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    checked = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path += {sys.path!r}; {code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert checked.returncode == 1
    assert "cnnlab.attribution is not allowed to import cnnlab.explorers" in checked.stdout


def test_ruff_finds_nothing():
    checked = run(TOOLS / "ruff", "check", "--no-cache", ".")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_ruff_would_format_nothing_anew():
    checked = run(TOOLS / "ruff", "format", "--check", "--no-cache", ".")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_room_lists_its_public_names():
    for room in ROOMS:
        module = importlib.import_module(f"cnnlab.{room}")
        assert module.__all__, f"cnnlab.{room} has no __all__"
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            assert hasattr(module, name), f"cnnlab.{room}.__all__ names {name}, which is not there"


def test_public_face_has_docstrings():
    things = public_things()
    bare = [name for name, thing in things if not (inspect.getdoc(thing) or "").strip()]
    generated = [name for name, thing in things if is_generated(thing)]
    assert len(things) > 40, "the walk over the rooms has lost its way"
    assert not bare, f"no docstring: {bare}"
    assert not generated, f"only the docstring that dataclass makes: {generated}"


def is_generated(thing: object) -> bool:
    return inspect.isclass(thing) and (thing.__doc__ or "").startswith(f"{thing.__name__}(")


def test_public_functions_have_type_hints():
    bare = []
    for name, thing in public_things():
        if inspect.isfunction(thing):
            parameters = [
                p for key, p in inspect.signature(thing).parameters.items() if key not in ("self", "cls")
            ]
            if any(p.annotation is inspect.Parameter.empty for p in parameters):
                bare.append(name)
    assert not bare, f"parameters without a type: {bare}"


def test_top_package_gives_every_room_and_shortcut():
    for name in cnnlab.__all__:
        assert getattr(cnnlab, name) is not None
    assert set(cnnlab.__all__) >= {room for room in ROOMS if not room.startswith("_")}
    assert dir(cnnlab) == sorted(cnnlab.__all__)
    with pytest.raises(AttributeError, match="it has .*networks"):
        cnnlab.nonsense  # noqa: B018


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import cnnlab", ("torch", "numpy", "matplotlib", "ipywidgets", "typer")),
        ("import cnnlab._validation", ("torch",)),
        ("import cnnlab.diagnostics", ("torch", "rich")),
        ("import cnnlab.attribution", ("matplotlib", "ipywidgets")),
        ("import cnnlab.explorers", ("matplotlib.pyplot", "torchvision", "triton")),
    ],
)
def test_importing_loads_only_what_it_needs(code, absent):
    probe = (
        f"{code}\nimport sys, json\nprint(json.dumps([name for name in {absent!r} if name in sys.modules]))"
    )
    done = run(sys.executable, "-c", probe)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_without_a_browser_its_tests_are_skipped_with_reason_and_count():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "browser", "tests/browser"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "CNNLAB_BROWSER": "nowhere"},
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"[1-9]\d* browser tests were skipped: no Chromium or Chrome", done.stdout)
    assert " passed" not in done.stdout


def test_top_level_of_the_repository_is_tidy():
    names = {file.relative_to(ROOT).parts[0] for file in own_files()}
    assert names <= TOP_LEVEL, f"not agreed upon: {sorted(names - TOP_LEVEL)}"


HEADLINE = (
    *("grad_cam", "cam", "occlusion", "saliency", "guided_backprop", "smoothgrad", "integrated_gradients"),
    *("maximise", "invert", "deepdream", "transfer_style", "fgsm", "pgd", "corrupt"),
    *("extract_features", "neighbours", "dissect", "fine_tune", "summary"),
)


@pytest.mark.parametrize("technique", HEADLINE)
def test_a_newcomer_finds_the_technique_at_the_top(technique):
    assert technique in dir(cnnlab)
    found = getattr(cnnlab, technique)
    rooms = [room for room in map(vars(cnnlab).get, ROOMS) if technique in getattr(room, "__all__", ())]
    assert any(getattr(room, technique) is found for room in rooms) and callable(found)


SEARCHES = {
    "saliency": "cnnlab/attribution/saliency.py",
    "smoothgrad": "cnnlab/attribution/averaged_gradients.py",
    "guided backpropagation": "cnnlab/attribution/saliency.py",
    "grad-cam": "cnnlab/attribution/cam.py",
    "occlusion": "cnnlab/attribution/occlusion.py",
    "pointing game": "cnnlab/attribution/localisation_metrics.py",
    "receptive field": "cnnlab/networks/receptive_field/__init__.py",
    "network dissection": "cnnlab/units/dissection.py",
    "ablation": "cnnlab/units/ablation.py",
    "tcav": "cnnlab/units/tcav.py",
    "sparse dictionary": "cnnlab/units/dictionary.py",
    "gabor": "cnnlab/units/gabor.py",
    "t-sne": "cnnlab/features/embedding.py",
    "nearest neighbours": "cnnlab/features/nearest_neighbours.py",
    "linear probe": "cnnlab/features/linear_probe.py",
    "spoc": "cnnlab/features/postprocessing.py",
    "cka": "cnnlab/features/representational_similarity.py",
    "activation maximisation": "cnnlab/synthesis/activation_maximisation.py",
    "deepdream": "cnnlab/synthesis/deepdream.py",
    "gram matrix": "cnnlab/synthesis/gram_matrix.py",
    "style transfer": "cnnlab/synthesis/style_transfer.py",
    "fgsm": "cnnlab/robustness/fgsm_pgd.py",
    "apgd": "cnnlab/robustness/apgd.py",
    "adversarial patch": "cnnlab/robustness/adversarial_patch.py",
    "masked gradients": "cnnlab/robustness/masked_gradients.py",
    "cppn": "cnnlab/robustness/cppn.py",
    "mce": "cnnlab/robustness/corruption_error.py",
    "cue conflict": "cnnlab/robustness/cue_conflict.py",
    "freeze": "cnnlab/transfer/fine_tuning.py",
    "unpooling": "cnnlab/segmentation/unpooling.py",
    "transposed convolution": "cnnlab/segmentation/transposed_convolution.py",
    "iou": "cnnlab/segmentation/mean_iou.py",
}
"""A word of the field, and the file that a newcomer should find with it."""


@pytest.mark.parametrize(("word", "expected"), SEARCHES.items())
def test_a_word_of_the_field_finds_its_file(word, expected):
    """The word stands in the file's name, or in the first line of the file or of one of its public functions and classes."""
    tree = ast.parse((ROOT / expected).read_text(encoding="utf-8"))
    documented = [tree, *(node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))]
    heads = [(ast.get_docstring(node) or "").partition("\n")[0] for node in documented]
    assert any(re.search(rf"\b{word}", head.replace("_", " "), re.IGNORECASE) for head in [expected, *heads])


def test_the_package_layout_has_every_room_and_no_other():
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("## Package layout")[1].split("```")[1]
    named = re.findall(r"^  (\w+)(?:/|\.py) ", block, re.MULTILINE)
    assert sorted(named) == sorted([*ROOMS, *MODULES])


def test_no_file_names_a_place_on_somebodys_machine():
    """Folders of the machine at hand, and hosts of a registry, have no place in the repository."""
    wrong = re.compile(
        rf"(?<![\w.~-])/(?:wor{'k'}|roo{'t'}|opt|home/\w+|Users/\w+)/|py{'pi'}\.(?:org|python)|files\.python{'hosted'}"
    )
    found = []
    for file in own_files():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # weights and pictures
        found += [f"{file.relative_to(ROOT)}: {match[0]}" for match in wrong.finditer(text)]
    assert not found


def test_no_notebook_carries_widget_state():
    notebooks = [file for file in own_files() if file.suffix == ".ipynb"]
    assert notebooks
    for file in notebooks:
        assert "widgets" not in json.loads(file.read_text(encoding="utf-8"))["metadata"], file.name


def test_package_data_is_part_of_what_is_installed():
    """Weights, cards and the front ends of the widgets go along when the package is built."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]
    packed = {
        file
        for package, endings in patterns.items()
        for ending in endings
        for file in ROOT.joinpath(*package.split(".")).glob(ending)
    }
    data = {file for file in own_files() if file.is_relative_to(ROOT / "cnnlab") and file.suffix != ".py"}
    assert data, "the weights are data"
    assert data <= packed, (
        f"would not be installed: {[str(file.relative_to(ROOT)) for file in data - packed]}"
    )
