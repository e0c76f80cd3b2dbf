"""Late policy: how late a submission is, the deduction, and the bank of free days."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

DAY = 86_400.0


@dataclass(frozen=True)
class LatePolicy:
    """Late policy: due date, hours of grace, share of the points deducted for each late day, and the bank of free days.

    After the grace hours a started day counts as a whole day. Free days are spent first; each student has `bank` of them.
    """

    due: datetime
    grace_hours: float = 0.0
    per_day: float = 0.1
    bank: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.per_day <= 1:
            raise ValueError(f"a late day costs a share between 0 and 1 of the points, not {self.per_day:g}.")
        if self.grace_hours < 0 or self.bank < 0:
            raise ValueError("grace and bank cannot be negative.")


@dataclass(frozen=True)
class Lateness:
    """Lateness: days late, how many of them free days cover, and the factor on the points."""

    days: int
    free: int
    factor: float


def lateness(policy: LatePolicy, submitted: float, *, free_days_spent: int = 0) -> Lateness:
    """The lateness of a submission at `submitted` (seconds since 1970), for a student with `free_days_spent` free days already used."""
    seconds_late = submitted - (policy.due + timedelta(hours=policy.grace_hours)).timestamp()
    if submitted <= 0 or seconds_late <= 0:
        return Lateness(0, 0, 1.0)
    days = math.ceil((submitted - policy.due.timestamp()) / DAY)
    free = max(0, min(days, policy.bank - free_days_spent))
    return Lateness(days, free, max(0.0, 1.0 - policy.per_day * (days - free)))


def parse_datetime(text: str) -> datetime:
    """Parse a date and time such as "2026-05-31 23:59", in the time zone of this machine unless it names another.

    Raises
    ------
    ValueError
        If the text is not a date.
    """
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'{text!r} is no date; write it as "2026-05-31 23:59".') from None
    return parsed.astimezone()


def read_times(path: Path) -> dict[str, float]:
    """The submission time of each student, from a table with the columns student and submitted; for files without their own times."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"student", "submitted"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} needs the columns student and submitted.")
        return {row["student"]: parse_datetime(row["submitted"]).timestamp() for row in rows}


def read_free_days(path: Path) -> dict[str, int]:
    """The free days that each student has spent before, from a table with the columns student and free_days_spent."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"student", "free_days_spent"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} needs the columns student and free_days_spent.")
        return {row["student"]: int(row["free_days_spent"]) for row in rows}
