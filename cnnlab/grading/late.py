"""Late policy: how late a submission is, the deduction, and the bank of free days."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cnnlab.grading.tables import read_table
from cnnlab.grading.untrusted import InvalidSubmission

DAY = timedelta(days=1)


@dataclass(frozen=True)
class LatePolicy:
    """Late policy: due date, hours of grace, share of the points deducted for each late day, and the bank of free days.

    After the grace hours a started day counts as a whole day. A day ends at the hour of the due date on the clock there, also where
    the clock is changed between. A due date without a time zone is one of this machine. The free days, `bank`, are spent
    first.
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


def lateness(policy: LatePolicy, submitted: float) -> Lateness:
    """The lateness of a submission at `submitted`, in seconds since 1970; 0 is a time that is not known, and not late."""
    if submitted <= 0 or submitted <= policy.due.timestamp() + 3600 * policy.grace_hours:
        return Lateness(0, 0, 1.0)
    # Times of one zone are subtracted as the clock shows them, so that a day of 23 or 25 hours counts as one.
    late_by = datetime.fromtimestamp(submitted, policy.due.tzinfo) - policy.due
    days = max(1, math.ceil(late_by / DAY))
    free = min(days, policy.bank)
    return Lateness(days, free, max(0.0, 1.0 - policy.per_day * (days - free)))


def parse_due(text: str) -> datetime:
    """Parse a due date: the end of the day "2026-05-31", or of the minute "2026-05-31 23:59"; zones as in `parse_datetime`.

    Raises
    ------
    ValueError
        If the text is not a date, or the time zone is not known.
    """
    due = parse_datetime(text)
    day, _ = _split_zone(text)
    if _is_date(day):
        return datetime.combine(due, time.max, due.tzinfo)
    if re.search(r"[T ]\d\d:?\d\d:?\d\d", day):
        return due
    return due.replace(second=59, microsecond=999_999)


def parse_datetime(text: str) -> datetime:
    """Parse a date and time such as "2026-05-31 23:59", "2026-05-31 23:59 Europe/Berlin" or "2026-05-31 23:59+02:00".

    Without a time zone it is that of this machine, and the result has none. A date alone is its beginning.

    Raises
    ------
    ValueError
        If the text is not a date, or the time zone is not known.
    """
    day, zone = _split_zone(text)
    try:
        parsed = datetime.fromisoformat(day)
    except ValueError:
        raise ValueError(
            f'{text!r} is no date; write it as "2026-05-31 23:59" or "2026-05-31 23:59 Europe/Berlin".'
        ) from None
    if not zone:
        return parsed
    try:
        return parsed.replace(tzinfo=ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f'{zone!r} in {text!r} is no time zone; write it as "Europe/Berlin".') from None


def _split_zone(text: str) -> tuple[str, str]:
    """The date, and the name of the time zone behind it ("" for none)."""
    day, _, zone = text.strip().rpartition(" ")
    return (day.strip(), zone) if day and zone[:1].isalpha() else (text.strip(), "")


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def read_times(path: Path) -> tuple[dict[str, float], set[str]]:
    """The time of handing in of each student, the latest of several, and who is marked late.

    From a table with the columns student and submitted, and late where the platform has such marks, as `cnnlab collect` writes it.
    """
    times: dict[str, float] = {}
    _, rows = read_table(path, ["student", "submitted"])
    for line, row in rows:
        if row["submitted"]:
            try:
                when = parse_datetime(row["submitted"]).timestamp()
            except ValueError as error:
                raise InvalidSubmission(str(path), f"line {line}: {error}") from None
            times[row["student"]] = max(when, times.get(row["student"], 0.0))
    return times, {row["student"] for _, row in rows if row.get("late")}
