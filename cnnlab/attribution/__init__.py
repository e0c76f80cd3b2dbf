"""Attribution: maps of the pixels that matter for a prediction, and how well they agree with the ground truth.

    occlusion             occlusion sensitivity: probability and predicted class under a sliding occluder
    occlusion_map         its result: a number for each position, or averaged for each pixel
    occluder              the fill of an occluder, and its positions
    saliency              gradient, saliency, deconvnet, guided backpropagation
    averaged_gradients    averages of many gradients: SmoothGrad, integrated gradients
    cam                   class activation maps of a layer: CAM, Grad-CAM, guided Grad-CAM
    cam_variants          HiResCAM, LayerCAM, Score-CAM: other weights for the same maps
    rise                  the mean of random covers, by the score that they leave
    targets               the score that is explained: a class score, or a unit of a layer
    input_gradients       its gradient with respect to the pixels
    call_hooks            recorders for operations that are not named layers
    grabcut               from a saliency map to the outline of the object
    localisation_metrics  does the map lie on the object? pointing game, relevance mass, IoU, with chance levels
    deletion              does the network use what the map shows? deletion and insertion curves
    sanity_checks         does the map depend on the weights? the parameter randomisation test
    part_importance       the truth: how far does the logit fall when a rendered part is gone? and a map's claim for each part
    part_games            Shapley values, KernelSHAP and LIME with an object's parts as players
    superpixels           the same with superpixels switched to grey, as on photographs
    part_protocols        scores of claims against the truth: FunnyBirds' protocols, BAM's three
    methods               every method by its name, in one form: a picture in, a number for each pixel out
    benchmark             all metrics for all techniques, with two baselines that ignore the network
    backdoor              a known shortcut as ground truth: a trigger, and a network that reacts to it

Every technique takes a model, an image in [0, 1] and a target, and returns the raw, signed map; scaling and
colour belong to `cnnlab.figures`. For what a unit inside the network detects see `cnnlab.units`.
"""

from cnnlab.attribution.averaged_gradients import integrated_gradients, smoothgrad
from cnnlab.attribution.backdoor import BackdooredModel, add_trigger
from cnnlab.attribution.benchmark import SCORES, Comparison, compare
from cnnlab.attribution.cam import cam, grad_cam, guided_grad_cam
from cnnlab.attribution.cam_variants import hires_cam, layer_cam, score_cam
from cnnlab.attribution.deletion import DeletionInsertion, deletion_insertion
from cnnlab.attribution.grabcut import grabcut
from cnnlab.attribution.localisation_metrics import (
    PointingGame,
    RelevanceMass,
    intersection_over_union,
    pointing_game,
    relevance_mass,
)
from cnnlab.attribution.methods import METHODS, method_map
from cnnlab.attribution.occluder import FILLS, fill_image, occlude, occluder_positions
from cnnlab.attribution.occlusion import occlusion, occlusion_steps
from cnnlab.attribution.occlusion_map import OcclusionMap
from cnnlab.attribution.part_games import PartGame, kernel_shap, lime, part_game, shapley_values
from cnnlab.attribution.part_importance import PartImportance, part_claims, true_importance
from cnnlab.attribution.part_protocols import (
    background_independence,
    deletion_check,
    distractibility,
    important_parts,
    input_dependence,
    input_independence,
    model_contrast,
    preservation_check,
    single_deletion,
    target_sensitivity,
)
from cnnlab.attribution.rise import rise
from cnnlab.attribution.saliency import channel_max, deconvnet, gradient, guided_backprop, saliency
from cnnlab.attribution.sanity_checks import (
    Randomisation,
    parameter_randomisation,
    rank_correlation,
    structural_similarity,
)
from cnnlab.attribution.superpixels import superpixel_game
from cnnlab.networks.relu_rules import RULES, relu_backward, relu_rule

__all__ = [
    "FILLS",
    "METHODS",
    "RULES",
    "SCORES",
    "BackdooredModel",
    "Comparison",
    "DeletionInsertion",
    "OcclusionMap",
    "PartGame",
    "PartImportance",
    "PointingGame",
    "Randomisation",
    "RelevanceMass",
    "add_trigger",
    "background_independence",
    "cam",
    "channel_max",
    "compare",
    "deconvnet",
    "deletion_check",
    "deletion_insertion",
    "distractibility",
    "fill_image",
    "grabcut",
    "grad_cam",
    "gradient",
    "guided_backprop",
    "guided_grad_cam",
    "hires_cam",
    "important_parts",
    "input_dependence",
    "input_independence",
    "integrated_gradients",
    "intersection_over_union",
    "kernel_shap",
    "layer_cam",
    "lime",
    "method_map",
    "model_contrast",
    "occlude",
    "occluder_positions",
    "occlusion",
    "occlusion_steps",
    "parameter_randomisation",
    "part_claims",
    "part_game",
    "pointing_game",
    "preservation_check",
    "rank_correlation",
    "relevance_mass",
    "relu_backward",
    "relu_rule",
    "rise",
    "saliency",
    "score_cam",
    "shapley_values",
    "single_deletion",
    "smoothgrad",
    "structural_similarity",
    "superpixel_game",
    "target_sensitivity",
    "true_importance",
]
