"""A matplotlib figure that shows itself in a notebook and says in words what it shows."""

from __future__ import annotations

import base64
import html
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure


class Plate(Figure):
    """A `Figure` with a text alternative.

    A notebook shows it as an HTML image whose `alt` is the text, because JupyterLab gives plain PNG output no alternative; the PNG
    itself and the text go along for consoles, nbconvert and web sites that strip HTML.
    """

    def __init__(self, *args: Any, words: str = "", **options: Any):
        super().__init__(*args, **({"layout": "constrained", "dpi": 80} | options))
        self.words = words

    def png(self) -> bytes:
        """The figure as PNG bytes."""
        stream = BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, dict]]:
        encoded = base64.b64encode(self.png()).decode()
        words = self.words or repr(self)
        image = (
            f'<img alt="{html.escape(words)}" src="data:image/png;base64,{encoded}" style="max-width: 100%">'
        )
        return {"text/html": image, "image/png": encoded, "text/plain": words}, {"image/png": {"alt": words}}
