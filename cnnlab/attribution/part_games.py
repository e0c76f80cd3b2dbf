"""Part games: what each part of an object contributes, as a fair share of the whole. Shapley values, KernelSHAP and LIME.

The players are the parts, and the value of a coalition is the logit of the picture rendered with these parts alone. Parts are few, so
every coalition can be rendered and the Shapley values are exact. On photographs KernelSHAP and LIME switch superpixels to grey; here a
part that is switched off is really gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, inf

import numpy as np
import torch
from torch import Tensor, nn

from cnnlab._validation import target_index
from cnnlab.attribution.part_importance import rendered_logits, whole_object
from cnnlab.world import Recipe


@dataclass(frozen=True, eq=False)
class PartGame:
    """Result of `part_game`, or a game of your own: the value of each coalition of P parts.

    Attributes
    ----------
    parts
        The P parts.
    coalitions
        2^P x P bool, row n with the binary digits of n: which parts are there. The first row is empty, the last is whole.
    values
        2^P floats: the logit of the target class for each of them.
    target
        The class, by index.

    Raises
    ------
    ValueError
        If there are no parts, or coalitions and values are not those of the parts, or not finite.
    """

    parts: tuple[str, ...]
    coalitions: Tensor
    values: Tensor
    target: int

    def __post_init__(self) -> None:
        rows = 2 ** len(self.parts)
        came = f"but came as {tuple(self.coalitions.shape)} and {tuple(self.values.shape)}"
        if not self.parts:
            raise ValueError("a game needs one part or more; none came.")
        if self.coalitions.shape != (rows, len(self.parts)) or self.values.shape != (rows,):
            raise ValueError(
                f"coalitions and values must be {rows} x {len(self.parts)} and {rows} for {len(self.parts)} parts, {came}; part_game"
                " renders and asks for all of them."
            )
        given, expected = self.coalitions.cpu(), all_coalitions(len(self.parts))
        if given.dtype != expected.dtype or not torch.equal(given, expected):
            raise ValueError(
                "row n of the coalitions must be the binary digits of n, as bool, the first part the lowest digit."
            )
        if not bool(torch.isfinite(self.values).all()):
            raise ValueError(
                "the values of a game must be finite, but some are not; ask the network for its logits there."
            )


def part_game(
    model: nn.Module,
    recipe: Recipe,
    target: int | str | None = None,
    *,
    size: int | None = None,
    progress: bool = False,
) -> PartGame:
    """The logit for every coalition of an object's parts: 2^P pictures, 16 for a cup and 2048 for a goat.

    Parameters are those of `true_importance`; so are the errors.

    Example
    -------
    >>> from cnnlab.world import sample
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 5))
    >>> part_game(model, sample(7, shape="cup"), target=2, size=32).values.shape
    torch.Size([16])
    """
    parts = whole_object(recipe)
    coalitions = all_coalitions(len(parts))
    missing = [tuple(part for part, there in zip(parts, row, strict=True) if not there) for row in coalitions]
    logits = rendered_logits(model, [recipe.replace(without=m) for m in missing], size, progress=progress)
    index = target_index(target, getattr(model, "class_names", None), logits[-1])
    return PartGame(parts, coalitions, logits[:, index].double(), index)


def all_coalitions(count: int) -> Tensor:
    """2^count x count bool: row n has the binary digits of n, the first player the lowest."""
    return (torch.arange(2**count)[:, None] >> torch.arange(count)) % 2 == 1


def shapley_values(game: PartGame) -> Tensor:
    """Shapley values: each part's mean contribution over all orders in which the parts can come. P floats, by enumeration.

        phi_i = sum over S without i of |S|! (P - |S| - 1)! / P! * (v(S with i) - v(S))

    They add up to v(all) - v(none).

    References
    ----------
    Shapley, "A Value for n-Person Games", 1953; Lundberg & Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017,
    equation 4.

    Example
    -------
    >>> coalitions = torch.tensor([[False, False], [True, False], [False, True], [True, True]])
    >>> shapley_values(PartGame(("body", "horn"), coalitions, torch.tensor([0.0, 1.0, 2.0, 5.0]), 0))
    tensor([2., 3.], dtype=torch.float64)
    """
    count, values = len(game.parts), game.values.double()
    shares = []
    for player in range(count):
        without = torch.nonzero(~game.coalitions[:, player]).flatten()
        sizes = game.coalitions[without].sum(1)
        weights = torch.tensor([1 / (count * comb(count - 1, size)) for size in sizes.tolist()]).double()
        shares.append((weights * (values[without + 2**player] - values[without])).sum())
    return torch.stack(shares)


def kernel_shap(game: PartGame) -> Tensor:
    """KernelSHAP: the Shapley values as the solution of a weighted linear regression on "which parts are there". P floats.

        min over phi of sum over S of pi(S) (v(S) - v(none) - sum over i in S of phi_i)^2,   sum of phi = v(all) - v(none)
        pi(S) = (P - 1) / (binom(P, |S|) |S| (P - |S|))

    With all coalitions it is exact. KernelSHAP was made for features too many to enumerate, and draws some of the coalitions.

    References
    ----------
    Lundberg & Lee, NeurIPS 2017, theorem 2. pi is infinite for the empty and the whole coalition, which therefore are constraints.
    """
    count, values = len(game.parts), game.values.double().numpy()
    if count == 1:
        return torch.from_numpy(values[-1:] - values[:1])
    inner = slice(1, -1)
    there = game.coalitions[inner].double().numpy()
    sizes = there.sum(1).astype(int)
    weights = np.array([(count - 1) / (comb(count, size) * size * (count - size)) for size in sizes])
    total = values[-1] - values[0]
    # The constraint takes the last part out: its share is what the others leave.
    design = there[:, :-1] - there[:, -1:]
    aim = values[inner] - values[0] - there[:, -1] * total
    root = np.sqrt(weights)
    first, *_ = np.linalg.lstsq(design * root[:, None], aim * root, rcond=None)
    return torch.from_numpy(np.append(first, total - first.sum()))


def lime(game: PartGame, *, kernel_width: float = 0.25, penalty: float = 1.0) -> Tensor:
    """LIME: the coefficients of a ridge regression on "which parts are there", near the whole picture first. P floats.

        weight(S) = exp(-d(S)^2 / kernel_width^2),   d(S) = 1 - sqrt(|S| / P), the cosine distance from the whole

    The weights are LIME's choice. KernelSHAP's follow from axioms; this is the whole difference, but for the penalty.

    Parameters
    ----------
    game
        Of `part_game`: all coalitions take part, where LIME draws 1000 superpixel pictures.
    kernel_width, penalty
        The defaults of its authors' code for pictures, 0.25 and scikit-learn's ridge with alpha = 1. (Their code also takes the root
        of the weight.)

    Raises
    ------
    ValueError
        If `kernel_width` is not above 0, or `penalty` below 0.

    References
    ----------
    Ribeiro, Singh & Guestrin, "Why Should I Trust You?", KDD 2016, equation 2 and section 3.4.
    """
    if not (0 < kernel_width < inf and 0 <= penalty < inf):
        raise ValueError(
            f"kernel_width must be above 0 and penalty 0 or above, but got {kernel_width!r} and {penalty!r}."
        )
    from sklearn.linear_model import Ridge

    there = game.coalitions.double().numpy()
    distance = 1 - np.sqrt(there.mean(1))
    weights = np.exp(-((distance / kernel_width) ** 2))
    fitted = Ridge(alpha=penalty).fit(there, game.values.double().numpy(), sample_weight=weights)
    return torch.from_numpy(np.array(fitted.coef_))
