"""Every technique and every explorer on seventeen of torchvision's architectures and the two ImageNet networks.

    python tests/benchmarks/architectures.py [architecture ...] [--rows WORD]

`--rows` tries only those whose names contain a word, such as Explorer.

The calls are those of `tests/test_imagenet_techniques.py`; weights of torchvision's networks are random, pictures are two photographs of
64 x 64 (or the smallest side that a network takes). Each cell is

    .   answers, with finite numbers
    r   refuses, in a sentence that says why
    X   crashes: an error of another kind, or one that explains nothing
    s   hangs: more than 12 seconds in which nothing can be seen or stopped

A technique is one such step. An explorer is opened within an event loop, as in a notebook: it hangs if its first display, or any step
that it takes in the background afterwards, is as long. Three numbers are kept of it: the seconds until the first display, those of the
longest step, and those until everything is there. Seconds are those of one core, so other work on the machine does not count.

Refusals and crashes are printed in full below the marks, and all that takes longer than 12 seconds until everything is there. Some
forty minutes on two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import inspect
import io
import json
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import torch
import torchvision
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

import test_imagenet_techniques as calls

import cnnlab as lab
from cnnlab import explorers, transfer
from cnnlab.explorers.background import BackgroundSteps
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
"""Seconds that a step may take in which nothing can be seen or stopped."""
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
        side=side,
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


@dataclass
class Cell:
    """What came of one technique or explorer: its mark, what is to be said of it, and seconds."""

    row: str
    mark: str = "."
    said: str = ""
    first: float = 0.0
    longest: float = 0.0
    total: float = 0.0


async def opened(name: str, model: nn.Module, cell: Cell) -> None:
    """Open an explorer on the network, draw it, and let it finish; its error, if it shows one, is raised."""
    begun = time.process_time()
    explorer = getattr(explorers, name)(model)
    explorer.static_preview()
    cell.first = cell.longest = time.process_time() - begun
    with stopwatch(cell):
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
    if explorer.error is not None:
        raise explorer.error
    explorer.static_preview()


@contextlib.contextmanager
def stopwatch(cell: Cell) -> Iterator[None]:
    """Note the longest step that is taken in the background."""
    step = BackgroundSteps._step

    def timed(*args) -> bool:
        begun = time.process_time()
        goes_on = step(*args)
        cell.longest = max(cell.longest, time.process_time() - begun)
        return goes_on

    BackgroundSteps._step = timed
    try:
        yield
    finally:
        BackgroundSteps._step = step


def tried(row: str, g: SimpleNamespace) -> Cell:
    """Try a technique or an explorer."""
    cell, begun = Cell(row), time.process_time()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            if row in calls.TECHNIQUES:
                numbers = calls.numbers(calls.TECHNIQUES[row](g))
                if not all(bool(torch.isfinite(part.double()).all()) for part in numbers):
                    cell.said = "not all numbers are finite"
                cell.first = cell.longest = time.process_time() - begun
            else:
                asyncio.run(opened(row, g.model, cell))
    except EXPECTED as error:
        text = str(error)
        explained = len(text) > 30 and not any(w in text for w in ("NoneType", "unpack", "must be Tensor"))
        cell.mark, cell.said = "r" if explained else "X", f"{type(error).__name__}: {text}"
    except Exception as error:
        cell.mark, cell.said = "X", f"{type(error).__name__}: {error}"
    cell.total = time.process_time() - begun
    if cell.mark == "." and cell.longest > LONGEST:
        cell.mark = "s"
    return cell


def rows(word: str) -> list[str]:
    """The techniques, and the explorers that take a network, whose names contain a word."""
    takes_a_network = [
        name
        for name in sorted(explorers.__all__)
        if name.endswith("Explorer") and "model" in inspect.signature(getattr(explorers, name)).parameters
    ]
    takes_a_network.remove("Explorer")
    return [name for name in (*calls.TECHNIQUES, *takes_a_network) if word in name]


def tell(name: str, word: str) -> None:
    """Try all on one architecture, and print a line of JSON for each cell."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    g = given(network(name), SIDES.get(name, calls.SIDE))
    for row in rows(word):
        print(json.dumps(asdict(tried(row, g))), flush=True)


def line(name: str, cells: list[Cell]) -> str:
    """The counts of one network, and what takes longest."""

    def most(seconds: str) -> str:
        slowest = max(cells, key=lambda cell: getattr(cell, seconds))
        return f"{getattr(slowest, seconds):.0f} s ({slowest.row})"

    marks = Counter(cell.mark for cell in cells)
    return (
        f"{name:20} {marks['.']} right, {marks['r']} refused, {marks['X']} crash, {marks['s']} hang;"
        f" first display {most('first')}, longest step {most('longest')}, all {most('total')}"
    )


def main(names: list[str], word: str) -> int:
    failed = tried_all = 0
    for name in names:
        command = [sys.executable, __file__, "--tell", name, "--rows", word]
        run = subprocess.run(command, capture_output=True, text=True)
        cells = [Cell(**json.loads(text)) for text in run.stdout.splitlines() if text.startswith("{")]
        print(f"{name:20} {''.join(cell.mark for cell in cells)}", flush=True)
        if run.returncode or not cells:
            print(f"{name:20} ended with {run.returncode}: {run.stderr.strip().splitlines()[-1:]}")
            failed += 1
            continue
        for cell in cells:
            if cell.mark != "." or cell.said or cell.total > LONGEST:
                seconds = f"{cell.first:.1f} s, {cell.longest:.1f} s, {cell.total:.1f} s"
                print(f"  {cell.mark} {cell.row:40} {seconds:24} {cell.said[:300]}")
        print(line(name, cells), flush=True)
        failed += sum(cell.mark in "Xs" for cell in cells)
        tried_all += len(cells)
    print(f"\n{failed} cells crash or hang, of {tried_all}.")
    return bool(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architectures", nargs="*", default=[*ARCHITECTURES, *PACKAGED])
    parser.add_argument("--rows", default="", metavar="WORD")
    parser.add_argument("--tell", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.tell:
        tell(asked.tell, asked.rows)
        sys.stdout.flush()
        sys.exit()
    sys.exit(main(asked.architectures, asked.rows))
