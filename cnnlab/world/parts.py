"""Parts of an object, one by one: left out, in another surface, or replaced by the part of another class.

What a part is worth to a network can be tried when the same picture can be had without it. An object is a list of pieces (`Piece`),
each named by its part; here the list is changed, after all random choices are made, so that the other pieces stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeAlias

import numpy as np

from cnnlab._validation import one_of
from cnnlab.world.names import OBJECTS
from cnnlab.world.object_classes import OBJECT_CLASSES, surface_of
from cnnlab.world.paths import Piece
from cnnlab.world.surfaces import SURFACES, Paint, mix

Replacement: TypeAlias = "str | tuple[str, str]"
"""What a part is replaced by: a surface, named as in `Recipe.texture`, or (class, part), the part of another class."""


@cache
def parts_of(shape: str) -> tuple[str, ...]:
    """The parts of a class of objects, from back to front; none for "none".

    Raises
    ------
    ValueError
        If the class is not known.

    Example
    -------
    >>> parts_of("cup")
    ('saucer', 'handle', 'body', 'rim')
    """
    if one_of(shape, ("none", *OBJECTS), "shape") == "none":
        return ()
    return tuple(dict.fromkeys(piece.part for piece in OBJECT_CLASSES[shape].draw(lambda: 0.5)))


def validated_parts(shape: str, parts: str | Iterable[str], argument: str) -> tuple[str, ...]:
    """The parts as a tuple in the order of `parts_of`, each once; the error for an unknown one lists those that the object has."""
    if not isinstance(parts, Iterable):
        raise TypeError(
            f'{argument} must name one part or several, as in ("horn", "ear"), but got {parts!r}.'
        )
    given, known = {parts} if isinstance(parts, str) else set(parts), parts_of(shape)
    if given and not known:
        raise ValueError(f"{argument}={sorted(given)}, but a picture without an object has no parts.")
    for part in given:
        one_of(part, known, f"{argument}: the part of this object, a {shape},")
    return tuple(part for part in known if part in given)


def validated_replacements(
    shape: str, replaced: Mapping[str, Replacement] | Iterable[tuple[str, Replacement]]
) -> tuple[tuple[str, Replacement], ...]:
    """The replacements as pairs (part, by what) in the order of `parts_of`; an error lists what is known."""
    try:
        given = dict(replaced)
    except (TypeError, ValueError):
        raise TypeError(
            f'replace must map parts to what replaces them, as in {{"horn": "wool"}}, but got {replaced!r}.'
        ) from None
    result: list[tuple[str, Replacement]] = []
    for part in validated_parts(shape, given, "replace"):
        by = given[part]
        if isinstance(by, str):
            surface_of(shape, by)
        else:
            if not isinstance(by, Sequence) or len(by) != 2:
                raise ValueError(
                    f"{part} is replaced by a surface, or a part of another class is named as (class, part), but got {by!r}."
                )
            donor, donated = by
            one_of(donor, OBJECTS, "class that gives a part")
            by = (donor, one_of(donated, parts_of(donor), f"part of a {donor}"))
        result.append((part, by))
    return tuple(result)


def edited(
    pieces: Iterable[Piece],
    paints: Mapping[str, Paint],
    shape: str,
    without: tuple[str, ...],
    replaced: Mapping[str, Replacement],
    rng: Callable[[], np.random.Generator],
) -> list[tuple[Piece, Paint]]:
    """The pieces of an object with their paints, without some parts and with others replaced.

    `rng()` returns the generator of a replacement, fresh for each, so that one does not change another.
    """
    pieces = list(pieces)
    result: list[tuple[Piece, Paint]] = []
    fitted = set()
    for piece in pieces:
        by = replaced.get(piece.part)
        if piece.part in without or piece.part in fitted:
            continue
        if by is None:
            result.append((piece, paints[piece.material]))
        elif isinstance(by, str):
            result.append((piece, mix(surface_of(shape, by), rng())))
        else:
            fitted.add(piece.part)
            result += _donated(*by, [other.outline for other in pieces if other.part == piece.part], rng())
    return result


def _donated(
    donor: str, part: str, outlines: list[np.ndarray], rng: np.random.Generator
) -> list[tuple[Piece, Paint]]:
    """The pieces of the donor's part, stretched from their own box into the box of the outlines that they replace."""
    donor_class = OBJECT_CLASSES[donor]
    paints = {"skin": mix(SURFACES[donor_class.surface], rng)}
    given = [piece for piece in donor_class.draw(rng.random) if piece.part == part]
    (low, high), (new_low, new_high) = _box(piece.outline for piece in given), _box(outlines)
    stretch = (new_high - new_low) / (high - low)
    result = []
    for piece in given:
        if piece.material not in paints:
            paints[piece.material] = mix(SURFACES[piece.material], rng)
        outline = (piece.outline - low) * stretch + new_low
        result.append((replace(piece, outline=outline), paints[piece.material]))
    return result


def _box(outlines: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate(list(outlines))
    return points.min(axis=0), points.max(axis=0)
