"""Figures: matplotlib pictures of results, one function each, every one with a text alternative.

    pictures   pictures side by side: `grid`, `contact_sheet`
    truth      a rendered picture beside everything that is known of it: `truth_figure`
    occlusion  maps of occlusion: `occlusion_figure`, `drop_figure`, and `describe_occlusion` in words
    plate      `Plate`, the figure that shows itself in a notebook and carries its words
    colours    the palette: the same class has the same colour everywhere
    palettes   maps as small, quick PNG for the browser: `palette_png`

Techniques return raw values and do not belong here; scaling, resizing and colour do.
"""

from cnnlab.figures.colours import class_colours
from cnnlab.figures.occlusion import describe_occlusion, drop_figure, occlusion_figure
from cnnlab.figures.palettes import index_png, palette_png, rising_alpha, symmetric_range
from cnnlab.figures.pictures import contact_sheet, grid
from cnnlab.figures.plate import Plate
from cnnlab.figures.truth import describe_truth, truth_figure

__all__ = [
    "Plate",
    "class_colours",
    "contact_sheet",
    "describe_occlusion",
    "describe_truth",
    "drop_figure",
    "grid",
    "index_png",
    "occlusion_figure",
    "palette_png",
    "rising_alpha",
    "symmetric_range",
    "truth_figure",
]
