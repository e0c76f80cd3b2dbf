"""Figures of results: one function each, every one with a text alternative.

    activations          activation maps, strongest patches, label agreement of units
    adversarial          adversarial examples, accuracy by epsilon and by defence, a linear classifier
    alt_figure           `AltTextFigure`, a matplotlib figure with a text alternative
    atlas                an activation atlas: pictures at their cells, with the classes that they feed
    attribution          attribution maps beside images and as overlays, segments grown from saliency
    attribution_metrics  scores of attribution techniques, the randomisation check, ReLU backward rules
    axes                 the parts that figures share: lines, bars, tables, images, boxes, legends
    background_swap      accuracy by class and scene
    brains               the visual pathway, representational dissimilarity matrices, kernel analysis
    colours              the palettes: the same class has the same colour everywhere
    confusion            the confusion matrix
    convolution          one step of a convolution, receptive fields, a fully convolutional classifier
    corruptions          errors by severity, corruption and class; shape bias
    diagrams             an architecture as blocks and arrows, a compute graph with values and gradients
    dissection           detectors by category, concept and threshold; dissection reports, ablation
    filters              filters as colour images, kernels, fits of Gabor functions and blobs
    fooling              fooling images by generation, and their confidence
    ground_truth         a rendered picture beside its ground truth
    image_grid           images in rows, contact sheets, methods side by side
    memorization         accuracy by epoch, by share of random labels, by regulariser
    nearest_neighbours   rows of neighbours, precision@k, embeddings
    occlusion            occlusion maps, one in detail or several side by side
    optimisation         images and scores by step, curves, animations
    part_truth           claims and truths of parts, their interactions, the agreement of methods
    palette_png          maps as small PNG files for the browser
    retrieval            mean average precision by layer and by dimensions kept
    segmentation         the four vision tasks, masks, mean IoU, upsampling
    training             training curves
    transfer             repeated measurements with intervals
    zoo_gallery          a gallery of the stored networks

Techniques return raw values; scaling, resizing and colour belong here.
"""

from types import ModuleType as _ModuleType

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
from cnnlab.figures.atlas import atlas_figure
from cnnlab.figures.attribution import (
    as_picture,
    attribution_figure,
    overlay_figure,
    segment_figure,
    spotlight,
)
from cnnlab.figures.attribution_metrics import (
    comparison_figure,
    randomisation_figure,
    relu_rules_figure,
)
from cnnlab.figures.background_swap import scene_accuracy_figure
from cnnlab.figures.brains import kernel_figure, pathway_figure, rdm_figure
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
from cnnlab.figures.diagrams import architecture_figure, compute_graph_figure
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
from cnnlab.figures.part_truth import (
    claims_agreement_figure,
    interaction_figure,
    intervals_figure,
    part_bars_figure,
)
from cnnlab.figures.retrieval import dimensions_figure, layer_scores_figure
from cnnlab.figures.segmentation import (
    mean_iou_figure,
    segmentation_figure,
    tasks_figure,
    upsampling_steps_figure,
)
from cnnlab.figures.training import training_figure
from cnnlab.figures.transfer import column_table, repeats_figure, repeats_panels_figure

__all__ = sorted(
    name for name, value in globals().items() if name[0] != "_" and not isinstance(value, _ModuleType)
)
