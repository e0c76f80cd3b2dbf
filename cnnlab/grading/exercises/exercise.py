"""What an exercise is, and when an answer counts as attempted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Exercise = Callable[[Any], str | None]
"""Takes the answer; gives None where it is right, else a hint; raises NotImplementedError where nothing was attempted."""


def require_attempt(result: Any) -> Any:
    """The result of an answer, handed on; a stub that gives nothing raises NotImplementedError."""
    if result is None or result is Ellipsis:
        raise NotImplementedError
    return result
