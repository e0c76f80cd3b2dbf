"""The exercises of notebook 17, transfer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def whiten(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer(train, test)`: the test vectors (M x D) in the whitened principal axes of the training vectors (N x D), all D of them."""
    generator = torch.Generator().manual_seed(3)
    mixing = torch.randn(4, 4, generator=generator, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.5, 2.0])
    train = torch.randn(60, 4, generator=generator, dtype=torch.float64) @ mixing + 5
    test = torch.randn(9, 4, generator=generator, dtype=torch.float64) @ mixing.flip(0) + 4
    result = torch.as_tensor(require_attempt(answer(train.clone(), test.clone()))).double()
    if result.shape != test.shape:
        return f"{tuple(test.shape)} numbers are expected, {tuple(result.shape)} came"

    def expected(source: Tensor, mean: Tensor, exponent: float) -> Tensor:
        values, vectors = torch.linalg.eigh(torch.cov(source.T))
        return (test - mean) @ vectors * values**exponent

    # Axes may point either way and stand in any order, so what counts is how the vectors lie to one another.
    def same(other: Tensor) -> bool:
        tables = result @ result.T, other @ other.T
        return torch.allclose(*tables, rtol=0.05)  # N or N - 1 in the deviation

    mean = train.mean(0)
    if same(expected(train, mean, -0.5)):
        return None
    mistakes = {
        "the axes come from the test vectors; find them on the training vectors": expected(
            test, test.mean(0), -0.5
        ),
        "the mean of the training vectors is not taken off": expected(train, torch.zeros(4), -0.5),
        "the mean is that of the test vectors; take that of the training vectors": expected(
            train, test.mean(0), -0.5
        ),
        "this projects but does not whiten; divide each axis by its deviation": expected(train, mean, 0.0),
        "this divides by the variance; the deviation is its root": expected(train, mean, -1.0),
        "this brings each number to deviation 1, but leaves them correlated; turn to the principal axes first": (
            test - mean
        )
        / train.std(0),
    }
    for hint, wrong in mistakes.items():
        if same(wrong):
            return hint
    return "mean off, turn by the eigenvectors of the training covariance, divide by the roots of its eigenvalues"


def changed_parts(answer: Callable[[nn.Module, nn.Module], Iterable[str]]) -> str | None:
    """`answer(before, after)`: the names of the parts with anything that differs, weights or statistics."""
    before = nn.Sequential()
    for name, module in {
        "conv1": nn.Conv2d(3, 4, 3),
        "norm1": nn.BatchNorm2d(4),
        "conv2": nn.Conv2d(4, 4, 3),
        "norm2": nn.BatchNorm2d(4),
        "fc": nn.Linear(4, 2),
    }.items():
        before.add_module(name, module)
    after = copy.deepcopy(before)
    with torch.no_grad():
        after.norm1.running_mean += 0.5  # not trained, and yet it moved
        after.norm2.weight += 0.1
        after.fc.bias += 0.1
    result = {str(name) for name in require_attempt(answer(before, after))}
    if result == {"norm1", "norm2", "fc"}:
        return None
    if result == {"norm2", "fc"}:
        return "one part without any trained weight moved, too: the statistics of a normalisation; look at all of state_dict()"
    if result == {"conv1", "conv2"}:
        return "these are the parts that stayed; name those that moved"
    if any("." in name for name in result):
        return "name the parts ('fc'), not their tensors ('fc.bias')"
    return "compare every tensor of the two state_dict()s; the part is what stands before the last dot"


EXERCISES: dict[str, Exercise] = {
    "17.whiten": whiten,
    "17.what_moved": changed_parts,
}
