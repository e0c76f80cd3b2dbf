"""Occluder canvas: a large picture with an occluder that pointer and keys move; drawn in the browser by `occluder_canvas.js`."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Bool, Bytes, Dict, Float, Int, List, Unicode

from cnnlab.explorers.common import read_script

_HERE = Path(__file__).parent


class OccluderCanvas(anywidget.AnyWidget):
    """Canvas with a picture of `side` x `side` pixels and a square occluder, in the picture's own pixels.

    Traits
    ------
    box
        [left, top, size] of the occluder; the browser writes it while it is moved, the kernel may write it too.
    side, stride
        Side of the network's input, and the step of the arrow keys, in pixels.
    picture
        {"eye": bytes, "network": bytes, "mask": bytes}: at display size, as the network's input, and the mask of the object.
    fill_image, smooth
        The picture that fills the occluder, and whether it is smoothed when enlarged.
    overlay
        {"png": bytes, "rows": [...], "columns": [...], "size": int}: one pixel for each position of the occluder.
    legend
        The legend of the overlay, see `cnnlab.explorers.occlusion_overlays`.
    result
        The prediction: {"name", "now", "before", "says", "flipped", "box"}.
    label
        Alt text of the picture.
    """

    _esm = read_script("occluder_canvas.js")
    _css = (_HERE / "occluder_canvas.css").read_text(encoding="utf-8")

    side = Int(96).tag(sync=True)
    box = List(Int(), [36, 36, 24]).tag(sync=True)
    stride = Int(4).tag(sync=True)
    picture = Dict().tag(sync=True)
    fill_image = Bytes(b"").tag(sync=True)
    smooth = Bool(False).tag(sync=True)
    overlay = Dict().tag(sync=True)
    legend = Dict().tag(sync=True)
    result = Dict().tag(sync=True)
    label = Unicode("picture").tag(sync=True)
    view = Unicode("eye", help="eye or network").tag(sync=True)
    show_map = Bool(False).tag(sync=True)
    show_mask = Bool(False).tag(sync=True)
    opacity = Float(0.85).tag(sync=True)
