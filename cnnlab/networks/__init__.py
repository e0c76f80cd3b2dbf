"""Networks: load them, list their layers, record their activations, train them.

    zoo                        `load` a network by name; `available` lists the names
    architectures              the kit's own networks: `MiniAlexNet`, `MiniVGG`, `MiniResNet`, `MiniDenseNet`
    segmentation_models        networks with a prediction at each pixel, `UNet` and `FCN`; `DigitNet` for handwritten digits
    training_data              the images and labels of a training: objects, scenes, masks, digits
    imagenet                   `squeezenet` and `efficientnet_lite0`, whose weights are installed as packages
    imagenet_architectures     their layers: `SqueezeNet`, `EfficientNetLite0`
    pretrained                 torchvision's networks, wrapped so that they take images in [0, 1]
    activations                `layer_names`, `resolve_layer`, `record_activations`, `activations`, `eval_mode`
    summary                    the table of a network: shapes, parameters, cost
    receptive_field            the pixels that a unit can see
    receptive_field.effective  the effective receptive field: the pixels that it uses, measured with gradients
    conv_arithmetic            the output size of a convolution, and each output value step by step
    fully_convolutional        fully connected layers as convolutions: `to_convolutional`
    relu_rules                 backward rules of a ReLU: gradient, deconvnet, guided
    reinitialise               an untrained copy of a network
    adam                       gradient ascent on one tensor: an image, a patch
    training                   `train` the networks that the package ships, by the recipes in `recipes`
    weight_files               the shipped weights and their cards

Behind them: `layer_names` and `eval_mode` (layers), `algebra`, `rules` and `tracer` (receptive fields), `data_loading`,
`seeding`, `checkpoints` and `evaluation` (training). Techniques that analyse a network have packages of their own,
such as `cnnlab.attribution`.
"""

from cnnlab.networks.activations import activations, eval_mode, layer_names, record_activations, resolve_layer
from cnnlab.networks.architectures import MiniAlexNet, MiniDenseNet, MiniResNet, MiniVGG
from cnnlab.networks.conv_arithmetic import (
    ConvolutionStep,
    convolution_step,
    explain_output_size,
    output_size,
    receptive_indices,
)
from cnnlab.networks.fully_convolutional import sliding_probabilities, to_convolutional
from cnnlab.networks.imagenet import imagenet_card, imagenet_classes
from cnnlab.networks.imagenet_architectures import EfficientNetLite0, SqueezeNet
from cnnlab.networks.receptive_field import (
    ReceptiveField,
    UnknownReceptiveField,
    receptive_field,
    receptive_fields,
)
from cnnlab.networks.receptive_field.effective import effective_receptive_field, nonzero_box
from cnnlab.networks.recipes import RECIPES
from cnnlab.networks.reinitialise import reinitialise
from cnnlab.networks.segmentation_models import FCN, DigitNet, UNet
from cnnlab.networks.summary import Summary, summary
from cnnlab.networks.training import train
from cnnlab.networks.training_data import digits
from cnnlab.networks.weight_files import card, read_weights, shipped, write_weights
from cnnlab.networks.zoo import NetworkInfo, available, load

__all__ = [
    "FCN",
    "RECIPES",
    "ConvolutionStep",
    "DigitNet",
    "EfficientNetLite0",
    "MiniAlexNet",
    "MiniDenseNet",
    "MiniResNet",
    "MiniVGG",
    "NetworkInfo",
    "ReceptiveField",
    "SqueezeNet",
    "Summary",
    "UNet",
    "UnknownReceptiveField",
    "activations",
    "available",
    "card",
    "convolution_step",
    "digits",
    "effective_receptive_field",
    "eval_mode",
    "explain_output_size",
    "imagenet_card",
    "imagenet_classes",
    "layer_names",
    "load",
    "nonzero_box",
    "output_size",
    "read_weights",
    "receptive_field",
    "receptive_fields",
    "receptive_indices",
    "record_activations",
    "reinitialise",
    "resolve_layer",
    "shipped",
    "sliding_probabilities",
    "summary",
    "to_convolutional",
    "train",
    "write_weights",
]
