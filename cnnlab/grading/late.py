"""Late days: how late a submission is, what that costs, and what a bank of free days pays for."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

DAY = 86_400.0


@dataclass(frozen=True)
class LatePolicy:
    """When work is due, how many hours of grace there are, the share of the points that a late day costs, and the bank of free days.

    A day that has begun counts as a day, once the grace is over. Free days of the bank are spent first; each student has `bank` of them.
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
    """Days late, how many of them the bank pays, and the factor that remains of the points."""

    days: int
    free: int
    factor: float


def lateness(policy: LatePolicy, submitted: float, *, free_days_spent: int = 0) -> Lateness:
    """How late `submitted` (seconds since 1970) is, for a student who has `free_days_spent` free days of the bank already."""
    seconds_late = submitted - (policy.due + timedelta(hours=policy.grace_hours)).timestamp()
    if submitted <= 0 or seconds_late <= 0:
        return Lateness(0, 0, 1.0)
    days = math.ceil((submitted - policy.due.timestamp()) / DAY)
    free = max(0, min(days, policy.bank - free_days_spent))
    return Lateness(days, free, max(0.0, 1.0 - policy.per_day * (days - free)))


def parse_datetime(text: str) -> datetime:
    """A date and time such as "2026-05-31 23:59", in the time zone of this machine unless it says another.

    Raises
    ------
    ValueError
        If it is no date.
    """
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'{text!r} is no date; write it as "2026-05-31 23:59".') from None
    return parsed.astimezone()


def read_times(path: Path) -> dict[str, float]:
    """When each student handed in, from a table with the columns student and submitted; for where the files do not say it."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"student", "submitted"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} needs the columns student and submitted.")
        return {row["student"]: parse_datetime(row["submitted"]).timestamp() for row in rows}


def read_free_days(path: Path) -> dict[str, int]:
    """How many free days each student has spent before, from a table with the columns student and free_days_spent."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"student", "free_days_spent"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} needs the columns student and free_days_spent.")
        return {row["student"]: int(row["free_days_spent"]) for row in rows}
