"""The base of what watches a network's tensor operations while it runs: its receptive fields, the axis of its channels, its cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class OperationWatcher(TorchDispatchMode):
    """Meets, inside its `with` block, every tensor operation, whether a module or a function calls it; subclasses say what they keep."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Do not hide from torch's compiler: that would import it, which takes seconds, and nothing is compiled here."""
        return False


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors among arguments or results, also within tuples and lists."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_in(part)
