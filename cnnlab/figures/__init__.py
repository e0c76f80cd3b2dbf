"""Figures: matplotlib pictures of results, one function each, every one with a text alternative.

    image_grid           pictures side by side: `grid`, `contact_sheet`; methods in rows: `side_by_side_figure`
    training             how a training went: `training_figure`
    brains               representations side by side: `rdm_figure`, `kernel_figure`
    transfer             what was measured several times, with intervals: `repeats_figure`
    ground_truth         a rendered picture beside everything that is known of it: `ground_truth_figure`
    occlusion            maps of occlusion: `occlusion_figure`, `drop_figure`, and `describe_occlusion` in words
    attribution          maps of relevance beside and over their pictures: `attribution_figure`, `overlay_figure`, `segment_figure`
    attribution_metrics  how good maps are: `relu_rules_figure`, `comparison_figure`, `randomisation_figure`
    convolution          `convolution_step_figure` (patch x kernel), `receptive_field_figure` (receptive fields),
                         `fully_convolutional_figure` (a classifier that slides)
    filters              `filters_figure`, `kernels_figure`, `fit_figure`, `share_figure`; `filter_colours` for the bare pictures
    adversarial          attacked pictures: `attack_figure`, `strength_figure` (by epsilon), `defence_figure`, `linear_figure`;
                         `amplify_difference`
    fooling              pictures of nothing: `generations_figure`, `confidence_figure`
    optimisation         pictures made by gradient: `optimisation_figure`, `lines_figure`, `Animation`
    activations          what units respond to: `maps_figure`, `patches_figure`, `agreement_figure`, `agreement_table`
    nearest_neighbours   which pictures are alike: `neighbours_figure`, `precision_figure`, `map_figure`, `picture_map_figure`
    memorization         what networks learn by heart: `memorization_figure`, `random_labels_figure`, `regulariser_figure`
    corruptions          what corruptions and cue conflicts do: `severity_figure`, `corruption_error_figure`, `class_errors_figure`,
                         `shape_bias_figure`
    segmentation         what stands at each pixel: `tasks_figure`, `segmentation_figure`, `mean_iou_figure`; `upsampling_steps_figure`
    background_swap      what a change of background does to the answers: `scene_accuracy_figure`
    dissection           what units detect: `report_figure`, `concepts_figure`, `detectors_figure`, `threshold_figure`,
                         `ablation_figure`
    retrieval            how well codes find a thing again: `layer_scores_figure`, `dimensions_figure`
    alt_figure           `AltTextFigure`, the figure that shows itself in a notebook and carries its words
    confusion            which classes are taken for which: `confusion_figure`
    colours              the palette: the same class has the same colour everywhere
    palette_png          maps as small, quick PNG for the browser: `palette_png`

Techniques return raw values and do not belong here; scaling, resizing and colour do.
"""

from cnnlab.figures.activations import (
    agreement_figure,
    agreement_table,
    describe_agreement,
    maps_figure,
    patches_figure,
)
from cnnlab.figures.adversarial import (
    amplify_difference,
    attack_figure,
    defence_figure,
    linear_figure,
    strength_figure,
)
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.attribution import as_picture, attribution_figure, overlay_figure, segment_figure
from cnnlab.figures.attribution_metrics import comparison_figure, randomisation_figure, relu_rules_figure
from cnnlab.figures.background_swap import scene_accuracy_figure
from cnnlab.figures.brains import kernel_figure, rdm_figure
from cnnlab.figures.colours import class_colours
from cnnlab.figures.confusion import confusion_figure
from cnnlab.figures.convolution import (
    convolution_step_figure,
    fully_convolutional_figure,
    receptive_field_figure,
)
from cnnlab.figures.corruptions import (
    class_errors_figure,
    corruption_error_figure,
    severity_figure,
    shape_bias_figure,
)
from cnnlab.figures.dissection import (
    ablation_figure,
    category_bars,
    concepts_figure,
    detectors_figure,
    report_figure,
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
from cnnlab.figures.ground_truth import describe_ground_truth, ground_truth_figure
from cnnlab.figures.image_grid import contact_sheet, grid, side_by_side_figure
from cnnlab.figures.memorization import memorization_figure, random_labels_figure, regulariser_figure
from cnnlab.figures.nearest_neighbours import (
    map_figure,
    neighbours_figure,
    picture_map_figure,
    precision_figure,
)
from cnnlab.figures.occlusion import describe_occlusion, drop_figure, occlusion_figure
from cnnlab.figures.optimisation import Animation, lines_figure, optimisation_figure
from cnnlab.figures.palette_png import alpha_ramp, index_png, palette_png, symmetric_range
from cnnlab.figures.retrieval import dimensions_figure, layer_scores_figure
from cnnlab.figures.segmentation import (
    mean_iou_figure,
    segmentation_figure,
    tasks_figure,
    upsampling_steps_figure,
)
from cnnlab.figures.training import training_figure
from cnnlab.figures.transfer import column_table, repeats_figure

__all__ = [
    "SCALES",
    "AltTextFigure",
    "Animation",
    "ablation_figure",
    "agreement_figure",
    "agreement_table",
    "alpha_ramp",
    "amplify_difference",
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
    "convolution_step_figure",
    "corruption_error_figure",
    "defence_figure",
    "describe_agreement",
    "describe_ground_truth",
    "describe_occlusion",
    "detectors_figure",
    "dimensions_figure",
    "drop_figure",
    "filter_colours",
    "filter_limits",
    "filters_figure",
    "fit_figure",
    "fully_convolutional_figure",
    "generations_figure",
    "grid",
    "ground_truth_figure",
    "index_png",
    "kernel_figure",
    "kernels_figure",
    "layer_scores_figure",
    "linear_figure",
    "lines_figure",
    "map_figure",
    "maps_figure",
    "mean_iou_figure",
    "memorization_figure",
    "neighbours_figure",
    "occlusion_figure",
    "optimisation_figure",
    "overlay_figure",
    "palette_png",
    "patches_figure",
    "picture_map_figure",
    "precision_figure",
    "random_labels_figure",
    "randomisation_figure",
    "rdm_figure",
    "receptive_field_figure",
    "regulariser_figure",
    "relu_rules_figure",
    "repeats_figure",
    "report_figure",
    "scene_accuracy_figure",
    "segment_figure",
    "segmentation_figure",
    "severity_figure",
    "shape_bias_figure",
    "share_figure",
    "side_by_side_figure",
    "strength_figure",
    "symmetric_range",
    "tasks_figure",
    "threshold_figure",
    "training_figure",
    "upsampling_steps_figure",
]
