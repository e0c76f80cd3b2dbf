"""Backward rules of a ReLU: gradient, deconvnet, and guided backpropagation, which combines both.

A ReLU passes a value f forward if it is positive. In the backward pass the signal R from above passes by one of three rules:

    gradient   (f > 0) * R              where the ReLU was open in the forward pass
    deconvnet  (R > 0) * R              where the backward signal is positive, whatever the ReLU did
    guided     (f > 0) * (R > 0) * R    where both hold

ReLU6, min(max(f, 0), 6), is open where 0 < f < 6: its rules have that condition in place of f > 0.

`relu_backward` applies a rule to given tensors. `relu_rule` makes every ReLU of any network use one inside a `with` block. The
techniques that use it (`deconvnet`, `guided_backprop`) are in `cnnlab.attribution.saliency`; gradient ascent uses a fourth rule,
`REDIRECTED`.
"""

from __future__ import annotations

from math import inf
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnnlab._validation import one_of

RULES = ("gradient", "deconvnet", "guided")
"""The names of the three rules, in the order of the lecture."""
REDIRECTED = "redirected"
"""The gradient; but for an image with every number blocked by a ReLU, the rule of the deconvnet.

A unit that is inactive for all noise has no gradient, so gradient ascent could not start. With this rule it can (the idea: Lucid, code of
Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017).
"""

_RELUS = {F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}  # F.relu_ is torch.relu_
_HARDTANHS = {F.hardtanh, F.hardtanh_}  # nn.ReLU6 calls hardtanh with the bounds 0 and 6
_IN_PLACE = {torch.relu_, Tensor.relu_, F.hardtanh_}


def relu_backward(
    activation: Tensor, grad_output: Tensor, rule: str = "gradient", ceiling: float = inf
) -> Tensor:
    """The three backward rules of a ReLU, applied elementwise.

        gradient:  R_i^l = (f_i^l > 0) * R_i^(l+1)
        deconvnet: R_i^l = (R_i^(l+1) > 0) * R_i^(l+1)
        guided:    R_i^l = (f_i^l > 0) * (R_i^(l+1) > 0) * R_i^(l+1)

    Parameters
    ----------
    activation
        f, the input of the ReLU (or its output: the same entries are positive), of any shape.
    grad_output
        R of the layer above, of the same shape.
    rule
        One of `RULES`.
    ceiling
        The largest output of the ReLU, 6 for ReLU6: the condition f > 0 becomes 0 < f < ceiling.

    Returns
    -------
    Tensor
        R of the layer below, of the same shape.

    Raises
    ------
    ValueError
        If the rule is unknown, the shapes differ, or the ceiling is not above 0.

    References
    ----------
    Springenberg, Dosovitskiy, Brox & Riedmiller, "Striving for Simplicity: The All Convolutional Net", ICLR workshop 2015,
    section 3.4 and figure 1. Lecture L, "Better grounding using gradient".

    Example
    -------
    >>> forward, back = torch.tensor([2.0, 2.0, -1.0, -1.0]), torch.tensor([3.0, -3.0, 3.0, -3.0])
    >>> for rule in RULES:
    ...     print(rule, (relu_backward(forward, back, rule) + 0).tolist())
    gradient [3.0, -3.0, 0.0, 0.0]
    deconvnet [3.0, 0.0, 3.0, 0.0]
    guided [3.0, 0.0, 0.0, 0.0]
    """
    one_of(rule, RULES, "rule")
    if activation.shape != grad_output.shape:
        raise ValueError(
            "activation and grad_output must have the same shape, but came as"
            f" {tuple(activation.shape)} and {tuple(grad_output.shape)}."
        )
    if not ceiling > 0:
        raise ValueError(f"ceiling must be above 0, but got {ceiling!r}.")
    if rule != "gradient":
        grad_output = grad_output.clamp_min(0)
    if rule == "deconvnet":
        return grad_output
    # (0 < f < ceiling) * R by torch's own kernel, a tenth of the time of a mask: it keeps no mask and does not branch.
    return torch.ops.aten.hardtanh_backward(grad_output, activation, 0.0, ceiling)


class relu_rule(TorchFunctionMode):  # read as a verb: `with relu_rule("guided"):`
    """Backward rule for every ReLU that runs inside the `with` block; the network is not changed.

    It intercepts the call itself, so it does not matter whether a network uses `nn.ReLU()`, `nn.ReLU(inplace=True)`, `F.relu(x)`,
    `torch.relu(x)`, `x.relu_()` or one module at several positions; the same goes for ReLU6 (`nn.ReLU6()`, `F.relu6(x)`,
    `F.hardtanh(x, 0, 6)`). Methods that replace modules or hook into them miss the functional calls and then return, without a
    warning, the plain gradient. Other activation functions (`clamp(min=0)`, GELU, SiLU, hard swish, leaky ReLU, a scripted or traced
    network) keep their own derivative; `relu_count` counts the ReLUs that ran, so that a caller can check.

    The rule is read in the backward pass: it may be changed between two backward passes over the same graph.

    Example
    -------
    >>> x = torch.tensor([1.0, -1.0], requires_grad=True)
    >>> with relu_rule("deconvnet"):
    ...     y = torch.relu(x)
    >>> torch.autograd.grad(y.sum(), x)
    (tensor([1., 1.]),)
    """

    def __init__(self, rule: str):
        super().__init__()
        self.rule = one_of(rule, (*RULES, REDIRECTED), "rule")
        self.relu_count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        ceiling = _ceiling(function, args, kwargs)
        if ceiling is None:
            return function(*args, **kwargs)
        self.relu_count += 1
        values = args[0] if args else kwargs["input"]
        if not values.requires_grad:
            return function(*args, **kwargs)
        in_place = function in _IN_PLACE or kwargs.get("inplace", False)
        return _RuledReLU.apply(values, self, in_place, ceiling)


def _ceiling(function: Any, args: tuple, kwargs: dict[str, Any]) -> float | None:
    """The largest output of this ReLU, infinity for a plain one; None if the function is not a ReLU."""
    if function in _RELUS:
        return inf
    if function is F.relu6:
        return 6.0
    if function in _HARDTANHS:
        arguments = dict(zip(("input", "min_val", "max_val"), args, strict=False)) | kwargs
        if arguments.get("min_val", -1.0) == 0 and arguments.get("max_val", 1.0) > 0:
            return float(arguments.get("max_val", 1.0))
    return None


class _RuledReLU(torch.autograd.Function):
    """A ReLU, with or without a ceiling, whose backward rule is chosen in the backward pass."""

    @staticmethod
    def forward(ctx, values: Tensor, mode: relu_rule, in_place: bool, ceiling: float) -> Tensor:
        if in_place:
            output = values.relu_() if ceiling == inf else values.clamp_(0, ceiling)
            ctx.mark_dirty(values)
        else:
            output = values.relu() if ceiling == inf else values.clamp(0, ceiling)
        ctx.save_for_backward(output)
        ctx.mode, ctx.ceiling = mode, ceiling
        return output

    @staticmethod
    def backward(ctx, grad_output: Tensor) -> tuple[Tensor, None, None, None]:
        (output,) = ctx.saved_tensors
        if ctx.mode.rule == REDIRECTED:
            passed = _redirected(output, grad_output, ctx.ceiling)
        else:
            passed = relu_backward(output, grad_output, ctx.mode.rule, ctx.ceiling)
        return passed, None, None, None


def _redirected(output: Tensor, grad_output: Tensor, ceiling: float) -> Tensor:
    """The gradient of N images (first axis); where that of an image is blocked entirely, the positive part of the backward signal."""
    passed = relu_backward(output, grad_output, "gradient", ceiling)
    entries = tuple(range(1, passed.dim()))
    blocked = (passed.amax(entries) == 0) & (passed.amin(entries) == 0)
    if not blocked.any():
        return passed
    return passed.where(~blocked.view(-1, *[1] * (passed.dim() - 1)), grad_output.clamp_min(0))
