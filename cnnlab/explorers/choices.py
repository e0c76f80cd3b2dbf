"""The options of the menus of networks, layers and classes.

kind_of          the kind of task that a network has learned, by which explorers choose theirs
network_layers   the layers of a network that give maps or vectors, with their properties
arranged         the order and headings of layers in a menu: blocks first, then the layers inside each block
offer_layers     fills a menu with layers and chooses one
offer_classes    fills a menu with classes, which are also found by their synonyms
offer_judges     fills a menu with networks of the same classes
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.search_select import SearchSelect
from cnnlab.networks import ReceptiveField, weight_files
from cnnlab.networks.channel_axis import channels_second, following_channels
from cnnlab.networks.eval_mode import layered
from cnnlab.networks.imagenet import imagenet_classes
from cnnlab.networks.layer_names import display_names
from cnnlab.networks.receptive_field import to_receptive_field
from cnnlab.networks.receptive_field.algebra import Field
from cnnlab.networks.receptive_field.tracer import input_shape, trace_fields
from cnnlab.networks.zoo import PHOTOGRAPHS, NetworkInfo, available

CLASSIFIERS = ("photographs", "objects", "scenes")
"""Kinds of networks that classify pictures and were not trained on random labels or digits."""

NO_UNITS = ("Dropout", "Flatten", "Identity", "Normalise")
"""Types of layers without units of their own."""
RECTIFIERS = ("ReLU", "ReLU6")
FEW = 6
"""Fewer blocks than this do not help to find a layer: the next level is then taken as the blocks."""
LISTED = 20
"""Number of layers listed in a message."""


def kind_of(network: NetworkInfo) -> str:
    """The kind of task of a network of `cnnlab.available()`: "photographs", "objects", "scenes", "masks", "digits" or "random labels"."""
    if network.name.startswith("memory_"):
        return "random labels"  # or the same network with true labels
    kinds = {PHOTOGRAPHS: "photographs", "object": "objects", "scene": "scenes", "mask": "masks"}
    return kinds.get(network.task, network.task)


def offered_networks(kinds: Sequence[str], classes: Sequence[str] = ()) -> list[str]:
    """The networks of some kinds that load without a connection and have all of some classes."""
    ready = [info for info in available().values() if info.ready and kind_of(info) in kinds]
    return [info.name for info in ready if not classes or set(classes) <= set(classes_of(info))]


def of_the_same_classes(own: str, classes: Sequence[str]) -> list[str]:
    """The available networks with the same classes, other than `own`."""
    ready = [info for info in available().values() if info.ready and info.name != own]
    return [info.name for info in ready if classes_of(info) == tuple(classes)]


def classes_of(network: NetworkInfo) -> tuple[str, ...]:
    """The classes of an installed network of `cnnlab.available()`, without loading it."""
    if network.source != "shipped":
        return imagenet_classes()
    return tuple(weight_files.card(network.name)["classes"])


@dataclass(frozen=True)
class Layer:
    """A layer that gives maps or vectors.

    `shape` is (C, H, W) or (C,); `field` is the receptive field, None where it is not known; a `block` contains further layers.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    field: ReceptiveField | None = None
    block: bool = False

    @property
    def has_maps(self) -> bool:
        """Whether its units have more than one position."""
        return len(self.shape) == 3 and self.shape[1] > 1

    @property
    def numbers(self) -> int:
        """The number of activations for one picture."""
        return prod(self.shape)

    @property
    def rectified(self) -> bool:
        """Whether it is a ReLU."""
        return self.type in RECTIFIERS


def network_layers(model: nn.Module, side: int) -> list[Layer]:
    """The layers of a network that give maps or vectors for a picture of `side` x `side`, in the order in which they finish.

    A layer that runs several times is listed where it runs last. An inner module that gives the network's output, such as the network in
    a wrapper, is left out, and so are `NO_UNITS`.

    Raises
    ------
    ValueError
        If the network does not accept such a picture.
    """
    model = layered(model)
    shape = input_shape(model, side)
    follower, run = trace_fields(model, shape)
    shown = display_names(model)
    found: dict[str, Layer] = {}
    blocks: dict[str, Tensor] = {}
    answer: list[Tensor] = []

    def note(path: str) -> Callable:
        def hook(module: nn.Module, _inputs: tuple, output: object) -> None:
            name, kind = shown.get(path, path), type(module).__name__
            found.pop(name, None)
            computes = kind not in NO_UNITS and "Pad" not in kind
            if not computes or not isinstance(output, Tensor) or output.dim() not in (2, 4):
                return
            try:
                values, _axis = channels_second(module, name, output)
            except ValueError:  # such as the weights of attention
                return
            seen = follower.field_of(output)
            field = to_receptive_field(seen, shape) if isinstance(seen, Field) else None
            block = next(module.children(), None) is not None
            found[name] = Layer(name, kind, tuple(values.shape[1:]), field, block)
            if block:
                blocks[name] = output

        return hook

    handles = [module.register_forward_hook(note(path)) for path, module in model.named_modules() if path]
    handles.append(model.register_forward_hook(lambda _module, _inputs, output: answer.append(output)))
    try:
        with following_channels(model):
            run()
    finally:
        for handle in handles:
            handle.remove()
    return [layer for layer in found.values() if blocks.get(layer.name) is not answer[-1]]


def arranged(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Layer names in the order of a menu, and a heading for each: the blocks first, then the layers inside each block.

    "Blocks" are the names down to the first level that has at least `FEW` of them: `conv1`, `fire2` ..., `conv10`, but `features.0`,
    `features.1` ... where there are only `features` and a `classifier`. A network without inner parts has no headings.
    """
    paths = [name.split(".") for name in names]
    deepest = max(map(len, paths), default=1)

    def blocks(level: int) -> int:
        return len({tuple(path[:level]) for path in paths})

    levels = range(1, deepest + 1)
    level = next((n for n in levels if blocks(n) >= FEW), next((n for n in levels if blocks(n) > 1), 1))
    first = [name for name, path in zip(names, paths, strict=True) if len(path) <= level]
    inside: dict[str, list[str]] = {}
    for name, path in zip(names, paths, strict=True):
        if len(path) > level:
            inside.setdefault(".".join(path[:level]), []).append(name)
    order = [*first, *(name for parts in inside.values() for name in parts)]
    headings = [*("" for _ in first), *(f"inside {block}" for block, parts in inside.items() for _ in parts)]
    return order, headings if inside else []


def first_layers(names: Sequence[str]) -> list[str]:
    """The layers that a menu shows first: those outside of blocks, or all if there are no others."""
    order, headings = arranged(names)
    outer = [name for name, inside in zip(order, headings, strict=True) if not inside] if headings else order
    return outer or order


def last_but_one(names: Sequence[str]) -> str:
    """The last but one of the layers that a menu shows first: the features that the classifier reads."""
    first = first_layers(names)
    return first[max(0, len(first) - 2)]


def deepest(layers: Sequence[Layer], names: Sequence[str]) -> str:
    """The last of `names`, without those of the network's `layers` that have one unit for each class and so are no features."""
    widths, classes = {layer.name: layer.shape[0] for layer in layers}, layers[-1].shape[0]
    return next((name for name in reversed(names) if widths[name] != classes), names[-1])


def rectified(layers: Sequence[Layer]) -> list[str]:
    """The names of the layers that are a ReLU, or a block of the network as a whole."""
    outer = first_layers([layer.name for layer in layers])
    return [layer.name for layer in layers if layer.rectified or (layer.block and layer.name in outer)]


def offer_layers(
    control: SearchSelect,
    layers: Sequence[str],
    otherwise: str | None = None,
    before: Sequence[tuple[str, Any]] = (),
) -> None:
    """Fill a menu with the layers of a network, after the options `before`.

    The choice is the layer that the menu was made for (`controls.search`), the first time; else the previous choice, else the layer
    `otherwise`, else the first option.

    Raises
    ------
    ValueError
        If the requested layer is not among them; the message offers the nearest names.
    """
    asked, control.asked, chosen = getattr(control, "asked", None), None, control.label
    if asked and asked not in layers:
        raise ValueError(_not_offered(asked, layers))
    order, headings = arranged(layers)
    options = [*before, *((name, name) for name in order)] if before else order
    control.set_options(options, groups=[*("" for _ in before), *headings] if headings else ())
    labels = [*(label for label, _value in before), *order]
    wanted = next((label for label in (asked, chosen, otherwise) if label in labels), None)
    if wanted is not None:
        control.label = wanted


def _not_offered(asked: str, layers: Sequence[str]) -> str:
    close = [f'"{name}"' for name in difflib.get_close_matches(asked, layers, n=3)]
    guess = f" Did you mean {' or '.join(close)}?" if close else ""
    listed = first_layers(layers)[:LISTED]
    more = f" and {len(layers) - len(listed)} more" if len(layers) > len(listed) else ""
    return f'layer "{asked}" is not offered; choose one of {", ".join(listed)}{more}.{guess}'


def offer_classes(
    control: SearchSelect, names: Sequence[str], before: Sequence[tuple[str, Any]] = (), form: str = "{}"
) -> None:
    """Fill a menu with the classes of a network by name, each with its index as the value, after the options `before`.

    The previous choice stays if its label is among them. A class is also found by its synonyms (`ClassName.synonyms`).
    """
    options = [*before, *((form.format(name), index) for index, name in enumerate(names))]
    words = [", ".join(getattr(name, "synonyms", ())) for name in names]
    control.set_options(options, keywords=[*("" for _ in before), *words] if any(words) else ())


def offer_judges(control: widgets.Dropdown, networks: Sequence[str]) -> None:
    """Fill a menu with networks that classify the same picture too; the previous choice stays, else it is the first of them.

    Without any there is nothing to choose, and the menu is disabled.
    """
    chosen = control.value
    control.options = [("nobody", ""), *((name, name) for name in networks)]
    control.value = chosen if chosen in networks else next(iter(networks), "")
    control.disabled = not networks
