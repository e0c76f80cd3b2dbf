"""What does a unit respond to? Filters, patches, directions, and whether what it finds has a name.

    filters            the weights of a layer, in the shape of what they look at
    gabor, blob        the Gabor function or the spot of colour that comes closest to a filter
    filter_fit         the better of both, and the share of filters that they explain
    patches            the patches of a data set that excite a unit most, in one pass
    directions         mixtures of units asked like units: is a single unit special?
    concepts           what lies at each pixel, by the truth of the world
    dissection         overlap of units with concepts: detectors, unique detectors, chance
    activation_masks   the pixels of a picture at which a unit passes its threshold
    dissection_report  what dissection found
    ablation           what the network loses without a unit

Behind them: `least_squares` (least squares), `activation_batches` (pictures in batches) and `streaming_quantile` (thresholds). What the
vector of a whole layer is good for is asked in `cnnlab.features`; which pixels matter, in `cnnlab.attribution`.
"""

from cnnlab.units.ablation import AblationResult, ablate, ablate_each
from cnnlab.units.activation_masks import activation_mask, upsample_to_image
from cnnlab.units.blob import Blobs, blob_pattern, fit_blob
from cnnlab.units.concepts import Concepts, concepts
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
from cnnlab.units.filters import convolution_names, filters
from cnnlab.units.gabor import Gabors, fit_gabor, gabor_pattern
from cnnlab.units.patches import TopPatches, top_patches

__all__ = [
    "DETECTOR_IOU",
    "AblationResult",
    "Blobs",
    "Concepts",
    "Dissection",
    "FilterFit",
    "Gabors",
    "LabelAgreement",
    "TopPatches",
    "UnitReport",
    "ablate",
    "ablate_each",
    "activation_mask",
    "blob_pattern",
    "compare_directions",
    "concepts",
    "convolution_names",
    "dissect",
    "dissect_steps",
    "filters",
    "fit_blob",
    "fit_filters",
    "fit_gabor",
    "gabor_pattern",
    "label_agreement",
    "random_directions",
    "random_rotation",
    "top_along_direction",
    "top_patches",
    "upsample_to_image",
]
