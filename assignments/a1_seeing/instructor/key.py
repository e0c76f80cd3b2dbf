"""The key of a1, seeing: probes, references written from the definitions, and the mistakes that are told apart."""

import numpy as np
import torch

from cnnlab.grading.answer_key import Case, Criterion, Mistake, NetworkSpec, Question, Tolerance, Written

ASSIGNMENT = "a1_seeing"
TITLE = "Seeing: filters, fields, activations, patches, occlusion, neighbours"


def floats(draw, *shape, low=0.0, high=1.0):
    """A float32 tensor of this shape, even between the bounds."""
    return torch.from_numpy(draw.uniform(low, high, shape).astype(np.float32))


# Filters as pictures (q1).


def filter_grid(weights, columns, scale=None, order=None, empty=1.0):
    """K x 3 x h x w filters as one picture, a pixel of white between them."""
    count, _, high, wide = weights.shape
    rows = -(-count // columns)
    grid = torch.full((3, rows * (high + 1) - 1, columns * (wide + 1) - 1), empty)
    for number in range(count):
        row, column = order(number, rows, columns) if order else divmod(number, columns)
        part = (scale or by_itself)(weights, number)
        grid[:, row * (high + 1) :, column * (wide + 1) :][:, :high, :wide] = part
    return grid


def by_itself(weights, number):
    """One filter between its own smallest and largest weight; one that is constant is grey."""
    low, high = weights[number].min(), weights[number].max()
    return torch.full_like(weights[number], 0.5) if low == high else (weights[number] - low) / (high - low)


def by_channel(weights, number):
    """One filter, each colour by itself."""
    low, high = (end(weights[number], (1, 2), keepdim=True) for end in (torch.amin, torch.amax))
    return (weights[number] - low) / (high - low)


def together(weights, number):
    """One filter between the smallest and the largest weight of all."""
    return (weights[number] - weights.min()) / (weights.max() - weights.min())


def around_zero(weights, number):
    """One filter with zero at grey."""
    return 0.5 + weights[number] / (2 * weights[number].abs().max())


def unprotected(weights, number):
    """One filter by itself, with what a plain division makes of a constant one."""
    low, high = weights[number].min(), weights[number].max()
    return (weights[number] - low) / (high - low)


def black_where_constant(weights, number):
    """One filter by itself, black where it is constant."""
    low, high = weights[number].min(), weights[number].max()
    return (weights[number] - low) / (high - low).clamp_min(1e-8)


def unequal_filters(draw):
    """Filters of very different strength, in two full rows."""
    strength = torch.from_numpy(draw.uniform(0.2, 4.0, (6, 1, 1, 1)).astype(np.float32))
    return {"weights": floats(draw, 6, 3, 5, 5, low=-1) * strength, "columns": 3}


def one_constant(draw):
    """Filters, one of which is constant."""
    weights = floats(draw, 4, 3, 3, 3, low=-1)
    weights[int(draw.integers(4))] = float(draw.uniform(-1, 1))
    return {"weights": weights, "columns": 2}


def an_open_row(draw):
    """Filters that do not fill the last row, higher than wide."""
    return {"weights": floats(draw, 7, 3, 4, 2, low=-2, high=1), "columns": 4}


Q1 = Question(
    "q1",
    "Filters as pictures",
    "filter_grid",
    (
        Case("filters of unequal strength", unequal_filters, 2, public=True),
        Case("a constant filter", one_constant, 1),
        Case("an open last row", an_open_row, 1, public=True),
    ),
    filter_grid,
    (
        Mistake(
            "scale each filter by its own minimum and maximum, not all of them together",
            lambda weights, columns: filter_grid(weights, columns, together),
        ),
        Mistake(
            "take one minimum and one maximum over the three colours of a filter; else its colour is lost",
            lambda weights, columns: filter_grid(weights, columns, by_channel),
        ),
        Mistake(
            "the smallest weight of a filter becomes 0 and the largest 1; zero has no place of its own here",
            lambda weights, columns: filter_grid(weights, columns, around_zero),
        ),
        Mistake(
            "the filters are not scaled to [0, 1]",
            lambda weights, columns: filter_grid(weights, columns, lambda w, n: w[n]),
        ),
        Mistake(
            "fill the grid row by row",
            lambda weights, columns: filter_grid(
                weights, columns, order=lambda n, rows, _: divmod(n, rows)[::-1]
            ),
        ),
        Mistake(
            "between and behind the filters the picture is white, 1.0",
            lambda weights, columns: filter_grid(weights, columns, empty=0.0),
        ),
        Mistake(
            "a constant filter has no range to divide by; show it as grey, 0.5",
            lambda weights, columns: filter_grid(weights, columns, unprotected),
        ),
        Mistake(
            "a constant filter has no range to divide by; show it as grey, 0.5",
            lambda weights, columns: filter_grid(weights, columns, black_where_constant),
        ),
    ),
    default_hint="look at one filter alone: does it run from 0 to 1, and does it lie where it should?",
)


# Output side, receptive field and step (q2).


def sizes(side, layers, *, dilated=True, pads=2, up=False, early=False):
    """Behind each layer (kernel, stride, padding, dilation): output side, receptive field, step of a unit in pixels."""
    rows, field, step = [], 1, 1
    for kernel, stride, padding, dilation in layers:
        reach = (dilation if dilated else 1) * (kernel - 1)
        room = side + pads * padding - reach - 1
        side = (-(-room // stride) if up else room // stride) + 1
        field += reach * (step * stride if early else step)
        step *= stride
        rows.append((side, field, step))
    return rows


def some_layers(draw, count, dilations=(1,)):
    """Layers that shrink the picture, with padding."""
    return [
        (
            int(draw.choice([3, 5, 7])),
            int(draw.choice([1, 2])),
            int(draw.choice([1, 2])),
            int(draw.choice(dilations)),
        )
        for _ in range(count)
    ]


def a_stack(draw):
    """Four layers, the second with stride."""
    layers = some_layers(draw, 4)
    layers[1] = (5, 2, 1, 1)
    return {"side": int(draw.integers(90, 120)) * 2 + 1, "layers": layers}


def a_dilated_stack(draw):
    """Three layers, dilated."""
    return {"side": int(draw.integers(120, 200)), "layers": [(3, 1, 2, 2), *some_layers(draw, 2, (2, 3))]}


Q2 = Question(
    "q2",
    "Output size and receptive field",
    "sizes",
    (
        Case(
            "one layer",
            lambda draw: {"side": 2 * int(draw.integers(20, 60)), "layers": [(5, 2, 1, 1)]},
            1,
            public=True,
        ),
        Case("a stack of layers", a_stack, 2, public=True),
        Case("dilated layers", a_dilated_stack, 1),
    ),
    sizes,
    (
        Mistake("the padding stands on both sides", lambda side, layers: sizes(side, layers, pads=1)),
        Mistake(
            "a kernel with dilation d reaches over d (k - 1) + 1 pixels",
            lambda side, layers: sizes(side, layers, dilated=False),
        ),
        Mistake(
            "a kernel grows the field by the steps *before* it, its own stride comes after",
            lambda side, layers: sizes(side, layers, early=True),
        ),
        Mistake(
            "places that do not fit are left out: round down",
            lambda side, layers: sizes(side, layers, up=True),
        ),
    ),
    default_hint="draw two layers with kernel 3 on squared paper and count",
    forbidden_names=("networks.receptive_field", "networks.summary"),
)


# A forward hook that collects (q3).


def collect(model, images, layers, *, clone=True, inputs=False, training=False, first=False):
    """What flows out of the layers, by name: a plain forward hook on each."""
    outputs, modules = {}, dict(model.named_modules())

    def keep(name):
        def hook(module, given, out):
            value = given[0] if inputs else out
            outputs[name] = value.detach().clone() if clone else value

        return hook

    handles = [modules[name].register_forward_hook(keep(name)) for name in layers]
    model.train(training)
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return {name: outputs[name][0] if first else outputs[name] for name in layers}


def from_plain(draw):
    """The convolutions of a plain network, each with a ReLU behind it that works in place."""
    return {
        "model": NetworkSpec("plain", int(draw.integers(10**6))),
        "images": floats(draw, 3, 3, 20, 24),
        "layers": ["conv1", "conv2"],
    }


def from_normed(draw):
    """A network with batch normalisation and dropout."""
    return {
        "model": NetworkSpec("normed", int(draw.integers(10**6))),
        "images": floats(draw, 4, 3, 16, 16),
        "layers": ["norm1", "conv2"],
    }


def from_the_end(draw):
    """The layers in another order than they run."""
    return {
        "model": NetworkSpec("plain", int(draw.integers(10**6))),
        "images": floats(draw, 2, 3, 24, 16),
        "layers": ["fc", "pool1"],
    }


Q3 = Question(
    "q3",
    "A hook that collects",
    "collect",
    (
        Case("in front of a ReLU", from_plain, 2, public=True),
        Case("with batch normalisation", from_normed, 1),
        Case("in another order", from_the_end, 1),
    ),
    collect,
    (
        Mistake(
            "the ReLU behind the layer works in place and overwrites what you kept: keep a copy",
            lambda **given: collect(clone=False, **given),
        ),
        Mistake(
            "that is what flows *into* the layer; the third argument of the hook is what flows out",
            lambda **given: collect(inputs=True, **given),
        ),
        Mistake(
            "the network must be in eval mode: batch normalisation and dropout depend on it",
            lambda **given: collect(training=True, **given),
        ),
        Mistake(
            "all pictures are asked for, not the first alone", lambda **given: collect(first=True, **given)
        ),
    ),
    default_hint="print the shapes and the smallest values: in front of a ReLU there are negative numbers",
    forbidden_names=("networks.activations", "networks.record_activations"),
)


# The patches that a unit responds to most (q4).


def top_patches(
    maps,
    k,
    size,
    step,
    start,
    side,
    *,
    one_per_picture=True,
    clip=True,
    swap=False,
    weakest=False,
    absolute=False,
):
    """The boxes of the k strongest places, at most one in a picture: picture, top, left, bottom, right."""
    positions = []
    for picture, single in enumerate(maps):
        values = single.abs() if absolute else -single if weakest else single
        map_values = [
            (float(values[r, c]), picture, r, c)
            for r in range(values.shape[0])
            for c in range(values.shape[1])
        ]
        positions += [max(map_values)] if one_per_picture else map_values
    boxes = []
    for _, picture, r, c in sorted(positions, key=lambda place: -place[0])[:k]:
        row, column = (c, r) if swap else (r, c)
        ends = [
            start + row * step,
            start + column * step,
            start + row * step + size,
            start + column * step + size,
        ]
        boxes.append([picture, *(min(max(end, 0), side) if clip else end for end in ends)])
    return torch.tensor(boxes)


def clear_maps(draw):
    """Maps with one strong place each, away from the border."""
    maps = floats(draw, 6, 8, 8)
    for single in maps:
        single[int(draw.integers(2, 6)), int(draw.integers(2, 6))] = float(draw.uniform(2, 3))
    return {"maps": maps, "k": 4, "size": 7, "step": 4, "start": -1, "side": 32}


def negative_maps(draw):
    """Maps whose largest sizes are negative, and of which one has several strong places."""
    maps = floats(draw, 5, 6, 6, low=-4)
    maps[int(draw.integers(5))] += 1.5
    return {"maps": maps, "k": 3, "size": 5, "step": 2, "start": 2, "side": 40}


def at_the_border(draw):
    """Maps whose strong places lie at the border, so that the boxes reach out of the picture."""
    maps = floats(draw, 4, 5, 5)
    for single in maps:
        single[int(draw.choice([0, 4])), int(draw.integers(5))] = float(draw.uniform(2, 3))
    return {"maps": maps, "k": 3, "size": 15, "step": 5, "start": -5, "side": 25}


Q4 = Question(
    "q4",
    "Top patches",
    "top_patches",
    (
        Case("one strong place a picture", clear_maps, 2, public=True),
        Case("negative responses", negative_maps, 1),
        Case("at the border", at_the_border, 1, public=True),
    ),
    top_patches,
    (
        Mistake(
            "at most one patch of a picture: take its strongest place first, then sort the pictures",
            lambda **given: top_patches(one_per_picture=False, **given),
        ),
        Mistake(
            "a strong response is a large value, not a large size: responses have a sign",
            lambda **given: top_patches(absolute=True, **given),
        ),
        Mistake(
            "these are the weakest responses: sort the other way",
            lambda **given: top_patches(weakest=True, **given),
        ),
        Mistake(
            "rows go with top and bottom, columns with left and right",
            lambda **given: top_patches(swap=True, **given),
        ),
        Mistake(
            "a box ends where the picture ends: cut it to 0 ... side",
            lambda **given: top_patches(clip=False, **given),
        ),
        Mistake("the strongest patch comes first", lambda **given: top_patches(**given).sort(0).values),
    ),
    default_hint="take one map of 2 x 2 and write its box down by hand",
    forbidden_names=("units.top_patches",),
)


# Occlusion (q5).


def occlusion_map(model, image, target, size, stride, *, grey=0.5, read=None, keep=False):
    """The probability of the target with a grey square at each place, one place at a time."""
    height, width = image.shape[-2:]
    rows, canvas = [], image.clone()
    for top in range(0, height - size + 1, stride):
        row = []
        for left in range(0, width - size + 1, stride):
            covered = canvas if keep else image.clone()
            covered[:, top : top + size, left : left + size] = grey
            logits = model(covered[None])[0]
            row.append((read or (lambda values: values.softmax(0)))(logits)[target])
        rows.append(torch.stack(row))
    return torch.stack(rows)


def drop(model, image, target, size, stride):
    """What the square takes away."""
    return model(image[None])[0].softmax(0)[target] - occlusion_map(model, image, target, size, stride)


def small_scene(draw, height, width, size, stride, name="plain"):
    """A small random picture and a small random network."""
    network = NetworkSpec(name, int(draw.integers(10**6)))
    target = int(draw.integers(5))
    return {
        "model": network,
        "image": floats(draw, 3, height, width),
        "target": target,
        "size": size,
        "stride": stride,
    }


Q5 = Question(
    "q5",
    "An occlusion map, in batches",
    "occlusion_map",
    (
        Case("places side by side", lambda draw: small_scene(draw, 24, 24, 6, 6), 1, public=True),
        Case("overlapping places", lambda draw: small_scene(draw, 20, 20, 8, 3, "normed"), 1),
        Case("higher than wide", lambda draw: small_scene(draw, 30, 18, 6, 4), 2, public=True),
    ),
    occlusion_map,
    (
        Mistake(
            "these are logits; a probability needs the softmax over the classes",
            lambda **given: occlusion_map(read=lambda values: values, **given),
        ),
        Mistake("this is the drop; the map holds the probability that is left", drop),
        Mistake("the square is black; grey is 0.5", lambda **given: occlusion_map(grey=0.0, **given)),
        Mistake(
            "the squares pile up: cover a fresh copy of the picture each time",
            lambda **given: occlusion_map(keep=True, **given),
        ),
        Mistake(
            "rows of the map go with the top of the square, columns with its left",
            lambda **given: occlusion_map(**given).T,
        ),
    ),
    default_hint="compute one place by hand: cover, ask, softmax, and look it up in your map",
    tolerance=Tolerance(relative=1e-3, absolute=1e-5),
    forbidden_names=("attribution.occlusion",),
)


# Neighbours (q6).


def neighbours(queries, codes, k, *, similarity=None, nearest=True):
    """For each query, the k codes of the most similar direction, the best first."""
    rows = []
    for query in queries:
        scores = [(similarity or cosine)(query, code) for code in codes]
        rows.append(
            sorted(range(len(codes)), key=lambda number: -scores[number] if nearest else scores[number])[:k]
        )
    return torch.tensor(rows)


def cosine(first, second):
    """The cosine of the angle."""
    return float(first @ second / (first.norm() * second.norm()))


def long_and_short(draw):
    """Codes whose lengths differ by much, so that length and direction do not agree."""
    lengths = torch.from_numpy(draw.uniform(0.1, 6.0, (40, 1)).astype(np.float32))
    return {"queries": floats(draw, 4, 12, low=-1), "codes": floats(draw, 40, 12, low=-1) * lengths, "k": 5}


def of_one_length(draw):
    """Codes of length 1."""
    codes = floats(draw, 30, 8, low=-1)
    return {"queries": floats(draw, 3, 8, low=-1), "codes": codes / codes.norm(dim=1, keepdim=True), "k": 3}


Q6 = Question(
    "q6",
    "Nearest neighbours",
    "neighbours",
    (
        Case("codes of one length", of_one_length, 1, public=True),
        Case("long and short codes", long_and_short, 2, public=True),
        Case("the nearest alone", lambda draw: long_and_short(draw) | {"k": 1}, 1),
    ),
    neighbours,
    (
        Mistake(
            "long codes win a plain product: divide each by its length first",
            lambda **given: neighbours(similarity=lambda a, b: float(a @ b), **given),
        ),
        Mistake(
            "this is the distance between the ends; the angle does not depend on the lengths",
            lambda **given: neighbours(similarity=lambda a, b: -float((a - b).norm()), **given),
        ),
        Mistake(
            "these are the farthest: the largest cosine comes first",
            lambda **given: neighbours(nearest=False, **given),
        ),
        Mistake(
            "the nearest comes first; do not sort the numbers of the codes",
            lambda **given: neighbours(**given).sort(1).values,
        ),
    ),
    default_hint="take two codes in the plane, one long and one short, and draw the angles",
    forbidden_names=("features.neighbours",),
)

QUESTIONS = (Q1, Q2, Q3, Q4, Q5, Q6)

# The question that is answered in words (w1).

WRITTEN = (
    Written(
        "w1",
        "Read your own map",
        (
            Criterion(
                "says where the probability falls, with numbers, and what lies there in the picture", 1
            ),
            Criterion(
                "says what the network uses (the animal, a part, the ground), and the map bears it out", 1
            ),
            Criterion(
                "says why: the covered pixels were evidence that nothing else in the picture replaces", 1
            ),
            Criterion(
                "names a limit and its reason: size or grey of the square, evidence that is there twice, a probability near 1",
                1,
            ),
        ),
        beside=("w1-look",),
        comments=(
            "which number on your map shows that?",
            "this is true of some map; what does yours show?",
            "covered, the head may still be replaced by the body: evidence can be there twice",
        ),
    ),
)
