"""Gradient techniques beside Captum's, in one run: `python tests/benchmarks/gradients.py [network ...]`.

Each network has random Kaiming weights; what the numbers say does not depend on training. For each technique ours and Captum's run
in turn, and the ratio of their fastest runs counts: absolute times depend on the machine, the ratio hardly. The maps are compared
too, so a fast wrong answer does not pass. The memory of integrated gradients and SmoothGrad is what the peak of a fresh process
rises by, beside Captum's default (all samples at once). Some six minutes on two cores.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import captum.attr
import torch
import torchvision
from timing import timed
from torch import Tensor, nn

from cnnlab import attribution
from cnnlab.networks import EfficientNetLite0, MiniAlexNet, SqueezeNet

CLASSES = [f"class {i}" for i in range(1000)]
NETWORKS = {
    # network: (builder, side of the picture, last convolutional layer, can Captum apply the ReLU rules?)
    "mini_alexnet": (lambda: MiniAlexNet(CLASSES[:20]), 96, "conv5", True),
    "resnet18": (
        lambda: torchvision.models.resnet18(),
        224,
        "layer4",
        False,
    ),  # its ReLUs run in several places
    "squeezenet": (lambda: SqueezeNet(CLASSES), 224, "fire9", True),
    "efficientnet_lite0": (lambda: EfficientNetLite0(CLASSES), 224, "head", False),  # Captum knows no ReLU6
}
TARGET, SAMPLES = 3, 50
SLOWEST, LARGEST = 1.1, 0.1


def built(name: str) -> tuple[nn.Module, Tensor]:
    """The network, with weights that let signals through, and a picture."""
    torch.manual_seed(0)
    build, side, *_ = NETWORKS[name]
    model = build().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    return model, torch.rand(3, side, side)


def contenders(name: str, model: nn.Module, image: Tensor) -> dict[str, tuple[Callable, Callable]]:
    """For each technique: ours, and Captum's, both giving a map."""
    layer, rules = NETWORKS[name][2:]
    module, probes = model.get_submodule(layer), captum.attr

    def asking(technique: Callable, **options) -> Callable:
        return lambda: technique(image[None].clone().requires_grad_(), target=TARGET, **options)

    def captum_grad_cam():
        coarse = asking(probes.LayerGradCam(model, module).attribute, relu_attributions=True)()
        return probes.LayerAttribution.interpolate(coarse, image.shape[1:], "bilinear")[:, 0]

    def captum_smoothgrad():
        torch.manual_seed(0)
        tunnel = probes.NoiseTunnel(probes.Saliency(model))
        deviation = 0.15 * float(image.max() - image.min())
        return asking(tunnel.attribute, nt_samples=SAMPLES, stdevs=deviation, abs=False)()

    integrated = asking(probes.IntegratedGradients(model).attribute, n_steps=SAMPLES, method="riemann_middle")
    pairs = {
        "gradient": (attribution.gradient, asking(probes.Saliency(model).attribute, abs=False)),
        "grad_cam": (lambda *them: attribution.grad_cam(*them, layer), captum_grad_cam),
        "integrated_gradients": (attribution.integrated_gradients, integrated),
        "smoothgrad": (attribution.smoothgrad, captum_smoothgrad),
    }
    if rules:
        pairs |= {
            "deconvnet": (attribution.deconvnet, asking(probes.Deconvolution(model).attribute)),
            "guided_backprop": (attribution.guided_backprop, asking(probes.GuidedBackprop(model).attribute)),
            "guided_grad_cam": (
                lambda *them: attribution.guided_grad_cam(*them, layer),
                asking(probes.GuidedGradCam(model, module).attribute, interpolate_mode="bilinear"),
            ),
        }
    return {
        what: (lambda ours=ours: ours(model, image, TARGET), theirs) for what, (ours, theirs) in pairs.items()
    }


def compare_time(name: str, rounds: int = 9) -> bool:
    """Time each technique beside Captum's on one network, print a line for each, and tell whether all are within bounds."""
    model, image = built(name)
    fine = True
    for what, (ours, theirs) in contenders(name, model, image).items():
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(3 if what in ("integrated_gradients", "smoothgrad") else rounds):
            for one, work in zip(times, (ours, theirs), strict=True):
                seconds, found = timed(work)
                one.append(seconds)
        # A last bit of a pixel can open a ReLU, so along a way from picture to picture the maps agree to a thousandth or so.
        found = found.detach()
        difference = float((ours() - found.squeeze(0)).abs().max() / found.abs().max())
        ratio = min(times[0]) / min(times[1])
        fine &= ratio <= SLOWEST and difference < 1e-2
        print(
            f"{name:13} {what:21} cnnlab {1e3 * min(times[0]):7.1f} ms, Captum {1e3 * min(times[1]):7.1f} ms, ratio"
            f" {ratio:.2f}; maps differ by {difference:.0e} of their maximum",
            flush=True,
        )
    return fine


def peak(name: str, what: str, whose: int) -> int:
    """By how many bytes the peak memory of this process rises while a technique (0 ours, 1 Captum's) runs."""
    model, image = built(name)
    work = contenders(name, model, image)[what][whose]
    attribution.gradient(model, image, TARGET)  # what any first pass takes
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = high_water()
    work()
    return high_water() - before


def high_water() -> int:
    """The largest memory of this process so far, in bytes. (getrusage would give that of the process that started it, too.)"""
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return 1024 * int(line.split()[1])


def compare_memory(name: str, what: str) -> bool:
    """The rise of the peak beside Captum's default."""
    if not Path("/proc/self/clear_refs").exists():
        print("memory is compared on Linux alone")
        return True
    sizes = []
    for whose in ("0", "1"):
        command = [sys.executable, __file__, "--peak", name, what, whose]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        sizes.append(json.loads(done.stdout.splitlines()[-1]))
    ratio = sizes[0] / sizes[1]
    print(
        f"{name:13} {what:21} cnnlab {sizes[0] / 2**20:7.0f} MB, Captum {sizes[1] / 2**20:7.0f} MB, ratio {ratio:.2f}",
        flush=True,
    )
    return ratio <= LARGEST


def compare_with_pytorch_grad_cam(name: str) -> bool:
    """Grad-CAM beside pytorch-grad-cam's, which need not be installed: its time, and the maps of all three CAMs that are made alike."""
    if importlib.util.find_spec("pytorch_grad_cam") is None:
        print("pytorch-grad-cam is not installed, so Grad-CAM is not compared with it")
        return True
    from pytorch_grad_cam import GradCAM, HiResCAM, LayerCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model, image = built(name)
    layer = NETWORKS[name][2]
    module = model.get_submodule(layer)
    same = []
    for theirs, ours in (
        (GradCAM, attribution.grad_cam),
        (HiResCAM, attribution.hires_cam),
        (LayerCAM, attribution.layer_cam),
    ):
        with theirs(model=model, target_layers=[module]) as twin:
            goal = [ClassifierOutputTarget(TARGET)]
            twin(image[None], goal)
            maps, slopes = (
                kept[0].numpy()
                for kept in (twin.activations_and_grads.activations, twin.activations_and_grads.gradients)
            )
            expected = torch.as_tensor(twin.get_cam_image(image[None], module, goal, maps, slopes, False))
        found = ours(model, image, TARGET, layer, resize=False)
        same.append(
            torch.allclose(found, expected[0].relu(), rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
        )
        assert float(expected.max()) > 0
        if not same[-1]:
            print(f"{name:13} {theirs.__name__} is another map")
    probe = GradCAM(model=model, target_layers=[module])
    works = (
        lambda: attribution.grad_cam(model, image, TARGET, layer),
        lambda: torch.as_tensor(probe(image[None], [ClassifierOutputTarget(TARGET)])),
    )
    fastest = [min(timed(work)[0] for _ in range(9)) for work in works]
    print(
        f"{name:13} grad_cam is {fastest[1] / fastest[0]:.2f} times as fast as pytorch-grad-cam's; {sum(same)} of 3 maps agree"
    )
    return all(same) and fastest[1] >= 2 * fastest[0]


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "Setting backward hooks on ReLU")
    if sys.argv[1:2] == ["--peak"]:
        print(peak(sys.argv[2], sys.argv[3], int(sys.argv[4])))
        raise SystemExit
    print(f"torch {torch.__version__}, captum {captum.__version__}, {torch.get_num_threads()} threads")
    passed = []
    for network in sys.argv[1:] or NETWORKS:
        passed.append(compare_time(network))
        passed += [compare_memory(network, what) for what in ("integrated_gradients", "smoothgrad")]
        passed.append(compare_with_pytorch_grad_cam(network))
    raise SystemExit(0 if all(passed) else f"beyond {SLOWEST} of Captum's time or {LARGEST} of its memory")
