"""Figures: matplotlib pictures of results, one function each, every one with a text alternative.

    pictures   pictures side by side: `grid`, `contact_sheet`
    training   how a training went: `training_figure`
    truth      a rendered picture beside everything that is known of it: `truth_figure`
    occlusion  maps of occlusion: `occlusion_figure`, `drop_figure`, and `describe_occlusion` in words
    attributions  maps of relevance beside and over their pictures: `attribution_figure`, `overlay_figure`, `segment_figure`
    judgements    how good maps are: `relu_rules_figure`, `comparison_figure`, `randomisation_figure`
    shapes     `step_figure` (patch x kernel), `field_figure` (receptive fields), `sliding_figure` (a classifier that slides)
    filters    `filters_figure`, `kernels_figure`, `fit_figure`, `share_figure`; `filter_colours` for the bare pictures
    growing    pictures made by gradient: `growth_figure`, `lines_figure`, `Animation`
    responses  what units respond to: `maps_figure`, `patches_figure`, `agreement_figure`, `agreement_table`
    neighbourhoods  which pictures are alike: `neighbours_figure`, `precision_figure`, `map_figure`, `picture_map_figure`
    scene_swaps   what a change of background does to the answers: `scene_accuracy_figure`
    plate      `Plate`, the figure that shows itself in a notebook and carries its words
    confusion  which classes are taken for which: `confusion_figure`
    colours    the palette: the same class has the same colour everywhere
    palettes   maps as small, quick PNG for the browser: `palette_png`

Techniques return raw values and do not belong here; scaling, resizing and colour do.
"""

from cnnlab.figures.attributions import as_picture, attribution_figure, overlay_figure, segment_figure
from cnnlab.figures.colours import class_colours
from cnnlab.figures.confusion import confusion_figure
from cnnlab.figures.filters import (
    SCALES,
    filter_colours,
    filter_limits,
    filters_figure,
    fit_figure,
    kernels_figure,
    share_figure,
)
from cnnlab.figures.growing import Animation, growth_figure, lines_figure
from cnnlab.figures.judgements import comparison_figure, randomisation_figure, relu_rules_figure
from cnnlab.figures.neighbourhoods import map_figure, neighbours_figure, picture_map_figure, precision_figure
from cnnlab.figures.occlusion import describe_occlusion, drop_figure, occlusion_figure
from cnnlab.figures.palettes import index_png, palette_png, rising_alpha, symmetric_range
from cnnlab.figures.pictures import contact_sheet, grid
from cnnlab.figures.plate import Plate
from cnnlab.figures.responses import (
    agreement_figure,
    agreement_table,
    describe_agreement,
    maps_figure,
    patches_figure,
)
from cnnlab.figures.scene_swaps import scene_accuracy_figure
from cnnlab.figures.shapes import field_figure, sliding_figure, step_figure
from cnnlab.figures.training import training_figure
from cnnlab.figures.truth import describe_truth, truth_figure

__all__ = [
    "SCALES",
    "Animation",
    "Plate",
    "agreement_figure",
    "agreement_table",
    "as_picture",
    "attribution_figure",
    "class_colours",
    "comparison_figure",
    "confusion_figure",
    "contact_sheet",
    "describe_agreement",
    "describe_occlusion",
    "describe_truth",
    "drop_figure",
    "field_figure",
    "filter_colours",
    "filter_limits",
    "filters_figure",
    "fit_figure",
    "grid",
    "growth_figure",
    "index_png",
    "kernels_figure",
    "lines_figure",
    "map_figure",
    "maps_figure",
    "neighbours_figure",
    "occlusion_figure",
    "overlay_figure",
    "palette_png",
    "patches_figure",
    "picture_map_figure",
    "precision_figure",
    "randomisation_figure",
    "relu_rules_figure",
    "rising_alpha",
    "scene_accuracy_figure",
    "segment_figure",
    "share_figure",
    "sliding_figure",
    "step_figure",
    "symmetric_range",
    "training_figure",
    "truth_figure",
]
