"""An assignment: source, answer key and related files, loaded from its folder."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from cnnlab._validation import one_of
from cnnlab.grading.answer_key import Question, Written
from cnnlab.grading.source_notebook import SourceCell, read_source


@dataclass(frozen=True)
class Assignment:
    """An assignment: folder, name of its notebooks, title, questions of the answer key, and code cells of the source.

    `written` are the questions that a person marks, and `texts` the text cells of the source. A change of the `fingerprint` makes earlier
    grades outdated: the hash of every file in the instructor's folder, apart from mutants and alternates, which only the validation reads,
    and of each module of the course that the key imports from elsewhere.
    """

    folder: Path
    name: str
    title: str
    questions: tuple[Question, ...]
    cells: tuple[SourceCell, ...]
    written: tuple[Written, ...] = ()
    texts: tuple[SourceCell, ...] = ()
    fingerprint: str = ""

    @property
    def every_question(self) -> tuple[Question | Written, ...]:
        """All that has points: the questions that are graded by their values, then the written ones, which a person marks."""
        return (*self.questions, *self.written)

    @property
    def points(self) -> float:
        """Points of the whole assignment."""
        return sum(question.points for question in self.every_question)

    def question(self, name: str) -> Question:
        """The question of this name."""
        one_of(name, [question.name for question in self.questions], "question")
        return next(question for question in self.questions if question.name == name)

    def answer_cell(self, name: str) -> SourceCell:
        """The cell of the source for a question's answer."""
        answers = (cell for cell in (*self.cells, *self.texts) if cell.role in ("answer", "written"))
        return next(cell for cell in answers if cell.grade_id == name)

    @property
    def instructor(self) -> Path:
        """The folder with source, answer key, mutants and alternates."""
        return self.folder / "instructor"

    @property
    def needs_world(self) -> bool:
        """Whether its code renders pictures of the world."""
        return any("render(" in cell.source for cell in self.cells)


def assignments() -> dict[str, Path]:
    """The folder of each assignment by name: those in `assignments` here or in parent folders, and those of the kit's own checkout.

    Of two with the same name the nearer folder counts, so a course may keep its own version.
    """
    cwd, checkout = Path.cwd(), Path(__file__).resolve().parents[2]
    folders: dict[str, Path] = {}
    for above in (cwd, *cwd.parents, checkout):
        for folder in sorted(above.glob("assignments/*/instructor")):
            folders.setdefault(folder.parent.name, folder.parent)
    return folders


def load_assignment(name: str | os.PathLike[str]) -> Assignment:
    """Load an assignment by name or folder; the answer key is imported and checked against the source.

    Raises
    ------
    ValueError
        If there is no such assignment (the message lists the existing ones), or source and answer key do not agree.
    FileNotFoundError
        If its folder has no `instructor/source.ipynb` or `instructor/key.py`.
    """
    folder = _folder(name)
    key_file = folder / "instructor" / "key.py"
    if not key_file.is_file():
        raise FileNotFoundError(f"{folder} has no instructor/key.py, which the grader needs.")
    key = _import(key_file)
    for constant in ("ASSIGNMENT", "TITLE", "QUESTIONS"):
        if not hasattr(key, constant):
            raise ValueError(f"{key_file.name} of {folder.name} says no {constant}.")
    cells, written = read_source(folder / "instructor" / "source.ipynb"), getattr(key, "WRITTEN", ())
    answer_ids = {cell.grade_id for cell in cells if cell.role == "answer"}
    written_ids = {cell.grade_id for cell in cells if cell.role == "written"}
    names = [question.name for question in (*key.QUESTIONS, *written)]
    agree = answer_ids == {one.name for one in key.QUESTIONS} and written_ids == {one.name for one in written}
    if not agree or len(set(names)) != len(names):
        raise ValueError(
            f"source and key of {key.ASSIGNMENT} do not agree: the source has answer cells {sorted(map(str, answer_ids | written_ids))},"
            f" the key has questions {names}."
        )
    texts = tuple(cell for cell in cells if cell.role in ("written", "text"))
    code = tuple(cell for cell in cells if cell.role not in ("written", "text"))
    questions, mark = tuple(key.QUESTIONS), _fingerprint(key_file)
    return Assignment(folder, key.ASSIGNMENT, key.TITLE, questions, code, tuple(written), texts, mark)


def _folder(name: str | os.PathLike[str]) -> Path:
    if Path(name).is_dir() and (Path(name) / "instructor").is_dir():
        return Path(name).resolve()
    folders = assignments()
    if not folders:
        raise FileNotFoundError(
            f"there is no folder `assignments` here or above, and {name} is no folder of an assignment."
        )
    short = [full for full in folders if full.partition("_")[0] == str(name)]
    return folders[short[0] if len(short) == 1 else one_of(str(name), folders, "assignment")]


def _import(path: Path):
    """Import the answer key as a separate module; it may import modules that lie beside it.

    None of them stays in `sys.modules`, where another key would find it, and no compiled copy is left behind.
    """
    spec = importlib.util.spec_from_file_location(f"_key_of_{path.parents[1].name}", path)
    module = importlib.util.module_from_spec(spec)
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[spec.name] = module  # dataclasses in a key look themselves up
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = dont_write
        sys.path.remove(str(path.parent))
        for name, loaded in list(sys.modules.items()):
            if loaded is module or path.parent in Path(getattr(loaded, "__file__", None) or "/").parents:
                del sys.modules[name]
    return module


def _fingerprint(key: Path) -> str:
    files = [path for path in key.parent.rglob("*") if path.is_file() and _may_be_read(path, key.parent)]
    digest = hashlib.sha256()
    for path in sorted({*files, *_course_modules(key)}):
        content = path.read_bytes()
        digest.update(f"{os.path.relpath(path, key.parent)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _may_be_read(path: Path, instructor: Path) -> bool:
    parts = path.relative_to(instructor).parts
    return parts[0] not in ("mutants", "alternates") and not any(
        part.startswith(".") or part == "__pycache__" for part in parts
    )


def _course_modules(key: Path) -> set[Path]:
    """The files of the modules that the key imports, and those import, beyond what is installed: a change of that is another version."""
    found, queue = set(), [key]
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    installed.append(Path(__file__).parents[1])
    while queue:
        path = queue.pop()
        if path in found or path.suffix != ".py" or any(folder in path.parents for folder in installed):
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            )
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{name}" for name in names)] if node.module else names
            queue += [file for name in names for file in _module_files(name, key.parent)]
    return found - {key}


def _module_files(name: str, beside: Path) -> list[Path]:
    """The file of a module, as the key would import it, and those of the packages around it; none if it is no file of Python."""
    parts, found = name.split("."), []
    for folder in (beside, *map(Path, filter(None, sys.path))):
        for depth in range(1, len(parts) + 1):
            stem = folder.joinpath(*parts[:depth])
            found += [path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()]
        if found:
            return found
    return found
