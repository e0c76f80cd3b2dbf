"""The bases of what watches a network: its tensor operations while it runs (receptive fields, axis of channels, cost), or its graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import RLock, get_ident
from typing import Any

from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode


class OperationWatcher(TorchDispatchMode):
    """Meets, inside its `with` block, every tensor operation, whether a module or a function calls it; subclasses say what they keep."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Do not hide from torch's compiler: that would import it, which takes seconds, and nothing is compiled here."""
        return False


class GraphTracer(fx.Tracer):
    """`torch.fx.Tracer` in this thread only.

    It exchanges `nn.Module.__call__` for all threads while it traces: networks that others run meanwhile, as a training loop beside an
    explorer does, go on as ever, and another tracer waits.
    """

    _one_at_a_time = RLock()

    def trace(self, root: nn.Module, concrete_args: dict[str, Any] | None = None) -> fx.Graph:
        with self._one_at_a_time:
            self._thread = get_ident()
            return super().trace(root, concrete_args)

    @property
    def is_elsewhere(self) -> bool:
        """Whether another thread is asking."""
        return get_ident() != self._thread

    def call_module(self, m: nn.Module, forward: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
        return (
            forward(*args, **kwargs) if self.is_elsewhere else super().call_module(m, forward, args, kwargs)
        )

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        return attr_val if self.is_elsewhere else super().getattr(attr, attr_val, parameter_proxy_cache)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors among arguments or results, also within tuples and lists."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_in(part)
