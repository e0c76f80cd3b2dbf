"""Live widgets for the notebooks: change something, see at once what the network says.

    base        what all explorers share: layout, pickers, status, errors in place, code, the still picture
    activation  the maps of a layer, the unit at a place, what it sees and what excites it elsewhere
    neighbours  which pictures a layer takes for alike, beside the bare pixels
    embedding   the codes of a layer as a map of pictures
    patches     a unit's strongest patches in a data set, beside those along random directions
    convolution patch x kernel + bias on a real picture, stepped by hand, with every setting of a convolution
    filters     the weights of any layer, before and after training, and how much of a filter an edge or a blob explains
    layers      the table of a network; choose a layer in it, a unit in its maps, and see what that unit sees
    saliency    which pixels would change a class score, or any unit: five methods side by side
    grad_cam    where a layer sees the class, and the same object in every scene
    dissection  which units have a name, what they look at, and which class falls without one
    retrieval   find the same thing again, with any layer, in few dimensions
    occlusion   drag an occluder over a picture: live top-5, the whole map filling in, the truth beside it
    adversarial  how small a change turns the answer: epsilon, attack and target, live
    enlarging, segmentation   a small map made larger number by number; a class for each pixel, skips on and off
    fooling   pictures of nothing that a network is sure of, by generation
    styling   the content of one picture in the style of another
    brains, populations    a layer beside neurons, with as many units and as much noise
    transferring, trials   a new task from few examples: which layers are kept, frozen or not, beside learning from scratch
    film, growing, wishes     pictures that grow step by step: stop, scrubber, curves
    inversion, dreaming   what a layer still knows of a picture, and more of what it sees in it
    corruption   noise, blur, weather and compression on one picture, and what the network still says
    memory       random labels and scrambled pixels: recorded runs, and a network that learns them here and now
    cue_conflict the shape of one class in the skin of another, and which of the two each network names
    maximisation   the picture that a class, a channel or a unit wants, every regulariser a slider

    cloud, stage, sheet, table, bars, parts the widgets whose life is in the browser (plain ES modules beside them)
    search_select             a menu that is searched by typing: for classes and layers, of which there may be a thousand
    choices                   what menus offer: networks by what they have learned, layers by block, classes with their synonyms
    pictures, sources         the controls that choose a picture, and the pictures that they choose
    thumbnails                photographs to choose from, and a switch between a few words
    dataset_picker, picture_sets   the controls that choose a set of pictures to search: rendered, crops of photographs, a folder
    collection, patch_tiles, unit_maps, code_book   the pictures that are searched, and what layers answer to them
    pushed                    what the adversarial explorer asks, as pure functions
    dissected                 detectors, masks and overlaps, as pure functions
    searching                 codes of a collection, compressed and compared
    methods, scenes           what saliency and Grad-CAM ask, as pure functions
    covered, overlays         what is asked and answered: pure functions, tested without a widget
    corrupted, conflicts      what corruptions and cue conflicts ask
    whole_map, growth         slow work in short steps, which can be stopped
    encode, still             pictures as bytes; the still picture in a stored notebook

An explorer asks techniques (`cnnlab.attribution` ...) and shows; it computes nothing of its own.
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
