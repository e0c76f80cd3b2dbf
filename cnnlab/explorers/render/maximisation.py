"""Activation maximisation for its explorer: objective, frames and code; pure functions, without any widget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from cnnlab.explorers.choices import network_layers
from cnnlab.explorers.snippet import arguments, literal, load_line, snippet
from cnnlab.explorers.step_player import Frame, make_frame
from cnnlab.networks.activations import layer_names
from cnnlab.synthesis import Objective, channel, logit, maximise_steps, unit

MAX_IMAGES = 20
"""More pictures at once are too slow to watch."""
KINDS = ("class", "channel", "unit")
DEFAULTS: dict[str, float] = {
    "jitter": 12,
    "zoom": 0.25,
    "rotate": 12.0,
    "l2": 0.0003,
    "tv": 0.005,
    "blur": 0.0,
    "clip_small_norms": 0.0,
    "clip_small_contributions": 0.0,
}
"""Default regularisers of `cnnlab.synthesis.maximise`."""
OFF = dict.fromkeys(DEFAULTS, 0)


@dataclass(frozen=True, eq=False)
class State:
    """Settings of the activation maximisation explorer.

    Attributes
    ----------
    kind, number, layer
        "class", "channel" or "unit" (a channel at the centre of its map), its number, and the layer for the latter two.
    n_targets, restarts
        Number of classes or channels from `number` on, and of pictures for each.
    start
        "noise", "zero", or a picture.
    options
        Further arguments of `maximise`: the regularisers, `steps`, `parametrisation`, `seed`.
    """

    kind: str = "class"
    number: int = 0
    layer: str = ""
    n_targets: int = 1
    restarts: int = 1
    start: str | Tensor = "noise"
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        return list(range(self.number, self.number + self.n_targets))

    @property
    def count(self) -> int:
        return self.n_targets * self.restarts


def objective(state: State) -> Objective:
    """The objective to maximise."""
    if state.kind == "class":
        return logit(state.numbers)
    return (channel if state.kind == "channel" else unit)(state.layer, state.numbers)


def frames(runs: list[tuple[str, nn.Module, State]]) -> Iterator[Frame]:
    """The pictures of several runs side by side, one frame for each step; its metrics are the mean scores under the runs' names.

    Raises
    ------
    ValueError
        At once, if there are too many pictures, or a network does not have the requested target.
    """
    count = sum(state.count for _, _, state in runs)
    if count > MAX_IMAGES:
        raise ValueError(f"{count} pictures at once are too many to watch; {MAX_IMAGES} are the most.")
    for name, model, state in runs:
        if state.kind != "class" and state.layer not in layer_names(model):
            raise ValueError(
                f"a {state.kind} of one network is not one of another: {name} has no {state.layer}; ask for a class."
            )
    ascents = [
        maximise_steps(model, objective(state), restarts=state.restarts, start=state.start, **state.options)
        for _, model, state in runs
    ]
    names = [name for name, _, _ in runs]

    def iterate() -> Iterator[Frame]:
        for results in zip(*ascents, strict=True):
            scores = {
                name: float(result.scores[-1].mean()) for name, result in zip(names, results, strict=True)
            }
            yield make_frame(torch.cat([result.images.cpu() for result in results]), **scores)

    return iterate()


def captions(state: State, names: tuple[str, ...], run: str = "") -> list[str]:
    """A caption for each picture of a run."""
    lines = []
    for number in state.numbers:
        what = names[number] if state.kind == "class" else f"{state.layer} {state.kind} {number}"
        for restart in range(state.restarts):
            restart_text = f", restart {restart + 1}" if state.restarts > 1 else ""
            lines.append(f"{what}{restart_text}" + (f" ({run})" if run else ""))
    return lines


def layer_widths(model: nn.Module, side: int, *, maps: bool = False) -> dict[str, int]:
    """The layers that can be maximised, in the order in which they run, with their numbers of channels; `maps`: convolutional ones only."""
    layers = [layer for layer in network_layers(model, side) if layer.type != "BatchNorm2d"]
    return {layer.name: layer.shape[0] for layer in layers if len(layer.shape) == 3 or not maps}


def code(state: State, network: str, names: tuple[str, ...], picture: str = "") -> str:
    """The lines of code that make the pictures without the explorer."""
    first, count = state.number, state.n_targets
    if state.kind == "class":
        classes = [names[number] for number in state.numbers]
        target = literal(classes if count > 1 else classes[0])
    else:
        numbers = f"range({first}, {first + count})" if count > 1 else first
        target = f'synthesis.{state.kind}("{state.layer}", {numbers})'
    options = {name: value for name, value in state.options.items() if DEFAULTS.get(name) != value}
    if state.restarts > 1:
        options["restarts"] = state.restarts
    of_picture = not isinstance(state.start, str)
    start = "image" if of_picture else literal(state.start)
    return snippet(
        load_line(network),
        *([picture] if of_picture else []),
        f"result = synthesis.maximise(model, {target}, {arguments(options)}, start={start})",
        "figures.grid(result.images)",
    )


def summary(state: State, network: str, names: tuple[str, ...], beside: str = "") -> str:
    """Alt text of the current result, without measured numbers."""
    what = "; ".join(captions(state, names)[:: state.restarts])
    on = [f"{name} {literal(value)}" for name, value in state.options.items() if name in DEFAULTS and value]
    start = state.start if isinstance(state.start, str) else "a picture"
    return (
        f"{network or 'A network'} is asked which picture it wants most for {what}:"
        f" {state.options['steps']} steps from {start} in {state.options['parametrisation']},"
        f" with {', '.join(on) or 'no regulariser'}{f', beside {beside}' if beside else ''}."
    )
