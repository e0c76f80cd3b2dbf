"""Occlusion beside Captum's, timed in one run: `python tests/benchmarks/occlusion.py [network ...]`.

Each network has random Kaiming weights; what the numbers say does not depend on training. Captum gets the
`perturbations_per_eval` that serves it best, found in a sweep over a quarter of the places. Then both run in
turn, and the ratio of their fastest runs counts: absolute times depend on the machine, the ratio hardly. Both
maps are compared as well, so a fast wrong answer does not pass. Some eight minutes on two cores.

A second line says how far this can lead: the multiply-adds that the occluder affects, at the rate at which ONNX Runtime computes a
batch of 64 in full, and how many times as long we take. Winograd's convolutions need fewer of them, so it can be under 1.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import onnxruntime
import torch
import torchvision
from captum.attr import Occlusion
from timing import timed
from torch import Tensor, nn

from cnnlab._incremental.plan import make_plan
from cnnlab._incremental.tracing import record_steps
from cnnlab.attribution import occluder_positions, occlusion
from cnnlab.networks import EfficientNetLite0, MiniAlexNet, SqueezeNet

CLASSES = [f"class {i}" for i in range(1000)]
NETWORKS = {
    # network: (builder, side of the picture, side of the occluder, stride, how many times as fast as Captum is wanted)
    "mini_alexnet": (lambda: MiniAlexNet(CLASSES[:20]), 96, 24, 4, 3),
    "alexnet": (lambda: torchvision.models.alexnet(), 224, 32, 8, 5),
    "resnet18": (lambda: torchvision.models.resnet18(), 224, 32, 8, 4),
    "vgg16": (lambda: torchvision.models.vgg16(), 224, 32, 16, 13),
    "squeezenet": (lambda: SqueezeNet(CLASSES), 224, 32, 12, 3),
    "efficientnet_lite0": (lambda: EfficientNetLite0(CLASSES), 224, 32, 12, 3),
}
SWEEP = (4, 8, 16, 32, 64)
BATCH = 64
"""Images that ONNX Runtime computes at once."""


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


def onnx_seconds(model: nn.Module, image: Tensor) -> float:
    """Seconds that ONNX Runtime takes for a batch, the fastest of three, on as many threads as torch."""
    images = image.expand(BATCH, *image.shape).contiguous()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "network.onnx")
        torch.onnx.export(model, (images,), file, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: images.numpy()}
    return min(timed(lambda: session.run(None, feed))[0] for _ in range(3))


def affected_fraction(model: nn.Module, image: Tensor, size: int, stride: int) -> float:
    """The share of the multiply-adds that an occluder affects, on average over its places."""
    recording = record_steps(model, image, {})
    plan = make_plan(recording, size, *(occluder_positions(side, size, stride) for side in image.shape[1:]))
    layers = {f"0.{name}": layer for name, layer in model.named_modules()}
    affected = total = 0.0
    for step in recording.steps:
        layer = layers.get(step.target)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            work = recording.values[step].numel() * layer.weight[0].numel()
            total += work
            affected += work * (plan.windowed_steps[step].mean_fraction if step in plan.windowed_steps else 1)
    return affected / total


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
    fraction, batch_seconds = affected_fraction(model, image, size, stride), onnx_seconds(model, image)
    limit = found.probability.numel() * fraction * batch_seconds / BATCH
    print(
        f"{'':13} {fraction:.0%} of the multiply-adds are affected; ONNX Runtime takes {batch_seconds:.2f} s for {BATCH} images,"
        f" so {limit:.2f} s for those, and cnnlab {min(ours) / limit:.2f} times as long",
        flush=True,
    )
    if worst > 1e-5 or spread < 1e-3:
        raise SystemExit(f"{name}: the maps differ by {worst:.1e}, and their values by {spread:.1e}")
    return ratio >= wanted


if __name__ == "__main__":
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    reached = [compare(name) for name in sys.argv[1:] or NETWORKS]
    raise SystemExit(0 if all(reached) else "not as many times Captum's speed as wanted")
