"""Feature vectors of a layer: nearest neighbours, embeddings, retrieval, linear probes, and comparison of representations.

    extraction                   one vector for each picture: a layer's, the raw pixels, or hand-made HOG
    nearest_neighbours           the pictures that are close in a layer's feature space, and precision@k
    postprocessing               L2 normalisation, power, PCA and whitening, fitted on one split and used on another
    retrieval                    average precision of a ranked collection
    embedding                    t-SNE and PCA to two dimensions; a grid so that pictures do not overlap
    activation_atlas             vectors at many positions, laid out in two dimensions and averaged in cells
    linear_probe                 the accuracy of a linear classifier on features
    gabor_energy                 a model of V1 that learns nothing, as a baseline
    neural_recordings            responses of neurons, from a file or simulated
    noise_matching               a layer with as few units and as much noise as recordings
    decoding                     accuracy against the number of units
    brain_comparison             a layer compared with recordings, at equal units and noise
    kernel_analysis              precision against complexity
    representational_similarity  dissimilarity matrices and kernel alignment, for layers, networks and brains

Behind them: `_validation` (checks). Features are N x D tensors, one row for each picture. For what single units respond to see
`cnnlab.units`; for fine-tuning the network itself, `cnnlab.transfer`.
"""

from cnnlab.features.activation_atlas import (
    ActivationAtlas,
    VectorSample,
    activation_atlas,
    sample_vectors,
)
from cnnlab.features.brain_comparison import BrainComparison, compare_with_recordings, standardised_rdm
from cnnlab.features.decoding import Decoding, decode
from cnnlab.features.embedding import embed, grid_assignment
from cnnlab.features.extraction import PIXELS, POOLS, extract_features, hog, pool_maps
from cnnlab.features.gabor_energy import gabor_energy
from cnnlab.features.kernel_analysis import KernelCurve, kernel_analysis
from cnnlab.features.linear_probe import Probe, linear_probe
from cnnlab.features.nearest_neighbours import (
    Neighbours,
    Precision,
    neighbours,
    precision_at_k,
    precision_curve,
)
from cnnlab.features.neural_recordings import (
    Recordings,
    read_recordings,
    simulate_recordings,
    write_recordings,
)
from cnnlab.features.noise_matching import match_recordings
from cnnlab.features.postprocessing import PrincipalAxes, l2, pca, power
from cnnlab.features.representational_similarity import cka, compare_rdms, rdm
from cnnlab.features.retrieval import Retrieval, average_precision, mean_average_precision

__all__ = [
    "PIXELS",
    "POOLS",
    "ActivationAtlas",
    "BrainComparison",
    "Decoding",
    "KernelCurve",
    "Neighbours",
    "Precision",
    "PrincipalAxes",
    "Probe",
    "Recordings",
    "Retrieval",
    "VectorSample",
    "activation_atlas",
    "average_precision",
    "cka",
    "compare_rdms",
    "compare_with_recordings",
    "decode",
    "embed",
    "extract_features",
    "gabor_energy",
    "grid_assignment",
    "hog",
    "kernel_analysis",
    "l2",
    "linear_probe",
    "match_recordings",
    "mean_average_precision",
    "neighbours",
    "pca",
    "pool_maps",
    "power",
    "precision_at_k",
    "precision_curve",
    "rdm",
    "read_recordings",
    "sample_vectors",
    "simulate_recordings",
    "standardised_rdm",
    "write_recordings",
]
