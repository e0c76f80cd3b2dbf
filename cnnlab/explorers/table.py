"""Table of which one row can be chosen with pointer or keys; drawn in the browser by `table.js`."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Int, List, Unicode

from cnnlab.explorers.common import read_script

_HERE = Path(__file__).parent


class Table(anywidget.AnyWidget):
    """Table of text cells.

    Traits
    ------
    headings, rows
        The names of the columns, and the cells, row by row.
    selected
        Index of the chosen row, -1 for none; the browser writes it, the kernel may write it too.
    text_columns
        Number of columns from the left that hold text; the others hold numbers and are aligned to the right.
    label, note
        Accessible name of the table, and a line below it.
    """

    _esm = read_script("table.js")
    _css = (_HERE / "table.css").read_text(encoding="utf-8")

    headings = List(Unicode()).tag(sync=True)
    rows = List(List(Unicode())).tag(sync=True)
    selected = Int(-1).tag(sync=True)
    text_columns = Int(1).tag(sync=True)
    label = Unicode("Table").tag(sync=True)
    note = Unicode("").tag(sync=True)
