"""Diagrams: an architecture as blocks and arrows, and a compute graph with the values and gradients of autograd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import log2

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from cnnlab.figures.alt_figure import AltTextFigure
from cnnlab.figures.colours import LINES

Block = tuple[str, int | tuple[int, int], int]
"""Name, channels (a pair: two streams) and side of the map; side 1 is a vector."""
_FACES = {None: "#e3ecf5", 0: "#dbe8f7", 1: "#fde6d4"}
_SKIP, _GRADIENT = LINES[1][0], "#b3261e"
_GAP, _STREAM = 0.85, 1.75


def architecture_figure(
    blocks: Sequence[Block],
    *,
    skips: Iterable[tuple[str, str]] = (),
    crossings: Iterable[str] = (),
    streams: Sequence[str] = (),
    title: str = "",
) -> AltTextFigure:
    """An architecture as a row of blocks with arrows: the taller, the larger the map; the deeper, the more channels.

        architecture_figure([("image", 3, 227), ("conv1", (48, 48), 55), ...], crossings=["conv3"])

    Parameters
    ----------
    blocks
        Name, channels and side of each block, from input to output. Two numbers of channels make two streams, one above the
        other, as on AlexNet's two GPUs. Side 1 is a vector. Names may have several lines.
    skips
        Pairs of names, from and to: arrows above the blocks, such as U-Net's skip connections.
    crossings
        Names of blocks in two streams, each of which reads both streams before it.
    streams
        What stands above the first block of each stream.
    title
        What stands above the diagram.

    Raises
    ------
    ValueError
        If a name stands twice, or a skip or crossing names no block.
    """
    names, skips, crossings = [name for name, *_ in blocks], list(skips), set(crossings)
    unknown = {name for pair in skips for name in pair} | crossings
    if len(set(names)) < len(names) or not unknown <= set(names):
        raise ValueError(f"names must differ, and skips and crossings must be among them: {', '.join(names)}")
    spoken = [_spoken(*block) for block in blocks]
    spoken += [f"skip from {start} to {end}" for start, end in skips]
    spoken += [f"{name} reads both streams" for name in names if name in crossings]
    largest = max(side for *_, side in blocks)
    parts: list[list[tuple[float, float, float, float]]] = []  # of each block: left, middle, width, height
    left = 0.0
    for _, channels, side in blocks:
        widths = channels if isinstance(channels, tuple) else (channels,)
        height = 2.6 * (side / largest) ** 0.5 if side > 1 else 0.17 * log2(max(widths) + 1)
        height, width = (
            max(0.25, height / len(widths) ** 0.5),
            0.08 * log2(max(widths) + 1) if side > 1 else 0.16,
        )
        middles = (0.0,) if len(widths) == 1 else (_STREAM / 2, -_STREAM / 2)
        parts.append([(left, middle, width, height) for middle in middles])
        left += width + _GAP
    figure = AltTextFigure(
        figsize=(max(4.0, 1.0 * left), 3.7), dpi=90, alt_text=f"Architecture: {'; '.join(spoken)}."
    )
    axis = figure.subplots()
    bottom = min(middle - height / 2 for part in parts for _, middle, _, height in part) - 0.12
    for (name, channels, side), part in zip(blocks, parts, strict=True):
        for stream, place in enumerate(part):
            _cuboid(axis, *place, _FACES[stream if len(part) > 1 else None])
        shape = str(channels) if side == 1 else f"{channels} × {side}²"
        if isinstance(channels, tuple):
            shape = f"2 × {channels[0]}" if side == 1 else f"2 × {channels[0]} × {side}²"
        centre = part[0][0] + part[0][2] / 2
        axis.text(centre, bottom, f"{name}\n{shape}", ha="center", va="top", fontsize=9, linespacing=1.25)
    for (before, after), name in zip(pairwise(parts), names[1:], strict=True):
        parallel = len(before) == len(after) == 2 and name not in crossings
        for start in before:
            for end in after:
                if not parallel or start[1] == end[1]:
                    _arrow(axis, (start[0] + start[2] + _slant(start[3]), start[1]), (end[0], end[1]))
    top = max(_top(place) for part in parts for place in part)
    for place, stream in zip(next((part for part in parts if len(part) == 2), []), streams, strict=False):
        centre = place[0] + place[2] / 2 + _slant(place[3]) / 2
        axis.text(centre, _top(place) + 0.08, stream, ha="center", fontsize=9, fontweight="bold")
    for start, end in skips:
        top = max(top, _skip_arrow(axis, parts[names.index(start) : names.index(end) + 1]))
    lines = max(name.count("\n") for name in names) + 2
    axis.set(xlim=(-0.5, left - _GAP + 0.6), ylim=(bottom - 0.27 * lines, top + 0.1))
    axis.set_axis_off()
    axis.set_title(title, fontsize=11)
    return figure


def _spoken(name: str, channels: int | tuple[int, int], side: int) -> str:
    number = " + ".join(map(str, channels)) if isinstance(channels, tuple) else channels
    shape = f"{number} numbers" if side == 1 else f"{number} channels of {side} x {side}"
    return f"{name.replace(chr(10), ' ')}, {shape}"


def _slant(height: float) -> float:
    """By how much a block of this height leans back, across and up."""
    return 0.1 * height


def _top(place: tuple[float, float, float, float]) -> float:
    _, middle, _, height = place
    return middle + height / 2 + _slant(height)


def _cuboid(axis: Axes, left: float, middle: float, width: float, height: float, face: str) -> None:
    right, low, high, back = left + width, middle - height / 2, middle + height / 2, _slant(height)
    front = [(left, low), (right, low), (right, high), (left, high)]
    side = [(right, low), (right + back, low + back), (right + back, high + back), (right, high)]
    lid = [(left, high), (right, high), (right + back, high + back), (left + back, high + back)]
    for corners, shade in ((front, 1.0), (side, 0.86), (lid, 0.94)):
        colour = tuple(shade * int(face[i : i + 2], 16) / 255 for i in (1, 3, 5))
        axis.add_patch(Polygon(corners, facecolor=colour, edgecolor="0.4", linewidth=0.9))


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = "0.35") -> None:
    style = {"arrowstyle": "-|>", "color": colour, "shrinkA": 2, "shrinkB": 2, "linewidth": 1.1}
    axis.annotate("", end, start, arrowprops=style)


def _skip_arrow(axis: Axes, parts: Sequence[Sequence[tuple[float, float, float, float]]]) -> float:
    """Up, over all blocks between, and down to the last one; returns the height of the arrow."""
    level = 0.25 + max(_top(part[0]) for part in parts)
    (start, end), back = (parts[0][0], parts[-1][0]), _slant(parts[0][0][3])
    first, last = (place[0] + place[2] / 2 + _slant(place[3]) / 2 for place in (start, end))
    axis.plot([first, first, last], [_top(start) - back / 2, level, level], color=_SKIP, linewidth=1.4)
    _arrow(axis, (last, level), (last, _top(end) - _slant(end[3]) / 2), _SKIP)
    return level


def compute_graph_figure(nodes: Mapping[str, Tensor]) -> AltTextFigure:
    """A compute graph as autograd recorded it: in each node its value, below it the derivative of the result.

    Values are computed from left to right, derivatives from right to left by automatic differentiation (lecture N, "Activation
    Maximization").

        x, y, z = (torch.tensor(value, requires_grad=True) for value in (-2.0, 5.0, -4.0))
        product = x * y
        compute_graph_figure({"x": x, "y": y, "z": z, "x y": product, "f = x y + z": product + z})

    Parameters
    ----------
    nodes
        Names and the tensors of one number that belong to them, in the order of computation; the last one is the result. Names between
        dollars are formulas. An arrow leads to each node from the named nodes that it was computed from.

    Raises
    ------
    ValueError
        If a tensor holds more than one number, or the result does not depend on it.
    """
    *_, (last, result) = nodes.items()
    if any(value.numel() != 1 or not value.requires_grad for value in nodes.values()):
        raise ValueError("give tensors of one number each that require a gradient, or come from such.")
    gradients = torch.autograd.grad(result, list(nodes.values()), retain_graph=True, allow_unused=True)
    unused = [name for name, gradient in zip(nodes, gradients, strict=True) if gradient is None]
    if unused:
        raise ValueError(f"{last} was not computed from {', '.join(unused)}.")
    parents = _parents(nodes)
    leaves = [name for name in nodes if not parents[name]]
    places = {name: (0, len(leaves) - 1 - row) for row, name in enumerate(leaves)}
    for name in nodes:
        if parents[name]:
            before = [places[parent] for parent in parents[name]]
            places[name] = 1 + max(x for x, _ in before), sum(y for _, y in before) / len(before)
    written = {name: f"{name}: {value.item():.2f}" for name, value in nodes.items()}
    spoken = "; ".join(
        f"{written[name].replace('$', '').replace(':', '')}, derivative {float(gradient):.2f}"
        for name, gradient in zip(nodes, gradients, strict=True)
    )
    depth, rows = max(x for x, _ in places.values()), len(leaves)
    figure = AltTextFigure(
        figsize=(max(6.4, 1.3 + 1.9 * depth), 0.6 + 0.72 * rows), dpi=90, alt_text=f"Compute graph. {spoken}."
    )
    axis = figure.subplots()
    axis.set(xlim=(-0.4, depth + 0.5), ylim=(-0.65, rows - 0.6))
    axis.set_axis_off()
    box = {"boxstyle": "round,pad=0.32", "facecolor": "#eef3f8", "edgecolor": "0.45"}
    style = {"ha": "center", "va": "center", "fontsize": 11}
    boxes = {
        name: axis.text(*place, written[name], bbox=box, zorder=3, **style) for name, place in places.items()
    }
    for name, gradient in zip(nodes, gradients, strict=True):
        x, y = places[name]
        axis.text(x, y - 0.4, f"{float(gradient):+.2f}", color=_GRADIENT, zorder=3, **style)
        for parent in parents[name]:
            arrow = {"arrowstyle": "-|>", "color": "0.45", "shrinkA": 0, "shrinkB": 6}
            arrow |= {"patchA": boxes[parent].get_bbox_patch(), "patchB": boxes[name].get_bbox_patch()}
            axis.annotate("", places[name], places[parent], arrowprops=arrow)
    axis.set_title("boxes: values, left to right", fontsize=11, loc="left")
    axis.set_title(
        "below: derivative of the last box, right to left", fontsize=11, loc="right", color=_GRADIENT
    )
    return figure


def _parents(nodes: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """The named nodes that each node was computed from, in the order of its operation's inputs."""
    edges = {name: get_gradient_edge(value) for name, value in nodes.items()}
    recorded = {(edge.node, edge.output_nr): name for name, edge in edges.items()}
    parents = {}
    for name, edge in edges.items():
        found, waiting = [], list(edge.node.next_functions)
        while waiting:
            function, output = waiting.pop(0)
            if (function, output) in recorded:
                found.append(recorded[function, output])
            elif function is not None:
                waiting += function.next_functions
        parents[name] = list(dict.fromkeys(found))
    return parents
