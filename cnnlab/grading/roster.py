"""The roster of a course: one table with a line for each student, and who is meant by a name as a platform writes it.

The columns are `login` and `name`, and where wanted `section`, `group`, `late_days` (free late days in all), `extension` (a due date of
the student's own, for every assignment) or `extension a1_seeing` (for this one). The export writes the free days that went into an
assignment to a column `spent a1_seeing`, so exporting twice spends them once.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cnnlab.grading.late import LatePolicy, parse_due
from cnnlab.grading.scoring import Result
from cnnlab.grading.tables import read_table, table
from cnnlab.grading.untrusted import InvalidSubmission
from cnnlab.grading.whole_files import write_whole

NOT_HANDED_IN = "not handed in"
COLUMNS = r"section|group|late_days|extension( \w+)?|spent \w+"

# Letters that do not come apart into a plain one and an accent.
WITHOUT_ACCENT = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"}
)


class AmbiguousName(LookupError):
    """More than one student of the roster has this name."""


@dataclass(frozen=True)
class Member:
    """A student of the course; `cells` are all cells of their line in the table."""

    login: str
    name: str
    cells: dict[str, str]

    @property
    def section(self) -> str:
        """The section, "" without one."""
        return self.cells.get("section", "")

    @property
    def group(self) -> str:
        """The group that hands in together, "" without one."""
        return self.cells.get("group", "")

    def extension(self, assignment: str) -> datetime | None:
        """The due date of their own for this assignment, None without one."""
        text = self.cells.get(f"extension {assignment}") or self.cells.get("extension")
        return parse_due(text) if text else None

    def free_days(self, assignment: str, bank: int) -> int:
        """The free late days that are left for this assignment; `bank` is how many there are in all where the table does not say."""
        spent = [cell for column, cell in self.cells.items() if _spent_elsewhere(column, assignment)]
        return max(0, int(self.cells.get("late_days") or bank) - sum(int(days or 0) for days in spent))


@dataclass(frozen=True)
class Roster:
    """The students of a course, as they stand in the table at `path`."""

    path: Path
    columns: tuple[str, ...]
    members: tuple[Member, ...]

    @cached_property
    def _by_login(self) -> dict[str, Member]:
        return {member.login.casefold(): member for member in self.members}

    @cached_property
    def _by_name(self) -> dict[str, list[Member]]:
        found: dict[str, list[Member]] = {}
        for member in self.members:
            for key in set(map(_plain, name_keys(member.name))):
                found.setdefault(key, []).append(member)
        return found

    def member(self, login: str) -> Member | None:
        """The student with this login, None for nobody."""
        return self._by_login.get(login.casefold())

    def match(self, name: str, *ids: str, address: str = "") -> Member | None:
        """The student who is meant: by a login among `ids`, by the name as a login, or by the full name; None for nobody.

        A full name may be written in any order ("Wang Wei", "Wei, Wang"), run together ("weiwang"), in another case, with composed or
        decomposed letters, or without accents ("mullerjose"). An accent that is written tells "José" from "Jose"; one that is not written
        does not. Of several with one name, the one is meant whose login is the local part of the e-mail `address`.

        Raises
        ------
        AmbiguousName
            If the name fits several students.
        """
        for login in (*ids, name):
            if login.casefold() in self._by_login:
                return self._by_login[login.casefold()]
        letters = _letters(name)
        found = self._by_name.get(_plain(letters), [])
        if letters != _plain(letters):
            found = [member for member in found if letters in name_keys(member.name)] or found
        if len(found) > 1:
            told = self._by_login.get(address.partition("@")[0].casefold())
            if told not in found:
                logins = ", ".join(member.login for member in found)
                raise AmbiguousName(f"{name} can be {logins}")
            return told
        return found[0] if found else None

    def in_group(self, group: str) -> list[Member]:
        """The students of a group."""
        return [member for member in self.members if group and member.group == group]

    def policy(self, policy: LatePolicy, assignment: str, login: str) -> LatePolicy:
        """The late policy for one student, with their extension and the free days that they have left."""
        member = self.member(login)
        if member is None:
            return policy
        own = member.extension(assignment)
        due = policy.due if own is None or own.timestamp() < policy.due.timestamp() else own
        return replace(policy, due=due, bank=member.free_days(assignment, policy.bank))

    def write_spent(self, assignment: str, spent: dict[str, int]) -> Path:
        """Write the free days that went into this assignment, by login, to the table; it stays as it is if nothing changes."""
        column = f"spent {assignment}"
        rows = [member.cells | {column: str(spent.get(member.login, 0) or "")} for member in self.members]
        if all(
            row[column] == member.cells.get(column, "")
            for row, member in zip(rows, self.members, strict=True)
        ):
            return self.path
        columns = [*self.columns, *([] if column in self.columns else [column])]
        return write_whole(self.path, table(columns, [[row[name] for name in columns] for row in rows]))


def read_roster(path: Path) -> Roster:
    """Read the roster at `path`.

    Raises
    ------
    InvalidSubmission
        If the table is not as it must be; the message has the line. It is a ValueError.
    FileNotFoundError
        If there is no such file.
    """
    columns, rows = read_table(path, ["login", "name"], also=COLUMNS)
    lines: dict[str, int] = {}
    for line, cells in rows:
        login = cells["login"].casefold()
        if not login or not cells["name"]:
            raise InvalidSubmission(str(path), f"line {line} needs a login and a name")
        if login in lines:
            said = f"line {line} has the login {cells['login']} of line {lines[login]}"
            raise InvalidSubmission(str(path), said)
        lines[login] = line
        for column, cell in cells.items():
            if (column == "late_days" or column.startswith("spent ")) and not re.fullmatch(r"\d{0,4}", cell):
                said = f"line {line}: {column} is a whole number of days, not {cell!r}"
                raise InvalidSubmission(str(path), said)
            if column.startswith("extension") and cell:
                try:
                    parse_due(cell)
                except ValueError as error:
                    raise InvalidSubmission(str(path), f"line {line}: {column}: {error}") from None
    return Roster(path, tuple(columns), tuple(Member(row["login"], row["name"], row) for _, row in rows))


def by_roster(roster: Roster, results: Iterable[Result]) -> tuple[list[Result], list[str]]:
    """The results as the roster has them, and lines about what does not fit.

    Each is under the student's login; the members of a group share the one that was handed in; who handed in nothing has a result of
    the status "not handed in". An unknown or ambiguous name stays as it is, and so do two hand-ins of a group: all of them are named.
    """
    found: dict[str, Result] = {}
    lines, logins = [], {member.login for member in roster.members}
    for result in sorted(results, key=lambda result: result.student not in logins):  # a login is its own
        try:
            member = roster.match(result.student)
        except AmbiguousName as error:
            member = None
            lines.append(f"{error}: rename their folder to the login, or `cnnlab gradebook rename`")
        else:
            if member is None:
                lines.append(f"{result.student} is not in the roster")
        login = member.login if member else result.student
        if login in found:
            lines.append(
                f"{login} has two rows, {found[login].student} and {result.student}: `cnnlab gradebook merge`"
            )
            login = result.student
        found[login] = result
    shared = {login: replace(result, student=login) for login, result in found.items()}
    for group in Counter(member.group for member in roster.members if member.group):
        members = [member.login for member in roster.in_group(group)]
        handed_in = [login for login in members if login in found]
        if len(handed_in) > 1:
            lines.append(f"group {group} handed in {len(handed_in)} times: {', '.join(handed_in)}")
        elif handed_in:
            one = shared[handed_in[0]]
            note = f"handed in by {handed_in[0]} for the group {group}"
            shared |= {
                login: replace(one, student=login, notes=(*one.notes, note))
                for login in members
                if login not in found
            }
    missing = [member.login for member in roster.members if member.login not in shared]
    lines += (
        [f"{len(missing)} of {len(roster.members)} have handed in nothing: {', '.join(missing)}"]
        if missing
        else []
    )
    shared |= {login: Result(login, NOT_HANDED_IN) for login in missing}
    return [shared[login] for login in sorted(shared)], lines


def name_keys(name: str) -> set[str]:
    """The ways in which a full name may be written, as letters run together: the surname in front or behind, with or without a comma."""
    surname, comma, first = name.partition(",")
    words = (f"{first} {surname}" if comma else name).split()
    return {_letters("".join(words[cut:] + words[:cut])) for cut in range(max(1, len(words)))}


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", name)).casefold()


def _plain(letters: str) -> str:
    """The letters without accents, as some platforms write them in the names of files."""
    apart = unicodedata.normalize("NFKD", letters.translate(WITHOUT_ACCENT))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _spent_elsewhere(column: str, assignment: str) -> bool:
    return column.startswith("spent ") and column != f"spent {assignment}"
