"""Images made by gradient ascent: the image and its score by step, curves by step or layer, and animations."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from io import BytesIO
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from PIL import Image
from torch import Tensor

from cnnlab._validation import positive_int
from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import ASIDE, draw_lines, finish, name_ticks, show_image


def optimisation_figure(
    images: Sequence[Tensor], scores: Sequence[float], label: str, n_frames: int = 6
) -> AltTextFigure:
    """An image at `n_frames` steps of its optimisation, and its score over the steps.

    Parameters
    ----------
    images
        3 x H x W in [0, 1], one for each step.
    scores
        As many numbers.
    label
        What the numbers are.
    n_frames
        How many of the pictures, evenly from the first to the last.

    Raises
    ------
    ValueError
        If pictures and numbers are not as many, or fewer than two.
    """
    if len(images) != len(scores) or len(images) < 2:
        raise ValueError(
            f"give pictures and as many scores, two at least, but got {len(images)} pictures and {len(scores)} scores."
        )
    steps = (
        np.linspace(0, len(images) - 1, min(positive_int(n_frames, "n_frames"), len(images)))
        .round()
        .astype(int)
    )
    alt_text = f"A picture at {len(steps)} of its {len(images) - 1} steps, and {label} over the steps."
    figure = AltTextFigure(figsize=(10, 3.4), alt_text=alt_text)
    axes = figure.subplot_mosaic(
        [[f"at {step}" for step in steps], ["curve"] * len(steps)], height_ratios=(1.25, 1)
    )
    for step in steps:
        show_image(axes[f"at {step}"], images[step], f"step {step}", 9)
    draw_lines(axes["curve"], {label: (range(len(scores)), scores)}, markevery=steps.tolist())
    finish(axes["curve"], "step", label, grid=None, legend=None)
    return figure


def lines_figure(
    lines: Mapping[str, Sequence[float]],
    x_labels: Sequence[str] | None = None,
    *,
    title: str = "",
    across: str = "step",
    up: str = "",
    logarithmic: bool = False,
) -> AltTextFigure:
    """Values by step or by layer, a line for each name.

    Parameters
    ----------
    lines
        Name -> values, all of the same length.
    x_labels
        Tick labels, such as names of layers; None counts from 0.
    title, across, up
        Title, x label and y label.
    logarithmic
        Whether the y axis is logarithmic.

    Raises
    ------
    ValueError
        If there is no line, or they are not as long as one another or as `x_labels`.
    """
    lengths = {len(values) for values in lines.values()} | (
        {len(x_labels)} if x_labels is not None else set()
    )
    if len(lengths) != 1 or not lines:
        raise ValueError(f"lines and places must be equally long, but have lengths {sorted(lengths)}.")
    ends = x_labels if x_labels is not None else (0, lengths.pop() - 1)
    sentences = [
        f"{name} {values[0]:.3g} at {ends[0]}, {values[-1]:.3g} at {ends[-1]}"
        for name, values in lines.items()
    ]
    alt_text = f"{title or up or 'Numbers'}. By {across}: {'; '.join(sentences)}."
    axis = AltTextFigure(figsize=(8, 3.2), alt_text=alt_text).subplots()
    curves = {
        fill(name, 24): (range(len(y)), np.asarray(y, dtype=float)) for name, y in lines.items()
    }  # long names would leave the lines no room
    draw_lines(axis, curves, **({"marker": ""} if x_labels is None else {}))
    if x_labels is not None:
        name_ticks(axis, x_labels, 40 if len(x_labels) > 8 else 0)
    if logarithmic:
        axis.set_yscale("log")
    else:
        axis.yaxis.set_major_locator(MaxNLocator(6))
    return finish(axis, across, up, title, grid=None, legend=ASIDE if len(lines) > 1 else None)


class Animation:
    """Frames as an animated WebP in a notebook, and as a row of frames elsewhere.

    Parameters
    ----------
    frames
        3 x H x W in [0, 1], all of one size.
    alt_text
        What the animation shows, for readers who cannot see it.
    pace
        Frames in a second.
    rounds
        How often it is played; 0 is without end.
    quality
        0 to 100, of the lossy compression.
    """

    def __init__(
        self, frames: Sequence[Tensor], alt_text: str, *, pace: float = 12, rounds: int = 3, quality: int = 60
    ):
        self.frames = [frame.detach().cpu() for frame in frames]
        if not self.frames:
            raise ValueError("an animation needs frames, but none came.")
        self.alt_text, self.pace, self.rounds, self.quality = alt_text, pace, rounds, quality

    def webp(self) -> bytes:
        """The animation as the content of a WebP file."""
        pictures = [_picture(frame) for frame in self.frames]
        stream = BytesIO()
        timing = {"duration": round(1000 / self.pace), "loop": self.rounds}
        options = {"save_all": True, "append_images": pictures[1:], "quality": self.quality, "method": 4}
        pictures[0].save(stream, "WEBP", **options, **timing)
        return stream.getvalue()

    def strip(self, n_frames: int = 6) -> AltTextFigure:
        """Some of the frames in a row."""
        steps = np.linspace(0, len(self.frames) - 1, min(n_frames, len(self.frames))).round().astype(int)
        figure = AltTextFigure(figsize=(10, 10 / len(steps) + 0.3), alt_text=self.alt_text)
        for axis, step in zip(np.atleast_1d(figure.subplots(1, len(steps))), steps, strict=True):
            show_image(axis, self.frames[step], f"frame {step + 1}", 9)
        return figure

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, dict]]:
        moving = base64.b64encode(self.webp()).decode()
        still = base64.b64encode(self.strip().png()).decode()
        image_tag = f'<img alt="{html.escape(self.alt_text)}" src="data:image/webp;base64,{moving}" style="width: 384px; max-width: 100%">'
        return {"text/html": image_tag, "image/png": still, "text/plain": self.alt_text}, {
            "image/png": {"alt": self.alt_text}
        }


def _picture(frame: Tensor) -> Image.Image:
    return Image.fromarray(frame.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy())
