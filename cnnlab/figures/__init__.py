"""Figures: matplotlib pictures of results, one function each, every one with a text alternative.

    pictures   pictures side by side: `grid`, `contact_sheet`; methods in rows: `side_by_side_figure`
    training   how a training went: `training_figure`
    brains     representations side by side: `rdm_figure`, `kernel_figure`
    transfer   what was measured several times, with intervals: `repeats_figure`
    truth      a rendered picture beside everything that is known of it: `truth_figure`
    occlusion  maps of occlusion: `occlusion_figure`, `drop_figure`, and `describe_occlusion` in words
    attributions  maps of relevance beside and over their pictures: `attribution_figure`, `overlay_figure`, `segment_figure`
    judgements    how good maps are: `relu_rules_figure`, `comparison_figure`, `randomisation_figure`
    shapes     `step_figure` (patch x kernel), `field_figure` (receptive fields), `sliding_figure` (a classifier that slides)
    filters    `filters_figure`, `kernels_figure`, `fit_figure`, `share_figure`; `filter_colours` for the bare pictures
    adversarial   attacked pictures: `attack_figure`, `strength_figure` (by epsilon), `defence_figure`, `linear_figure`; `amplified`
    fooling    pictures of nothing: `generations_figure`, `confidence_figure`
    growing    pictures made by gradient: `growth_figure`, `lines_figure`, `Animation`
    responses  what units respond to: `maps_figure`, `patches_figure`, `agreement_figure`, `agreement_table`
    neighbourhoods  which pictures are alike: `neighbours_figure`, `precision_figure`, `map_figure`, `picture_map_figure`
    by_heart   what networks learn by heart: `memory_figure`, `random_share_figure`, `regulariser_figure`
    corrupted  what corruptions and cue conflicts do: `severity_figure`, `corruption_error_figure`, `class_errors_figure`,
               `shape_bias_figure`
    masks      what stands at each pixel: `tasks_figure`, `masks_figure`, `mask_scores_figure`; `stamps_figure`
    scene_swaps   what a change of background does to the answers: `scene_accuracy_figure`
    dissections   what units detect: `report_figure`, `concepts_figure`, `detectors_figure`, `threshold_figure`, `silencing_figure`
    retrievals    how well codes find a thing again: `layer_scores_figure`, `dimensions_figure`
    plate      `Plate`, the figure that shows itself in a notebook and carries its words
    confusion  which classes are taken for which: `confusion_figure`
    colours    the palette: the same class has the same colour everywhere
    palettes   maps as small, quick PNG for the browser: `palette_png`

Techniques return raw values and do not belong here; scaling, resizing and colour do.
"""

from cnnlab.figures.adversarial import (
    amplified,
    attack_figure,
    defence_figure,
    linear_figure,
    strength_figure,
)
from cnnlab.figures.attributions import as_picture, attribution_figure, overlay_figure, segment_figure
from cnnlab.figures.brains import kernel_figure, rdm_figure
from cnnlab.figures.by_heart import memory_figure, random_share_figure, regulariser_figure
from cnnlab.figures.colours import class_colours
from cnnlab.figures.confusion import confusion_figure
from cnnlab.figures.corrupted import (
    class_errors_figure,
    corruption_error_figure,
    severity_figure,
    shape_bias_figure,
)
from cnnlab.figures.dissections import (
    category_bars,
    concepts_figure,
    detectors_figure,
    report_figure,
    silencing_figure,
    threshold_figure,
)
from cnnlab.figures.filters import (
    SCALES,
    filter_colours,
    filter_limits,
    filters_figure,
    fit_figure,
    kernels_figure,
    share_figure,
)
from cnnlab.figures.fooling import confidence_figure, generations_figure
from cnnlab.figures.growing import Animation, growth_figure, lines_figure
from cnnlab.figures.judgements import comparison_figure, randomisation_figure, relu_rules_figure
from cnnlab.figures.masks import mask_scores_figure, masks_figure, stamps_figure, tasks_figure
from cnnlab.figures.neighbourhoods import map_figure, neighbours_figure, picture_map_figure, precision_figure
from cnnlab.figures.occlusion import describe_occlusion, drop_figure, occlusion_figure
from cnnlab.figures.palettes import index_png, palette_png, rising_alpha, symmetric_range
from cnnlab.figures.pictures import contact_sheet, grid, side_by_side_figure
from cnnlab.figures.plate import Plate
from cnnlab.figures.responses import (
    agreement_figure,
    agreement_table,
    describe_agreement,
    maps_figure,
    patches_figure,
)
from cnnlab.figures.retrievals import dimensions_figure, layer_scores_figure
from cnnlab.figures.scene_swaps import scene_accuracy_figure
from cnnlab.figures.shapes import field_figure, sliding_figure, step_figure
from cnnlab.figures.training import training_figure
from cnnlab.figures.transfer import column_table, repeats_figure
from cnnlab.figures.truth import describe_truth, truth_figure

__all__ = [
    "SCALES",
    "Animation",
    "Plate",
    "agreement_figure",
    "agreement_table",
    "amplified",
    "as_picture",
    "attack_figure",
    "attribution_figure",
    "category_bars",
    "class_colours",
    "class_errors_figure",
    "column_table",
    "comparison_figure",
    "concepts_figure",
    "confidence_figure",
    "confusion_figure",
    "contact_sheet",
    "corruption_error_figure",
    "defence_figure",
    "describe_agreement",
    "describe_occlusion",
    "describe_truth",
    "detectors_figure",
    "dimensions_figure",
    "drop_figure",
    "field_figure",
    "filter_colours",
    "filter_limits",
    "filters_figure",
    "fit_figure",
    "generations_figure",
    "grid",
    "growth_figure",
    "index_png",
    "kernel_figure",
    "kernels_figure",
    "layer_scores_figure",
    "linear_figure",
    "lines_figure",
    "map_figure",
    "maps_figure",
    "mask_scores_figure",
    "masks_figure",
    "memory_figure",
    "neighbours_figure",
    "occlusion_figure",
    "overlay_figure",
    "palette_png",
    "patches_figure",
    "picture_map_figure",
    "precision_figure",
    "random_share_figure",
    "randomisation_figure",
    "rdm_figure",
    "regulariser_figure",
    "relu_rules_figure",
    "repeats_figure",
    "report_figure",
    "rising_alpha",
    "scene_accuracy_figure",
    "segment_figure",
    "severity_figure",
    "shape_bias_figure",
    "share_figure",
    "side_by_side_figure",
    "silencing_figure",
    "sliding_figure",
    "stamps_figure",
    "step_figure",
    "strength_figure",
    "symmetric_range",
    "tasks_figure",
    "threshold_figure",
    "training_figure",
    "truth_figure",
]
