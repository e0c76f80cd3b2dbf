"""The key of a2, whose pixels: probes, references written from the definitions, and the mistakes that are told apart."""

import functools

import numpy as np
import torch

from cnnlab import world
from cnnlab.grading.answer_key import (
    Case,
    Criterion,
    Limits,
    Mistake,
    NetworkSpec,
    Question,
    Tolerance,
    Written,
)

ASSIGNMENT = "a2_whose_pixels"
TITLE = "Whose pixels: saliency, ReLU rules, Grad-CAM, the pointing game, and a network that cheats"

BY_GRADIENT = Tolerance(relative=1e-3, absolute=1e-5)


def floats(draw, *shape, low=0.0, high=1.0):
    """A float32 tensor of this shape, even between the bounds."""
    return torch.from_numpy(draw.uniform(low, high, shape).astype(np.float32))


def pictures_for(name, count, height, width, layer=None):
    """Inputs with a small random network of this name, pictures and a class for each; with a layer where one is asked for."""

    def inputs(draw):
        given = {
            "model": NetworkSpec(name, int(draw.integers(10**6))),
            "images": floats(draw, count, 3, height, width),
            "targets": torch.from_numpy(draw.permutation(5)[:count]),
        }
        return given | ({"layer": layer} if layer else {})

    return inputs


# The way back through a small network, stage by stage: stage, ReLU, stage, ReLU, stage.

RULES = {
    "gradient": lambda f, r: r * (f > 0),
    "deconvnet": lambda f, r: r * (r > 0),
    "guided": lambda f, r: r * (f > 0) * (r > 0),
}
SLIPS = {
    **RULES,
    "zero counts as open": lambda f, r: r * (f >= 0) * (r > 0),
    "size": lambda f, r: r.abs() * (f > 0),
    "grad_output and not f": lambda f, r: f * (r > 0),
    "either": lambda f, r: r * ((f > 0) | (r > 0)),
    "none": lambda f, r: r,
}


def stages(model):
    """The parts of a small network between its ReLUs."""
    norm = getattr(model, "norm1", lambda maps: maps)
    return (
        lambda images: norm(model.conv1(images * 2 - 1)),
        lambda maps: model.conv2(model.pool1(maps)),
        lambda maps: model.fc(model.pool2(maps).flatten(1)),
    )


def transposed(stage, value, grad_output):
    """What comes out of a stage on the way back."""
    return torch.autograd.functional.vjp(stage, value, grad_output)[1]


def backward_pass(model, images, targets, rules=("gradient", "gradient"), begin=None):
    """N x 3 x H x W, each picture by itself: from the score of its class down, with a rule at each of the two ReLUs."""
    first, second, last = stages(model)
    gradients = []
    for image, target in zip(images, targets, strict=True):
        activation1 = first(image[None])
        activation2 = second(activation1.clamp_min(0))
        logits = last(activation2.clamp_min(0))
        grad_output = torch.zeros_like(logits)
        grad_output[0, target] = 1
        grad_output = begin(logits[0], target)[None] if begin else grad_output
        grad_output = SLIPS[rules[1]](activation2, transposed(last, activation2.clamp_min(0), grad_output))
        grad_output = SLIPS[rules[0]](activation1, transposed(second, activation1.clamp_min(0), grad_output))
        gradients.append(transposed(first, image[None], grad_output)[0])
    return torch.stack(gradients)


def of_probability(logits, target):
    """What arrives at the logits where the score is the probability."""
    probability = logits.softmax(0)
    return probability[target] * (torch.eye(len(logits), dtype=probability.dtype)[target] - probability)


def of_all(logits, target):
    """What arrives at the logits where all of them are added up."""
    return torch.ones_like(logits)


def of_the_likeliest(logits, target):
    """What arrives at the logits where the largest is the score."""
    return torch.eye(len(logits), dtype=logits.dtype)[logits.argmax()]


# Saliency (q1).


def saliency(model, images, targets, *, begin=None, together=lambda back: back.abs().amax(1)):
    """The largest size of the gradient over the colours, pixel by pixel."""
    return together(backward_pass(model, images, targets, begin=begin))


Q1 = Question(
    "q1",
    "Gradient saliency",
    "saliency",
    (
        Case("two pictures", pictures_for("plain", 2, 16, 16), 5, public=True),
        Case("higher than wide", pictures_for("plain", 3, 24, 14), 5, public=True),
        Case("with batch normalisation", pictures_for("normed", 4, 16, 18), 5),
    ),
    saliency,
    (
        Mistake(
            "this is the gradient of the probability; the score is the logit, before the softmax",
            lambda **given: saliency(begin=of_probability, **given),
        ),
        Mistake(
            "take the largest size over the colours, not the sum of the sizes",
            lambda **given: saliency(together=lambda back: back.abs().sum(1), **given),
        ),
        Mistake(
            "take the largest size over the colours, not the mean of the sizes",
            lambda **given: saliency(together=lambda back: back.abs().mean(1), **given),
        ),
        Mistake(
            "the size counts, not the sign: take the absolute value before the maximum",
            lambda **given: saliency(together=lambda back: back.amax(1), **given),
        ),
        Mistake(
            "take the absolute value of each colour first; yours come after the maximum, or the colours cancel",
            lambda **given: saliency(together=lambda back: back.sum(1).abs(), **given),
        ),
        Mistake(
            "each picture has a class of its own, in `targets`; yours is the gradient of the largest logit",
            lambda **given: saliency(begin=of_the_likeliest, **given),
        ),
        Mistake(
            "each picture has a class of its own, in `targets`; yours is the gradient of all logits together",
            lambda **given: saliency(begin=of_all, **given),
        ),
        Mistake(
            "one number for each pixel is asked for: N x H x W",
            lambda **given: saliency(together=lambda back: back.abs(), **given),
        ),
    ),
    default_hint="change one pixel a little, ask again, and compare the change of the logit with your gradient",
    tolerance=BY_GRADIENT,
    forbidden_names=("attribution.saliency", "attribution.gradient"),
)


# Three ways back through a ReLU (q2).


def relu_backward(activation, grad_output, rule, *, rules=RULES):
    """What a ReLU hands on of what arrives, number by number."""
    flat = zip(activation.flatten().tolist(), grad_output.flatten().tolist(), strict=True)
    result = [float(rules[rule](torch.tensor(f), torch.tensor(r))) for f, r in flat]
    return torch.tensor(result, dtype=grad_output.dtype).view(grad_output.shape)


def through(rule):
    """Numbers of either sign, forward and back; some ReLUs are closed at exactly zero."""

    def inputs(draw):
        activation = floats(draw, 4, 6, low=-2, high=2)
        activation[
            torch.from_numpy(draw.permutation(24)[:5] // 6), torch.from_numpy(draw.permutation(6)[:5])
        ] = 0
        return {"activation": activation, "grad_output": floats(draw, 4, 6, low=-2, high=2), "rule": rule}

    return inputs


def with_other_rule(slip):
    """The answer with another rule in the place of all."""
    return lambda **given: relu_backward(**given, rules=dict.fromkeys(RULES, SLIPS[slip]))


Q2 = Question(
    "q2",
    "Three ways back through a ReLU",
    "relu_backward",
    (
        Case("the gradient", through("gradient"), 2, public=True),
        Case("the deconvnet", through("deconvnet"), 4, public=True),
        Case("guided", through("guided"), 4),
    ),
    relu_backward,
    (
        Mistake(
            "that is the plain gradient: look at the sign of what arrives, as the rule says",
            with_other_rule("gradient"),
        ),
        Mistake(
            "the deconvnet does not look at what went forward, the other two do", with_other_rule("deconvnet")
        ),
        Mistake("guided is stricter than what is asked for here", with_other_rule("guided")),
        Mistake(
            "a ReLU is closed where its input is 0: f > 0, not f >= 0",
            lambda activation, grad_output, rule: (
                grad_output.where(activation >= 0, 0)
                if rule == "gradient"
                else grad_output.clamp_min(0).where(activation >= 0, 0)
            ),
        ),
        Mistake("what is handed on is R, not f", with_other_rule("grad_output and not f")),
        Mistake("what is negative is stopped; its size is not handed on", with_other_rule("size")),
        Mistake("guided needs both conditions, not one of the two", with_other_rule("either")),
        Mistake("nothing is stopped", with_other_rule("none")),
    ),
    default_hint="take the four cases f = +-1, R = +-1 and write down what is handed on",
    forbidden_names=("attribution.relu_backward",),
)


# Find the bug: ReLUs that are no modules (q3).


def by_rule(model, images, targets, rule, *, relus_met=(True, True), begin=None):
    """The way back with the rule at the ReLUs that are met, and the gradient's own at the others."""
    rules = [rule if applies else "gradient" for applies in relus_met]
    return backward_pass(model, images, targets, rules, begin=begin)


def with_rule(name, rule, count=2, height=16, width=18):
    """Pictures for a network of this name, and the rule."""
    return lambda draw: pictures_for(name, count, height, width)(draw) | {"rule": rule}


OTHER = {"guided": "deconvnet", "deconvnet": "guided", "gradient": "guided"}

Q3 = Question(
    "q3",
    "Find the bug",
    "by_rule",
    (
        Case("guided, ReLUs that are modules", with_rule("plain", "guided"), 3, public=True),
        Case("guided, ReLUs that are calls", with_rule("called", "guided"), 6, public=True),
        Case("deconvnet, ReLUs that are calls", with_rule("called", "deconvnet", 3), 6),
        Case("deconvnet, ReLUs that are modules", with_rule("normed", "deconvnet"), 3),
        Case("the plain gradient", with_rule("called", "gradient"), 2),
    ),
    by_rule,
    (
        Mistake(
            "that is exactly the plain gradient: no ReLU was met. Which of them are modules, which are calls, and which work in place?",
            lambda **given: by_rule(**given, relus_met=(False, False)),
        ),
        Mistake(
            "one of the two ReLUs goes its own way: there is `F.relu` and there is `torch.relu`",
            lambda **given: by_rule(**given, relus_met=(True, False)),
        ),
        Mistake(
            "one of the two ReLUs goes its own way: there is `F.relu` and there is `torch.relu`",
            lambda **given: by_rule(**given, relus_met=(False, True)),
        ),
        Mistake(
            "this is the guided gradient: the ReLU's own derivative has had its turn before your rule",
            lambda **given: by_rule(**given | {"rule": "guided"}),
        ),
        Mistake(
            "deconvnet and guided are mixed up: the deconvnet does not look at what went forward",
            lambda **given: by_rule(**given | {"rule": OTHER[given["rule"]]}),
        ),
        Mistake(
            "the rule holds at each ReLU; yours is the plain gradient, cut off at the picture",
            lambda **given: by_rule(**given, relus_met=(False, False)).clamp_min(0),
        ),
        Mistake(
            "each picture has a class of its own, in `targets`",
            lambda **given: by_rule(**given, begin=of_the_likeliest),
        ),
    ),
    default_hint="count the ReLUs that your rule meets, on a network where you know how many there are",
    tolerance=BY_GRADIENT,
    forbidden_names=("attribution.relu_rule", "attribution.guided_backprop", "attribution.deconvnet"),
)


# Grad-CAM (q4).


def grad_cam(
    model,
    images,
    targets,
    layer,
    *,
    score=lambda logits: logits,
    weigh=lambda slopes: slopes.mean((1, 2), keepdim=True),
    keep=lambda added: added.clamp_min(0),
    enlarge=None,
    last=lambda large: large,
):
    """Each picture by itself: maps A of the layer, their mean slopes, the sum of A with these weights, its positive part, enlarged."""
    maps_found = []
    for image, target in zip(images, targets, strict=True):
        maps, slopes = maps_and_gradients(model, image, int(target), layer, score)
        weighted_sum = keep((weigh(slopes) * maps).sum(0))
        maps_found.append(last((enlarge or bilinear)(weighted_sum, *image.shape[1:])))
    return torch.stack(maps_found)


def maps_and_gradients(model, image, target, layer, score=lambda logits: logits):
    """K x h x w twice: what flows out of the layer, and the derivative of the score with respect to it."""
    activations = []

    def cut(module, given, out):
        activations.append(out.detach().clone().requires_grad_())
        return activations[0].clone()  # what follows may work in place

    handle = dict(model.named_modules())[layer].register_forward_hook(cut)
    logits = model(image[None])[0]
    handle.remove()
    (gradients,) = torch.autograd.grad(score(logits)[target], activations)
    return activations[0].detach()[0], gradients[0]


def along(many, few, dtype):
    """many x few: the weights with which a row of few numbers becomes one of many, ends of the pixels on ends of the row."""
    weights = torch.zeros(many, few, dtype=dtype)
    for coordinate in range(many):
        exact = min(max((coordinate + 0.5) * few / many - 0.5, 0), few - 1)
        low = int(exact)
        weights[coordinate, low] += 1 - (exact - low)
        weights[coordinate, min(low + 1, few - 1)] += exact - low
    return weights


def bilinear(small, height, width):
    """The map at the size of the picture, linear between the middles of its places."""
    rows, columns = (along(*sides, small.dtype) for sides in zip((height, width), small.shape, strict=True))
    return rows @ small @ columns.T


def nearest(small, height, width):
    """The map at the size of the picture, in blocks."""
    return torch.nn.functional.interpolate(small[None, None], (height, width))[0, 0]


def corners(small, height, width):
    """The map at the size of the picture, corner pixels on corner places."""
    return torch.nn.functional.interpolate(
        small[None, None], (height, width), mode="bilinear", align_corners=True
    )[0, 0]


def stretched(large):
    """From 0 to 1, whatever the values were."""
    return (large - large.min()) / (large.max() - large.min())


Q4 = Question(
    "q4",
    "Grad-CAM",
    "grad_cam",
    (
        Case("behind a ReLU", pictures_for("plain", 2, 20, 20, "relu2"), 5, public=True),
        Case(
            "in front of a ReLU that works in place",
            pictures_for("plain", 3, 24, 18, "conv2"),
            5,
            public=True,
        ),
        Case("an early layer", pictures_for("normed", 2, 18, 24, "pool1"), 5),
    ),
    grad_cam,
    (
        Mistake(
            "this is the gradient of the probability; the score is the logit, before the softmax",
            lambda **given: grad_cam(**given, score=lambda logits: logits.softmax(0)),
        ),
        Mistake(
            "only what speaks for the class is kept: a ReLU around the sum",
            lambda **given: grad_cam(**given, keep=lambda added: added),
        ),
        Mistake(
            "the size of the sum is not asked for; what speaks against the class becomes 0",
            lambda **given: grad_cam(**given, keep=lambda added: added.abs()),
        ),
        Mistake(
            "alpha is the *mean* of the slopes over all places of a map, one number for each map",
            lambda **given: grad_cam(**given, weigh=lambda slopes: slopes.sum((1, 2), keepdim=True)),
        ),
        Mistake(
            "alpha is one number for each map; you multiply each place by its own slope",
            lambda **given: grad_cam(**given, weigh=lambda slopes: slopes),
        ),
        Mistake(
            "the ReLU stands around the sum, not around the weights: a map may speak against the class",
            lambda **given: grad_cam(
                **given, weigh=lambda slopes: slopes.mean((1, 2), keepdim=True).clamp_min(0)
            ),
        ),
        Mistake(
            "stretched to 0 ... 1, a map without evidence looks like any other: give the raw values",
            lambda **given: grad_cam(**given, last=stretched),
        ),
        Mistake(
            "divided by its maximum, a map without evidence looks like any other: give the raw values",
            lambda **given: grad_cam(**given, last=lambda large: large / large.max()),
        ),
        Mistake(
            "enlarge it bilinearly; yours has blocks", lambda **given: grad_cam(**given, enlarge=nearest)
        ),
        Mistake(
            "enlarge it with align_corners=False: pixels are areas, not points",
            lambda **given: grad_cam(**given, enlarge=corners),
        ),
        Mistake(
            "the map has the size of the layer: enlarge it to the size of the picture",
            lambda **given: grad_cam(**given, enlarge=lambda small, *sides: small),
        ),
        Mistake(
            "these are not the maps of this layer: the ReLU behind it works in place and overwrites what you kept",
            lambda **given: grad_cam(**given | {"layer": given["layer"].replace("conv2", "relu2")}),
        ),
    ),
    default_hint="print the shapes of the maps, of their slopes and of the weights: K x h x w, K x h x w, K",
    tolerance=BY_GRADIENT,
    forbidden_names=("attribution.grad_cam", "attribution.cam"),
)


# Guided Grad-CAM (q5).


def guided_grad_cam(model, images, targets, layer, *, rule="guided", last=None, together=None):
    """The guided gradient, colour by colour, where Grad-CAM says so."""
    fine = backward_pass(model, images, targets, (rule, rule))
    coarse = grad_cam(model, images, targets, layer, last=last or (lambda large: large))
    return together(fine, coarse) if together else fine * coarse[:, None]


Q5 = Question(
    "q5",
    "Guided Grad-CAM",
    "guided_grad_cam",
    (
        Case("ReLUs that are modules", pictures_for("plain", 2, 18, 18, "relu2"), 5, public=True),
        Case("ReLUs that are calls", pictures_for("called", 3, 16, 22, "pool1"), 5),
    ),
    guided_grad_cam,
    (
        Mistake(
            "the fine part is the plain gradient; guided backpropagation is asked for",
            lambda **given: guided_grad_cam(**given, rule="gradient"),
        ),
        Mistake(
            "the fine part is the deconvnet's; guided backpropagation is asked for",
            lambda **given: guided_grad_cam(**given, rule="deconvnet"),
        ),
        Mistake(
            "Grad-CAM goes in with its raw values, not stretched to 0 ... 1",
            lambda **given: guided_grad_cam(**given, last=stretched),
        ),
        Mistake(
            "keep the three colours and the signs: N x 3 x H x W",
            lambda **given: guided_grad_cam(
                **given, together=lambda fine, coarse: fine.abs().amax(1) * coarse
            ),
        ),
        Mistake(
            "keep the signs of the guided gradient",
            lambda **given: guided_grad_cam(
                **given, together=lambda fine, coarse: fine.abs() * coarse[:, None]
            ),
        ),
        Mistake(
            "the two are multiplied, not added",
            lambda **given: guided_grad_cam(**given, together=lambda fine, coarse: fine + coarse[:, None]),
        ),
        Mistake(
            "this is guided backpropagation alone; multiply it by Grad-CAM",
            lambda **given: guided_grad_cam(**given, together=lambda fine, coarse: fine),
        ),
    ),
    default_hint="look at both factors: N x 3 x H x W with signs, and N x 1 x H x W without",
    tolerance=BY_GRADIENT,
    forbidden_names=("attribution.guided_grad_cam",),
)


# The pointing game (q6).


def pointing_game(relevance, masks, *, ties="share", strength=float, empty="out"):
    """The rate of hits, and what a random pixel reaches, over the pictures that have a mask."""
    hits, areas = [], []
    for values, mask in zip(relevance, masks, strict=True):
        pairs = [
            (strength(value), bool(inside))
            for value, inside in zip(values.flatten(), mask.flatten(), strict=True)
        ]
        inside = sum(on_mask for _, on_mask in pairs)
        if not inside and empty == "out":
            continue
        top = max(value for value, _ in pairs)
        maxima = [on_mask for value, on_mask in pairs if value == top]
        hits.append({"share": sum(maxima) / len(maxima), "first": maxima[0], "any": any(maxima)}[ties])
        areas.append(inside / len(pairs))
    rated = areas if empty != "out of chance" else [area for area in areas if area]
    return sum(hits) / len(hits), sum(rated) / len(rated)


def share_of_mass(relevance, masks):
    """The share of the positive relevance that lies on the mask, in place of the hits."""
    positive = relevance.clamp_min(0)
    counts = masks.flatten(1).any(1)
    shares = (positive * masks).sum((1, 2)) / positive.sum((1, 2))
    return float(shares[counts].mean()), pointing_game(relevance, masks)[1]


def some_maps(draw, count=7):
    """Maps whose largest size is negative, and masks that hold the largest value in some of them."""
    relevance = floats(draw, count, 8, 10, low=-1)
    relevance[:, 0, 0] = -3.0
    masks = torch.zeros(count, 8, 10, dtype=torch.bool)
    hit = draw.permutation(count)[: count // 2]
    for number in range(count):
        top, left = int(draw.integers(0, 4)), int(draw.integers(0, 5))
        masks[number, top : top + 3, left : left + int(draw.integers(3, 6))] = True
        candidates = (masks[number] if number in hit else ~masks[number]).nonzero()
        row, column = candidates[int(draw.integers(1, len(candidates)))]
        relevance[number, row, column] = 2.0
    return {"relevance": relevance, "masks": masks}


def in_blocks(draw):
    """Maps that are constant over blocks, as those of occlusion are, so that several pixels share the maximum."""
    inputs = some_maps(draw, 6)
    coarse = floats(draw, 6, 2, 2)
    inputs["relevance"] = coarse.repeat_interleave(4, 1).repeat_interleave(5, 2)
    return inputs


def some_empty(draw):
    """Pictures of which some have no object."""
    inputs = some_maps(draw, 8)
    inputs["masks"][torch.from_numpy(draw.permutation(8)[:3])] = False
    return inputs


Q6 = Question(
    "q6",
    "The pointing game",
    "pointing_game",
    (
        Case("one maximum a map", some_maps, 4, public=True),
        Case("maps in blocks", in_blocks, 3, public=True),
        Case("pictures without an object", some_empty, 3),
    ),
    pointing_game,
    (
        Mistake(
            "several pixels share the maximum: each counts by its share, the first one is not special",
            lambda **given: pointing_game(ties="first", **given),
        ),
        Mistake(
            "several pixels share the maximum: a part of them on the object is a part of a hit",
            lambda **given: pointing_game(ties="any", **given),
        ),
        Mistake(
            "relevance has a sign: the strongest point is the largest value, not the largest size",
            lambda **given: pointing_game(strength=lambda value: abs(float(value)), **given),
        ),
        Mistake(
            "a picture without an object cannot be hit: leave it out of both numbers",
            lambda **given: pointing_game(empty="in", **given),
        ),
        Mistake(
            "a picture without an object cannot be hit: leave it out of both numbers",
            lambda **given: pointing_game(empty="out of chance", **given),
        ),
        Mistake(
            "a picture without an object cannot be hit: leave it out of both numbers",
            lambda **given: (pointing_game(**given)[0], pointing_game(empty="in", **given)[1]),
        ),
        Mistake(
            "that is the share of the relevance; the game looks at the strongest point alone", share_of_mass
        ),
        Mistake("the rate comes first, chance second", lambda **given: pointing_game(**given)[::-1]),
        Mistake(
            "chance is what a random pixel reaches: the mean share of the picture that the masks take",
            lambda **given: (pointing_game(**given)[0], 1 / given["relevance"][0].numel()),
        ),
    ),
    default_hint="play it by hand on one map of 2 x 2",
    forbidden_names=("attribution.pointing_game",),
)


# Which of these networks cheats (q7).

USUAL = {"sheep": "meadow", "goat": "rocks", "wolf": "forest", "husky": "snow"}
SWAPPED = {"sheep": "rocks", "goat": "meadow", "wolf": "snow", "husky": "forest"}
LAYER = "relu5"


# The pictures come from seeds whose verdicts are clear: no network wavers between two animals, no Grad-CAM is empty, so rounding tips
# nothing over. Two seeds out of these for each student, in an order by chance; what the reference finds on a picture is kept for the class.
SEEDS = tuple(10_000 + number for number in (0, 1, 3, 5, 6, 15, 18, 28, 32, 63, 67, 83, 100, 111, 122))


@functools.lru_cache(maxsize=256)
def one_picture(seed, animal, scene):
    """Image and mask of an animal in a scene."""
    picture = world.render(seed, shape=animal, scene=scene, clutter=0, cover=0.0)
    return picture.image, picture.mask()


def rendered_sets(seeds, scenes):
    """Images, masks and labels: every animal with every seed, each in its scene."""
    pictures = [one_picture(seed, *placed) for placed in scenes for seed in seeds]
    labels = torch.arange(len(scenes)).repeat_interleave(len(seeds))
    return *(torch.stack(parts) for parts in zip(*pictures, strict=True)), labels


FOUND = {}  # by the network's mark, the picture and the class; the networks themselves are not kept, nor shared by threads


def once(make, *key):
    """What `make` gives, asked for once for each key."""
    if key not in FOUND:
        FOUND[key] = make()
    return FOUND[key]


def mark(model):
    """What tells a suspect from the others: a number from its weights, and their kind."""
    return model.fc8.weight.dtype, model.fc8.weight.double().sum().item()


def predicted_classes(model, seeds, scenes):
    """The answers of a network, picture by picture."""
    who = mark(model)

    def answer(seed, placed):
        return model(one_picture(seed, *placed)[0][None].to(who[0]))[0]

    return torch.stack(
        [
            once(functools.partial(answer, seed, placed), who, seed, placed)
            for placed in scenes
            for seed in seeds
        ]
    )


def class_maps(model, seeds, scenes, targets):
    """Grad-CAM of the last convolution for these classes, picture by picture."""
    who = mark(model)

    def cam(seed, placed, target):
        return grad_cam(model, one_picture(seed, *placed)[0][None].to(who[0]), (target,), LAYER)[0]

    pictures = [(seed, placed) for placed in scenes for seed in seeds]
    return torch.stack(
        [
            once(functools.partial(cam, *one, target), who, *one, target)
            for one, target in zip(pictures, targets, strict=True)
        ]
    )


def trial(
    networks,
    seeds,
    usual,
    swapped,
    *,
    target_of="said",
    where="swapped",
    share=None,
    judge=lambda before, after: bool((before - after > 0.5).any()),
    per_animal=True,
):
    """For each network: share of Grad-CAM on the background, accuracies before and after the swap, whether it cheats."""
    seeds, scenes = tuple(seeds), {"usual": tuple(usual.items()), "swapped": tuple(swapped.items())}
    verdicts = {}
    for letter, model in networks.items():
        answers = {kind: predicted_classes(model, seeds, scenes[kind]).argmax(1) for kind in scenes}
        right = {kind: (answers[kind] == rendered_sets(seeds, scenes[kind])[2]).double() for kind in scenes}
        rates = {kind: part.view(-1, len(seeds)).mean(1) for kind, part in right.items()}
        _, masks, labels = rendered_sets(seeds, scenes[where])
        classes = answers[where] if target_of == "said" else labels
        maps = class_maps(model, seeds, scenes[where], tuple(classes.tolist()))
        verdicts[letter] = {
            "background": float((share or shares_mean)(maps, masks)),
            **{kind: rate if per_animal else rate.mean() for kind, rate in rates.items()},
            "cheats": judge(rates["usual"], rates["swapped"]),
        }
    return verdicts


def shares_mean(maps, masks):
    """The mean over the pictures of the share outside the mask."""
    return torch.stack([one[~mask].sum() / one.sum() for one, mask in zip(maps, masks, strict=True)]).mean()


def a_lineup(draw, letters="ABC"):
    """Networks in an order by chance, under letters, and seeds of pictures; of two networks, both may cheat."""
    numbers = (3 * draw.integers(1, 10**6, 3) + draw.permutation(3))[: len(letters)]
    return {
        "networks": {
            letter: NetworkSpec("suspect", int(number))
            for letter, number in zip(letters, numbers, strict=True)
        },
        "seeds": draw.choice(SEEDS, 2, replace=False).tolist(),
        "usual": dict(USUAL),
        "swapped": dict(SWAPPED),
    }


Q7 = Question(
    "q7",
    "Which of these networks cheats",
    "trial",
    (
        Case("three suspects", a_lineup, 10, public=True),
        Case("two suspects", lambda draw: a_lineup(draw, "AB"), 10),
    ),
    trial,
    (
        Mistake(
            "`background` is the share on the animal; the rest of the picture is asked for",
            lambda **given: trial(**given, share=lambda maps, masks: 1 - shares_mean(maps, masks)),
        ),
        Mistake(
            "`background` asks for the class that the network *says*, not for the one on the label",
            lambda **given: trial(**given, target_of="label"),
        ),
        Mistake(
            "`background` is measured where the scenes are swapped",
            lambda **given: trial(**given, where="usual"),
        ),
        Mistake(
            "`background` is a mean of shares, one a picture; you add up the relevance of all pictures first",
            lambda **given: trial(**given, share=lambda maps, masks: maps[~masks].sum() / maps.sum()),
        ),
        Mistake(
            "`background` is the share of the relevance, not of the pixels",
            lambda **given: trial(**given, share=lambda maps, masks: (~masks).double().mean()),
        ),
        Mistake(
            "`background` counts how much is relevant, not on how many pixels something is",
            lambda **given: trial(
                **given, share=lambda maps, masks: shares_mean((maps > 0).to(maps.dtype), masks)
            ),
        ),
        Mistake(
            "accuracies are asked for animal by animal, four numbers in the order of the classes",
            lambda **given: trial(**given, per_animal=False),
        ),
        Mistake(
            "`usual` and `swapped` are mixed up",
            lambda **given: {
                letter: one | {"usual": one["swapped"], "swapped": one["usual"]}
                for letter, one in trial(**given).items()
            },
        ),
        Mistake(
            "`cheats` says the honest one: a cheat is a network that falls when the scenes are swapped",
            lambda **given: trial(**given, judge=lambda before, after: not (before - after > 0.5).any()),
        ),
        Mistake(
            "a cheat may be honest about most animals: look at each by itself",
            lambda **given: trial(**given, judge=lambda before, after: bool((before - after).mean() > 0.5)),
        ),
        Mistake(
            "a network is no cheat because its maps touch the background: judge by the accuracies",
            lambda **given: trial(**given, judge=lambda before, after: True),
        ),
    ),
    default_hint="compare one picture by hand: what does the network say, where does its map lie, and what is the mask?",
    tolerance=Tolerance(relative=1e-3, absolute=1e-4),
    limits=Limits(seconds=180, cpu=90),
    forbidden_names=(
        "networks.load",
        "networks.read_weights",
        "grading.mystery_networks",
        "attribution.relevance_mass",
    ),
)

QUESTIONS = (Q1, Q2, Q3, Q4, Q5, Q6, Q7)

# The question that is answered in words (w1).

WRITTEN = (
    Written(
        "w1",
        "Why is the background lit?",
        (
            Criterion(
                "says for both pictures what the network answers and whether the map lies on the animal or around it",
                2,
            ),
            Criterion(
                "explains the cause: in training scene and animal went together, and the scene was the easier sign",
                3,
            ),
            Criterion(
                "gives an experiment that changes one thing, and the result that would speak against the explanation",
                3,
            ),
            Criterion("says why light on the background alone is no proof", 2),
        ),
        beside=("w1-look",),
        comments=(
            "what does *your* picture show?",
            "which result would speak against you?",
            "the same animal in another scene changes one thing; here two change at once",
        ),
    ),
)
