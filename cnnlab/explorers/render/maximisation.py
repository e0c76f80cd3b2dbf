"""What the maximisation explorer asks for, and the pictures that come of it: pure functions, without any widget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from cnnlab.explorers.choices import network_layers
from cnnlab.explorers.film import Moment, moment
from cnnlab.explorers.parts import load_line
from cnnlab.networks.layers import layer_names
from cnnlab.synthesis import Objective, channel, logit, maximise_steps, unit

MOST = 20
"""More pictures at once do not grow while one watches."""
KINDS = ("class", "channel", "unit")
BEST: dict[str, float] = {
    "jitter": 12,
    "zoom": 0.25,
    "turn": 12.0,
    "l2": 0.0003,
    "tv": 0.005,
    "blur": 0.0,
    "clip_pixels": 0.0,
    "clip_contributions": 0.0,
}
"""The regularisers of `cnnlab.synthesis.maximise` as they are unless said."""
NONE = dict.fromkeys(BEST, 0)


@dataclass(frozen=True, eq=False)
class Wish:
    """Everything that the explorer's controls say.

    Fields
    ------
    kind, number, layer
        "class", "channel" or "unit" (a channel at the middle of its map), its number, and the layer for the latter two.
    n_targets, restarts
        How many classes or channels from `number` on, and pictures for each.
    start
        "noise", "zero", or a picture.
    options
        Further arguments of `maximise`: the regularisers, `steps`, `parametrisation`, `seed`.
    """

    kind: str = "class"
    number: int = 0
    layer: str = ""
    together: int = 1
    restarts: int = 1
    start: str | Tensor = "noise"
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        return list(range(self.number, self.number + self.together))

    @property
    def count(self) -> int:
        return self.together * self.restarts


def objective(wish: Wish) -> Objective:
    """What shall grow."""
    if wish.kind == "class":
        return logit(wish.numbers)
    return (channel if wish.kind == "channel" else unit)(wish.layer, wish.numbers)


def growing(runs: list[tuple[str, nn.Module, Wish]]) -> Iterator[Moment]:
    """The pictures of several runs side by side, one moment a step; its numbers are the mean scores under the runs' names.

    Raises
    ------
    ValueError
        At once, if there are too many pictures, or a network does not know what it is asked for.
    """
    count = sum(wish.count for _, _, wish in runs)
    if count > MOST:
        raise ValueError(f"{count} pictures at once are too many to watch; {MOST} are the most.")
    for name, model, wish in runs:
        if wish.kind != "class" and wish.layer not in layer_names(model):
            raise ValueError(
                f"a {wish.kind} of one network is not one of another: {name} has no {wish.layer}; ask for a class."
            )
    ascents = [
        maximise_steps(model, objective(wish), restarts=wish.restarts, start=wish.start, **wish.options)
        for _, model, wish in runs
    ]
    names = [name for name, _, _ in runs]

    def moments() -> Iterator[Moment]:
        for together in zip(*ascents, strict=True):
            scores = {name: float(one.scores[-1].mean()) for name, one in zip(names, together, strict=True)}
            yield moment(torch.cat([one.images.cpu() for one in together]), **scores)

    return moments()


def captions(wish: Wish, names: tuple[str, ...], run: str = "") -> list[str]:
    """A line for each picture of a run."""
    lines = []
    for number in wish.numbers:
        what = names[number] if wish.kind == "class" else f"{wish.layer} {wish.kind} {number}"
        for restart in range(wish.restarts):
            again = f", restart {restart + 1}" if wish.restarts > 1 else ""
            lines.append(f"{what}{again}" + (f" ({run})" if run else ""))
    return lines


def layer_widths(model: nn.Module, side: int, *, maps: bool = False) -> dict[str, int]:
    """The layers that can be asked for, in the order in which they run, and how many channels each has; `maps`: convolutional ones."""
    layers = [layer for layer in network_layers(model, side) if layer.type != "BatchNorm2d"]
    return {layer.name: layer.shape[0] for layer in layers if len(layer.shape) == 3 or not maps}


def code(wish: Wish, network: str, names: tuple[str, ...], picture: str = "") -> str:
    """The lines that make the pictures without the explorer."""
    many = wish.together > 1
    if wish.kind == "class":
        wanted = [f'"{names[number]}"' for number in wish.numbers]
        target = f"[{', '.join(wanted)}]" if many else wanted[0]
    else:
        numbers = f"range({wish.number}, {wish.number + wish.together})" if many else wish.number
        target = f'synthesis.{wish.kind}("{wish.layer}", {numbers})'
    changed = {name: value for name, value in wish.options.items() if name not in BEST or BEST[name] != value}
    if wish.restarts > 1:
        changed["restarts"] = wish.restarts
    said = [f"{name}={_written(value)}" for name, value in changed.items()]
    said += [f'start="{wish.start}"' if isinstance(wish.start, str) else "start=image"]
    lines = [
        "import cnnlab",
        "from cnnlab import figures, synthesis" + ("" if isinstance(wish.start, str) else ", world"),
        "",
        load_line(network),
        *([] if isinstance(wish.start, str) else [picture]),
        f"found = synthesis.maximise(model, {target}, {', '.join(said)})",
        "figures.grid(found.images)",
    ]
    return "\n".join(lines)


def describe(wish: Wish, network: str, names: tuple[str, ...], beside: str = "") -> str:
    """What is shown, in words and without measured digits."""
    what = "; ".join(captions(wish, names)[:: wish.restarts])
    on = [f"{name} {_written(value)}" for name, value in wish.options.items() if name in BEST and value]
    start = wish.start if isinstance(wish.start, str) else "a picture"
    return (
        f"Activation maximisation explorer. {network or 'A network'} is asked which picture it wants most for {what}:"
        f" {wish.options['steps']} steps from {start} in {wish.options['parametrisation']},"
        f" with {', '.join(on) or 'no regulariser'}{f', beside {beside}' if beside else ''}. Run the cell to change it."
    )


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value:.6g}"
