"""Experiments on the truth of maps: claims for parts against the falls of the logit when the parts are gone, for every method.

`PARTS` asks each method on each network for the ranking of an object's parts, and measures beside it what is cheaper: does the map
lie on the object, does its deletion curve fall? The networks are the kit's own for twenty classes, the robust and the restyled one
among them; the herd networks, with a shortcut and without; and six from ImageNet: squeezenet as `squeezenet_world`, whose last layers
were trained on rendered pictures, four classifiers for two animals on its features, and efficientnet_lite0 with a new head alone.

Left out: `mini_alexnet_scenes`, whose classes are no objects; the memory networks, which know the pictures that they learned and no
other; the halves, which are `mini_alexnet` with half of its classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from cnnlab.attribution import (
    METHODS,
    PartImportance,
    deletion_check,
    deletion_insertion,
    distractibility,
    important_parts,
    method_map,
    part_claims,
    pointing_game,
    preservation_check,
    rank_correlation,
    relevance_mass,
    single_deletion,
    true_importance,
)
from cnnlab.experiments import corruptions
from cnnlab.experiments.experiment import Experiment
from cnnlab.experiments.records import Record
from cnnlab.features import extract_features
from cnnlab.networks.zoo import load
from cnnlab.transfer import new_head
from cnnlab.world import OBJECTS, Picture, Recipe, dataset, render, sample

AREA = "area alone"
"""A map that is the same everywhere: it claims for each part its size."""
FIRST_SEED = 20_800_000
"""Seeds of the test pictures; no network has seen them."""
TWO_CLASSES = ("sheep_goat", "sheep_goat_meadow", "wolf_husky", "wolf_husky_snow")
"""Classifiers on squeezenet's features; the second of each pair has learned a shortcut."""
LARGE = ("squeezenet_world", "efficientnet_lite0", *TWO_CLASSES)
"""The networks from ImageNet, whose maps take ten times as long."""
NETWORKS = (*corruptions.NETWORKS, "herd_honest", "herd_meadow", "herd_snow", *LARGE)
HEAD_PICTURES = 600
"""On so many pictures the head for the twenty classes is fitted where a network has none."""
CHEAP = ("pointing", "mass", "deletion", "insertion")
"""Scores that need no rendering."""


def measure_parts(*, network: str, method: str, pictures: int, large: int) -> dict[str, list[float | None]]:
    """The agreement of a method's claims with the truth on each picture, and four cheaper scores.

    Each list has `pictures` numbers, one for each picture, and None where a number is not defined. `LARGE` networks see `large` of
    the pictures, spread evenly over the classes, each at the network's own size; the others are None. The objects are those that the
    network knows, in turn.
    "rho" is Spearman's correlation of claims and falls over the parts; "preserved", "deleted" and "undistracted" are FunnyBirds' checks;
    "pointing", "mass", "deletion" and "insertion" those of `cnnlab.attribution.compare`, with the whole object as the mask.
    """
    numbers = range(0, pictures, pictures // large if network in LARGE else 1)
    model, truths = classifier(network), _truths(network, numbers)
    shown = [picture for picture, _ in truths]
    maps = torch.stack([_map(method, model, picture) for picture in shown])
    widen = round(maps.shape[-1] / 96)  # a pixel at the side of the kit's own networks
    claims = [part_claims(*pair, widen=widen) for pair in zip(maps, shown, strict=True)]
    falls = [truth.leave_one_out for _, truth in truths]
    parts = [truth.parts for _, truth in truths]
    total = maps.double().nan_to_num(nan=0.0).clamp_min(0).sum((1, 2)).tolist()
    important = [important_parts(*asked) for asked in zip(claims, parts, total, strict=True)]
    recipes, masks = [picture.recipe for picture in shown], torch.stack([p.mask() for p in shown])
    images = torch.stack([picture.image for picture in shown])
    curves = deletion_insertion(model, images, maps, [recipe.shape for recipe in recipes], steps=12)
    found = {
        "rho": 2 * single_deletion(claims, falls) - 1,
        "preserved": preservation_check(model, recipes, important),
        "deleted": deletion_check(model, recipes, important),
        "undistracted": distractibility(important, parts, falls, [truth.logit for _, truth in truths]),
        "pointing": pointing_game(maps, masks).hits,
        "mass": _mass(maps, masks),
        "deletion": curves.deletion_area,
        "insertion": curves.insertion_area,
    }
    return {name: _spread(values, numbers, pictures) for name, values in found.items()}


@lru_cache(maxsize=1)
def classifier(name: str) -> nn.Module:
    """A network for classes of the world, as it is, or any other with a new head for all twenty, fitted to features of rendered pictures.

    The head is a multinomial logistic regression on what enters it, the network below stays as it is (lecture L, "Deep features as
    generic representation").
    """
    model = load(name).to(memory_format=torch.channels_last)  # large networks then need half of the time
    if set(model.class_names) <= set(OBJECTS):
        return model
    from sklearn.linear_model import LogisticRegression

    data = dataset("train", n=HEAD_PICTURES, size=model.input_size)
    features = extract_features(model, data, "flatten").numpy()
    fitted = LogisticRegression(max_iter=2000).fit(features, data.labels.numpy())
    model = new_head(model, OBJECTS)
    with torch.no_grad():
        model.fc.weight.copy_(torch.from_numpy(fitted.coef_))
        model.fc.bias.copy_(torch.from_numpy(fitted.intercept_))
    return model


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over the choice of pictures (bootstrap)."""

    mean: float
    low: float
    high: float


def agreement(record: Record, method: str, network: str | None = None) -> Interval:
    """The mean rank correlation of a method's claims and the truth in a record of `PARTS`.

    Over the pictures of one network, or of all networks, each picture with the same weight.
    """
    found = _table(record, "rho", [method])[0]
    if network is not None:
        row = record.recipe["grid"]["network"].index(network)
        found = found[row : row + 1]
    return _bootstrap(found)


def prediction(record: Record, score: str) -> Interval:
    """How well does a cheaper score tell which method is right? Its mean rank correlation with "rho" over the methods.

    For each network and picture the methods are ranked by the score and by "rho"; `AREA` takes no part. Deletion counts with its
    sign turned, since less is better. 1: the score finds the methods that tell the truth; 0: it knows nothing of it.
    """
    methods = [name for name in METHODS if record.column("rho", method=name)]
    sign = -1 if score == "deletion" else 1
    rhos, values = _table(record, "rho", methods), sign * _table(record, score, methods)
    found = torch.full(rhos.shape[1:], torch.nan, dtype=torch.double)  # networks x pictures
    for network, picture in torch.cartesian_prod(*map(torch.arange, found.shape)).tolist():
        pair = torch.stack([rhos[:, network, picture], values[:, network, picture]])
        pair = pair[:, ~pair.isnan().any(0)]
        if pair.shape[1] > 2:
            found[network, picture] = rank_correlation(pair[:1], pair[1:])[0]
    return _bootstrap(found)


def _table(record: Record, name: str, methods: Sequence[str]) -> Tensor:
    """methods x networks x pictures."""
    networks = record.recipe["grid"]["network"]
    rows = [[record.column(name, method=m, network=n)[0] for n in networks] for m in methods]
    return torch.tensor(
        [[[torch.nan if v is None else v for v in row] for row in one] for one in rows]
    ).double()


def _bootstrap(values: Tensor) -> Interval:
    """Over networks x pictures; a picture is drawn with the numbers of all networks, which are not independent."""
    generator = torch.Generator().manual_seed(0)
    draws = torch.randint(values.shape[1], (2000, values.shape[1]), generator=generator)
    means = values[:, draws].nanmean(dim=(0, 2))
    low, high = means.nanquantile(torch.tensor([0.025, 0.975], dtype=means.dtype)).tolist()
    return Interval(float(values.nanmean()), low, high)


def _map(method: str, model: nn.Module, picture: Picture) -> Tensor:
    if method == AREA:
        return torch.ones(picture.image.shape[1:])
    return method_map(method, model, picture.image, picture.label).float()


def _recipe(number: int, shapes: Sequence[str] = OBJECTS) -> Recipe:
    return sample(FIRST_SEED + number, shape=shapes[number % len(shapes)], cover=0.0, clutter=1)


@lru_cache(maxsize=1)
def _truths(network: str, numbers: range) -> list[tuple[Picture, PartImportance]]:
    model = classifier(network)
    recipes = [_recipe(number, model.class_names) for number in numbers]
    pictures = [render(recipe, size=model.input_size) for recipe in recipes]
    truths = [true_importance(model, recipe, recipe.shape, pairs=False) for recipe in recipes]
    return list(zip(pictures, truths, strict=True))


def _mass(maps: Tensor, masks: Tensor) -> Tensor:
    """The relevance mass of each map; NaN where no relevance is positive, as in a Grad-CAM without evidence."""
    if not (maps > 0).any():
        return torch.full((len(maps),), torch.nan)
    return relevance_mass(maps, masks).share


def _spread(values: Tensor, numbers: range, pictures: int) -> list[float | None]:
    """The values of the pictures with these numbers, among None for all others: JSON knows no NaN."""
    spread: list[float | None] = [None] * pictures
    for number, value in zip(numbers, values.tolist(), strict=True):
        spread[number] = None if value != value else round(value, 3)
    return spread


PARTS = Experiment(
    question="Does a map rank the parts of an object as the network needs them, and what cheaper score says so?",
    measure=measure_parts,
    grid={"network": NETWORKS, "method": (*METHODS, AREA)},
    options={"pictures": 20, "large": 4},
    quick_grid={"network": NETWORKS[:1], "method": ("saliency", "Grad-CAM", AREA)},
    quick_options={"pictures": 6},
)
