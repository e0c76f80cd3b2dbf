"""Units: the filters, top patches, dissection and ablation of single channels, and of directions that mix them.

    filters            the weights of a layer, in the shape of its input; how much of a filter is pattern, how much colour
    gabor, blob        the Gabor function, or the colour blob, that fits a filter best
    filter_fit         the better fit of both, and the share of filters explained
    patches            the patches of a data set that activate a unit most, in one pass over the data
    directions         directions compared with units: is a single unit special?
    concepts           the concepts at each pixel, from the ground truth of the world
    concept_images     pictures of a concept, rendered on demand: striped, dotted, metal, wet ...
    tcav               whether a class depends on a concept, held against random concepts
    dictionary         a sparse dictionary of a layer, put into the network as a layer of codes
    dissection         network dissection: overlap of units with concepts, detectors, unique detectors, chance level
    activation_masks   the pixels of an image at which a unit exceeds its threshold
    dissection_report  the results of dissection
    ablation           the accuracy that the network loses without a unit
    logit_attribution  the classes that a unit feeds: its share of every logit, and the fall when it is silenced
    survey             the peaks of every unit over a set of pictures, and the units that go along with it

Behind them: `least_squares`, `activation_batches` (activations in batches) and `streaming_quantile` (thresholds). For the feature
vector of a whole layer see `cnnlab.features`; for the pixels that matter, `cnnlab.attribution`.
"""

from cnnlab.units.ablation import AblationResult, ablate, ablate_each, ablation_steps
from cnnlab.units.activation_masks import activation_mask, upsample_to_image
from cnnlab.units.blob import Blobs, blob_pattern, fit_blob
from cnnlab.units.concept_images import concept_images
from cnnlab.units.concepts import Concepts, concepts
from cnnlab.units.dictionary import (
    DictionaryFit,
    SparseDictionary,
    activation_vectors,
    codes_of,
    dictionary_fit,
    fit_dictionary,
    with_dictionary,
)
from cnnlab.units.directions import (
    LabelAgreement,
    compare_directions,
    label_agreement,
    random_directions,
    random_rotation,
    top_along_direction,
)
from cnnlab.units.dissection import dissect, dissect_steps
from cnnlab.units.dissection_report import DETECTOR_IOU, Dissection, UnitReport
from cnnlab.units.filter_fit import FilterFit, fit_filters
from cnnlab.units.filters import FILTER_PARTS, convolution_names, filter_energy, filters
from cnnlab.units.gabor import Gabors, fit_gabor, gabor_pattern
from cnnlab.units.logit_attribution import logit_attribution, silenced_falls, vector_attribution
from cnnlab.units.patches import TopPatches, top_patches
from cnnlab.units.survey import UnitSurvey, survey_units
from cnnlab.units.tcav import ConceptScore, concept_vector, directional_derivatives, tcav

__all__ = [
    "DETECTOR_IOU",
    "FILTER_PARTS",
    "AblationResult",
    "Blobs",
    "ConceptScore",
    "Concepts",
    "DictionaryFit",
    "Dissection",
    "FilterFit",
    "Gabors",
    "LabelAgreement",
    "SparseDictionary",
    "TopPatches",
    "UnitReport",
    "UnitSurvey",
    "ablate",
    "ablate_each",
    "ablation_steps",
    "activation_mask",
    "activation_vectors",
    "blob_pattern",
    "codes_of",
    "compare_directions",
    "concept_images",
    "concept_vector",
    "concepts",
    "convolution_names",
    "dictionary_fit",
    "directional_derivatives",
    "dissect",
    "dissect_steps",
    "filter_energy",
    "filters",
    "fit_blob",
    "fit_dictionary",
    "fit_filters",
    "fit_gabor",
    "gabor_pattern",
    "label_agreement",
    "logit_attribution",
    "random_directions",
    "random_rotation",
    "silenced_falls",
    "survey_units",
    "tcav",
    "top_along_direction",
    "top_patches",
    "upsample_to_image",
    "vector_attribution",
    "with_dictionary",
]
