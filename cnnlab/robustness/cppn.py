"""CPPNs, compositional pattern-producing networks: small functions of x, y and the distance from the centre that draw images.

A pattern is a tree of sines, Gaussians and polynomials with weights. Mutation changes it: weights move, a function is replaced by
another, a new connection appears, a connection is split by a new function. The result is always smooth, symmetric or repeating, so
it looks designed, unlike pixels that change one by one.
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
    """One function: its kind, its place in the order of evaluation (0 to 1), and the weights of the nodes that it sums."""

    function: str
    depth: float
    weights: dict[int, float]


@dataclass(frozen=True)
class Pattern:
    """A CPPN: its nodes by number. The inputs have the numbers 0 to 3, the outputs 4 to 6; a node sums only earlier ones."""

    nodes: dict[int, Node]

    def __len__(self) -> int:
        """Number of functions, the outputs included."""
        return len(self.nodes) - len(INPUTS)


def minimal_pattern(generator: torch.Generator) -> Pattern:
    """The simplest patterns: each output a function of the weighted inputs."""
    nodes = {number: Node("linear", 0.0, {}) for number in range(len(INPUTS))}
    for number in range(len(INPUTS), len(INPUTS) + len(OUTPUTS)):
        weights = {source: _normal(generator) for source in range(len(INPUTS))}
        nodes[number] = Node(_choice(list(FUNCTIONS), generator), 1.0, weights)
    return Pattern(nodes)


def mutate(pattern: Pattern, generator: torch.Generator, changes: int = 2) -> Pattern:
    """A mutated copy of the pattern, with `changes` changes of random kind."""
    for _ in range(changes):
        draw = float(torch.rand((), generator=generator))
        if draw < 0.6:
            pattern = _perturb_weights(pattern, generator)
        elif draw < 0.72:
            pattern = _change_function(pattern, generator)
        elif draw < 0.86:
            pattern = _add_connection(pattern, generator)
        else:
            pattern = _split_connection(pattern, generator)
    return pattern


def render_pattern(pattern: Pattern, size: int) -> Tensor:
    """The image of a pattern, 3 x size x size in [0, 1]: its outputs are hue (all around), saturation and value."""
    axis = torch.linspace(-1, 1, size)
    y, x = axis[:, None].expand(size, size), axis[None].expand(size, size)
    values = dict(enumerate((x, y, (x * x + y * y).sqrt() - 0.7, torch.ones(size, size))))
    for number, node in sorted(pattern.nodes.items(), key=lambda item: item[1].depth):
        if number not in values:
            total = sum(
                (weight * values[source] for source, weight in node.weights.items()), torch.zeros(size, size)
            )
            values[number] = FUNCTIONS[node.function](total)
    hue, saturation, value = (values[len(INPUTS) + i] for i in range(len(OUTPUTS)))
    return _rgb(
        hue.div(2).remainder(1), saturation.add(1).div(2).clamp(0, 1), value.add(1).div(2).clamp(0, 1)
    )


def _perturb_weights(pattern: Pattern, generator: torch.Generator) -> Pattern:
    """Every weight moves a little, and one in ten is sampled anew."""

    def perturb(weight: float) -> float:
        return _normal(generator) if _uniform(generator) < 0.1 else weight + 0.3 * _normal(generator)

    return Pattern(
        {
            number: replace(
                node, weights={source: perturb(weight) for source, weight in node.weights.items()}
            )
            for number, node in pattern.nodes.items()
        }
    )


def _change_function(pattern: Pattern, generator: torch.Generator) -> Pattern:
    number = _choice([n for n, node in pattern.nodes.items() if node.weights], generator)
    other = replace(pattern.nodes[number], function=_choice(list(FUNCTIONS), generator))
    return Pattern({**pattern.nodes, number: other})


def _add_connection(pattern: Pattern, generator: torch.Generator) -> Pattern:
    """A random node also sums an earlier one."""
    number = _choice([n for n, node in pattern.nodes.items() if node.weights], generator)
    node = pattern.nodes[number]
    source = _choice([n for n, candidate in pattern.nodes.items() if candidate.depth < node.depth], generator)
    return Pattern(
        {**pattern.nodes, number: replace(node, weights={**node.weights, source: _normal(generator)})}
    )


def _split_connection(pattern: Pattern, generator: torch.Generator) -> Pattern:
    """A connection is split by a new function half-way between its ends."""
    number = _choice([n for n, node in pattern.nodes.items() if node.weights], generator)
    node = pattern.nodes[number]
    source = _choice(list(node.weights), generator)
    weights = dict(node.weights)
    new = max(pattern.nodes) + 1
    middle = Node(
        _choice(list(FUNCTIONS), generator),
        (pattern.nodes[source].depth + node.depth) / 2,
        {source: weights.pop(source)},
    )
    weights[new] = 1.0
    return Pattern({**pattern.nodes, number: replace(node, weights=weights), new: middle})


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """3 x H x W from hue, saturation and value, all in [0, 1]."""
    channels = []
    for offset in (5, 3, 1):
        k = (offset + 6 * hue) % 6
        channels.append(value - value * saturation * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels)


def _uniform(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator))


def _normal(generator: torch.Generator) -> float:
    return float(torch.randn((), generator=generator))


def _choice(options: list, generator: torch.Generator):
    return options[int(torch.randint(len(options), (), generator=generator))]
