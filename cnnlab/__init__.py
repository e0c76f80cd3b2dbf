"""cnnlab: look inside convolutional networks.

A picture in [0, 1] goes into a network; a technique, one readable function, asks the network a question; a figure or an explorer
shows the answer. Package layout:

    world        rendered pictures with exact ground truth, the data sets cut from them, and photographs
    networks     architectures, shipped and pretrained weights, training, layers, summary, receptive fields
    units        what a unit responds to: filters, patches, directions, dissection
    features     what a layer's vector is good for: neighbours, maps, retrieval, probes, likeness of representations
    attribution  which pixels matter: occlusion, and the scoring of maps against the truth
    synthesis    pictures optimised through the network: class prototypes, inversion, dreams, style
    robustness   what turns an answer: attacks, defences, fooling pictures, corruptions, cue conflict
    transfer     heads, fine-tuning, what is frozen, the experiment with halves
    segmentation what stands at each pixel: unpooling, transposed convolution, mean IoU
    experiments  long runs that are recorded and repeatable by name, and the report on what the shipped networks show
    figures      matplotlib pictures of results
    explorers    live widgets for the notebooks
    grading      checks of exercises and of claims
    cli, diagnostics  the commands `cnnlab lab`, `cnnlab doctor`, `cnnlab train`, `cnnlab run`, `cnnlab zoo`

Start with `cnnlab.load("mini_alexnet")`, `cnnlab.world.render(7)` and `cnnlab.photo("mine.jpg")`. Rooms load when they are
touched, so `import cnnlab` is quick and does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_ROOMS = (
    "world",
    "networks",
    "units",
    "features",
    "attribution",
    "synthesis",
    "robustness",
    "transfer",
    "segmentation",
    "experiments",
    "figures",
    "explorers",
    "grading",
    "diagnostics",
)
_SHORTCUTS = {
    "load": "networks",
    "available": "networks",
    "photo": "world",
    "photographs": "world",
    "check": "grading",
    "claim": "grading",
}

__all__ = ["__version__", *_ROOMS, *_SHORTCUTS]

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
        synthesis,
        transfer,
        units,
        world,
    )
    from cnnlab.grading import check, claim
    from cnnlab.networks import available, load
    from cnnlab.world import photo, photographs


def __getattr__(name: str):
    if name in _ROOMS:
        return import_module(f"cnnlab.{name}")
    if name in _SHORTCUTS:
        return getattr(import_module(f"cnnlab.{_SHORTCUTS[name]}"), name)
    raise AttributeError(f"cnnlab has no {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return sorted(__all__)
