"""Networks: to load them, to know their layers, and to record what flows through them.

    zoo              `load` a network by name, and what is `available`
    architectures    the kit's own networks: `MiniAlexNet`, `MiniVGG`, `MiniResNet`, `MiniDenseNet`
    dense            networks that answer at each pixel, `UNet` and `FCN`; `DigitNet` for handwritten digits
    tasks            what a network is trained to tell: objects, scenes, masks, digits
    imagenet         `squeezenet` and `efficientnet_lite0`, whose weights are installed as packages
    imagenet_architectures   their layers: `SqueezeNet`, `EfficientNetLite0`
    pretrained       torchvision's networks, wrapped so that they take pictures in [0, 1]
    layers           `layer_names`, `resolve_layer`, `recording`, `activations`, `evaluating`
    summary          the table of a network: shapes, parameters, cost
    receptive_field  which pixels a unit can see
    effective_field  which of them it uses: the field measured with gradients
    arithmetic       how many places a kernel has, and each number of a map taken apart
    convolutional    fully connected layers as convolutions: `to_convolutional`
    relu_rules       the ways back through a ReLU: gradient, deconvnet, guided
    untrained        a network before its training
    training         `train` what the package ships, by the recipes in `plans`
    weights          the shipped weights and their cards

Behind them: `names` and `modes` (layers), `fields`, `field_rules` and `following` (receptive fields), `batches`,
`chance`, `checkpoints` and `evaluation` (training). Techniques that ask a network a question live in rooms of their own,
such as `cnnlab.attribution`.
"""

from cnnlab.networks.architectures import MiniAlexNet, MiniDenseNet, MiniResNet, MiniVGG
from cnnlab.networks.arithmetic import (
    Step,
    explain_output_size,
    one_step,
    output_size,
    places_read,
)
from cnnlab.networks.convolutional import sliding_answer, to_convolutional
from cnnlab.networks.dense import FCN, DigitNet, UNet
from cnnlab.networks.effective_field import effective_field, field_box
from cnnlab.networks.imagenet import imagenet_card, imagenet_classes
from cnnlab.networks.imagenet_architectures import EfficientNetLite0, SqueezeNet
from cnnlab.networks.layers import activations, evaluating, layer_names, recording, resolve_layer
from cnnlab.networks.plans import PLANS
from cnnlab.networks.receptive_field import (
    ReceptiveField,
    UnknownReceptiveField,
    receptive_field,
    receptive_fields,
)
from cnnlab.networks.summary import Summary, summary
from cnnlab.networks.training import train
from cnnlab.networks.untrained import untrained
from cnnlab.networks.weights import card, read_weights, shipped, write_weights
from cnnlab.networks.zoo import NetworkInfo, available, load

__all__ = [
    "FCN",
    "PLANS",
    "DigitNet",
    "EfficientNetLite0",
    "MiniAlexNet",
    "MiniDenseNet",
    "MiniResNet",
    "MiniVGG",
    "NetworkInfo",
    "ReceptiveField",
    "SqueezeNet",
    "Step",
    "Summary",
    "UNet",
    "UnknownReceptiveField",
    "activations",
    "available",
    "card",
    "effective_field",
    "evaluating",
    "explain_output_size",
    "field_box",
    "imagenet_card",
    "imagenet_classes",
    "layer_names",
    "load",
    "one_step",
    "output_size",
    "places_read",
    "read_weights",
    "receptive_field",
    "receptive_fields",
    "recording",
    "resolve_layer",
    "shipped",
    "sliding_answer",
    "summary",
    "to_convolutional",
    "train",
    "untrained",
    "write_weights",
]
