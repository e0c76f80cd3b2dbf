"""Summary of a network: output shape, parameters, cost and receptive field of each layer.

`summary` runs the network once on a blank image. The names of the layers alone come from
`cnnlab.networks.layer_names`, the exact fields of single units from `cnnlab.networks.receptive_field`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from cnnlab.networks.eval_mode import layered
from cnnlab.networks.forward import forward, without_gradients
from cnnlab.networks.layer_names import display_names
from cnnlab.networks.operation_watcher import OperationWatcher
from cnnlab.networks.receptive_field import ReceptiveField, to_receptive_field
from cnnlab.networks.receptive_field.algebra import Field
from cnnlab.networks.receptive_field.tracer import FieldTracer, input_shape, trace_fields

HEADINGS = ("layer", "type", "output shape", "parameters", "multiply-adds", "receptive field")


@dataclass(frozen=True)
class LayerRow:
    """One layer: `output_shape` is (C, H, W) or (C,), without the batch; `receptive_field` is None if unknown."""

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: ReceptiveField | None

    def cells(self) -> tuple[str, ...]:
        """The row as it is printed, in the order of the columns."""
        return (
            self.name,
            self.type,
            " x ".join(str(n) for n in self.output_shape),
            f"{self.parameters:,}",
            f"{self.multiply_adds:,}",
            _format_field(self.receptive_field),
        )


@dataclass(frozen=True, repr=False)
class Summary:
    """The layers of a network in the order in which they run, and the totals.

    `parameters` counts every parameter, trainable or frozen, once, even if several layers
    share it; `trainable` those that require a gradient. `str()` prints the table, a notebook renders it.
    """

    network: str
    input_shape: tuple[int, int, int]
    rows: tuple[LayerRow, ...]
    parameters: int
    trainable: int

    @property
    def non_trainable(self) -> int:
        """Parameters that require no gradient."""
        return self.parameters - self.trainable

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all layers together for one image."""
        return sum(row.multiply_adds for row in self.rows)

    def totals(self) -> dict[str, str]:
        """The lines below the table."""
        return {
            "Parameters in all": f"{self.parameters:,}",
            "Trainable": f"{self.trainable:,}",
            "Not trainable": f"{self.non_trainable:,}",
            "Multiply-adds for one picture": f"{self.multiply_adds:,}",
        }

    def __repr__(self) -> str:  # also what `str` prints
        table = [HEADINGS, *(row.cells() for row in self.rows)]
        widths = [max(len(line[i]) for line in table) for i in range(len(HEADINGS))]
        lines = ["  ".join(_aligned(line, widths)).rstrip() for line in table]
        rule = "-" * max(len(line) for line in lines)
        totals = [f"{what}: {number}" for what, number in self.totals().items()]
        return "\n".join([self._title(), rule, lines[0], rule, *lines[1:], rule, *totals])

    def _repr_html_(self) -> str:
        align = ["left" if i < 3 else "right" for i in range(len(HEADINGS))]
        whole = ";white-space:nowrap"  # a shape is not broken into two lines

        def line(cells: Sequence[str], tag: str) -> str:
            return "".join(
                f'<{tag} style="text-align:{a}{whole if tag == "td" else ""}">{escape(c)}</{tag}>'
                for c, a in zip(cells, align, strict=True)
            )

        body = "".join(f"<tr>{line(row.cells(), 'td')}</tr>" for row in self.rows)
        totals = "<br>".join(f"{what}: {number}" for what, number in self.totals().items())
        return (
            f"<table><caption>{escape(self._title())}</caption><thead><tr>{line(HEADINGS, 'th')}</tr></thead>"
            f"<tbody>{body}</tbody></table><p>{totals}</p>"
        )

    def _title(self) -> str:
        return f"{self.network}, for pictures of {' x '.join(str(n) for n in self.input_shape)}"


def summary(model: nn.Module, input_size: int | Sequence[int] | None = None) -> Summary:
    """Summary of each layer: output shape, number of parameters, cost, and receptive field.

    A convolution with M maps of k x k over C channels has M (C k k + 1) parameters and takes C k k multiply-adds for
    each output value; a fully connected layer from D to M numbers has M (D + 1) parameters and takes D M
    multiply-adds. Operations are counted, not layers, so functions and the matrix products of attention count too; what has no
    multiplication by weights or of matrices counts as free.

    Parameters
    ----------
    model
        Any network; it runs once on a blank image, in eval mode, and is left unchanged.
    input_size
        n (3 x n x n), (H, W) or (C, H, W); None takes the network's own `input_size`.

    Returns
    -------
    Summary
        One row for each layer that has no further layers inside, or parameters or multiply-adds of its own. A layer that runs
        several times has one row, with the output of its last run and the cost of all runs.

    Raises
    ------
    ValueError
        If the network cannot take such an image, or `input_size` is missing or malformed.

    References
    ----------
    Lecture S, section "Plotting model architecture".

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet, summary
    >>> table = summary(MiniAlexNet(["cat", "dog"]))
    >>> table.rows[-1].name, table.rows[-1].output_shape, table.rows[-1].parameters
    ('fc8', (2,), 386)
    """
    model = layered(model)
    shape = input_shape(model, input_size)
    tracer, run_model = trace_fields(model, shape)
    names = display_names(model)
    counter = OperationCounter()
    rows: dict[str, LayerRow] = {}
    handles = []

    def note(path: str, module: nn.Module, output: object) -> None:
        multiply_adds = counter.leave(path)
        is_row = next(module.children(), None) is None or _own_parameters(module) or multiply_adds
        if is_row:
            name = row_name(path, names)
            # Removed and added again: the row is listed where the layer runs last.
            earlier = rows.pop(name, None)
            before = earlier.multiply_adds if earlier else 0
            rows[name] = _row(name, module, output, tracer, shape, multiply_adds + before)

    try:
        for path, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(lambda *_, path=path: counter.enter(path)))
            hook = lambda module, _inputs, output, path=path: note(path, module, output)  # noqa: E731
            handles.append(module.register_forward_hook(hook))
        with counter, plain_attention():
            run_model()
    finally:
        for handle in handles:
            handle.remove()
    return Summary(
        network=getattr(model, "name", type(model).__name__),
        input_shape=shape,
        rows=tuple(_with_parameters_of_silent_parts(model, rows, names)),
        parameters=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
    )


def multiply_adds(model: nn.Module, side: int) -> int:
    """Multiply-adds of any network for one picture of side x side, as `summary` counts them; it need not have layers that can be listed."""
    counter = OperationCounter()
    counter.enter("")
    with without_gradients(model), counter, plain_attention():
        forward(model, torch.zeros(1, 3, side, side))
    return counter.leave("")


class OperationCounter(OperationWatcher):
    """Inside its `with` block, counts multiply-adds for the innermost module that runs, whatever function computes them.

    The formulas are those of `torch.utils.flop_counter`, which counts a multiply-add as two operations.
    """

    def __init__(self):
        # Imported here, since triton comes along where it is installed.
        from torch.utils.flop_counter import flop_registry

        super().__init__()
        self._formulas = flop_registry
        self._running: list[tuple[str, int]] = []

    def enter(self, path: str) -> None:
        """A module begins to run."""
        self._running.append((path, 0))

    def leave(self, path: str) -> int:
        """A module has run: its multiply-adds, without those of the modules inside."""
        while self._running:  # a module that left by an exception has not said so
            inner, count = self._running.pop()
            if inner == path:
                return count
        return 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        formula = self._formulas.get(func.overloadpacket)
        if formula is None:
            # In inference mode, convolutions and others arrive as a whole and are taken apart here.
            with self:
                output = func.decompose(*args, **(kwargs or {}))
            if output is not NotImplemented:
                return output
        output = func(*args, **(kwargs or {}))
        if formula and self._running:
            path, count = self._running[-1]
            self._running[-1] = path, count + formula(*args, **(kwargs or {}), out_val=output) // 2
        return output


@contextmanager
def plain_attention() -> Iterator[None]:
    """Attention is computed by matrix products, which can be counted, in place of one fused operation."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def row_name(path: str, names: dict[str, str]) -> str:
    """The name of a module in the table."""
    return names.get(path, path) or "(itself)"


def _own_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters(recurse=False))


def _row(
    name: str, module: nn.Module, output: object, tracer: FieldTracer, shape: tuple, multiply_adds: int
) -> LayerRow:
    tensor = output if isinstance(output, Tensor) else None
    traced = tracer.field_of(tensor) if tensor is not None else None
    return LayerRow(
        name=name,
        type=type(module).__name__,
        output_shape=tuple(tensor.shape[1:]) if tensor is not None else (),
        parameters=_own_parameters(module),
        multiply_adds=multiply_adds,
        receptive_field=to_receptive_field(traced, shape) if isinstance(traced, Field) else None,
    )


def _with_parameters_of_silent_parts(
    model: nn.Module, rows: dict[str, LayerRow], names: dict[str, str]
) -> Iterator[LayerRow]:
    """The rows; weights of a module that is never called, because another one uses them, count for the nearest module around it."""
    extra: Counter[str] = Counter()
    for path, module in model.named_modules():
        name = row_name(path, names)
        if name in rows or not _own_parameters(module):
            continue
        while path and name not in rows:
            path = path.rpartition(".")[0]
            name = row_name(path, names)
        extra[name] += _own_parameters(module)
    return (replace(row, parameters=row.parameters + extra[name]) for name, row in rows.items())


def _format_field(field: ReceptiveField | None) -> str:
    if field is None:
        return "?"
    if all(field.stride) or field.size != field.picture:
        return " x ".join(str(n) for n in field.size)
    return "all"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    return [c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
