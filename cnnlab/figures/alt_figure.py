"""A matplotlib figure with a text alternative, which a notebook shows as an image with alt text."""

from __future__ import annotations

import base64
import html
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

FULL_COLOUR_BYTES = 100_000
"""Larger figures, in bytes, are stored in 256 colours: noise in full colour would make notebooks of many megabytes."""
JPEG_QUALITY = 75
"""Of grids of images that are larger than that: photographs and optimised images need a third of the bytes of 256 colours."""


class AltTextFigure(Figure):
    """A `Figure` with a text alternative.

    A notebook shows it as an HTML image whose `alt` is the text, because JupyterLab gives plain PNG output no alternative; the PNG
    itself and the text go along for consoles, nbconvert and web sites that strip HTML. With `photographs=True`, a large figure is a
    JPEG there.
    """

    def __init__(self, *args: Any, alt_text: str = "", photographs: bool = False, **options: Any):
        super().__init__(*args, **({"layout": "constrained", "dpi": 80} | options))
        self.alt_text, self.photographs = alt_text, photographs

    def png(self) -> bytes:
        """The figure as PNG bytes; in 256 colours if it is large."""
        return _small_png(drawn(self))

    def _stored(self) -> tuple[str, bytes]:
        """MIME type and bytes of the image in a notebook."""
        stream = drawn(self)
        if not self.photographs or stream.tell() < FULL_COLOUR_BYTES:
            return "image/png", _small_png(stream)
        small = BytesIO()
        Image.open(stream).convert("RGB").save(small, "JPEG", quality=JPEG_QUALITY, optimize=True)
        return "image/jpeg", small.getvalue()

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, dict]]:
        kind, data = self._stored()
        encoded = base64.b64encode(data).decode()
        alt_text = self.alt_text or repr(self)
        image = (
            f'<img alt="{html.escape(alt_text)}" src="data:{kind};base64,{encoded}" style="max-width: 100%">'
        )
        return {"text/html": image, kind: encoded, "text/plain": alt_text}, {kind: {"alt": alt_text}}


def drawn(figure: Figure) -> BytesIO:
    """A figure as PNG in full colour, drawn once: `savefig` draws the same picture twice, since it settles the layout first."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    stream = BytesIO()
    Image.fromarray(np.asarray(canvas.buffer_rgba())).save(stream, "PNG")
    return stream


def _small_png(stream: BytesIO) -> bytes:
    return stream.getvalue() if stream.tell() < FULL_COLOUR_BYTES else quantize_png(stream)


def quantize_png(stream: BytesIO) -> bytes:
    """A PNG reduced to 256 colours if that is smaller; a little of the noise in a photograph is lost, no colour of a map.

    In the palette each colour counts with the square root of its number of pixels, so that the few strongest pixels of a map keep
    their colours beside a large pale background; white and black are kept exactly.
    """
    picture = Image.open(stream).convert("RGB")
    pixels = np.asarray(picture).reshape(-1, 3)
    _, first, count = np.unique((pixels >> 3) @ (1024, 32, 1), return_index=True, return_counts=True)
    sample = np.repeat(pixels[first], np.ceil(np.sqrt(count)).astype(int), axis=0)
    reduced = Image.fromarray(sample[(sample < 248).any(axis=1)][None]).quantize(254, kmeans=1)
    palette = Image.new("P", (1, 1))
    palette.putpalette([255, 255, 255, 0, 0, 0, *reduced.getpalette()[: 3 * 254]])
    small = BytesIO()
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(small, "PNG", optimize=True)
    return min(stream.getvalue(), small.getvalue(), key=len)
