"""A matplotlib figure that shows itself in a notebook and says in words what it shows."""

from __future__ import annotations

import base64
import html
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

LARGE = 100_000
"""Bytes from which on a figure is stored in 256 colours: noise in full colour would make notebooks of many megabytes."""


class Plate(Figure):
    """A `Figure` with a text alternative.

    A notebook shows it as an HTML image whose `alt` is the text, because JupyterLab gives plain PNG output no alternative; the PNG
    itself and the text go along for consoles, nbconvert and web sites that strip HTML.
    """

    def __init__(self, *args: Any, words: str = "", **options: Any):
        super().__init__(*args, **({"layout": "constrained", "dpi": 80} | options))
        self.words = words

    def png(self) -> bytes:
        """The figure as PNG bytes; in 256 colours if it is large."""
        stream = BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue() if stream.tell() < LARGE else _in_few_colours(stream)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, dict]]:
        encoded = base64.b64encode(self.png()).decode()
        words = self.words or repr(self)
        image = (
            f'<img alt="{html.escape(words)}" src="data:image/png;base64,{encoded}" style="max-width: 100%">'
        )
        return {"text/html": image, "image/png": encoded, "text/plain": words}, {"image/png": {"alt": words}}


def _in_few_colours(stream: BytesIO) -> bytes:
    small = BytesIO()
    picture = Image.open(stream).convert("RGB")
    # The first pass finds the colours that suit this picture, the second dithers to them.
    colours = picture.quantize(256, kmeans=1)
    picture.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG).save(small, "PNG", optimize=True)
    return small.getvalue()
