"""Live widgets for the notebooks: change something, see at once what the network says.

The explorers, one module each:

    occlusion                 drag an occluder over a picture: top-5, the whole map, the truth beside it
    saliency, grad_cam        which pixels change a class score; where a layer sees the class
    layers, convolution       the table of a network; one convolution, product by product
    filters, activation       the weights of a layer and what fits them; its maps and what a position sees
    patches, dissection       a unit's strongest patches; which concept it detects
    nearest_neighbours        which pictures a layer takes for alike
    embedding, retrieval      features as a map; the same object found again
    brains                    a layer beside recorded neurons
    activation_maximisation   the picture that a class, a channel or a unit prefers
    inversion, deepdream      what a layer keeps of a picture; more of what it sees in it
    style_transfer            the content of one picture in the style of another
    adversarial, fooling      the smallest change that flips the class; pictures of nothing
    corruption, cue_conflict  noise, blur and weather; shape against texture
    transfer, memorization    a new task from few examples; random labels learned by heart
    upsampling, segmentation  a small map enlarged step by step; a class for each pixel
    training_curve            the curves of a training as it runs

What they share:

    base                      layout, pickers, status, errors in place, the code, the static preview
    common, choices           controls with accessible names; what the menus offer, in which order
    image_picker              photograph, rendered picture or own photo, with `thumbnails` and `image_sources`
    dataset_picker            rendered pictures, crops of photographs or a folder, with `picture_sets`
    search_select             a menu that is searched by typing
    image_grid, table         and occluder_canvas, embedding_scatter, probability_bars: widgets that live in the browser
    optimisation_base         pictures that are optimised step by step, with `step_player` and `regularisers`
    transfer_runs             trainings that are compared in the transfer explorer
    activation_store          layers' activations over a data set, with `layer_features`
    occlusion_map_panel       the occlusion map as it fills in, with `occlusion_overlays`
    background                slow work in short steps that can be stopped
    image_bytes               pictures as bytes; `static_preview` is the picture in a stored notebook
    render                    what each explorer computes from its controls, without any widget

An explorer calls techniques (`cnnlab.attribution` ...) and shows their results; it computes nothing of its own.
"""

from cnnlab.explorers.activation import ActivationExplorer
from cnnlab.explorers.activation_maximisation import ActivationMaximisationExplorer
from cnnlab.explorers.adversarial import AdversarialExplorer
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.brains import BrainExplorer
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
from cnnlab.explorers.nearest_neighbours import NearestNeighboursExplorer
from cnnlab.explorers.occlusion import OcclusionExplorer
from cnnlab.explorers.patches import PatchExplorer
from cnnlab.explorers.retrieval import RetrievalExplorer
from cnnlab.explorers.saliency import SaliencyExplorer
from cnnlab.explorers.segmentation import SegmentationExplorer
from cnnlab.explorers.style_transfer import StyleTransferExplorer
from cnnlab.explorers.training_curve import TrainingCurve
from cnnlab.explorers.transfer import TransferExplorer
from cnnlab.explorers.upsampling import UpsamplingExplorer

__all__ = [
    "ActivationExplorer",
    "ActivationMaximisationExplorer",
    "AdversarialExplorer",
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
    "NearestNeighboursExplorer",
    "OcclusionExplorer",
    "PatchExplorer",
    "RetrievalExplorer",
    "SaliencyExplorer",
    "SegmentationExplorer",
    "StyleTransferExplorer",
    "TrainingCurve",
    "TransferExplorer",
    "UpsamplingExplorer",
]
