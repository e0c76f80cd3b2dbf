"""The key of a5, representations at work: probes, references written from the definitions, and the mistakes that are told apart.

The references compute in the type that comes in. Codes are drawn so that what must be told apart lies apart: variances of neighbouring
axes by a factor, the two largest entries of an axis by a fiftieth. So rounding decides nothing; tolerances are those of sums in float32.
"""

import numpy as np
import torch
import torch.nn.functional as F

from cnnlab.grading.answer_key import Case, Criterion, Measure, Mistake, Question, Tolerance, Written

ASSIGNMENT = "a5_representations_at_work"
TITLE = "Representations at work: compact codes, retrieval, dissection, linear rules, RDM similarity"
SUMS = Tolerance(relative=2e-3, absolute=2e-4)


def floats(draw, *shape, low=0.0, high=1.0):
    """A float32 tensor of this shape, even between the bounds."""
    return torch.from_numpy(draw.uniform(low, high, shape).astype(np.float32))


def normal(draw, *shape):
    """A float32 tensor of this shape, normal."""
    return torch.from_numpy(draw.normal(size=shape).astype(np.float32))


# Length 1 (q1).


def unit_length(codes, *, power=2, root=True, axis=1, protect=True, together=False):
    """Each row divided by the root of its sum of squares; a row of zeros stays."""
    sizes = codes.abs() ** power
    sizes = sizes.sum() if together else sizes.sum(axis, keepdim=True)
    sizes = sizes ** (1 / power) if root else sizes
    return codes / torch.where(sizes == 0, torch.ones_like(sizes), sizes) if protect else codes / sizes


def with_zeros(draw):
    """Codes of which two are zero."""
    codes = normal(draw, 6, 9)
    codes[draw.choice(6, 2, replace=False)] = 0
    return {"codes": codes}


Q1 = Question(
    "q1",
    "Length 1",
    "unit_length",
    (
        Case("long and short codes", lambda draw: {"codes": normal(draw, 5, 12) * 10}, 2, public=True),
        Case("a code of zeros", with_zeros, 2, public=True),
        Case("tiny codes", lambda draw: {"codes": normal(draw, 4, 30) * 1e-4}, 2),
    ),
    unit_length,
    (
        Mistake(
            "the length is the root of the sum of *squares*; this is the sum of sizes",
            lambda codes: unit_length(codes, power=1),
        ),
        Mistake("take the root of the sum of squares", lambda codes: unit_length(codes, root=False)),
        Mistake(
            "each row is a code; here the columns were brought to length 1",
            lambda codes: unit_length(codes, axis=0, protect=False),
        ),
        Mistake(
            "each row is a code; here the columns were brought to length 1",
            lambda codes: unit_length(codes, axis=0),
        ),
        Mistake(
            "each code by its own length, not all by the length of the whole table",
            lambda codes: unit_length(codes, together=True),
        ),
        Mistake(
            "a code of zeros has no direction: leave it as it is, do not divide by zero",
            lambda codes: unit_length(codes, protect=False),
        ),
        Mistake(
            "a constant added to the length bends short codes: protect zero alone",
            lambda codes: codes / (codes.norm(dim=1, keepdim=True) + 1e-3),
        ),
    ),
    default_hint="what is the sum of the squares of a row of your result?",
    tolerance=Tolerance(relative=1e-4, absolute=1e-6),
    forbidden_names=("features.l2",),
)


# Principal axes (q2).


def pca(
    codes, dimensions, *, centred=True, less=1, smallest=False, columns=False, deviation=False, of_kept=False
):
    """Mean, axes (rows, the largest entry positive), variances along them, and their share of the whole variance."""
    mean = codes.mean(0)
    rest = codes - mean if centred else codes
    covariance = rest.T @ rest / (len(codes) - less)
    values, vectors = torch.linalg.eigh(covariance)
    order = values.argsort(descending=not smallest)[:dimensions]
    axes = vectors[:, order].T
    axes = axes * axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    variance = values[order]
    share = variance / (variance.sum() if of_kept else values.sum())
    return {
        "mean": mean,
        "axes": axes.T if columns else axes,
        "variance": variance.clamp(min=0).sqrt() if deviation else variance,
        "share": share,
    }


def stretched(draw, count, width, dimensions, offset=1.0):
    """Codes that vary along random axes by very different amounts, around a mean that is not zero."""
    while True:
        axes, _ = np.linalg.qr(draw.normal(size=(width, width)))
        strengths = 3.0 * 0.62 ** np.arange(width)
        codes = (draw.normal(size=(count, width)) * strengths) @ axes.T + offset * draw.uniform(1, 2, width)
        codes = torch.from_numpy(codes.astype(np.float32))
        components = pca(codes.double(), min(dimensions + 1, width))
        largest = components["axes"].abs().sort(1).values
        ratios = components["variance"][1:] / components["variance"][:-1]
        if bool((largest[:, -2] < 0.98 * largest[:, -1]).all()) and bool((ratios < 0.8).all()):
            return codes


Q2 = Question(
    "q2",
    "Principal axes",
    "pca",
    (
        Case(
            "many codes",
            lambda draw: {"codes": stretched(draw, 60, 8, 4, 0.3), "dimensions": 4},
            5,
            public=True,
        ),
        Case(
            "far from zero",
            lambda draw: {"codes": stretched(draw, 50, 9, 3, 3.0), "dimensions": 3},
            5,
            public=True,
        ),
        Case(
            "fewer codes than numbers",
            lambda draw: {"codes": stretched(draw, 9, 14, 3), "dimensions": 3},
            4,
        ),
    ),
    pca,
    (
        Mistake(
            "take the mean away first: else the first axis points at the mean",
            lambda **given: pca(centred=False, **given),
        ),
        Mistake(
            "the axis with the largest variance comes first", lambda **given: pca(smallest=True, **given)
        ),
        Mistake("an axis is a row of `axes`, d x D", lambda **given: pca(columns=True, **given)),
        Mistake(
            "these are deviations; the variance is their square", lambda **given: pca(deviation=True, **given)
        ),
        Mistake("the variance of a sample is divided by N - 1", lambda **given: pca(less=0, **given)),
        Mistake(
            "the share is that of the *whole* variance, of all axes, not of those that were kept",
            lambda **given: pca(of_kept=True, **given),
        ),
        Mistake(
            "an axis may point either way: turn it so that its largest entry is positive",
            lambda **given: pca(**given) | {"axes": -pca(**given)["axes"]},
        ),
    ),
    default_hint="check by hand: axes have length 1 and stand at right angles, and the variance of codes @ axis is `variance`",
    tolerance=SUMS,
    forbidden_names=("features.pca", "torch.pca_lowrank", "linalg.pca"),
)


# Compact codes (q3).


def compact(train, test, dimensions, *, mean_of=None, axes_of=None, power=0.5, after=True, before=False):
    """Codes of `test` along the axes of `train`, each divided by its deviation, then of length 1."""
    if before:
        train, test = unit_length(train), unit_length(test)
    axes = pca(test if axes_of == "test" else train, dimensions)
    mean = test.mean(0) if mean_of == "test" else axes["mean"]
    codes = (test - mean) @ axes["axes"].T / axes["variance"] ** power
    return unit_length(codes) if after else codes


def two_splits(draw, count=70, width=10, dimensions=4, offset=1.0):
    """Codes of two splits; the second lies elsewhere."""
    codes = stretched(draw, count, width, dimensions, offset)
    moved = codes[torch.from_numpy(draw.choice(count, 12, replace=False))]
    moved = moved + floats(draw, 1, width, low=-1) + 0.3 * normal(draw, 12, width)
    return {"train": codes, "test": moved, "dimensions": dimensions}


Q3 = Question(
    "q3",
    "Compact codes",
    "compact",
    (
        Case("two splits", two_splits, 4, public=True),
        Case("two dimensions", lambda draw: two_splits(draw, 60, 7, 2, 2.0), 4, public=True),
        Case("more dimensions", lambda draw: two_splits(draw, 90, 12, 6), 4),
    ),
    compact,
    (
        Mistake(
            "the mean belongs to the split that the axes were found on",
            lambda **given: compact(mean_of="test", **given),
        ),
        Mistake(
            "the axes must not know the codes that they are tried on: find them on `train`",
            lambda **given: compact(axes_of="test", **given),
        ),
        Mistake(
            "the axes must not know the codes that they are tried on: find them on `train`",
            lambda **given: compact(axes_of="test", mean_of="test", **given),
        ),
        Mistake(
            "divide by the deviation, the root of the variance", lambda **given: compact(power=1.0, **given)
        ),
        Mistake(
            "this is PCA without whitening: divide each number by the deviation along its axis",
            lambda **given: compact(power=0.0, **given),
        ),
        Mistake("bring the codes to length 1 at the end", lambda **given: compact(after=False, **given)),
        Mistake(
            "length 1 comes at the end here, not before the axes are found",
            lambda **given: compact(before=True, **given),
        ),
    ),
    default_hint="whiten `train` itself: has each of its numbers variance 1?",
    tolerance=SUMS,
    forbidden_names=("features.pca", "features.l2", "torch.pca_lowrank"),
)


# SPoC (q4).


def spoc(maps, centred, *, how="sum", half=1, side=min, doubled=2.0, third=3.0):
    """One number for each unit: the sum over its map, the middle counting most if `centred`."""
    count, units, height, width = maps.shape
    sums = torch.zeros(count, units).to(maps)
    sigma = side(height, width) / 2 / third
    total = 0.0
    for row in range(height):
        for column in range(width):
            squared = (row - (height - half) / 2) ** 2 + (column - (width - half) / 2) ** 2
            weight = np.exp(-squared / (doubled * sigma**2)) if centred else 1.0
            total += weight
            if how == "max":
                sums = torch.maximum(sums, maps[:, :, row, column]) if row + column else maps[:, :, 0, 0]
            else:
                sums = sums + weight * maps[:, :, row, column]
    return sums / total if how == "mean" else sums


Q4 = Question(
    "q4",
    "Sums over a map",
    "spoc",
    (
        Case(
            "a plain sum", lambda draw: {"maps": floats(draw, 3, 5, 6, 6), "centred": False}, 4, public=True
        ),
        Case(
            "the middle counts most",
            lambda draw: {"maps": floats(draw, 3, 4, 8, 8), "centred": True},
            4,
            public=True,
        ),
        Case(
            "higher than wide", lambda draw: {"maps": floats(draw, 2, 4, 11, 6, low=-1), "centred": True}, 4
        ),
    ),
    spoc,
    (
        Mistake("a sum is asked for, this is the mean", lambda **given: spoc(how="mean", **given)),
        Mistake("a sum is asked for, this is the largest value", lambda **given: spoc(how="max", **given)),
        Mistake(
            "the middle of n places, counted from 0, is (n - 1) / 2", lambda **given: spoc(half=0, **given)
        ),
        Mistake("the nearest border is that of the *shorter* side", lambda **given: spoc(side=max, **given)),
        Mistake(
            "sigma is a *third* of the way from the middle to the nearest border",
            lambda **given: spoc(third=1.0, **given),
        ),
        Mistake(
            "sigma is a third of the way from the *middle*, half a side, not of the whole side",
            lambda **given: spoc(third=1.5, **given),
        ),
        Mistake("there is a 2 below the squared distance", lambda **given: spoc(doubled=1.0, **given)),
        Mistake(
            "`centred` says whether the middle counts more", lambda maps, centred: spoc(maps, not centred)
        ),
        Mistake("`centred` says whether the middle counts more", lambda maps, centred: spoc(maps, False)),
    ),
    default_hint="take one map of ones: what must come out, with and without weights?",
    forbidden_names=("features.pool_maps",),
)


# mAP, mended (q5).


def mean_average_precision(
    codes,
    labels,
    *,
    itself=False,
    by_product=False,
    over_all=False,
    first_rank=1,
    lonely=None,
    farthest=False,
):
    """Average precision of each code as a query in the rest, nan where nothing is to be found, and the mean over the others."""
    per_query = []
    for query in range(len(codes)):
        others = [number for number in range(len(codes)) if itself or number != query]
        if by_product:
            distances = {number: -float(codes[query] @ codes[number]) for number in others}
        else:
            distances = {number: float(((codes[query] - codes[number]) ** 2).sum()) for number in others}
        ranking = sorted(others, key=lambda number: distances[number], reverse=farthest)
        n_relevant, precisions = 0, []
        for rank, number in enumerate(ranking, first_rank):
            if labels[number] == labels[query]:
                n_relevant += 1
                precisions.append(n_relevant / rank if rank else 1.0)
        below = len(ranking) if over_all else len(precisions)
        per_query.append(sum(precisions) / below if precisions else float("nan"))
    table = torch.tensor(per_query, dtype=torch.float64)
    counted = table[~table.isnan()]
    if lonely is not None:
        table = table.nan_to_num(lonely)
        counted = table
    return {"per_query": table, "mean": float(counted.mean())}


def collection(draw, classes, each, lonely=0, lengths=(1.0, 1.0)):
    """Codes around a middle for each class, some of which are alone, of lengths between bounds."""
    labels = np.concatenate([np.repeat(np.arange(classes), each), classes + np.arange(lonely)])
    middles = draw.normal(size=(classes + lonely, 6))
    codes = middles[labels] + draw.normal(size=(len(labels), 6)) * 0.9
    codes *= draw.uniform(*lengths, size=(len(labels), 1))
    order = draw.permutation(len(labels))
    return {
        "codes": torch.from_numpy(codes[order].astype(np.float32)),
        "labels": torch.from_numpy(labels[order]),
    }


Q5 = Question(
    "q5",
    "mAP: find three mistakes",
    "mean_average_precision",
    (
        Case("everybody has partners", lambda draw: collection(draw, 4, 5), 5, public=True),
        Case("some are alone", lambda draw: collection(draw, 3, 4, 3), 5, public=True),
        Case("long and short codes", lambda draw: collection(draw, 3, 6, 1, (0.3, 3.0)), 6),
    ),
    mean_average_precision,
    (
        Mistake(
            "the query finds itself, at rank 1, every time: leave it out of its own ranking",
            lambda **given: mean_average_precision(itself=True, **given),
        ),
        Mistake(
            "the query finds itself, at rank 1, every time: leave it out of its own ranking",
            lambda **given: mean_average_precision(itself=True, over_all=True, by_product=True, **given),
        ),
        Mistake(
            "the query finds itself, at rank 1, every time: leave it out of its own ranking",
            lambda **given: mean_average_precision(itself=True, by_product=True, **given),
        ),
        Mistake(
            "the query finds itself, at rank 1, every time: leave it out of its own ranking",
            lambda **given: mean_average_precision(itself=True, over_all=True, **given),
        ),
        Mistake(
            "the product prefers long codes: rank by distance, the nearest first",
            lambda **given: mean_average_precision(by_product=True, **given),
        ),
        Mistake(
            "divide by how many there are to find, not by the length of the ranking",
            lambda **given: mean_average_precision(over_all=True, **given),
        ),
        Mistake("the nearest comes first", lambda **given: mean_average_precision(farthest=True, **given)),
        Mistake("ranks are counted from 1", lambda **given: mean_average_precision(first_rank=0, **given)),
        Mistake(
            "who is alone has nothing to find: nan, and no part of the mean",
            lambda **given: mean_average_precision(lonely=0.0, **given),
        ),
        Mistake(
            "who is alone has nothing to find: nan, and no part of the mean",
            lambda **given: mean_average_precision(**given) | {"mean": float("nan")},
        ),
    ),
    default_hint="take four codes on a line and two classes, and write the rankings down",
    tolerance=Tolerance(relative=1e-4, absolute=1e-5),
    forbidden_names=("features.average_precision", "features.mean_average_precision"),
)


# Dissection (q6).


def dissect(
    maps,
    labels,
    concepts,
    share,
    iou_threshold,
    *,
    upsampling="bilinear",
    early=False,
    by_picture=False,
    shared_threshold=False,
    mean_of_pictures=False,
    over="union",
    count_all=False,
):
    """IoU of each unit's mask with each concept, how many units are detectors, and of how many different concepts."""
    more = {} if upsampling == "nearest" else {"align_corners": False}
    large = F.interpolate(maps, labels.shape[1:], mode=upsampling, **more)
    pictures, units = maps.shape[:2]
    iou = torch.zeros(units, concepts, dtype=torch.float64)
    for unit in range(units):
        source = maps[:, unit] if early else large[:, unit]
        source = (maps if early else large) if shared_threshold else source
        threshold = torch.quantile(source.flatten(), 1 - share)
        if by_picture:
            threshold = torch.quantile(large[:, unit].flatten(1), 1 - share, dim=1)[:, None, None]
        mask = large[:, unit] > threshold
        for concept in range(concepts):
            there = labels == concept
            both, either = (mask & there).flatten(1).sum(1), (mask | there).flatten(1).sum(1)
            below = {"union": either, "concept": there.flatten(1).sum(1), "mask": mask.flatten(1).sum(1)}[
                over
            ]
            if mean_of_pictures:
                iou[unit, concept] = (both / below.clamp(min=1)).double().mean()
            else:
                iou[unit, concept] = int(both.sum()) / max(1, int(below.sum()))
    best, which = iou.max(1)
    detectors = best > iou_threshold
    distinct = detectors.sum() if count_all else len(set(which[detectors].tolist()))
    return {"iou": iou, "detectors": int(detectors.sum()), "unique": int(distinct)}


def dissected(draw, scale, likes, pictures=10, side=24, concepts=5):
    """Pictures with a thing of each concept but 0, which is everything else, and units that like one concept each (or nothing)."""
    labels = np.zeros((pictures, side, side), dtype=np.int64)
    small = side // scale
    maps = draw.uniform(0, 0.3, (pictures, len(likes), small, small))
    maps *= draw.uniform(0.7, 1.3, (pictures, 1, 1, 1))
    loudness = draw.uniform(0.5, 2.0, len(likes))
    corners = np.array([(4, 4), (4, 13), (13, 4), (13, 13)])
    for picture in range(pictures):
        strength = draw.uniform(0.8, 1.6)
        for concept, (top, left) in zip(range(1, concepts), corners[draw.permutation(4)], strict=True):
            high, wide = draw.integers(4, 8, size=2)
            if draw.uniform() < 0.3:
                continue
            labels[picture, top : top + high, left : left + wide] = concept
            concept_mask = labels[picture] == concept
            coverage = concept_mask.reshape(small, scale, small, scale).mean((1, 3))
            for unit, like in enumerate(likes):
                maps[picture, unit] += (
                    strength * coverage * (like == concept) * draw.uniform(0.6, 1.2, coverage.shape)
                )
    maps *= loudness[None, :, None, None]
    maps[:, :, [0, -1], :] = maps[:, :, :, [0, -1]] = 0  # no two equal values near a threshold
    return {
        "maps": torch.from_numpy(maps.astype(np.float32)),
        "labels": torch.from_numpy(labels),
        "concepts": concepts,
        "share": 0.05,
        "iou_threshold": 0.2,
    }


Q6 = Question(
    "q6",
    "Dissection",
    "dissect",
    (
        Case("maps as large as the pictures", lambda draw: dissected(draw, 1, (1, 2, 3)), 5, public=True),
        Case("coarse maps", lambda draw: dissected(draw, 3, (4, 2, 2, 0)), 7, public=True),
        Case("detectors of one thing", lambda draw: dissected(draw, 2, (1, 1, 3, 1, 0)), 6),
    ),
    dissect,
    (
        Mistake(
            "bring the maps to the size of the pictures first, then find the threshold: both at one resolution",
            lambda **given: dissect(early=True, **given),
        ),
        Mistake(
            "the maps are brought to the size of the pictures by bilinear interpolation",
            lambda **given: dissect(upsampling="nearest", **given),
        ),
        Mistake(
            "one threshold for a unit over *all* pictures: a picture without the thing has no mask",
            lambda **given: dissect(by_picture=True, **given),
        ),
        Mistake(
            "each unit has a threshold of its own: some are louder than others",
            lambda **given: dissect(shared_threshold=True, **given),
        ),
        Mistake(
            "add up pixels over all pictures, then divide; not the mean over pictures",
            lambda **given: dissect(mean_of_pictures=True, **given),
        ),
        Mistake(
            "divide by the union of mask and concept, not by the concept alone",
            lambda **given: dissect(over="concept", **given),
        ),
        Mistake(
            "divide by the union of mask and concept, not by the mask alone",
            lambda **given: dissect(over="mask", **given),
        ),
        Mistake(
            "unique detectors are different *concepts*; two units for one thing count once",
            lambda **given: dissect(count_all=True, **given),
        ),
    ),
    default_hint="what share of all pixels does each mask take?",
    tolerance=Tolerance(relative=1e-2, absolute=3e-3),  # a pixel more or less at the threshold does no harm
    forbidden_names=("units.dissect",),
)


# A linear rule (q7).


def linear_rule(codes, labels, *, strength=1e-3):
    """Least squares from codes of mean 0 and deviation 1 to indicators of the classes, written for the codes as they came."""
    mean, deviation = codes.mean(0), codes.std(0)
    scaled = (codes - mean) / deviation
    targets = F.one_hot(labels).to(codes) - F.one_hot(labels).to(codes).mean(0)
    square = scaled.T @ scaled / len(codes) + strength * torch.eye(codes.shape[1]).to(codes)
    weight = torch.linalg.solve(square, scaled.T @ targets / len(codes)).T / deviation
    return {"weight": weight, "bias": F.one_hot(labels).to(codes).mean(0) - weight @ mean}


def some_codes(draw, sizes, count=240, n_withheld=300, width=16, classes=4):
    """Codes whose classes differ in a few numbers only, which are the small ones where `sizes` is true."""
    middles = np.zeros((classes, width))
    middles[:, :5] = draw.normal(size=(classes, 5)) * 0.4 + 3.2 * np.eye(classes, 5)
    labels = np.concatenate([np.arange(classes), draw.integers(classes, size=count + n_withheld - classes)])
    codes = middles[labels] + draw.normal(size=(count + n_withheld, width))
    if sizes:
        codes = codes * np.where(np.arange(width) < 5, 0.05, 20.0) + np.where(np.arange(width) < 5, 2.0, 50.0)
    codes = torch.from_numpy(codes.astype(np.float32))
    return {
        "codes": codes[:count],
        "labels": torch.from_numpy(labels[:count]),
        "test_codes": codes[count:],
        "test_labels": torch.from_numpy(labels[count:]),
    }


N_WITHHELD = ("test_codes", "test_labels")
MIN_ACCURACY = Measure(
    "right answers of the linear rule",
    0.8,
    "are numbers of different size brought to one scale, and is that scale written back into weight and bias?",
)
Q7 = Question(
    "q7",
    "A linear rule",
    "linear_rule",
    (
        Case(
            "numbers of one size",
            lambda draw: some_codes(draw, False),
            4,
            public=True,
            withheld=N_WITHHELD,
            measures=(MIN_ACCURACY,),
        ),
        Case(
            "numbers of different size",
            lambda draw: some_codes(draw, True),
            8,
            public=True,
            withheld=N_WITHHELD,
            measures=(MIN_ACCURACY,),
        ),
    ),
    linear_rule,
    default_hint="how many of the codes that you learnt from are right?",
    forbidden_names=("features.linear_probe",),
)


# Likeness (q8).


def rdm_similarity(first, second, *, of_units=False, centred=True, ranks=True, corner=1, flipped=False):
    """Dissimilarities of all pairs of pictures in two representations, and the rank correlation of the two tables."""
    tables = []
    for codes in (first, second):
        rows = codes.T if of_units else codes
        rows = rows - rows.mean(1, keepdim=True) if centred else rows
        rows = rows / rows.norm(dim=1, keepdim=True)
        tables.append(rows @ rows.T if flipped else 1 - rows @ rows.T)
    count = len(tables[0])
    pairs = [(i, j) for i in range(count) for j in range(count) if j >= i + corner or corner == 0]
    entries = [torch.stack([table[pair] for pair in pairs]) for table in tables]
    if ranks:
        entries = [values.argsort().argsort().to(values) for values in entries]
    first_values, second_values = (values - values.mean() for values in entries)
    return {
        "first": tables[0],
        "second": tables[1],
        "rdm_similarity": (first_values @ second_values) / (first_values.norm() * second_values.norm()),
    }


def two_representations(draw, count, widths, shared=0.7):
    """Two representations that have something in common, with means that are not zero."""
    inside = draw.normal(size=(count, 5))
    codes_of = []
    for width in widths:
        codes = np.exp(
            shared * inside @ draw.normal(size=(5, width)) / 2
            + (1 - shared) * draw.normal(size=(count, width))
        )
        codes_of.append(torch.from_numpy(codes.astype(np.float32)))
    return {"first": codes_of[0], "second": codes_of[1]}


Q8 = Question(
    "q8",
    "Likeness of representations",
    "rdm_similarity",
    (
        Case("as wide", lambda draw: two_representations(draw, 12, (12, 12)), 4, public=True),
        Case("wide and narrow", lambda draw: two_representations(draw, 10, (30, 9)), 3, public=True),
        Case("little in common", lambda draw: two_representations(draw, 14, (8, 20), 0.3), 3),
    ),
    rdm_similarity,
    (
        Mistake(
            "a row is a picture: correlate pictures, not units",
            lambda **given: rdm_similarity(of_units=True, **given),
        ),
        Mistake(
            "the correlation takes the mean of each row away first; without, it is the cosine",
            lambda **given: rdm_similarity(centred=False, **given),
        ),
        Mistake(
            "the entries are compared by their *ranks*: a monotone change must not matter",
            lambda **given: rdm_similarity(ranks=False, **given),
        ),
        Mistake(
            "the diagonal is zero in every table and says nothing: take what lies above it",
            lambda **given: rdm_similarity(corner=0, **given),
        ),
        Mistake(
            "the tables hold *dis*similarities, 1 minus the correlation",
            lambda **given: rdm_similarity(flipped=True, **given),
        ),
    ),
    default_hint="compare a representation with itself: the similarity must be 1",
    tolerance=Tolerance(relative=1e-3, absolute=2e-4),
    forbidden_names=("features.rdm", "features.compare_rdms"),
)

QUESTIONS = (Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8)

# The question that is answered in words (w1).

WRITTEN = (
    Written(
        "w1",
        "Your own search",
        (
            Criterion("says which neighbours are right and which wrong, with their cosines", 2),
            Criterion("says what they share with the query, picture by picture, and what they do not", 3),
            Criterion("draws from it what relu5 keeps, and compares with an earlier layer, with a reason", 3),
            Criterion("gives a test of the explanation, and the result that would speak against it", 2),
        ),
        beside=("w1-look",),
        comments=(
            "which picture do you mean?",
            "which result would speak against you?",
        ),
    ),
)
