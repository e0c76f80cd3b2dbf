"""Scatter plot of small pictures at their positions in an embedding; drawn in the browser by `embedding_scatter.js`."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Bool, Dict, Int, List, Unicode

from cnnlab.explorers.common import read_script

_HERE = Path(__file__).parent


class EmbeddingScatter(anywidget.AnyWidget):
    """Scatter plot of pictures.

    Traits
    ------
    tiles
        The pictures, as `cnnlab.explorers.image_grid.image_tiles` gives them.
    points
        [across, down] of each, in [0, 1].
    colours, legend
        "#rrggbb" of each point, empty for none; and the [name, colour] entries of the legend.
    captions
        A line for each picture, shown when the pointer is on it or it is chosen.
    show_thumbnails, size
        Whether pictures or dots are drawn, and the side of a picture in CSS pixels.
    selected
        The chosen picture, -1 for none; the browser writes it, the kernel may write it too.
    label
        Accessible name of the plot.
    """

    _esm = read_script("embedding_scatter.js")
    # Its canvas and texts are styled like an `ImageGrid`, and an explorer may show it without one.
    _css = "".join(
        (_HERE / name).read_text(encoding="utf-8") for name in ("image_grid.css", "embedding_scatter.css")
    )

    tiles = Dict().tag(sync=True)
    points = List().tag(sync=True)
    colours = List(Unicode()).tag(sync=True)
    legend = List().tag(sync=True)
    captions = List(Unicode()).tag(sync=True)
    show_thumbnails = Bool(True).tag(sync=True)
    size = Int(24).tag(sync=True)
    selected = Int(-1).tag(sync=True)
    label = Unicode("Map of pictures").tag(sync=True)
