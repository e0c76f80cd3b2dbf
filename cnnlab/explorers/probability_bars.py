"""Bar chart of class probabilities, with reference values as faint bars; drawn in the browser by `probability_bars.js`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anywidget
from torch import Tensor
from traitlets import Dict, List, Unicode

from cnnlab.explorers.common import read_script

_HERE = Path(__file__).parent


class ProbabilityBars(anywidget.AnyWidget):
    """Bar chart with rows of {"name", "now", "before", "target"}, the most probable first."""

    _esm = read_script("probability_bars.js")
    _css = (_HERE / "probability_bars.css").read_text(encoding="utf-8")

    entries = List(Dict()).tag(sync=True)
    label = Unicode("Class probabilities").tag(sync=True)
    series_names = List(
        Unicode(), ["covered", "uncovered"], help="what `current` and `reference` are called"
    ).tag(sync=True)


def probability_rows(
    current: Tensor, reference: Tensor, names: Sequence[str], target: int, k: int = 5
) -> list[dict]:
    """The `k` most probable classes as rows for `ProbabilityBars`, followed by the target if it is not among them.

    `current` and `reference` hold C probabilities. Ties are resolved in the order of the classes.
    """
    ranks = current.argsort(descending=True, stable=True)[:k].tolist()
    classes = ranks if target in ranks else [*ranks, target]
    rows = [
        (names[i], round(float(current[i]), 4), round(float(reference[i]), 4), i == target) for i in classes
    ]
    return [dict(zip(("name", "now", "before", "target"), row, strict=True)) for row in rows]
