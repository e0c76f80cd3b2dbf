"""The results of the doctor's checks, and how a terminal and a notebook show them."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "missing"]
CheckOutcome = tuple[Status, str, str]

_HEADINGS = ("", "what", "what is here", "how to get it")


@dataclass(frozen=True)
class Check:
    """Result of one check: its name, its status, what was found, and how to get what is missing.

    If `essential`, the kit cannot work while the status is "missing".
    """

    name: str
    status: Status
    detail: str
    advice: str = ""
    essential: bool = False


@dataclass(frozen=True)
class Report:
    """Results of `doctor()` in a fixed order; `report["torch"]` is one of them.

    Its `repr` is one line, the same on every machine if nothing is wrong; `str(report)` is the whole table in plain
    text, and a notebook shows it as HTML.
    """

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything essential is installed."""
        return not any(check.essential and check.status == "missing" for check in self.checks)

    def show(self) -> None:
        """Print the report as a table in the width and colours of the terminal."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        colour = {"ok": "green", "warning": "yellow", "missing": "bold red"}
        table = Table(*_HEADINGS, box=None, pad_edge=False, header_style="bold")
        for check in self.checks:
            status = Text(check.status, style=colour[check.status])
            table.add_row(status, check.name, Text(check.detail), Text(check.advice))
        console = Console()
        console.print(table)
        console.print(Text(repr(self), style="green" if self.ok else "bold red"))

    def __getitem__(self, name: str) -> Check:
        by_name = {check.name: check for check in self.checks}
        if name not in by_name:
            raise KeyError(f"the doctor has no check {name!r}; it has {', '.join(by_name)}.")
        return by_name[name]

    def __repr__(self) -> str:
        summary = "everything essential is here" if self.ok else "something essential is missing"
        return f"cnnlab doctor: {summary}"

    def __str__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = []
        for check in self.checks:
            lines.append(f"{check.status:<8} {check.name:<{width}}  {check.detail}")
            if check.advice:
                lines.append(f"{'':<8} {'':<{width}}  -> {check.advice}")
        return "\n".join([*lines, repr(self)])

    def _repr_html_(self) -> str:
        cells = [(check.status, check.name, check.detail, check.advice) for check in self.checks]
        rows = [_row("th", _HEADINGS), *(_row("td", row) for row in cells)]
        return f"<table>{''.join(rows)}</table><p>{html.escape(repr(self))}</p>"


def _row(kind: str, cells: tuple[str, ...]) -> str:
    # The long columns, behind status and name, may break within a word: so a narrow window cuts none off.
    breaks = ["nowrap", "normal", *["normal;overflow-wrap:anywhere"] * (len(cells) - 2)]
    styled = (
        f'<{kind} style="text-align:left;vertical-align:top;white-space:{how}">{html.escape(cell)}</{kind}>'
        for how, cell in zip(breaks, cells, strict=True)
    )
    return f"<tr>{''.join(styled)}</tr>"
