"""Compositional pattern-producing networks: small formulas of x, y and the distance from the centre that draw regular pictures.

A pattern is a tree of sines, Gaussians and polynomials with weights. Breeding changes it: weights move, a function becomes another
one, a new connection appears, a connection is split by a new function. Whatever comes out is smooth, symmetric or repeating, so it
looks designed, unlike pixels that change one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

INPUTS = ("x", "y", "distance", "one")
OUTPUTS = ("hue", "saturation", "value")
FUNCTIONS = {
    "sine": lambda t: torch.sin(3 * t),
    "gaussian": lambda t: 2 * torch.exp(-((1.5 * t) ** 2)) - 1,
    "square": lambda t: (t * t).clamp(max=4) - 1,
    "linear": lambda t: t.clamp(-3, 3),
    "sigmoid": torch.tanh,
}


@dataclass(frozen=True)
class Node:
    """One function: what it is, where it stands in the order of computing (0 to 1), and the weights of the nodes that it sums."""

    function: str
    place: float
    weights: dict[int, float]


@dataclass(frozen=True)
class Pattern:
    """A formula: its nodes by number. The inputs have the numbers 0 to 3, the outputs 4 to 6; a node sums only earlier ones."""

    nodes: dict[int, Node]

    def __len__(self) -> int:
        """How many functions there are, the outputs included."""
        return len(self.nodes) - len(INPUTS)


def first_pattern(chance: torch.Generator) -> Pattern:
    """The simplest formulas: each output a function of the weighted inputs."""
    nodes = {number: Node("linear", 0.0, {}) for number in range(len(INPUTS))}
    for number in range(len(INPUTS), len(INPUTS) + len(OUTPUTS)):
        weights = {source: _normal(chance) for source in range(len(INPUTS))}
        nodes[number] = Node(_choice(list(FUNCTIONS), chance), 1.0, weights)
    return Pattern(nodes)


def mutated(pattern: Pattern, chance: torch.Generator, changes: int = 2) -> Pattern:
    """A child: the pattern with `changes` changes of random kind."""
    for _ in range(changes):
        draw = float(torch.rand((), generator=chance))
        if draw < 0.6:
            pattern = _with_moved_weights(pattern, chance)
        elif draw < 0.72:
            pattern = _with_other_function(pattern, chance)
        elif draw < 0.86:
            pattern = _with_connection(pattern, chance)
        else:
            pattern = _with_node(pattern, chance)
    return pattern


def drawn(pattern: Pattern, size: int) -> Tensor:
    """The picture of a pattern, 3 x size x size in [0, 1]: its outputs are hue (all around), saturation and value."""
    axis = torch.linspace(-1, 1, size)
    y, x = axis[:, None].expand(size, size), axis[None].expand(size, size)
    values = dict(enumerate((x, y, (x * x + y * y).sqrt() - 0.7, torch.ones(size, size))))
    for number, node in sorted(pattern.nodes.items(), key=lambda item: item[1].place):
        if number not in values:
            total = sum(
                (weight * values[source] for source, weight in node.weights.items()), torch.zeros(size, size)
            )
            values[number] = FUNCTIONS[node.function](total)
    hue, saturation, value = (values[len(INPUTS) + i] for i in range(len(OUTPUTS)))
    return _rgb(
        hue.div(2).remainder(1), saturation.add(1).div(2).clamp(0, 1), value.add(1).div(2).clamp(0, 1)
    )


def _with_moved_weights(pattern: Pattern, chance: torch.Generator) -> Pattern:
    """Every weight moves a little, and one in ten is drawn anew."""

    def moved(weight: float) -> float:
        return _normal(chance) if _unit(chance) < 0.1 else weight + 0.3 * _normal(chance)

    return Pattern(
        {
            number: replace(node, weights={source: moved(weight) for source, weight in node.weights.items()})
            for number, node in pattern.nodes.items()
        }
    )


def _with_other_function(pattern: Pattern, chance: torch.Generator) -> Pattern:
    number = _choice([n for n, node in pattern.nodes.items() if node.weights], chance)
    other = replace(pattern.nodes[number], function=_choice(list(FUNCTIONS), chance))
    return Pattern({**pattern.nodes, number: other})


def _with_connection(pattern: Pattern, chance: torch.Generator) -> Pattern:
    """Some node also sums another that stands before it."""
    number = _choice([n for n, node in pattern.nodes.items() if node.weights], chance)
    node = pattern.nodes[number]
    source = _choice([n for n, other in pattern.nodes.items() if other.place < node.place], chance)
    return Pattern(
        {**pattern.nodes, number: replace(node, weights={**node.weights, source: _normal(chance)})}
    )


def _with_node(pattern: Pattern, chance: torch.Generator) -> Pattern:
    """A connection goes through a new function half-way between its ends."""
    number = _choice([n for n, node in pattern.nodes.items() if node.weights], chance)
    node = pattern.nodes[number]
    source = _choice(list(node.weights), chance)
    weights = dict(node.weights)
    new = max(pattern.nodes) + 1
    between = Node(
        _choice(list(FUNCTIONS), chance),
        (pattern.nodes[source].place + node.place) / 2,
        {source: weights.pop(source)},
    )
    weights[new] = 1.0
    return Pattern({**pattern.nodes, number: replace(node, weights=weights), new: between})


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """3 x H x W from hue, saturation and value, all in [0, 1]."""
    channels = []
    for offset in (5, 3, 1):
        k = (offset + 6 * hue) % 6
        channels.append(value - value * saturation * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels)


def _unit(chance: torch.Generator) -> float:
    return float(torch.rand((), generator=chance))


def _normal(chance: torch.Generator) -> float:
    return float(torch.randn((), generator=chance))


def _choice(options: list, chance: torch.Generator):
    return options[int(torch.randint(len(options), (), generator=chance))]
