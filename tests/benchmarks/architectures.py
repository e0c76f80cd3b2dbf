"""Every technique and every explorer on seventeen of torchvision's architectures and the two ImageNet networks.

    python tests/benchmarks/architectures.py [architecture ...]

The calls are those of `tests/test_imagenet_techniques.py`; weights of torchvision's networks are random, pictures are two photographs of
64 x 64 (or the smallest side that a network takes). Each cell is

    .   answers, with finite numbers
    r   refuses, in a sentence that says why
    X   crashes: an error of another kind, or one that explains nothing
    s   takes more than 12 seconds

Refusals and crashes are printed in full below the marks. Some forty minutes on two cores.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import torch
import torchvision
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

import test_imagenet_techniques as calls

import cnnlab as lab
from cnnlab import explorers, transfer
from cnnlab.networks import activations, layer_names
from cnnlab.networks.imagenet import imagenet_classes

ARCHITECTURES = (
    *("alexnet", "vgg11", "vgg16_bn", "squeezenet1_1", "resnet18", "resnext50_32x4d", "wide_resnet50_2"),
    *("densenet121", "googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0"),
    *("regnet_y_400mf", "shufflenet_v2_x0_5", "convnext_tiny", "swin_t", "vit_b_16"),
)
PACKAGED = ("squeezenet", "efficientnet_lite0")
SIDES = {"inception_v3": 96, "swin_t": 96, "convnext_tiny": 96}
OPTIONS = {
    "vit_b_16": {"image_size": 64},
    "inception_v3": {"init_weights": False},
    "googlenet": {"init_weights": False},
}
LONGEST = 12.0
"""Seconds that a cell may take."""
EXPECTED = (ValueError, TypeError, LookupError, FloatingPointError)


def network(name: str) -> nn.Module:
    """The network, with the classes of ImageNet and the side of its pictures."""
    if name in PACKAGED:
        return lab.load(name)
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, **OPTIONS.get(name, {})).eval()
    model.class_names, model.input_size = imagenet_classes(), SIDES.get(name, calls.SIDE)
    return model


def given(model: nn.Module, side: int) -> SimpleNamespace:
    """What the techniques are asked about: layers at a fifth, at three fifths and at the end of those with maps, and the head."""
    photographs = lab.photographs()[["chelsea", "coffee"]]
    images = photographs.images(side).float() / 255
    with torch.inference_mode():
        labels = model(images).argmax(1)
    maps = []
    for layer in layer_names(model):
        with contextlib.suppress(ValueError, TypeError):
            if activations(model, images[:1], layer)[layer].dim() == 4:
                maps.append(layer)
    return SimpleNamespace(
        model=model,
        image=images[0],
        images=images,
        labels=labels,
        early=maps[len(maps) // 5],
        middle=maps[3 * len(maps) // 5],
        last=maps[-1],
        head=transfer.head_name(model),
        mask=torch.ones(2, side, side, dtype=torch.bool).triu(),
        crops=photographs.crops(side, per_photo=8, progress=False),
        labelled=calls.Labelled(images, labels, model.class_names),
        world=lab.world.dataset("validation", n=8, size=side, progress=False),
        new=transfer.new_head(model, ["cat", "cup"]),
        task=(images, torch.tensor([0, 1])),
    )


def opened(name: str, model: nn.Module) -> list[Tensor]:
    """Open an explorer on the network and draw it; its error, if it shows one, is raised."""
    kind = getattr(explorers, name)
    if "model" not in inspect.signature(kind).parameters:
        return []
    explorer = kind(model)
    if explorer.error is not None:
        raise explorer.error
    explorer.static_preview()
    return []


def tried(work) -> tuple[str, str]:
    """The mark of a cell, and what is to be said of it."""
    begun = time.perf_counter()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            finite = all(bool(torch.isfinite(part.double()).all()) for part in calls.numbers(work()))
    except EXPECTED as error:
        text = str(error)
        explained = len(text) > 30 and not any(w in text for w in ("NoneType", "unpack", "must be Tensor"))
        return ("r" if explained else "X"), f"{type(error).__name__}: {text}"
    except Exception as error:
        return "X", f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - begun
    if seconds > LONGEST:
        return "s", f"{seconds:.0f} s"
    return ".", "" if finite else "not all numbers are finite"


def tell(name: str) -> None:
    """Try all on one architecture, and print a line of JSON for each cell."""
    warnings.simplefilter("ignore")
    model = network(name)
    g = given(model, SIDES.get(name, calls.SIDE))
    for technique, call in calls.TECHNIQUES.items():
        print(json.dumps([technique, *tried(lambda call=call: call(g))]), flush=True)
    for explorer in sorted(n for n in explorers.__all__ if n.endswith("Explorer") and n != "Explorer"):
        print(json.dumps([explorer, *tried(lambda explorer=explorer: opened(explorer, model))]), flush=True)


def main(names: list[str]) -> int:
    cells: dict[str, dict[str, tuple[str, str]]] = {}
    for name in names:
        command = [sys.executable, __file__, "--tell", name]
        run = subprocess.run(command, capture_output=True, text=True)
        rows = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("[")]
        cells[name] = {row: (mark, said) for row, mark, said in rows}
        marks = "".join(mark for mark, _said in cells[name].values())
        print(f"{name:20} {marks}", flush=True)
        if run.returncode:
            print(f"{name:20} ended with {run.returncode}: {run.stderr.strip().splitlines()[-1:]}")
        for what, (mark, said) in cells[name].items():
            if mark != "." or said:
                print(f"  {mark} {what:40} {said[:300]}", flush=True)
    crashed = sum(mark in "Xs" for row in cells.values() for mark, _said in row.values())
    print(f"\n{crashed} cells crash or take too long, of {sum(map(len, cells.values()))}.")
    return bool(crashed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tell"]:
        tell(sys.argv[2])
        sys.stdout.flush()
        sys.exit()
    sys.exit(main(sys.argv[1:] or [*ARCHITECTURES, *PACKAGED]))
