"""Explorers: interactive widgets for the notebooks that show at once how the network responds to a change.

The explorers, one module each:

    occlusion                 drag an occluder over a picture: top-5, the occlusion map, the true outline
    saliency, grad_cam        pixel gradients of a class score; Grad-CAM maps of a layer
    parts                     a map's claim for each part of an object beside the truth, and the method that lies
    layers, convolution       the layer table of a network; one convolution, product by product
    filters, activation       a layer's weights and fits to them; its activation maps and receptive fields
    microscope                all of a unit at once: what it wants, its maps, patches, classes and nearest units
    patches, dissection       a unit's strongest patches; the concept that it detects
    nearest_neighbours        nearest neighbours in the features of a layer
    embedding, retrieval      features as a two-dimensional map; instance retrieval
    brains                    a layer compared with recorded neurons
    activation_maximisation   pictures that maximise a class, a channel or a unit
    inversion, deepdream      feature inversion; DeepDream
    style_transfer            the content of one picture in the style of another
    adversarial, fooling      the smallest change that flips the class; fooling images
    adversarial_patch         a patch that wins wherever it is dragged
    corruption, cue_conflict  noise, blur and weather; shape versus texture
    transfer, memorization    a new task from few examples; memorization of random labels
    upsampling, segmentation  unpooling and transposed convolution step by step; a class for each pixel

Shared parts:

    base                      layout, pickers, status line, error display, background work, static preview
    controls, choices         the controls, each declared once with its accessible name; the options of the menus and their order
    image_picker              photograph, rendered picture or own photo, with `thumbnails` and `image_sources`
    dataset_picker            rendered pictures, crops of photographs or a folder, with `picture_sets`
    search_select             a searchable menu
    image_grid, charts        widgets drawn in the browser: tiles; bars, plots, tables and the learning curves of a training that runs
    optimisation_base         pictures optimised step by step, with `step_player`
    activation_store          layers' activations over a data set, with `layer_features`; `surveyed_sets`, all units over several
    occlusion_map_panel       the canvas with the occluder, and the occlusion map as it fills in
    background                slow computations in short steps that can be stopped
    rerun                     an explorer gives back what it held when its cell is run again
    snippet                   the code under "Show the code"
    image_bytes               pictures as bytes; `static_preview` is the picture in a saved notebook
    render                    the computations of each explorer, without any widget

An explorer calls techniques (`cnnlab.attribution` ...) and shows their results; it computes nothing of its own.
"""

from cnnlab.explorers.activation import ActivationExplorer
from cnnlab.explorers.activation_maximisation import ActivationMaximisationExplorer
from cnnlab.explorers.adversarial import AdversarialExplorer
from cnnlab.explorers.adversarial_patch import AdversarialPatchExplorer
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.brains import BrainExplorer
from cnnlab.explorers.charts import TrainingCurve
from cnnlab.explorers.convolution import ConvolutionExplorer
from cnnlab.explorers.corruption import CorruptionExplorer
from cnnlab.explorers.cue_conflict import CueConflictExplorer
from cnnlab.explorers.deepdream import DeepDreamExplorer
from cnnlab.explorers.dissection import DissectionExplorer
from cnnlab.explorers.embedding import EmbeddingExplorer
from cnnlab.explorers.filters import FilterExplorer
from cnnlab.explorers.fooling import FoolingExplorer
from cnnlab.explorers.grad_cam import GradCamExplorer
from cnnlab.explorers.inversion import InversionExplorer
from cnnlab.explorers.layers import LayersExplorer
from cnnlab.explorers.memorization import MemorizationExplorer
from cnnlab.explorers.microscope import MicroscopeExplorer
from cnnlab.explorers.nearest_neighbours import NearestNeighboursExplorer
from cnnlab.explorers.occlusion import OcclusionExplorer
from cnnlab.explorers.parts import PartExplorer
from cnnlab.explorers.patches import PatchExplorer
from cnnlab.explorers.retrieval import RetrievalExplorer
from cnnlab.explorers.saliency import SaliencyExplorer
from cnnlab.explorers.segmentation import SegmentationExplorer
from cnnlab.explorers.style_transfer import StyleTransferExplorer
from cnnlab.explorers.transfer import TransferExplorer
from cnnlab.explorers.upsampling import UpsamplingExplorer

__all__ = [
    "ActivationExplorer",
    "ActivationMaximisationExplorer",
    "AdversarialExplorer",
    "AdversarialPatchExplorer",
    "BrainExplorer",
    "ConvolutionExplorer",
    "CorruptionExplorer",
    "CueConflictExplorer",
    "DeepDreamExplorer",
    "DissectionExplorer",
    "EmbeddingExplorer",
    "Explorer",
    "FilterExplorer",
    "FoolingExplorer",
    "GradCamExplorer",
    "InversionExplorer",
    "LayersExplorer",
    "MemorizationExplorer",
    "MicroscopeExplorer",
    "NearestNeighboursExplorer",
    "OcclusionExplorer",
    "PartExplorer",
    "PatchExplorer",
    "RetrievalExplorer",
    "SaliencyExplorer",
    "SegmentationExplorer",
    "StyleTransferExplorer",
    "TrainingCurve",
    "TransferExplorer",
    "UpsamplingExplorer",
]
