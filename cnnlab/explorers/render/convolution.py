"""One convolution over a grey picture, product by product, for the convolution explorer; without any widget."""

from __future__ import annotations

import html
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from cnnlab.explorers.snippet import arguments, snippet
from cnnlab.explorers.static_preview import canvas
from cnnlab.figures.colours import OUTLINE, SIGNED
from cnnlab.figures.palette_png import symmetric_range
from cnnlab.networks import ConvolutionStep, convolution_step, output_size

KERNELS = ("vertical edge", "horizontal edge", "blur", "sharpen", "spot", "one pixel")
LEARNED_FILTER = "learned by the network"
SOURCE_SIZE = 96
"""Side of the picture before it is reduced."""
_READABLE = 5  # cells along a side at which a number is still legible


@dataclass(frozen=True, eq=False)
class State:
    """Settings of the convolution explorer. `pixels` is 1 x n x n, `weight` 1 x k x k."""

    pixels: Tensor
    weight: Tensor
    bias: float = 0.0
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def steps(self) -> dict[str, int]:
        """Stride, padding and dilation, as arguments of torch."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    @property
    def n_positions(self) -> int:
        """Number of positions along a side; a ValueError that explains it if there is none."""
        return output_size(self.pixels.shape[-1], self.weight.shape[-1], **self.steps)

    def output(self) -> Tensor:
        """The whole output map, 1 x positions x positions."""
        bias = torch.tensor([self.bias])
        return F.conv2d(self.pixels[None], self.weight[None], bias, **self.steps)[0]

    def padded_input(self) -> Tensor:
        """The picture with its zero padding, 1 x (n + 2 p) x (n + 2 p)."""
        return F.pad(self.pixels, [self.padding] * 4)

    def step_at(self, row: int, column: int) -> ConvolutionStep:
        """The products and the sum of one number of the map."""
        return convolution_step(self.pixels, self.weight, self.bias, row=row, column=column, **self.steps)


def grey(image: Tensor, side: int) -> Tensor:
    """A picture 3 x H x W as 1 x side x side: the mean over its colours, and over the pixels that are merged into one."""
    return F.adaptive_avg_pool2d(image.mean(0, keepdim=True), side)


def named_kernel(name: str, size: int) -> Tensor:
    """A hand-made kernel, 1 x size x size: edges respond to changes of brightness, blur to its mean.

    Example
    -------
    >>> named_kernel("vertical edge", 3)
    tensor([[[-1.,  0.,  1.],
             [-1.,  0.,  1.],
             [-1.,  0.,  1.]]])
    """
    middle = (size - 1) / 2
    offset = torch.arange(size) - middle
    weights = torch.zeros(size, size)
    if name == "vertical edge":
        weights += offset.sign()[None, :]
    elif name == "horizontal edge":
        weights += offset.sign()[:, None]
    elif name == "blur":
        weights += 1 / size**2
    elif name == "spot":  # bright in the middle, dark around; 0 where the picture is constant
        weights -= 1 / max(size**2 - 1, 1)
        weights[size // 2, size // 2] = 1.0
    elif name == "sharpen":
        weights -= 1 / size**2
        weights[size // 2, size // 2] += 2.0
    elif name == "one pixel":
        weights[0, 0] = 1.0
    else:
        raise ValueError(f"there is no kernel {name!r}; there are {', '.join(KERNELS)}.")
    return weights[None]


def products(step: ConvolutionStep) -> list[tuple[int, int, float, float]]:
    """(row, column, pixel, weight times pixel) for each weight of the kernel, in reading order."""
    return [
        (row, column, float(step.patch[0, i, j]), float(step.products[0, i, j]) + 0.0)  # no -0.0
        for i, row in enumerate(step.rows)
        for j, column in enumerate(step.columns)
    ]


def nearest_position(state: State, row: int, column: int) -> tuple[int, int]:
    """The position whose window has its centre nearest to a pixel of the padded picture."""
    reach = state.dilation * (state.weight.shape[-1] - 1)
    targets = (round((coordinate - reach / 2) / state.stride) for coordinate in (row, column))
    down, across = (min(max(target, 0), state.n_positions - 1) for target in targets)
    return down, across


def window_boxes(state: State, step: ConvolutionStep) -> list[dict]:
    """Boxes over the padded picture: the picture without its padding, and the pixels under the kernel."""
    border, (_, height, width) = state.padding, state.pixels.shape
    boxes = [{"tile": 0, "box": [border, border, height, width], "colour": "#6fb7ff"}] if border else []
    down, across = (
        [coordinate + border for coordinate in coordinates] for coordinates in (step.rows, step.columns)
    )
    if state.dilation == 1:
        size = len(down)
        return [*boxes, {"tile": 0, "box": [down[0], across[0], size, size], "colour": OUTLINE}]
    cells = [[row, column, 1, 1] for row in down for column in across]
    return boxes + [{"tile": 0, "box": cell, "colour": OUTLINE} for cell in cells]


def preview_figure(state: State, row: int, column: int) -> Figure:
    """Static preview: picture, kernel and map side by side, with the window and the resulting number."""
    figure = canvas(8.4, 3.2)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 0.6, 1))
    left.imshow(state.padded_input()[0].numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    for box in window_boxes(state, state.step_at(row, column)):
        top, start, height, width = box["box"]
        frame = (start - 0.5, top - 0.5), width, height
        left.add_patch(Rectangle(*frame, fill=False, edgecolor=box["colour"], linewidth=1.8))
    for axis, values in ((middle, state.weight[0]), (right, state.output()[0])):
        low, high = symmetric_range(values, 1e-6)
        axis.imshow(values.numpy(), cmap=SIGNED, vmin=low, vmax=high, interpolation="nearest")
    right.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=OUTLINE, linewidth=2))
    for axis, title in ((left, "picture"), (middle, "kernel"), (right, "map")):
        axis.set_axis_off()
        axis.set_title(title, fontsize=9)
    return figure


def code(
    opening: str, picture: str, state: State, position: tuple[int, int], filter_index: int | None
) -> str:
    """The lines of code for the products at one position without the explorer; `picture` defines `image`.

    The kernel is filter number `filter_index` of the network that `opening` loads; without one its weights are written out.
    """
    lines = [picture]
    lines += [
        f"grey = torch.nn.functional.adaptive_avg_pool2d(image.mean(0, keepdim=True), {state.pixels.shape[-1]})"
    ]
    if filter_index is not None:
        lines += [opening, f"kernel = units.filters(model)[{filter_index}].sum(0, keepdim=True)"]
    else:
        weights = [[round(value, 6) for value in row] for row in state.weight[0].tolist()]
        lines += [f"kernel = torch.tensor({[weights]})"]
    where = f"row={position[0]}, column={position[1]}, {arguments(state.steps)}"
    lines += [f"step = networks.convolution_step(grey, kernel, {state.bias:g}, {where})"]
    return snippet(*lines, "print(step.products, step.value)")


def sum_sentence(step: ConvolutionStep, weight: Tensor, term: int) -> str:
    """The sum of the first `term` products, as text: the last of them, the partial sum, and at the end the bias."""
    values = products(step)
    if term == 0:
        return f"{len(values)} products to add. Step through them with the slider."
    row, column, pixel, product = values[term - 1]
    factor = float(weight.flatten()[term - 1])
    so_far = sum(value[3] for value in values[:term])
    sentence = (
        f"Product {term} of {len(values)}: pixel ({row}, {column}) {pixel:.2f} × weight {factor:.2f} = {product:.2f}."
        f" So far {so_far:.2f}."
    )
    if term == len(values):
        sentence += f" Plus the bias {step.bias:.2f}: this number of the map is {step.value:.2f}."
    return sentence


def patch_table(step: ConvolutionStep, weight: Tensor, term: int) -> str:
    """Patch × kernel = products as three small HTML tables; products that are summed already are highlighted."""
    values = (step.patch[0], weight[0], step.products[0])
    spans = (
        (0.0, max(1.0, float(step.patch.max()))),
        symmetric_range(weight, 1e-6),
        symmetric_range(values[2], 1e-6),
    )
    titles = ("patch", "kernel", "products")
    tables = [
        _matrix(title, numbers, span, term)
        for title, numbers, span in zip(titles, values, spans, strict=True)
    ]
    signs = ('<span class="cnnlab-sum-sign">×</span>', '<span class="cnnlab-sum-sign">=</span>')
    return f'<div class="cnnlab-sum">{tables[0]}{signs[0]}{tables[1]}{signs[1]}{tables[2]}</div>'


def _matrix(title: str, values: Tensor, span: tuple[float, float], term: int) -> str:
    size = len(values)
    rows = []
    for i, line in enumerate(values.tolist()):
        cells = []
        for j, value in enumerate(line):
            index = i * size + j + 1
            status = "now" if index == term else "done" if index < term else "todo"
            text = f"{value + 0.0:.2f}".replace("-", "−") if size <= _READABLE else ""
            cells.append(
                f'<td class="cnnlab-{status}" style="{_tint(value, span)}" title="{value:.3f}">{text}</td>'
            )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    small = "" if size <= _READABLE else " cnnlab-sum-small"
    return f'<table class="cnnlab-sum-matrix{small}"><caption>{html.escape(title)}</caption>{"".join(rows)}</table>'


def _tint(value: float, span: tuple[float, float]) -> str:
    """Grey for pixels (0 black, 1 white), orange and violet for signed numbers."""
    low, high = span
    if low == 0.0:
        level = round(255 * min(max(value / high, 0), 1))
        return f"background: rgb({level},{level},{level}); color: {'#000' if level > 120 else '#fff'}"
    share = min(abs(value) / high, 1.0)
    strong = (179, 88, 6) if value > 0 else (84, 39, 136)
    mixed = [round(247 + (channel - 247) * share) for channel in strong]
    light = sum(part * (c / 255) ** 2.2 for part, c in zip((0.21, 0.72, 0.07), mixed, strict=True))
    ink = "#fff" if light < 0.18 else "#000"  # where white and black are equally legible
    return f"background: rgb({mixed[0]},{mixed[1]},{mixed[2]}); color: {ink}"
