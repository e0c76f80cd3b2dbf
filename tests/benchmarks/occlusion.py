"""Occlusion beside Captum's, timed in one run: `python tests/benchmarks/occlusion.py [network ...]`.

Each network has random Kaiming weights; what the numbers say does not depend on training. Captum gets the
`perturbations_per_eval` that serves it best, found in a sweep over a quarter of the places. Then both run in
turn, and the ratio of their fastest runs counts: absolute times depend on the machine, the ratio hardly. Both
maps are compared as well, so a fast wrong answer does not pass. Some eight minutes on two cores.

What is left of the multiply-adds when each place computes its own windows exactly says how far this way alone can lead:
34 % of them for mini_alexnet, 35 % for alexnet, 41 % for resnet18 and 15 % for vgg16. Winograd's convolutions take some of them away.
"""

from __future__ import annotations

import sys
from functools import partial

import torch
import torchvision
from captum.attr import Occlusion
from timing import timed
from torch import Tensor, nn

from cnnlab.attribution import occlusion
from cnnlab.networks import EfficientNetLite0, MiniAlexNet, SqueezeNet

CLASSES = [f"class {i}" for i in range(1000)]
NETWORKS = {
    # network: (builder, side of the picture, side of the occluder, stride, how many times as fast as Captum is wanted)
    "mini_alexnet": (lambda: MiniAlexNet(CLASSES[:20]), 96, 24, 4, 2),
    "alexnet": (lambda: torchvision.models.alexnet(), 224, 32, 8, 3),
    "resnet18": (lambda: torchvision.models.resnet18(), 224, 32, 8, 4),
    "vgg16": (lambda: torchvision.models.vgg16(), 224, 32, 16, 8),
    "squeezenet": (lambda: SqueezeNet(CLASSES), 224, 32, 12, 3),
    "efficientnet_lite0": (lambda: EfficientNetLite0(CLASSES), 224, 32, 12, 2),
}
SWEEP = (4, 8, 16, 32, 64)


def lively(model: nn.Module, image: Tensor) -> nn.Module:
    """The model with random weights whose map says something: signals get through, and the softmax is not saturated.

    torchvision's own start leaves AlexNet nearly dead, Kaiming weights alone make a residual network's softmax a yes or no; both
    would let any two maps agree.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    last = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)][-1]
    with torch.no_grad():
        last.weight.div_(model.eval()(image[None]).std() / 3)
    return model


def captum_occlusion(
    model: nn.Module, image: Tensor, target: int, size: int, stride: int, batch: int
) -> Tensor:
    """H x W: Captum's mean drop of the softmax for each pixel."""
    probe = Occlusion(lambda pictures: model(pictures).softmax(-1))
    window, steps = (3, size, size), (3, stride, stride)
    drop = probe.attribute(image[None], window, steps, 0.5, target, perturbations_per_eval=batch)
    return drop[0, 0]


def compare(name: str, rounds: int = 4) -> bool:
    """Time both on one network and print a line; whether Captum's time divided by ours is what is wanted."""
    torch.manual_seed(0)
    build, side, size, stride, wanted = NETWORKS[name]
    image = torch.rand(3, side, side)
    model = lively(build(), image)
    with torch.inference_mode():
        target = int(model(image[None]).argmax())
    sweep = dict.fromkeys(SWEEP, float("inf"))
    for batch in SWEEP * 2:  # the better of two runs each, so that a hiccup does not choose for Captum
        work = partial(captum_occlusion, model, image, target, size, 2 * stride, batch)
        sweep[batch] = min(sweep[batch], timed(work)[0])
    best = min(sweep, key=sweep.get)
    ours, theirs = [], []
    for _ in range(rounds):
        seconds, found = timed(lambda: occlusion(model, image, target, size=size, stride=stride))
        ours.append(seconds)
        seconds, expected = timed(lambda: captum_occlusion(model, image, target, size, stride, best))
        theirs.append(seconds)
    worst, spread = float((found.to_pixels() - expected).abs().max()), float(expected.max() - expected.min())
    ratio = min(theirs) / min(ours)
    print(
        f"{name:13} {found.probability.numel()} places: cnnlab {min(ours):6.2f} s, Captum {min(theirs):6.2f} s"
        f" (perturbations_per_eval={best}), ratio {ratio:.2f} (wanted {wanted}); a range of {spread:.2f} differs by {worst:.0e}",
        flush=True,
    )
    if worst > 1e-5 or spread < 1e-3:
        raise SystemExit(f"{name}: the maps differ by {worst:.1e}, and their values by {spread:.1e}")
    return ratio >= wanted


if __name__ == "__main__":
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    reached = [compare(name) for name in sys.argv[1:] or NETWORKS]
    raise SystemExit(0 if all(reached) else "not as many times Captum's speed as wanted")
