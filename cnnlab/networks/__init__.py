"""Networks: to load them, to know their layers, and to record what flows through them.

    zoo                        `load` a network by name, and what is `available`
    architectures              the kit's own networks: `MiniAlexNet`, `MiniVGG`, `MiniResNet`, `MiniDenseNet`
    segmentation_models        networks that answer at each pixel, `UNet` and `FCN`; `DigitNet` for handwritten digits
    training_data              what a network is trained to tell: objects, scenes, masks, digits
    imagenet                   `squeezenet` and `efficientnet_lite0`, whose weights are installed as packages
    imagenet_architectures     their layers: `SqueezeNet`, `EfficientNetLite0`
    pretrained                 torchvision's networks, wrapped so that they take pictures in [0, 1]
    activations                `layer_names`, `resolve_layer`, `record_activations`, `activations`, `eval_mode`
    summary                    the table of a network: shapes, parameters, cost
    receptive_field            which pixels a unit can see
    receptive_field.effective  which of them it uses: the field measured with gradients
    conv_arithmetic            how many places a kernel has, and each number of a map taken apart
    fully_convolutional        fully connected layers as convolutions: `to_convolutional`
    relu_rules                 the ways back through a ReLU: gradient, deconvnet, guided
    reinitialise               a network before its training
    training                   `train` what the package ships, by the recipes in `recipes`
    weights                    the shipped weights and their cards

Behind them: `layer_names` and `eval_mode` (layers), `algebra`, `rules` and `tracer` (receptive fields), `data_loading`,
`seeding`, `checkpoints` and `evaluation` (training). Techniques that ask a network a question live in rooms of their own,
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
