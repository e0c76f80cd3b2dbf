"""One step of a convolution, receptive fields, and class maps of a fully convolutional network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.axes import bare, colour_scale, draw_box, draw_table, pale_grey, show_image, show_map
from cnnlab.figures.colours import SIGNED
from cnnlab.figures.palette_png import symmetric_range
from cnnlab.networks import ConvolutionStep

_MOST_NUMBERS = 5  # cells along a side in which a number can still be read
_LINES = ("#0b5fff", "#d81b60", "#e69f00", "#00796b", "#6a1b9a", "#c62828")


def convolution_step_figure(
    maps: Tensor, weight: Tensor, step: ConvolutionStep, channel: int = 0
) -> AltTextFigure:
    """One step of a convolution in one channel: patch times kernel gives products, with their numbers and their sum.

    Parameters
    ----------
    maps, weight
        C x H x W and C x k x k, as they went into `cnnlab.networks.convolution_step`.
    step
        What came out of it.
    channel
        Which of the C is shown.
    """
    channel_map, kernel = maps[channel].detach(), weight[channel].detach()
    of = f", channel {channel} of {len(maps)}" if len(maps) > 1 else ""
    alt_text = (
        f"What the kernel reads at rows {step.rows[0]} to {step.rows[-1]}, columns {step.columns[0]} to"
        f" {step.columns[-1]}{of}; the kernel; and their products, whose sum with the bias is one number of the map."
    )
    figure = AltTextFigure(figsize=(10, 3.2), alt_text=alt_text)
    whole, patch, middle, right = figure.subplots(1, 4, width_ratios=(1.25, 1, 1, 1))
    show_map(whole, channel_map, f"where it reads{of}", 10, cmap="gray")
    for row in step.rows:
        for column in step.columns:
            whole.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, color=_LINES[1], lw=1))
    low, high = (min(0, min(edge)) - 0.5 for edge in (step.columns, step.rows))
    whole.set_xlim(low, max(channel_map.shape[1] - 1, step.columns[-1]) + 0.5)
    whole.set_ylim(max(channel_map.shape[0] - 1, step.rows[-1]) + 0.5, high)
    whole.set_facecolor("0.93")  # padding
    _numbers(
        patch, step.patch[channel], "patch", "gray", (float(channel_map.min()), float(channel_map.max()))
    )
    _numbers(middle, kernel, "× kernel", SIGNED, symmetric_range(kernel))
    products = step.products[channel].detach()
    _numbers(right, products, "= products", SIGNED, symmetric_range(products))
    added = f"{'sum over all channels' if of else 'their sum'} {float(step.products.sum()):.2f}"
    right.set_xlabel(f"{added}\n+ bias {step.bias:.2f} = {step.value:.2f}", fontsize=10)
    return figure


def receptive_field_figure(
    image: Tensor,
    boxes: Mapping[str, Sequence[int]],
    field: Tensor | None = None,
    title: str = "what a unit can see",
) -> AltTextFigure:
    """Receptive fields as boxes in the image, the deepest layer last; beside it the effective receptive field, if given.

    Parameters
    ----------
    image
        3 x H x W in [0, 1].
    boxes
        Name of the layer to (top, left, bottom, right), as `ReceptiveField.box` gives them.
    field
        H x W, from `cnnlab.networks.effective_receptive_field`; the last box is drawn around it.
    """
    named = "; ".join(
        f"{name} rows {t} to {b - 1}, columns {l} to {r - 1}" for name, (t, l, b, r) in boxes.items()
    )
    alt_text = f"The picture with the receptive field of one unit of each layer: {named}."
    if field is not None:
        alt_text += " Beside it the gradient inside the last box: it is strongest near the middle."
    figure = AltTextFigure(figsize=(5.2 if field is None else 9.4, 4.4), alt_text=alt_text)
    axes = [figure.add_subplot()] if field is None else figure.subplots(1, 2)
    show_image(axes[0], image, title, 10)
    for number, (name, box) in enumerate(boxes.items()):
        draw_box(axes[0], box, _LINES[number % len(_LINES)], name)
    axes[0].legend(loc="center left", bbox_to_anchor=(-0.36, 0.5), frameon=False, fontsize=9)
    if field is not None:
        strength = field / field.max().clamp(min=1e-12)
        title = "what it uses (square root of the gradient)"
        show_map(axes[1], strength.sqrt(), title, 10, cmap="magma", vmin=0, vmax=1)
        draw_box(axes[1], list(boxes.values())[-1], "white")
    return figure


def fully_convolutional_figure(
    image: Tensor, probabilities: Tensor, centres: Tensor, names: Sequence[str]
) -> AltTextFigure:
    """Class probability maps of a fully convolutional network over a large image, aligned with the windows that it sees.

    Parameters
    ----------
    image
        3 x H x W in [0, 1].
    probabilities
        K x h x w in [0, 1].
    centres
        2 x 2: (row, column) in the picture of the middle of the first and of the last place's window.
    names
        K names of classes.
    """
    alt_text = (
        f"A picture of {image.shape[2]} x {image.shape[1]} pixels and where in it the network says "
        + ", ".join(names)
    )
    height, width = image.shape[1:]
    figure = AltTextFigure(
        figsize=(10, 10 / (len(names) + 1) * height / width + 0.7),
        dpi=110,
        photographs=True,
        alt_text=f"{alt_text}.",
    )
    axes = figure.subplots(1, len(names) + 1)
    show_image(axes[0], image, f"{width} x {height} pixels", 10)
    (top, left), (bottom, right) = centres.tolist()
    rows, columns = probabilities.shape[1:]
    half = [
        (end - start) / max(count - 1, 1) / 2
        for start, end, count in ((top, bottom, rows), (left, right, columns))
    ]
    extent = (left - half[1], right + half[1], bottom + half[0], top - half[0])
    for axis, name, values in zip(axes[1:], names, probabilities, strict=True):
        show_image(axis, pale_grey(image, 0.5), f"P({name})", 10)
        style = {"cmap": "viridis", "vmin": 0, "vmax": 1, "extent": extent, "alpha": 0.75}
        axis.imshow(values.detach().cpu().numpy(), **style)
        axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    scale = colour_scale(0, 1, "viridis")
    figure.colorbar(scale, ax=axes, orientation="horizontal", fraction=0.06, pad=0.03, aspect=50)
    return figure


def _numbers(axis: Axes, values: Tensor, title: str, cmap: str, span: tuple[float, float]) -> None:
    low, high = span if span[1] > span[0] else (span[0] - 1, span[0] + 1)
    values = values.cpu().numpy()
    written = np.char.mod("%.2f" if len(values) <= _MOST_NUMBERS else "", values)
    draw_table(axis, values, written, size=11, cmap=cmap, vmin=low, vmax=high, aspect="equal")
    bare(axis, title)
