"""True importance of a part: take the horn away, render again, and see how far the logit falls.

A map claims that a part matters; in a rendered picture the claim can be tried (`cnnlab.world.render(..., without=...)`). Here are the
truth, with the interactions of parts, and the claim of a map in the same form: a number for each part. For scores that compare the two
see `cnnlab.attribution.part_protocols`, for fair shares of all parts together `cnnlab.attribution.part_games`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import target_index, whole_number
from cnnlab.networks.eval_mode import input_side
from cnnlab.networks.forward import as_pixels, class_logits, without_gradients
from cnnlab.world import SCENES, Picture, Recipe, parts_of, render

BATCH = 64


@dataclass(frozen=True, eq=False)
class PartImportance:
    """Result of `true_importance`; all numbers are logits of the target class, x is the picture.

    Attributes
    ----------
    parts
        The P parts of the object, from back to front.
    target
        The class, by index.
    logit
        f(x).
    leave_one_out
        P floats: the fall without part i, f(x) - f(x without i).
    keep_one
        P floats: the rise by part i alone, f(only i) - f(no part).
    interaction
        P x P floats, symmetric, with zeros on the diagonal: how much more part i matters when part j is there than when it is not,
        f(x) - f(x without i) - f(x without j) + f(x without both). Negative: each stands in for the other. Empty if not asked for.
    object
        The fall without the object, f(x) - f(no part); its shadow stays.
    scene
        The mean fall in the other scenes, f(x) - mean over s of f(x in scene s).
    scenes
        Fall in each other scene, by its name.
    """

    parts: tuple[str, ...]
    target: int
    logit: float
    leave_one_out: Tensor
    keep_one: Tensor
    interaction: Tensor
    object: float
    scene: float
    scenes: dict[str, float]

    def ranking(self) -> tuple[str, ...]:
        """The parts by the fall without them, the largest first."""
        return tuple(self.parts[i] for i in self.leave_one_out.argsort(descending=True, stable=True))

    def table(self) -> str:
        """A line for each part, for the object and for the scene."""
        lines = [f"{'':12}{'left out':>10}{'kept alone':>12}"]
        rows = zip(self.parts, self.leave_one_out.tolist(), self.keep_one.tolist(), strict=True)
        lines += [f"{part:12}{out:10.2f}{kept:12.2f}" for part, out, kept in rows]
        return "\n".join(
            [*lines, f"{'the object':12}{self.object:10.2f}", f"{'the scene':12}{self.scene:10.2f}"]
        )


def true_importance(
    model: nn.Module,
    recipe: Recipe,
    target: int | str | None = None,
    *,
    size: int | None = None,
    pairs: bool = True,
    progress: bool = False,
) -> PartImportance:
    """How much does the network need each part? The fall of the logit when the picture is rendered without it.

        fall(i) = f(x) - f(x without i)             rise(i) = f(only i) - f(no part)
        interaction(i, j) = f(x) - f(x without i) - f(x without j) + f(x without both)

    What was behind a part appears, and every other pixel stays as it is. So in a network that is linear in the pixels two parts
    interact only where one hides the other.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left unchanged.
    recipe
        Recipe of the picture, with an object.
    target
        Class index or name; None for the class predicted for the whole picture.
    size
        Side of the pictures in pixels; None for the side of the network's input, or 96.
    pairs
        Whether interactions are measured: P (P - 1) / 2 more pictures.
    progress
        Show a progress bar.

    Returns
    -------
    PartImportance
        For each part, the object and the scene, on the CPU.

    Raises
    ------
    ValueError
        If the picture has no object, parts are already missing, or the class is not known.

    References
    ----------
    Hesse, Schaub-Meyer & Roth, "FunnyBirds: A Synthetic Vision Dataset for a Part-Based Analysis of Explainable AI Methods", ICCV
    2023 (single deletion). A check on the maps of lectures S, L, B, K and N.

    Example
    -------
    >>> from cnnlab.world import sample
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 5))
    >>> true_importance(model, sample(7, shape="cup"), target=2, size=32).parts
    ('saucer', 'handle', 'body', 'rim')
    """
    parts = whole_object(recipe)
    couples = [(i, j) for i in range(len(parts)) for j in range(i)] if pairs else []
    others = [scene for scene in SCENES if scene != recipe.scene]
    recipes = [
        recipe,
        recipe.replace(without=parts),
        *(recipe.replace(without=(part,)) for part in parts),
        *(recipe.replace(without=tuple(other for other in parts if other != part)) for part in parts),
        *(recipe.replace(scene=scene) for scene in others),
        *(recipe.replace(without=(parts[i], parts[j])) for i, j in couples),
    ]
    logits = rendered_logits(model, recipes, size, progress=progress)
    index = target_index(target, getattr(model, "class_names", None), logits[0])
    counts = [1, 1, len(parts), len(parts), len(others), len(couples)]
    whole, none, left, alone, elsewhere, both = logits[:, index].split(counts)
    interaction = torch.zeros(len(parts), len(parts), dtype=logits.dtype) if pairs else logits.new_zeros(0, 0)
    for (i, j), value in zip(couples, both, strict=True):
        interaction[i, j] = interaction[j, i] = whole[0] - left[i] - left[j] + value
    falls = whole - elsewhere
    return PartImportance(
        parts=parts,
        target=index,
        logit=float(whole),
        leave_one_out=whole - left,
        keep_one=alone - none,
        interaction=interaction,
        object=float(whole - none),
        scene=float(falls.mean()),
        scenes=dict(zip(others, falls.tolist(), strict=True)),
    )


def part_claims(relevance: Tensor, picture: Picture, *, widen: int = 1) -> Tensor:
    """What does a map claim for each part? The sum of its relevance on the part, in the order of `parts_of`: P floats.

        claim(i) = sum of relevance over the pixels within `widen` of part i of the main object

    Parameters
    ----------
    relevance
        H x W, larger is more relevant; NaN (not measured) counts as none.
    picture
        The picture that it explains, of the same size.
    widen
        Pixels by which a part is widened, because maps are strong at the edge of a part, on either side of it; FunnyBirds take 2 at
        256 x 256.

    Raises
    ------
    ValueError
        If map and picture differ in size, the map is infinite somewhere, or the picture has no object.

    References
    ----------
    Hesse, Schaub-Meyer & Roth, ICCV 2023: the part importance function PI of a map.

    Example
    -------
    >>> from cnnlab.world import render
    >>> part_claims(torch.ones(96, 96), render(7, shape="cup")).shape
    torch.Size([4])
    """
    if not isinstance(picture, Picture):
        raise TypeError(
            f"the parts are those of a rendered picture, so give one (cnnlab.world.render), not {picture!r:.60}."
        )
    values = torch.as_tensor(relevance).detach().cpu().double().nan_to_num(nan=0.0, posinf=inf, neginf=-inf)
    if values.shape != picture.part.shape:
        raise ValueError(
            f"the map must have the size of the picture, {tuple(picture.part.shape)}, but came as {tuple(values.shape)}."
        )
    if values.isinf().any():
        raise ValueError("the map is infinite somewhere, so it has no sum on a part.")
    masks = [picture.mask("part", part) & picture.mask() for part in parts_of(picture.recipe.shape)]
    if not masks:
        raise ValueError("the picture has no object, so there are no parts to claim anything for.")
    wide = F.max_pool2d(torch.stack(masks).double(), 2 * whole_number(widen, "widen") + 1, 1, widen)
    return (wide * values).sum((1, 2))


def whole_object(recipe: Recipe) -> tuple[str, ...]:
    """The parts of a recipe's object; a ValueError if there is none, or if parts of it are missing already."""
    if not isinstance(recipe, Recipe):
        raise TypeError(
            f"a Recipe is rendered again without its parts, so give one (picture.recipe, or sample(seed)), not {recipe!r:.60}."
        )
    parts = parts_of(recipe.shape)
    if not parts:
        raise ValueError('the picture has no object; give a recipe with another shape than "none".')
    if recipe.without:
        raise ValueError(
            f"parts are missing already ({', '.join(recipe.without)}); give the recipe of the whole object."
        )
    return parts


def rendered_logits(
    model: nn.Module, recipes: Sequence[Recipe], size: int | None = None, *, progress: bool = False
) -> Tensor:
    """R x C: the logits for the pictures of recipes, rendered at the size of the network's input, or 96."""
    side = size if size is not None else input_side(model) or 96
    logits = []
    with without_gradients(model), tqdm(total=len(recipes), desc="pictures", disable=not progress) as bar:
        for chunk in _chunks(recipes):
            batch = torch.stack([render(recipe, size=side).image for recipe in chunk])
            logits.append(class_logits(model, as_pixels(model, batch)).cpu())
            bar.update(len(chunk))
    return torch.cat(logits).clone()


def _chunks(recipes: Sequence[Recipe]) -> Iterable[Sequence[Recipe]]:
    return (recipes[start : start + BATCH] for start in range(0, len(recipes), BATCH))
