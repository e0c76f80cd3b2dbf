"""Requirements for a result before it is compared: its type, its shape, and unchanged arguments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cnnlab.grading.exercises.exercise import Case, Requirement


def is_tensor(hint: str) -> Requirement:
    """Requirement that the result is a tensor; the hint may use `{type}` and `{shape}`."""
    return lambda result, *_: None if isinstance(result, Tensor) else _describe(hint, result)


def has_shape(hint: str) -> Requirement:
    """Requirement of the right shape; the hint may use `{shape}`, a tuple, and `{sizes}`, text such as "3 x 4"."""

    def requirement(result: Any, case: Case, _: tuple) -> str | None:
        result = torch.as_tensor(result)
        return None if result.shape == case.expected.shape else _describe(hint, result)

    return requirement


def is_tensor_of_shape(hint: str) -> Requirement:
    """Requirements `is_tensor` and `has_shape`, with one hint; what is no tensor has no shape to speak of, but a type."""
    no_tensor = is_tensor(f"{hint.partition(';')[0]}, as a tensor; yours is a {{type}}")
    return lambda result, case, _: no_tensor(result) or has_shape(hint)(result, case, _)


def is_new_image(argument: int) -> Requirement:
    """Requirement that the result is an image, and the image passed as argument number `argument` is unchanged."""
    requirements = (
        is_tensor("return the new picture as a tensor, not {type}"),
        unchanged("the picture that was passed in has changed; work on a copy (`image.clone()`)", argument),
        has_shape("the new picture has the shape of the old one, 3 x 8 x 8; yours is {shape}"),
    )
    return lambda *call: next(filter(None, (requirement(*call) for requirement in requirements)), None)


def unchanged(hint: str, argument: int = 0) -> Requirement:
    """Requirement that the tensor passed as argument number `argument` is unchanged."""
    return lambda result, case, passed: (
        None if torch.equal(passed[argument].detach(), case.arguments[argument]) else hint
    )


def _describe(hint: str, result: Any) -> str:
    shape = tuple(getattr(result, "shape", ()))
    return hint.format(type=type(result).__name__, shape=shape, sizes=" x ".join(map(str, shape)))
