"""Films of what grows: class images, dreams, inversions and styles, step by step, each one file with a slider over its steps.

The steps are those that the explorers of the notebooks go through. A film is a sheet of frames as WebP, of which `browser/film.js` shows
one at a time.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from cnnlab import explorers
from cnnlab.explorers.image_bytes import to_array
from cnnlab.explorers.optimisation_base import OptimisationExplorer
from cnnlab.explorers.step_player import Frame

FRAMES = 24
COLUMNS = 6
SIDE = 224
"""Largest side of a picture in a film, in pixels."""
LARGEST = 480
"""Width at which a film is shown at most, in CSS pixels."""
QUALITY = 80
"""Of WebP."""


@dataclass(frozen=True)
class Film:
    """A film: its notebook and cell, and the explorer whose run it shows."""

    notebook: str
    cell: str
    title: str
    make: Callable[[], OptimisationExplorer]

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.notebook}-{self.cell}-film"


FILMS = (
    Film(
        *("08_the_image_a_unit_wants", "explorer", "How the goldfish grows"),
        lambda: explorers.ActivationMaximisationExplorer("squeezenet", number="goldfish"),
    ),
    Film(
        *("09_inversion_and_deepdream", "explorer", "How two pictures come back out of fire5"),
        lambda: explorers.InversionExplorer("squeezenet", "chelsea", layer="fire5", steps=50),
    ),
    Film(
        *("09_inversion_and_deepdream", "dreamer", "How the dream grows"),
        lambda: explorers.DeepDreamExplorer("squeezenet", "china", layer="fire6", steps=12),
    ),
    Film(
        *("10_style_transfer", "explorer", "How the style comes over the picture"),
        lambda: explorers.StyleTransferExplorer("squeezenet", "chelsea", style="flower", steps=40, size=128),
    ),
)

ELEMENT = """<figure class="film" data-columns="{columns}" data-said="{said}">
<div class="film-frame" role="img" aria-label="{alt}" style="{style}"></div>
<figcaption>{title}</figcaption>
<div class="film-controls"><button type="button">Play</button>
<input type="range" min="0" max="{last}" value="{last}" aria-label="Step of the film: {title}"><output>{end}</output></div>
</figure>"""


def write_film(film: Film, folder: Path) -> str:
    """Run the explorer of a film, write its sheet into `folder`, and give the HTML of the film for a page beside that folder."""
    explorer = film.make()
    explorer.player.stop()
    steps, total = explorer.frames()
    run = list(steps)
    chosen = evenly_spaced(len(run), FRAMES)
    moving = moving_pictures([run[step] for step in chosen])
    folder.mkdir(parents=True, exist_ok=True)
    sheet = Image.fromarray(to_array(sheet_of(moving)))
    sheet.save(folder / f"{film.name}.webp", "WEBP", quality=QUALITY, method=6)
    wide, high = moving[0].shape[2], moving[0].shape[1]
    said = [say(step, total, run[step], explorer.curve_label) for step in chosen]
    rows = -(-len(moving) // COLUMNS)
    style = (
        f"aspect-ratio: {wide} / {high}; max-width: {min(2 * wide, LARGEST)}px; background-size: {100 * COLUMNS}% {100 * rows}%;"
        f" background-image: url({folder.name}/{film.name}.webp)"
    )
    return ELEMENT.format(
        columns=COLUMNS,
        said=html.escape(json.dumps(said)),
        alt=html.escape(f"{film.title}. {explorer.summary()}"),
        style=style,
        title=html.escape(film.title),
        last=len(said) - 1,
        end=html.escape(said[-1]),
    )


def say(step: int, total: int, frame: Frame, of: str) -> str:
    """A step of a run in words, with what was measured there, and `of` what."""
    measured = ", ".join(f"{name} {value:.3g}" for name, value in frame.metrics.items())
    return f"step {step} of {total}{f'; {of.lower()}: {measured}' if measured else ''}"


def evenly_spaced(count: int, most: int) -> list[int]:
    """At most so many of `count` steps, evenly spaced, the first and the last among them."""
    return sorted(set(torch.linspace(0, count - 1, min(count, most)).round().int().tolist()))


def moving_pictures(frames: Sequence[Frame]) -> list[Tensor]:
    """For each frame the pictures that change in the film side by side, 3 x H x W, at most `SIDE` high."""
    moves = [not torch.equal(*pair) for pair in zip(frames[0].pixels, frames[-1].pixels, strict=True)]
    rows = []
    for frame in frames:
        images = frame.images[torch.tensor(moves)]
        if images.shape[-1] > SIDE:
            images = F.interpolate(images, size=(SIDE, SIDE), mode="bilinear", antialias=True)
        rows.append(torch.cat(list(images), 2).clamp(0, 1))
    return rows


def sheet_of(pictures: Sequence[Tensor]) -> Tensor:
    """Pictures of one size, row by row, `COLUMNS` in a row."""
    blank = [torch.zeros_like(pictures[0])] * (-len(pictures) % COLUMNS)
    whole = [*pictures, *blank]
    rows = [torch.cat(whole[start : start + COLUMNS], 2) for start in range(0, len(whole), COLUMNS)]
    return torch.cat(rows, 1)
