"""An assignment: source, answer key and related files, loaded from its folder."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cnnlab._validation import one_of
from cnnlab.grading.answer_key import Question, Written
from cnnlab.grading.source_notebook import SourceCell, read_source


@dataclass(frozen=True)
class Assignment:
    """An assignment: folder, name of its notebooks, title, questions of the answer key, and code cells of the source.

    `written` are the questions that a person marks, and `texts` the text cells of the source.
    """

    folder: Path
    name: str
    title: str
    questions: tuple[Question, ...]
    cells: tuple[SourceCell, ...]
    written: tuple[Written, ...] = ()
    texts: tuple[SourceCell, ...] = ()

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

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the source and the answer key: a change of either makes earlier grades outdated."""
        digest = hashlib.sha256()
        for name in ("source.ipynb", "key.py"):
            digest.update((self.instructor / name).read_bytes())
        return digest.hexdigest()


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
    return Assignment(folder, key.ASSIGNMENT, key.TITLE, tuple(key.QUESTIONS), code, tuple(written), texts)


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
    """Import the answer key as a separate module, which leaves nothing in `sys.modules` and no compiled copy beside it."""
    spec = importlib.util.spec_from_file_location(f"_key_of_{path.parents[1].name}", path)
    module = importlib.util.module_from_spec(spec)
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[spec.name] = module  # dataclasses in a key look themselves up
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = dont_write
        del sys.modules[spec.name]
    return module
