"""The code under "Show the code": lines that reproduce a result without the explorer, with the imports that they need."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MODULES = ("torch", "cnnlab")
ROOMS = (
    *("attribution", "experiments", "features", "figures", "networks", "robustness", "segmentation"),
    *("synthesis", "transfer", "units", "world"),
)
"""The packages of `cnnlab` that a snippet may name."""


def snippet(*lines: str) -> str:
    """The lines below the imports of what they name: `torch`, `cnnlab`, and the packages of `cnnlab`.

    Example
    -------
    >>> print(snippet('model = cnnlab.load("mini_vgg")', "print(networks.summary(model))"))
    import cnnlab
    from cnnlab import networks
    <BLANKLINE>
    model = cnnlab.load("mini_vgg")
    print(networks.summary(model))
    """
    code = "\n".join(lines)
    imports = [f"import {module}" for module in MODULES if _names(code, module)]
    rooms = [room for room in ROOMS if _names(code, room)]
    imports += [f"from cnnlab import {', '.join(rooms)}"] if rooms else []
    return "\n".join([*imports, "", code])


def _names(code: str, module: str) -> bool:
    """Whether the code uses a module; the name of a layer in quotes, such as "features.0", does not count."""
    return re.search(rf'(?<![\w."]){module}\.', code) is not None


def literal(value: object) -> str:
    """A value as Python code, with double quotes and short floats."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    text = repr(value)
    return f'"{value}"' if isinstance(value, str) and text == f"'{value}'" else text


def arguments(options: Mapping[str, object]) -> str:
    """Options as keyword arguments."""
    return ", ".join(f"{name}={literal(value)}" for name, value in options.items())


def class_literal(index: int | None, names: Sequence[str], network: str) -> str:
    """A class as an argument: its name, or its index where a network of the reader's or two classes of one name leave it open."""
    if index is None:
        return "None"
    return literal(names[index] if network and list(names).count(names[index]) == 1 else index)


def load_line(network: str) -> str:
    """The line that loads a network by its name for `cnnlab.load`; a placeholder where it has no name."""
    return f'model = cnnlab.load("{network}")' if network else "model = ...  # your own network"
