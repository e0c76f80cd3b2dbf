"""Model cards of all shipped networks as one page, which is stored beside the weights."""

from __future__ import annotations

from cnnlab.experiments.zoo_report.report import stored_rows
from cnnlab.experiments.zoo_report.rows import ReportRow
from cnnlab.networks import weight_files
from cnnlab.networks.recipes import RECIPES

HEAD = """# The shipped networks

Written by `cnnlab zoo cards`; `cnnlab zoo report` measures what the networks show, `cnnlab zoo gallery` draws the pictures.
The JSON file beside each network's weights holds the whole recipe, the history of its training, its accuracy by class and the
machine it was made on.

![First-layer filters of mini_alexnet: noise before training, edges and blobs of colour after it](../../../notebooks/pictures/filters.png)
![What each class wants, in the plain and in the adversarially trained network](../../../notebooks/pictures/prototypes.png)
![Grad-CAM of the true class, one picture a class](../../../notebooks/pictures/grad_cam.png)
![Confusion matrix of mini_alexnet](../../../notebooks/pictures/confusion_mini_alexnet.png)

| network | what it is for | task | accuracy | numbers | size | trained for | remade by |
|---|---|---|---|---|---|---|---|
"""

REPORT_HEAD = """
## What they show

Written by `cnnlab zoo report`, kept in `report.json`: pictures of the validation split, which no training sees. A row that
does not reach its bar says so.

| what | bar | found | |
|---|---|---|---|
"""


def model_cards() -> str:
    """The page as Markdown: one row for each network, in the order of the recipes."""
    shipped = weight_files.shipped()
    rows = [_row(name, weight_files.card(name)) for name in RECIPES if name in shipped]
    return HEAD + "".join(rows) + REPORT_HEAD + "".join(_report_line(row) for row in stored_rows().values())


def _report_line(row: ReportRow) -> str:
    numbers = ", ".join(f"{name} {value:.3g}" for name, value in row.values.items())
    return f"| {row.phenomenon} | {row.criterion} | {numbers} | {'holds' if row.passed else '**not reached**'} |\n"


def _row(name: str, card: dict) -> str:
    measure = "mean IoU" if card["task"] == "mask" else "right"
    training_time = f"{card['seconds'] / 60:.0f} min ({card['machine']['device']}, {card['threads']} thread{'s' * (card['threads'] > 1)})"
    cells = [
        f"`{name}`",
        card["purpose"] + _trunk(card),
        card["task"],
        f"{card['accuracy']:.1%} {measure}",
        f"{card['parameters']:,}",
        f"{card['bytes'] / 1e6:.1f} MB" if card["bytes"] > 1e5 else f"{card['bytes'] / 1e3:.0f} kB",
        training_time,
        f"`cnnlab train {name}`",
    ]
    return f"| {' | '.join(cells)} |\n"


def _trunk(card: dict) -> str:
    """A sentence on the network whose layers this one reuses and does not store."""
    if "trunk" not in card:
        return ""
    about = card["trunk"]
    return (
        f" Its trunk is that of `{about['name']}`: {about['source']}, version {about['version']}, licence {about['licence']};"
        " only the layers behind it are stored here."
    )
