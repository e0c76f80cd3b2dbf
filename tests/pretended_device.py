"""A second device on a machine that has none: tensors that say they are on `cuda:0`, and are computed on the CPU.

What CUDA would refuse is refused here: an operation on tensors of both devices (a number, 0-dimensional, may come from the CPU, and so
may indices), a generator of the other device, and the numpy array of a tensor that is not on the CPU. The numbers are those of the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("cuda:0")
MAY_CROSS = {"copy_", "_to_copy", "index", "index_put", "index_put_", "_index_put_impl_"}
"""Operations that take tensors of both devices."""


class OnDevice(Tensor):
    """A tensor on the pretended device; `.held` is where its numbers are."""

    @staticmethod
    def __new__(cls, held: Tensor):
        with torch.inference_mode(False):  # what is held knows whether it belongs to it
            return Tensor._make_wrapper_subclass(
                cls,
                held.size(),
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device="meta",  # what autograd in C++ sees, which needs no device for it
            )

    def __init__(self, held: Tensor):
        self.held = held

    device = property(lambda self: DEVICE)
    is_cuda = property(lambda self: True)
    is_meta = property(lambda self: False)

    def __repr__(self) -> str:
        return f"OnDevice({self.held})"

    def tolist(self) -> Any:
        return self.held.tolist()

    def numpy(self, *, force: bool = False):
        if not force:
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        return self.held.detach().numpy()

    def __array__(self, *_, **__):
        return self.numpy()

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is Tensor.to and isinstance(args[1] if len(args) > 1 else None, Tensor):
            args = (args[0], args[1].device, args[1].dtype, *args[2:])  # C++ would read "meta"
        if function in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[1], list):
            args = (args[0], torch.tensor(args[1]), *args[2:])  # C++ would make it without numbers
        if function is Tensor.new_tensor:
            function, kwargs = torch.tensor, {"dtype": args[0].dtype, "device": DEVICE, **(kwargs or {})}
            args = args[1:]
        with torch._C.DisableTorchFunctionSubclass():  # what comes back stays what it is
            return function(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return _run(operation, args, kwargs or {})


class _Factories(TorchDispatchMode):
    """Sees the operations that no tensor of the device takes part in, such as `torch.zeros(3, device="cuda")`."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return _run(operation, args, kwargs or {})


@contextmanager
def pretended_device() -> Iterator[torch.device]:
    """While this lasts, `cuda` can be used."""
    torch._C._ensureCUDADeviceGuardSet()
    begin, torch.cuda._lazy_init = torch.cuda._lazy_init, lambda: None
    torch._C._set_only_lift_cpu_tensors(
        True
    )  # `torch.tensor([1], device="cuda")` is made here and sent there
    try:
        with _Factories(), torch.backends.cudnn.flags(enabled=False):
            yield DEVICE
    finally:
        torch._C._set_only_lift_cpu_tensors(False)
        torch.cuda._lazy_init = begin


def _run(operation, args: tuple, kwargs: dict) -> Any:
    name = operation.overloadpacket.__name__
    tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, Tensor)]
    placed = any(isinstance(one, OnDevice) for one in tensors)
    assert not placed or all(isinstance(one, OnDevice) or not one.is_meta for one in tensors), (
        f"{name} lost numbers"
    )
    if (
        placed
        and name not in MAY_CROSS
        and any(not isinstance(one, OnDevice) and one.dim() for one in tensors)
    ):
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! ({name})"
        )
    if name == "index" and not isinstance(args[0], OnDevice) and placed:
        raise RuntimeError(
            "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
        )
    for wanted in tree_flatten((args, kwargs))[0]:
        if isinstance(wanted, torch.device):
            if (
                wanted.type == "meta" and not tensors and name != "scalar_tensor"
            ):  # C++ makes those of numbers
                return operation(*args, **kwargs)  # a tensor without numbers, as was asked for
            placed = wanted.type in (
                "cuda",
                "meta",
            )  # in `x.new_zeros(3)` and `module.to(x)`, C++ says "meta"
    args, kwargs = tree_map_only(torch.device, lambda _: torch.device("cpu"), (args, kwargs))
    if placed and kwargs.get("generator") is not None:
        raise RuntimeError(f"Expected a 'cuda' device type for generator but found 'cpu' ({name})")
    held_args, held_kwargs = tree_map_only(OnDevice, lambda one: one.held, (args, kwargs))
    result = operation(*held_args, **held_kwargs)
    if operation._schema.is_mutable and result is getattr(args[0], "held", None):
        return args[0]  # changed in place
    return tree_map_only(Tensor, OnDevice, result) if placed else result
