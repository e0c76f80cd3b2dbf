"""Occlusion beside Captum's, timed in one run: `python tests/benchmarks/occlusion.py [network ...]`.

Each network has random Kaiming weights; what the numbers say does not depend on training. Captum gets the
`perturbations_per_eval` that serves it best, found in a sweep over a quarter of the places. Then both run in
turn, and the ratio of their fastest runs counts: absolute times depend on the machine, the ratio hardly. Both
maps are compared as well, so a fast wrong answer does not pass. Some two minutes on two cores.
"""

from __future__ import annotations

import sys
import time

import torch
import torchvision
from captum.attr import Occlusion
from torch import Tensor, nn

from cnnlab.attribution import occlusion
from cnnlab.networks.architectures import MiniAlexNet

NETWORKS = {
    # network: (builder, side of the picture, side of the occluder, stride)
    "mini_alexnet": (lambda: MiniAlexNet([f"class {i}" for i in range(20)]), 96, 24, 4),
    "alexnet": (lambda: torchvision.models.alexnet(), 224, 32, 8),
    "resnet18": (lambda: torchvision.models.resnet18(), 224, 32, 8),
}
SWEEP = (4, 8, 16, 32, 64)
WANTED = 1.3


def kaiming(model: nn.Module) -> nn.Module:
    """The model with weights that let signals through: torchvision's own start leaves AlexNet nearly dead."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return model.eval()


def captum_occlusion(
    model: nn.Module, image: Tensor, target: int, size: int, stride: int, batch: int
) -> Tensor:
    """H x W: Captum's mean drop of the softmax for each pixel."""
    probe = Occlusion(lambda pictures: model(pictures).softmax(-1))
    window, steps = (3, size, size), (3, stride, stride)
    drop = probe.attribute(image[None], window, steps, 0.5, target, perturbations_per_eval=batch)
    return drop[0, 0]


def timed(work) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def compare(name: str, rounds: int = 3) -> float:
    """Time both on one network, print a line, and give Captum's time divided by ours."""
    torch.manual_seed(0)
    build, side, size, stride = NETWORKS[name]
    model, image = kaiming(build()), torch.rand(3, side, side)
    with torch.inference_mode():
        target = int(model(image[None]).argmax())
    sweep = {
        b: timed(lambda b=b: captum_occlusion(model, image, target, size, 2 * stride, b))[0] for b in SWEEP
    }
    best = min(sweep, key=sweep.get)
    ours, theirs = [], []
    for _ in range(rounds):
        seconds, found = timed(lambda: occlusion(model, image, target, size=size, stride=stride))
        ours.append(seconds)
        seconds, expected = timed(lambda: captum_occlusion(model, image, target, size, stride, best))
        theirs.append(seconds)
    worst = float((found.to_pixels() - expected).abs().max())
    ratio = min(theirs) / min(ours)
    print(
        f"{name:13} {found.probability.numel()} places: cnnlab {min(ours):6.2f} s, Captum {min(theirs):6.2f} s"
        f" (perturbations_per_eval={best}), ratio {ratio:.2f}; maps differ by at most {worst:.0e}",
        flush=True,
    )
    if worst > 1e-5:
        raise SystemExit(f"{name}: the maps differ by {worst:.1e}")
    return ratio


if __name__ == "__main__":
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    ratios = [compare(name) for name in sys.argv[1:] or NETWORKS]
    raise SystemExit(0 if min(ratios) >= WANTED else f"below {WANTED} times Captum's speed")
