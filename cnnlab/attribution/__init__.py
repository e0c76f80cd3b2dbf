"""Which pixels matter? Maps over the picture, and how well they point at the truth.

    occlusion             cover a piece, ask again: probability and predicted class under a sliding occluder
    occlusion_map         what comes out: a number for each place, and read pixel by pixel
    occluder              what an occluder is made of, and where it goes
    saliency              which pixels would change the answer? gradient, saliency, deconvnet, guided backpropagation
    averaged_gradients    many gradients instead of one: SmoothGrad, integrated gradients
    cam                   where a layer sees the class: CAM, Grad-CAM, guided Grad-CAM
    targets               what is asked: a class score, or a unit of a layer
    input_gradients       from there back to the pixels, without a trace
    call_hooks            what a network computes where no layer has a name
    grabcut               from a saliency map to the outline of the object
    localisation_metrics  does the map point at the object? pointing game, relevance mass, overlap, beside chance
    deletion              does the network agree with the map? deletion and insertion curves
    sanity_checks         does the map depend on what was learned? the parameter-randomisation check
    benchmark             which technique's maps are best? all scores for all of them, beside maps that know nothing
    backdoor              does a map find a shortcut that is known to be there? a tag, and a network that gives way to it

Every technique takes a model, a picture in [0, 1] and a target, and gives the raw, signed map; scaling and
colour belong to `cnnlab.figures`. What a unit inside the network responds to belongs to `cnnlab.units`.
"""

from cnnlab.attribution.averaged_gradients import integrated_gradients, smoothgrad
from cnnlab.attribution.backdoor import BackdooredModel, add_trigger
from cnnlab.attribution.benchmark import SCORES, Comparison, compare
from cnnlab.attribution.cam import cam, grad_cam, guided_grad_cam
from cnnlab.attribution.deletion import DeletionInsertion, deletion_insertion
from cnnlab.attribution.grabcut import grabcut
from cnnlab.attribution.localisation_metrics import (
    PointingGame,
    RelevanceMass,
    intersection_over_union,
    pointing_game,
    relevance_mass,
)
from cnnlab.attribution.occluder import FILLS, fill_image, occlude, occluder_positions
from cnnlab.attribution.occlusion import occlusion, occlusion_steps
from cnnlab.attribution.occlusion_map import OcclusionMap
from cnnlab.attribution.saliency import channel_max, deconvnet, gradient, guided_backprop, saliency
from cnnlab.attribution.sanity_checks import (
    Randomisation,
    parameter_randomisation,
    rank_correlation,
    structural_similarity,
)
from cnnlab.networks.relu_rules import RULES, relu_backward, relu_rule

__all__ = [
    "FILLS",
    "RULES",
    "SCORES",
    "BackdooredModel",
    "Comparison",
    "DeletionInsertion",
    "OcclusionMap",
    "PointingGame",
    "Randomisation",
    "RelevanceMass",
    "add_trigger",
    "cam",
    "channel_max",
    "compare",
    "deconvnet",
    "deletion_insertion",
    "fill_image",
    "grabcut",
    "grad_cam",
    "gradient",
    "guided_backprop",
    "guided_grad_cam",
    "integrated_gradients",
    "intersection_over_union",
    "occlude",
    "occluder_positions",
    "occlusion",
    "occlusion_steps",
    "parameter_randomisation",
    "pointing_game",
    "rank_correlation",
    "relevance_mass",
    "relu_backward",
    "relu_rule",
    "saliency",
    "smoothgrad",
    "structural_similarity",
]
