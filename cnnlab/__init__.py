"""cnnlab: look inside convolutional networks.

    >>> import cnnlab as lab
    >>> model = lab.load("mini_alexnet")
    >>> heatmap = lab.grad_cam(model, lab.world.render(7).image, "sheep")

The techniques that a course begins with are at the top (`cnnlab.grad_cam`, `cnnlab.occlusion`, `cnnlab.fgsm`, ...); all others are in
their rooms:

    world         rendered pictures with exact ground truth, the data sets cut from them, and photographs
    networks      architectures, shipped and pretrained weights, training, layers, summary, receptive fields
    attribution   which pixels matter: occlusion, saliency, Grad-CAM, and metrics for the maps
    units         what a unit responds to: filters, strongest patches, network dissection, ablation
    features      what a layer's vector is good for: nearest neighbours, t-SNE, retrieval, linear probes, CKA
    synthesis     pictures optimised through the network: activation maximisation, inversion, DeepDream, style transfer
    robustness    adversarial examples, fooling images, corruptions, cue conflict
    transfer      heads, freezing, fine-tuning, transferability of layers
    segmentation  a class for each pixel: unpooling, transposed convolution, mean IoU
    experiments   long runs that are recorded and repeatable by name, and the report on the shipped networks
    figures       matplotlib figures of results
    explorers     live widgets for the notebooks
    grading       self-checks of exercises and claims, and the grader of assignments
    site          the course as static pages for the web
    diagnostics   what is installed on this machine, and what is missing (`cnnlab doctor`)

Rooms load when they are first used, so `import cnnlab` is quick and does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_ROOMS = (
    "world",
    "networks",
    "attribution",
    "units",
    "features",
    "synthesis",
    "robustness",
    "transfer",
    "segmentation",
    "experiments",
    "figures",
    "explorers",
    "grading",
    "site",
    "diagnostics",
)
_AT_THE_TOP = {
    "networks": ("available", "load", "summary"),
    "world": ("photo", "photographs"),
    "attribution": (
        *("cam", "grad_cam", "guided_backprop", "integrated_gradients"),
        *("occlusion", "saliency", "smoothgrad"),
    ),
    "units": ("dissect", "filters", "top_patches"),
    "features": ("embed", "extract_features", "neighbours"),
    "synthesis": ("deepdream", "invert", "maximise", "transfer_style"),
    "robustness": ("corrupt", "fgsm", "pgd"),
    "transfer": ("fine_tune",),
    "segmentation": ("segment",),
    "grading": ("check", "claim"),
    "diagnostics": ("doctor",),
}
_ROOM_OF = {name: room for room, names in _AT_THE_TOP.items() for name in names}

__all__ = ["__version__", *_ROOMS, *_ROOM_OF]

if TYPE_CHECKING:
    from cnnlab import (
        attribution,
        diagnostics,
        experiments,
        explorers,
        features,
        figures,
        grading,
        networks,
        robustness,
        segmentation,
        site,
        synthesis,
        transfer,
        units,
        world,
    )
    from cnnlab.attribution import (
        cam,
        grad_cam,
        guided_backprop,
        integrated_gradients,
        occlusion,
        saliency,
        smoothgrad,
    )
    from cnnlab.diagnostics import doctor
    from cnnlab.features import embed, extract_features, neighbours
    from cnnlab.grading import check, claim
    from cnnlab.networks import available, load, summary
    from cnnlab.robustness import corrupt, fgsm, pgd
    from cnnlab.segmentation import segment
    from cnnlab.synthesis import deepdream, invert, maximise, transfer_style
    from cnnlab.transfer import fine_tune
    from cnnlab.units import dissect, filters, top_patches
    from cnnlab.world import photo, photographs


def __getattr__(name: str):
    if name in _ROOMS:
        return import_module(f"cnnlab.{name}")
    if name in _ROOM_OF:
        return getattr(import_module(f"cnnlab.{_ROOM_OF[name]}"), name)
    raise AttributeError(f"cnnlab has no {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return sorted(__all__)
