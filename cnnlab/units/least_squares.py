"""Least-squares fit of a spatial pattern times a colour to filters: many small problems at once.

For the patterns see `cnnlab.units.gabor` and `cnnlab.units.blob`. Both have the form

    w[channel, row, column] = offset[channel] + amplitude * colour[channel] * pattern[row, column]

that is, of rank one once the mean of each channel is subtracted. From each start on a grid, the pattern is fitted to the
filter's part in the pattern's best colour, then the colour is updated, and so on; the share explained is counted on all channels.

The constant background colour (offset) belongs to the explanation: many trained filters detect an edge or a spot *and* a
colour, and one that is orange all over is as smooth a patch of colour as there can be. The share due to the pattern alone
is `pattern_r2`, to which a constant colour contributes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MIN_FILTER_SIDE = 5


def checked_filters(weights: Tensor) -> Tensor:
    """units x channels x k x k in float64 on the CPU; a single filter may be passed as channels x k x k."""
    if not isinstance(weights, Tensor) or not weights.dtype.is_floating_point:
        raise TypeError(f"filters must be a float tensor, but got {type(weights).__name__}.")
    if weights.dim() not in (3, 4) or weights.shape[-1] != weights.shape[-2] or 0 in weights.shape:
        raise ValueError(
            "filters must have the axes units x channels x k x k or channels x k x k, but came as"
            f" {' x '.join(str(n) for n in weights.shape)}."
        )
    if weights.shape[-1] < MIN_FILTER_SIDE:
        raise ValueError(
            f"filters of {weights.shape[-1]} x {weights.shape[-1]} are too small: the patterns have up to eight"
            f" free numbers, so they would explain anything; give filters of {MIN_FILTER_SIDE} x {MIN_FILTER_SIDE} or more."
        )
    if not weights.isfinite().all():
        raise ValueError("filters hold values that are not finite.")
    weights = weights.detach().cpu().double()
    return weights if weights.dim() == 4 else weights.unsqueeze(0)


def centred_channels(weights: Tensor) -> Tensor:
    """N x C x k*k: each channel minus its own mean, on one scale for all filters (flat filters are exactly 0)."""
    flat = weights.flatten(2)
    centred = flat - flat.mean(2, keepdim=True)
    size = centred.square().mean((1, 2), keepdim=True).sqrt()
    empty = size <= 1e-10 * flat.abs().amax((1, 2), keepdim=True)
    return (centred / size.masked_fill(empty, 1.0)).masked_fill(empty, 0.0)


def colour_fit(weights: Tensor, patterns: Tensor) -> dict[str, Tensor]:
    """Each pattern (N x k*k) in its best colour: the part of a fit that does not depend on the kind of pattern.

    amplitude (N), colour and offset (N x C), reconstruction (N x C x k x k), and two shares explained (N):

        r2         = 1 - sum (w - reconstruction)^2 / sum (w - mean of all of w)^2
        pattern_r2 = 1 - sum (w - reconstruction)^2 / sum (w - mean of its channel)^2
    """
    flat = weights.flatten(2)  # N x C x k*k
    means = flat.mean(2, keepdim=True)
    shape = (patterns - patterns.mean(1, keepdim=True)).unsqueeze(2)  # N x k*k x 1
    direction = ((flat - means) @ shape).squeeze(2) / shape.square().sum(1)  # N x C
    amplitude = direction.norm(dim=1, keepdim=True)
    offset = means.squeeze(2) - direction * patterns.mean(1, keepdim=True)
    reconstruction = offset.unsqueeze(2) + direction.unsqueeze(2) * patterns.unsqueeze(1)
    residual = (flat - reconstruction).square().sum((1, 2))
    return {
        "amplitude": amplitude.squeeze(1),
        "colour": direction / amplitude.clamp(min=torch.finfo(amplitude.dtype).tiny),
        "offset": offset,
        "reconstruction": reconstruction.view_as(weights),
        "r2": _r2(residual, flat, flat.mean((1, 2), keepdim=True)),
        "pattern_r2": _r2(residual, flat, means),
    }


def fit_pattern(pattern: Callable[[Tensor], Tensor], initial: Tensor, channels: Tensor) -> Tensor:
    """The parameters (N x P) with which `pattern(p)`, in one colour, comes closest to each filter, from S starts (N x S x P).

    Colour and pattern are fitted in turn: the pattern is fitted to the filter's part in the pattern's best colour.
    All starts are followed for a few steps, and fewer and fewer of them further.
    """
    parameters = initial
    for steps, survivors in ((10, 3), (15, 2), (20, 1), (15, 1), (15, 1)):
        targets = _best_coloured(channels, _centred_patterns(pattern, parameters))
        improved = least_squares(pattern, parameters.flatten(0, 1), targets.flatten(0, 1), steps)
        parameters = improved.view_as(parameters)
        best = (
            _explained_energy(channels, _centred_patterns(pattern, parameters))
            .topk(min(survivors, parameters.shape[1]))
            .indices
        )
        parameters = parameters.gather(1, best[..., None].expand(-1, -1, parameters.shape[2]))
    return parameters[:, 0]


def _centred_patterns(pattern: Callable[[Tensor], Tensor], parameters: Tensor) -> Tensor:
    """N x S x k*k: the patterns of all parameter rows, each minus its mean."""
    patterns = torch.func.vmap(torch.func.vmap(pattern))(parameters)
    return patterns - patterns.mean(2, keepdim=True)


def _best_coloured(channels: Tensor, patterns: Tensor) -> Tensor:
    """N x S x k*k: the part of the channels in the best colour for each pattern, with mean square 1."""
    colours = patterns @ channels.mT  # N x S x C
    coloured = colours @ channels
    return coloured / coloured.square().mean(2, keepdim=True).sqrt().clamp(
        min=torch.finfo(coloured.dtype).tiny
    )


def _explained_energy(channels: Tensor, patterns: Tensor) -> Tensor:
    """N x S: how much of the filter each pattern explains, in its best colour."""
    length = patterns.square().sum(2).clamp(min=torch.finfo(patterns.dtype).tiny)
    return (patterns @ channels.mT).square().sum(2) / length


def least_squares(
    pattern: Callable[[Tensor], Tensor], initial: Tensor, targets: Tensor, steps: int
) -> Tensor:
    """Levenberg-Marquardt on B problems at once: parameters (B x P) that bring `pattern(p)` (M numbers) towards each target.

    Each problem has its own damping, and a step that increases its error is rejected. The damping is scaled by the
    diagonal, so that parameters in different units are treated alike. Derivatives are finite differences over a step of 1e-6,
    which float64 allows.
    Marquardt (1963), An algorithm for least-squares estimation of nonlinear parameters.
    """
    model = torch.func.vmap(pattern)
    steps_per_parameter = 1e-6 * torch.eye(initial.shape[1], dtype=initial.dtype)
    parameters, damping = initial.clone(), torch.full((len(initial), 1), 1e-2, dtype=initial.dtype)
    outputs = model(parameters)  # B x M
    errors = (outputs - targets).square().sum(1)
    for _ in range(steps):
        jacobian = torch.stack(
            [(model(parameters + delta) - outputs) / 1e-6 for delta in steps_per_parameter], 2
        )  # B x M x P
        normal = jacobian.mT @ jacobian
        gradient = jacobian.mT @ (targets - outputs).unsqueeze(2)
        scale = normal.diagonal(dim1=1, dim2=2)
        damped = normal + torch.diag_embed(damping * scale + 1e-9)
        trial = parameters + torch.linalg.solve(damped, gradient).squeeze(2)
        trial_outputs = model(trial)
        trial_errors = (trial_outputs - targets).square().sum(1)
        better = trial_errors < errors  # also false where the trial is not finite
        parameters = torch.where(better[:, None], trial, parameters)
        outputs = torch.where(better[:, None], trial_outputs, outputs)
        errors = torch.where(better, trial_errors, errors)
        damping = torch.where(better[:, None], damping / 5, damping * 4).clamp(1e-9, 1e9)
    return parameters


def to_bounded(value: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Map any number into (low, high), so that an unconstrained fit respects the bounds."""
    return low + (high - low) * torch.sigmoid(value)


def to_unbounded(value: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """The inverse of `to_bounded`; values at the bounds are moved a little inside."""
    return torch.logit(((value - low) / (high - low)).clamp(0.02, 0.98))


def _r2(residual: Tensor, numbers: Tensor, mean: Tensor) -> Tensor:
    """1 - residual / total, and 0 where there is nothing to explain (but rounding)."""
    total = (numbers - mean).square().sum((1, 2))
    empty = total <= 1e-20 * numbers.square().sum((1, 2))
    return (1 - residual / total.masked_fill(empty, 1.0)).masked_fill(empty, 0.0)
