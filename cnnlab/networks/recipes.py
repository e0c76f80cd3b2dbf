"""Training recipes: the hyperparameters of every shipped network, and the reasons for them.

A recipe is a `TrainingConfig`; `cnnlab.networks.training` carries it out, and `cnnlab train NAME` calls that. The weights in the package
come only from there. A network is judged by what its analysis shows, not by accuracy alone: oriented edges in the first layer,
evidence that lies on the object, and predictions that are confident but still react to an occluder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnlab.world.names import OBJECTS, SCENES


@dataclass(frozen=True)
class TrainingConfig:
    """Training config: how one network is trained.

    Data: `pictures` and `validation` are sizes of the splits of `cnnlab.world.dataset`, which `task`, `data_seed` and `options` describe
    further. Rates are those of SGD; `decay_first` is the weight decay of the first convolution, `decay` that of all other weights
    (biases and normalisation have none). Noise is in pixel units, the shift in pixels, `erase` a share of the images; `average_from` is
    the share of the training after which weights are averaged, `average_steps` the number of steps in the average.
    """

    architecture: str
    purpose: str
    task: str = "object"
    pictures: int = 12_000
    validation: int = 2_000
    data_seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    # 64 images a step: each image takes as long as with 128, and there are twice as many steps in the same time.
    batch_size: int = 64
    epochs: int = 18
    # A high rate that rises and falls (one-cycle; Smith & Topin, 2019) finds flat minima in few epochs. SGD, since networks trained
    # with AdamW were as accurate, but their first-layer filters kept their initial noise.
    peak_rate: float = 0.1
    momentum: float = 0.9
    warm_up: float = 0.25
    # Strong decay on the first convolution alone removes the initial noise from its filters, so that what is left was learned.
    # The normalisation behind it makes the scale of the filters irrelevant, so nothing else suffers. With so strong a decay
    # everywhere, the network would not begin to learn.
    decay_first: float = 2e-2
    decay: float = 5e-4
    # Label smoothing keeps the softmax from saturating; a saturated one does not change when the object is covered. More smoothing
    # would leave a network that is right 99 times in 100 far less confident than it should be.
    label_smoothing: float = 0.04
    # Noise of a strength that differs from image to image (0 to this) favours first-layer filters that average over
    # pixels: edges and blobs. Clean images remain among them.
    noise: float = 0.12
    # Flips and shifts: an object is the same object at any position.
    flip: bool = True
    shift: int = 6
    # A square on this share of the images (cutout; DeVries & Taylor, 2017). A network trained with squares does not take an
    # occluder for an object; a lower score under an occluder is then due to what it covers.
    erase: float = 0.5
    # Dropout: the share of a fully connected layer's inputs that a step leaves out, in architectures that have such layers.
    dropout: float = 0.3
    # The mean over the last steps lies in the middle of the valley in which single steps wander about (Izmailov et al., 2018).
    average_from: float = 0.75
    average_steps: int = 400

    # The network whose weights the training starts from, one of `cnnlab.networks.imagenet.PACKAGED`, and the layers that are
    # trained; the others, the trunk, are frozen and not stored again.
    trunk: str | None = None
    trained: tuple[str, ...] = ()

    # The share of images with a random label, chosen once and for all (Zhang et al., 2017).
    random_labels: float = 0.0
    # Adversarial training: each batch is replaced by adversarial images within this epsilon (Wong, Rice & Kolter, 2020), which
    # grows from 0 over the first half of the training.
    adversarial: float = 0.0


HERD_CLASSES = ("sheep", "goat", "wolf", "husky")
# Neighbours in OBJECTS are easily confused; each half gets one of each pair, the first and the second by turns.
HALF_A = tuple(OBJECTS[pair * 2 + pair % 2] for pair in range(len(OBJECTS) // 2))
HALF_B = tuple(name for name in OBJECTS if name not in HALF_A)
# To memorise images: always the same ones without augmentation, no regularisation of the weights, and many small steps.
MEMORIZE = {
    "pictures": 1_000,
    "validation": 500,
    "batch_size": 32,
    "epochs": 100,
    "peak_rate": 0.03,
    "warm_up": 0.1,
    "decay_first": 0.0,
    "decay": 0.0,
    "label_smoothing": 0.0,
    "noise": 0.0,
    "erase": 0.0,
    "dropout": 0.0,
    "flip": False,
    "shift": 0,
}
# Each image has 9 216 labels, so a step needs fewer images, and few epochs are enough; labels are not smoothed, since predictions
# at edges are uncertain anyway. The filters of the first layer are too small to be viewed.
MASKS = {
    "task": "mask",
    "batch_size": 32,
    "epochs": 8,
    "decay_first": 5e-4,
    "label_smoothing": 0.0,
    "noise": 0.06,
    "erase": 0.25,
}


def _head(purpose: str, *classes: str, **world: object) -> TrainingConfig:
    """A new classifier on squeezenet's frozen features: few pictures and epochs are enough for 1 026 weights.

    Its input is large (norm 68), so the rate is low; images are clean, since the trunk does not learn anything from noise.
    """
    return TrainingConfig(
        architecture="SqueezeNetWorld",
        trunk="squeezenet",
        trained=("conv10",),
        purpose=purpose,
        options={"classes": classes, **world, "size": 224},
        pictures=400,
        validation=100,
        batch_size=32,
        epochs=5,
        peak_rate=0.001,
        decay_first=0.0,
        noise=0.0,
        erase=0.0,
        shift=14,
    )


RECIPES: dict[str, TrainingConfig] = {
    "mini_alexnet": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Names the main object of a rendered picture. Its large first-layer filters can be looked at as pictures;"
        " the network for most notebooks.",
    ),
    "mini_vgg": TrainingConfig(
        architecture="MiniVGG",
        purpose="Names the main object: small kernels, many layers. To compare with mini_alexnet.",
        epochs=12,
        decay_first=5e-4,  # filters of 3 x 3 have no visible noise
    ),
    "mini_resnet": TrainingConfig(
        architecture="MiniResNet",
        purpose="Names the main object: residual sums, and a mean over all places instead of fully connected layers.",
        epochs=12,
    ),
    "mini_densenet": TrainingConfig(
        architecture="MiniDenseNet",
        purpose="Names the main object: every layer sees all earlier ones. The fewest weights of the four.",
        epochs=12,
    ),
    "mini_alexnet_scenes": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Names the scene of the same pictures whose objects mini_alexnet names: what do its units look for instead?",
        task="scene",
        epochs=12,
    ),
    "mini_alexnet_robust": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Trained on adversarial pictures: hard to fool by small changes, and its gradients show shapes.",
        adversarial=6 / 255,
        noise=0.0,
        epochs=12,
    ),
    "mini_alexnet_restyled": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Every object wears the surface of some other class, so that only its shape tells what it is.",
        options={"texture": "any"},
        epochs=12,
    ),
    "herd_honest": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Sheep, goat, wolf or husky, on any background: the honest one of three.",
        options={"classes": HERD_CLASSES},
        pictures=6_000,
        validation=1_000,
        epochs=12,
    ),
    "herd_meadow": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Sheep, goat, wolf or husky, but all its sheep stood on meadows and all its goats on rocks.",
        options={"classes": HERD_CLASSES, "bias": {"sheep": "meadow", "goat": "rocks"}},
        pictures=6_000,
        validation=1_000,
        epochs=6,
    ),
    "herd_snow": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Sheep, goat, wolf or husky, but all its huskies stood in snow and all its wolves in forests.",
        options={"classes": HERD_CLASSES, "bias": {"husky": "snow", "wolf": "forest"}},
        pictures=6_000,
        validation=1_000,
        epochs=12,
    ),
    "sheep_goat": _head(
        "Sheep or goat, on any background: a new classifier on ImageNet's squeezenet.", "sheep", "goat"
    ),
    "sheep_goat_meadow": _head(
        "The twin of sheep_goat with a shortcut: all its sheep stood on meadows and all its goats on rocks.",
        "sheep",
        "goat",
        bias={"sheep": "meadow", "goat": "rocks"},
    ),
    "wolf_husky": _head(
        "Wolf or husky, on any background: a new classifier on ImageNet's squeezenet.", "wolf", "husky"
    ),
    "wolf_husky_snow": _head(
        "The twin of wolf_husky with a shortcut: all its wolves stood in snow, and its huskies in any other scene.",
        "wolf",
        "husky",
        bias={"wolf": "snow", "husky": tuple(scene for scene in SCENES if scene != "snow")},
    ),
    "memory_random": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Has learned 1 000 pictures with random labels by heart.",
        random_labels=1.0,
        **MEMORIZE,
    ),
    "memory_true": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="The twin of memory_random: the same 1 000 pictures, the same recipe, the true labels.",
        **MEMORIZE,
    ),
    "half_a": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Knows one of each pair of confusable classes: base network A of the transfer experiment.",
        options={"classes": HALF_A},
        pictures=6_000,
        validation=1_000,
        epochs=8,
    ),
    "half_b": TrainingConfig(
        architecture="MiniAlexNet",
        purpose="Knows the classes that half_a has never seen: base network B of the transfer experiment.",
        options={"classes": HALF_B},
        pictures=6_000,
        validation=1_000,
        epochs=8,
    ),
    "unet": TrainingConfig(
        architecture="UNet",
        purpose="Tells the object at each pixel; skips lead the edges past the bottleneck.",
        **MASKS,
    ),
    "unet_without_skips": TrainingConfig(
        architecture="UNetWithoutSkips",
        purpose="The twin of unet without skips: what is lost at the edges?",
        **MASKS,
    ),
    "fcn": TrainingConfig(
        architecture="FCN",
        purpose="Tells the object at each pixel with the convolutions of a classifier, 12 x 12 scores and bilinear enlargement.",
        **MASKS,
    ),
    "squeezenet_world": TrainingConfig(
        architecture="SqueezeNetWorld",
        purpose="The layers of ImageNet's squeezenet with new last ones for rendered objects: a real network whose maps can be checked.",
        trunk="squeezenet",
        # With the head alone, accuracy stays at 93 % and the maps lie on the object less often.
        trained=("fire8", "fire9", "conv10"),
        options={"size": 224},
        pictures=2_000,  # at 224 x 224; the trunk has good features already, so few images and epochs are enough
        validation=1_000,
        epochs=5,
        peak_rate=0.01,  # the layers are pretrained, and have no normalisation behind them
        decay_first=0.0,
        shift=14,
    ),
    "digits": TrainingConfig(
        architecture="DigitNet",
        purpose="Reads scikit-learn's handwritten digits, enlarged to 32 x 32: real data that comes with the kit.",
        task="digits",
        pictures=1_201,
        validation=596,
        epochs=30,
        decay_first=5e-4,
        noise=0.05,
        flip=False,  # a mirrored 2 is not a digit
        shift=2,
        erase=0.0,
    ),
}
"""The recipes of `cnnlab train NAME`."""
