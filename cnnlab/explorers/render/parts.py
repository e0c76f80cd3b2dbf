"""What a map claims for each part, and what is true, for the part explorer; without any widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from cnnlab.attribution import METHODS, method_map, part_claims, rank_correlation
from cnnlab.attribution.part_importance import rendered_logits
from cnnlab.explorers.image_sources import RenderedSource
from cnnlab.explorers.snippet import literal, snippet
from cnnlab.explorers.static_preview import ACCENT, INK, PLAIN
from cnnlab.world import Recipe, parts_of, render

SLOW = ("RISE", "Score-CAM", "occlusion")
"""Methods that take more than a key press."""
OFFERED = tuple(name for name in METHODS if name not in SLOW)
_NEED_RELUS = ("deconvnet", "guided backprop", "guided Grad-CAM")
_NEED_MAPS = ("Grad-CAM", "guided Grad-CAM", "HiResCAM", "LayerCAM")


@dataclass(frozen=True, eq=False)
class Truth:
    """The logits (C) of the picture, and those without each of P parts (P x C)."""

    parts: tuple[str, ...]
    whole: Tensor
    without: Tensor

    def falls(self, target: int) -> Tensor:
        """P: the fall of the target's logit without each part."""
        return self.whole[target] - self.without[:, target]


@lru_cache(maxsize=16)
def truth(model: nn.Module, recipe: Recipe, side: int) -> Truth:
    """The truth of one picture: it is rendered once for each part."""
    parts = parts_of(recipe.shape)
    recipes = [recipe, *(recipe.replace(without=part) for part in parts)]
    logits = rendered_logits(model, recipes, side)
    return Truth(parts, logits[0], logits[1:])


@lru_cache(maxsize=64)
def claims(method: str, model: nn.Module, recipe: Recipe, side: int, target: int) -> tuple[Tensor, Tensor]:
    """The map of a method (H x W), and its claim for each part (P)."""
    picture = render(recipe, size=side)
    relevance = method_map(method, model, picture.image, target)
    return relevance, part_claims(relevance, picture)


def answered(model: nn.Module, recipe: Recipe, side: int, target: int) -> tuple[str, ...]:
    """The offered methods that a network answers: some change the rule of its ReLUs, some read its last maps."""
    refused: set[str] = set()
    for kind in (_NEED_RELUS, _NEED_MAPS):
        try:
            claims(kind[0], model, recipe, side, target)
        except ValueError:
            refused |= set(kind)
    return tuple(name for name in OFFERED if name not in refused)


def agreement(claimed: Tensor, falls: Tensor) -> float:
    """Spearman's rank correlation of claims and falls; NaN where all claims, or all falls, are the same."""
    return float(rank_correlation(claimed[None], falls[None].double()))


def shares(values: Tensor) -> Tensor:
    """Values over the largest of their sizes, in [-1, 1]."""
    return values / values.abs().max().clamp_min(1e-12)


def draw_bars(axis: Axes, parts: Sequence[str], claimed: Tensor, falls: Tensor, chosen: str) -> None:
    """Two bars for each part, the largest fall first: the map's claim, and the true fall, each over its largest."""
    order = falls.argsort(descending=True, stable=True).tolist()
    for row, part in enumerate(order):
        bold = parts[part] == chosen
        for offset, value, colour in ((-0.2, claimed[part], PLAIN), (0.2, falls[part], ACCENT)):
            axis.barh(row + offset, float(value), 0.36, color=colour, edgecolor=INK, linewidth=1.2 * bold)
    axis.set_yticks(range(len(order)), [parts[part] for part in order], fontsize=9)
    for label, part in zip(axis.get_yticklabels(), order, strict=True):
        label.set_fontweight("bold" if parts[part] == chosen else "normal")
    axis.invert_yaxis()
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.tick_params(labelsize=9, colors=INK, length=0)
    axis.spines[:].set_visible(False)
    for colour, words in ((PLAIN, "the map's claim"), (ACCENT, "the true fall")):
        axis.bar(0, 0, color=colour, label=words)
    axis.legend(fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    axis.set_xlabel("over the largest of each", fontsize=8, color=INK)


def bars_alt(parts: Sequence[str], claimed: Tensor, falls: Tensor) -> str:
    """The bars in words."""
    rows = zip(parts, claimed.tolist(), falls.tolist(), strict=True)
    return "Claim and true fall: " + "; ".join(f"{part} {one:.2f}, {two:.2f}" for part, one, two in rows)


def rank(values: Tensor, index: int) -> int:
    """The place of one value, 1 for the largest."""
    return int((values > values[index]).sum()) + 1


def letters(names: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """The methods of these names in an order drawn from `seed`, each with a letter for its name."""
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed)).tolist()
    return [(f"method {'ABCDEFGHIJKLM'[place]}", names[index]) for place, index in enumerate(order)]


def code(source: RenderedSource, side: int, opening: str, method: str | None, part: str) -> str:
    """The lines of code for both numbers; without a `method` for the truth alone."""
    lines = [
        opening,
        source.code(side),
        "truth = attribution.true_importance(model, picture.recipe, pairs=False)",
        "print(truth.table())",
    ]
    if method is not None:
        lines += [
            f"relevance = attribution.method_map({literal(method)}, model, image, truth.target)",
            "claims = attribution.part_claims(relevance, picture)",
            f"print(claims[truth.parts.index({literal(part)})].item())",
        ]
    return snippet(*lines)
