"""The key of a3, drawing with gradients: probes, references written from the definitions, and the mistakes that are told apart."""

import numpy as np
import torch

from cnnlab.grading.answer_key import Case, Criterion, Mistake, NetworkSpec, Question, Tolerance, Written

ASSIGNMENT = "a3_drawing_with_gradients"
TITLE = "Drawing with gradients: total variation, ascent, inversion, Gram matrices, style, DeepDream"

BY_GRADIENT = Tolerance(relative=1e-3, absolute=1e-4)
GREY = 0.5


def floats(draw, *shape, low=0.0, high=1.0):
    """A float32 tensor of this shape, even between the bounds."""
    return torch.from_numpy(draw.uniform(low, high, shape).astype(np.float32))


def seeded(draw, name="plain"):
    """A small random network."""
    return NetworkSpec(name, int(draw.integers(10**6)))


# Total variation (q1) and its gradient (q2).


def steps_at(plane, row, column, around=False):
    """How far it is to the right and down neighbour of one pixel; 0 where there is none."""
    height, width = plane.shape
    value = float(plane[row, column])
    right = float(plane[row, (column + 1) % width]) - value if around or column + 1 < width else 0.0
    down = float(plane[(row + 1) % height, column]) - value if around or row + 1 < height else 0.0
    return right, down


def root_of_both(right, down, beta):
    """What one pixel pays."""
    return (right**2 + down**2) ** (beta / 2)


def total_variation(images, beta, *, penalty=root_of_both, around=False, inside=False, share=False):
    """N numbers: what all pixels of all colours pay."""
    totals = []
    for image in images:
        total = 0.0
        for plane in image:
            height, width = (side - inside for side in plane.shape)
            for row in range(height):
                for column in range(width):
                    total += penalty(*steps_at(plane, row, column, around), beta)
        totals.append(total / image.numel() if share else total)
    return torch.tensor(totals, dtype=images.dtype)


def rough(beta, *shape, flat=False):
    """A noisy picture and beta; with `flat`, a part of it is of one colour."""

    def inputs(draw):
        images = floats(draw, *shape)
        if flat:
            images[:, :, : shape[2] // 2 + 1, 1:-1] = float(draw.uniform(0.2, 0.8))
        return {"images": images, "beta": beta}

    return inputs


Q1 = Question(
    "q1",
    "Total variation",
    "total_variation",
    (
        Case("beta 2", rough(2.0, 2, 3, 6, 8), 3, public=True),
        Case("beta 1", rough(1.0, 2, 3, 7, 5), 4, public=True),
        Case("beta 1.5, partly flat", rough(1.5, 3, 3, 6, 6, flat=True), 3),
    ),
    total_variation,
    (
        Mistake(
            "the power goes around the sum of both squares; you raise each difference by itself",
            lambda images, beta: total_variation(
                images, beta, penalty=lambda right, down, b: abs(right) ** b + abs(down) ** b
            ),
        ),
        Mistake(
            "the exponent of the sum of squares is beta / 2, not beta",
            lambda images, beta: total_variation(images, 2 * beta),
        ),
        Mistake("beta is not looked at", lambda images, beta: total_variation(images, 2.0)),
        Mistake(
            "there is no neighbour beyond the border: the picture does not go around",
            lambda images, beta: total_variation(images, beta, around=True),
        ),
        Mistake(
            "the last row and the last column pay too: one of their two steps is 0, the other is not",
            lambda images, beta: total_variation(images, beta, inside=True),
        ),
        Mistake("it is a sum, not a mean", lambda images, beta: total_variation(images, beta, share=True)),
        Mistake(
            "one number for each picture is asked for",
            lambda images, beta: total_variation(images, beta).sum(),
        ),
    ),
    default_hint="work out a picture of 2 x 2 pixels and one colour by hand",
    forbidden_names=("synthesis.total_variation",),
)


def tv_gradient(images, beta, *, factor=None, parts=("here", "right", "down"), spread=lambda slope: slope):
    """N x C x H x W: each pixel's payment moves the pixel itself, its right neighbour and the one below."""
    gradient = torch.zeros_like(images)
    for picture, image in enumerate(images):
        for colour, plane in enumerate(image):
            for row in range(plane.shape[0]):
                for column in range(plane.shape[1]):
                    right, down = steps_at(plane, row, column)
                    squares = right**2 + down**2
                    if not squares:
                        continue
                    outer = factor(squares, beta) if factor else beta / 2 * squares ** (beta / 2 - 1)
                    slope = gradient[picture, colour]
                    if "here" in parts:
                        slope[row, column] -= outer * 2 * (right + down)
                    if "right" in parts and right:
                        slope[row, column + 1] += outer * 2 * right
                    if "down" in parts and down:
                        slope[row + 1, column] += outer * 2 * down
    return spread(gradient)


def not_protected(images, beta):
    """What autograd makes of the formula where the picture is flat."""
    pixels = images.clone().requires_grad_()
    right = torch.nn.functional.pad(pixels[..., :, 1:] - pixels[..., :, :-1], (0, 1))
    down = torch.nn.functional.pad(pixels[..., 1:, :] - pixels[..., :-1, :], (0, 0, 0, 1))
    return torch.autograd.grad((right**2 + down**2).pow(beta / 2).sum(), pixels)[0]


Q2 = Question(
    "q2",
    "The gradient of total variation",
    "tv_gradient",
    (
        Case("beta 2", rough(2.0, 1, 3, 6, 7), 5, public=True),
        Case("beta 1.5", rough(1.5, 2, 3, 5, 8), 5),
        Case("beta 1.5, partly flat", rough(1.5, 2, 3, 6, 6, flat=True), 5, public=True),
    ),
    tv_gradient,
    (
        Mistake(
            "where the picture is flat, a power below 1 has no slope (0 to a negative power): the gradient is 0 there",
            not_protected,
        ),
        Mistake(
            "the gradient points uphill; yours points down", lambda images, beta: -tv_gradient(images, beta)
        ),
        Mistake(
            "a pixel stands in three payments: its own, its left neighbour's and that of the one above",
            lambda images, beta: tv_gradient(images, beta, parts=("here",)),
        ),
        Mistake("that is the slope for beta = 2", lambda images, beta: tv_gradient(images, 2.0)),
        Mistake(
            "the slope of s^(beta/2) is beta/2 s^(beta/2 - 1): the factor in front is missing",
            lambda images, beta: tv_gradient(images, beta, factor=lambda s, b: s ** (b / 2 - 1)),
        ),
        Mistake(
            "the slope of s^(beta/2) is beta/2 s^(beta/2 - 1): the exponent goes down by 1",
            lambda images, beta: tv_gradient(images, beta, factor=lambda s, b: b / 2 * s ** (b / 2)),
        ),
        Mistake(
            "the slope of a square is *twice* what is squared",
            lambda images, beta: tv_gradient(images, beta) / 2,
        ),
        Mistake(
            "total variation is a sum, so its slope is not divided by the number of pixels",
            lambda images, beta: tv_gradient(images, beta, spread=lambda slope: slope / slope[0].numel()),
        ),
    ),
    default_hint="move one pixel a little up and a little down, and compare with the difference of your q1",
    tolerance=Tolerance(relative=1e-3, absolute=1e-4),
    forbidden_names=("synthesis.total_variation",),
)


# Gradient ascent with L2 and jitter (q3).


def rolled(image, down, right):
    """The picture, moved; what leaves it comes back on the other side."""
    rows, columns = (
        (torch.arange(side) - move) % side for side, move in zip(image.shape[1:], (down, right), strict=True)
    )
    return image[:, rows][:, :, columns]


def with_zeros(image, down, right):
    """The picture, moved; zeros come in."""
    moved = torch.zeros_like(image)
    height, width = image.shape[1:]
    rows = range(max(0, down), min(height, height + down))
    columns = range(max(0, right), min(width, width + right))
    for row in rows:
        for column in columns:
            moved[:, row, column] = image[:, row - down, column - right]
    return moved


def ascend(
    model,
    start,
    target,
    shifts,
    rate,
    l2,
    *,
    read=lambda logits: logits,
    move=rolled,
    back=rolled,
    grey=GREY,
    twice=2.0,
    sign=1.0,
    limit=lambda picture: picture.clamp(0, 1),
    length=lambda slope: 1.0,
):
    """One step for each shift: uphill for the logit of the shifted picture, downhill for the distance from grey."""
    picture = start.clone()
    for down, right in shifts:
        moved = move(picture, down, right).requires_grad_()
        (slope,) = torch.autograd.grad(read(model(moved[None])[0])[target], moved)
        slope = back(slope, -down, -right) - l2 * twice * (picture - grey)
        picture = limit(picture + sign * rate * slope / length(slope))
    return picture.detach()


def staying_shifted(model, start, target, shifts, rate, l2):
    """As `ascend`, but the picture stays where it was moved to."""
    picture = start
    for shift in shifts:
        picture = ascend(model, rolled(picture, *shift), target, [(0, 0)], rate, l2)
    return picture


def a_climb(name, height, width, moves, l2, rate=0.4, wide=0.25, steps=4):
    """A picture near grey (or far from it, with `wide`), and how to move it before each step."""

    def inputs(draw):
        return {
            "model": seeded(draw, name),
            "start": floats(draw, 3, height, width, low=GREY - wide, high=GREY + wide),
            "target": int(draw.integers(5)),
            "shifts": [
                [int(n) for n in draw.choice([-3, -2, -1, 1, 2, 3], 2)] if moves else [0, 0]
                for _ in range(steps)
            ],
            "rate": rate,
            "l2": l2,
        }

    return inputs


Q3 = Question(
    "q3",
    "Gradient ascent with L2 and jitter",
    "ascend",
    (
        Case("uphill alone", a_climb("plain", 16, 16, False, 0.0, wide=0.5), 4, public=True),
        Case("with L2", a_climb("plain", 14, 18, False, 0.2, wide=0.5), 4, public=True),
        Case("with jitter", a_climb("plain", 16, 14, True, 0.0, wide=0.5), 6, public=True),
        Case("with both", a_climb("normed", 16, 20, True, 0.15, wide=0.5), 6),
    ),
    ascend,
    (
        Mistake("these are steps downhill: the score shall grow", lambda **given: ascend(**given, sign=-1.0)),
        Mistake(
            "climb the logit, not the probability: that one also rises because others fall",
            lambda **given: ascend(**given, read=lambda logits: logits.softmax(0)),
        ),
        Mistake(
            "the zero of a picture is grey, 0.5: the penalty is l2 times the squared distance from it",
            lambda **given: ascend(**given, grey=0.0),
        ),
        Mistake(
            "the slope of a square is *twice* what is squared", lambda **given: ascend(**given, twice=1.0)
        ),
        Mistake(
            "the penalty pulls to grey; yours pushes away from it",
            lambda **given: ascend(**given, twice=-2.0),
        ),
        Mistake("the penalty is left out", lambda **given: ascend(**given | {"l2": 0.0})),
        Mistake(
            "a picture lies in [0, 1]: clip it after each step",
            lambda **given: ascend(**given, limit=lambda picture: picture),
        ),
        Mistake(
            "clip after each step, not once at the end",
            lambda **given: ascend(**given, limit=lambda picture: picture).clamp(0, 1),
        ),
        Mistake(
            "rounding to 256 steps after each step loses the small ones",
            lambda **given: ascend(**given, limit=lambda picture: (picture.clamp(0, 1) * 255).round() / 255),
        ),
        Mistake(
            "zeros come in where the picture is moved, and the network sees their edge: roll it",
            lambda **given: ascend(**given, move=with_zeros, back=with_zeros),
        ),
        Mistake(
            "the picture stays shifted: the step belongs to the picture as it lies, so roll it back",
            staying_shifted,
        ),
        Mistake(
            "the gradient of the shifted picture is added to the unshifted one: roll it back",
            lambda **given: ascend(**given, back=lambda slope, down, right: slope),
        ),
        Mistake(
            "there is no jitter: move the picture before the network sees it",
            lambda **given: ascend(**given | {"shifts": [[0, 0]] * len(given["shifts"])}),
        ),
        Mistake(
            "the step is rate times the gradient; yours has a length of its own",
            lambda **given: ascend(**given, length=lambda slope: slope.norm()),
        ),
        Mistake(
            "the step is rate times the gradient; yours has a length of its own",
            lambda **given: ascend(**given, length=lambda slope: slope.abs().mean()),
        ),
    ),
    default_hint="do one step by hand: shift, logit, gradient, shift back, L2, step, clip",
    tolerance=BY_GRADIENT,
    forbidden_names=("synthesis.maximise", "synthesis.gradient_ascent"),
)


# The loss of inversion (q4).


def flow(model, images):
    """What flows out of each layer of a small network up to the second ReLU, by name."""
    outputs = {"conv1": model.conv1(images * 2 - 1)}
    before = outputs["conv1"]
    if hasattr(model, "norm1"):
        before = outputs["norm1"] = model.norm1(before)
    outputs["relu1"] = before.clamp_min(0)
    outputs["pool1"] = model.pool1(outputs["relu1"])
    outputs["conv2"] = model.conv2(outputs["pool1"])
    outputs["relu2"] = outputs["conv2"].clamp_min(0)
    return outputs


def inversion_loss(
    model,
    layer,
    images,
    original,
    tv,
    beta,
    *,
    far=lambda found, wanted: (found - wanted).square().sum() / wanted.square().sum(),
    prior=None,
    read=lambda layer: layer,
):
    """N numbers: how far the features of each picture are from the original's, and what its roughness costs."""
    wanted = flow(model, original[None])[read(layer)][0]
    losses = [far(found, wanted) for found in flow(model, images)[read(layer)]]
    return torch.stack(losses) + tv * (prior or total_variation)(images, beta)


def to_invert(name, layer, height, width, tv, count=2, beta=1.5):
    """Pictures, the original whose features they shall have, and the weight of the prior."""

    def inputs(draw):
        return {
            "model": seeded(draw, name),
            "layer": layer,
            "images": floats(draw, count, 3, height, width),
            "original": floats(draw, 3, height, width),
            "tv": tv,
            "beta": beta,
        }

    return inputs


Q4 = Question(
    "q4",
    "The loss of inversion",
    "inversion_loss",
    (
        Case("features alone", to_invert("plain", "relu1", 14, 14, 0.0, 3), 5, public=True),
        Case(
            "in front of a ReLU that works in place",
            to_invert("plain", "conv2", 12, 16, 0.002),
            5,
            public=True,
        ),
        Case("features and prior", to_invert("normed", "pool1", 16, 12, 0.003, 2, 1.0), 5),
    ),
    inversion_loss,
    (
        Mistake(
            "the error is relative: divide by the squared length of the original's features",
            lambda **given: inversion_loss(
                **given, far=lambda found, wanted: (found - wanted).square().sum()
            ),
        ),
        Mistake(
            "the error is relative to the *original's* features, not to those that were found",
            lambda **given: inversion_loss(
                **given, far=lambda found, wanted: (found - wanted).square().sum() / found.square().sum()
            ),
        ),
        Mistake(
            "these are lengths; their squares are asked for",
            lambda **given: inversion_loss(
                **given, far=lambda found, wanted: (found - wanted).norm() / wanted.norm()
            ),
        ),
        Mistake(
            "that is the mean of the squares; they are divided by the original's squared length",
            lambda **given: inversion_loss(
                **given, far=lambda found, wanted: (found - wanted).square().mean()
            ),
        ),
        Mistake("the prior is left out", lambda **given: inversion_loss(**given | {"tv": 0.0})),
        Mistake(
            "the prior is left without its weight",
            lambda **given: inversion_loss(**given | {"tv": 1.0 if given["tv"] else 0.0}),
        ),
        Mistake(
            "the prior is a sum over all pixels, not a mean",
            lambda **given: inversion_loss(
                **given, prior=lambda images, beta: total_variation(images, beta, share=True)
            ),
        ),
        Mistake("the prior takes the given beta", lambda **given: inversion_loss(**given | {"beta": 2.0})),
        Mistake(
            "these are not the features of this layer: the ReLU behind it works in place and overwrites what you kept",
            lambda **given: inversion_loss(**given, read=lambda layer: layer.replace("conv2", "relu2")),
        ),
        Mistake(
            "one number for each picture is asked for",
            lambda **given: inversion_loss(**given).sum(),
        ),
        Mistake(
            "one number for each picture is asked for",
            lambda **given: inversion_loss(**given).mean(),
        ),
    ),
    default_hint="put the original in as a picture: without prior the loss is 0; and with grey it is about 1",
    tolerance=BY_GRADIENT,
    forbidden_names=("synthesis.invert", "networks.activations", "networks.record_activations"),
)


# The Gram matrix (q5).


def gram(features):
    """N x C x C: for each two channels, the sum over all places of their product."""
    count, channels = features.shape[:2]
    matrices = torch.zeros(count, channels, channels, dtype=features.dtype)
    for picture in range(count):
        for first in range(channels):
            for other in range(channels):
                matrices[picture, first, other] = (features[picture, first] * features[picture, other]).sum()
    return matrices


def centred(features):
    """Features without the mean of each channel."""
    return features - features.mean((2, 3), keepdim=True)


def features_of(count, channels, height, width, low):
    """What a layer might answer."""
    return lambda draw: {"features": floats(draw, count, channels, height, width, low=low, high=2.0)}


Q5 = Question(
    "q5",
    "The Gram matrix",
    "gram",
    (
        Case("one picture", features_of(1, 5, 6, 6, 0.0), 3, public=True),
        Case("several pictures", features_of(3, 4, 5, 7, -1.0), 4, public=True),
        Case("more channels than places", features_of(2, 9, 2, 3, -2.0), 3),
    ),
    gram,
    (
        Mistake(
            "this is channels against channels for all pictures together; each picture has its own matrix",
            lambda features: gram(features).sum(0),
        ),
        Mistake(
            "you compare places; sum over the places and compare channels",
            lambda features: gram(features.flatten(2).transpose(1, 2)[..., None]),
        ),
        Mistake(
            "it is a sum over the places, not a mean",
            lambda features: gram(features) / features[0, 0].numel(),
        ),
        Mistake(
            "it is a sum over the places; you divide by all numbers of the map too",
            lambda features: gram(features) / features[0].numel(),
        ),
        Mistake(
            "that is a covariance: the mean of a channel belongs to its style, leave it in",
            lambda features: gram(centred(features)),
        ),
        Mistake(
            "you turn places into channels: put rows and columns into one axis, and leave the channels",
            lambda features: gram(features.permute(0, 2, 3, 1).reshape(features.shape)),
        ),
        Mistake(
            "these are cosines; how strong a channel is belongs to its style",
            lambda features: gram(features / features.square().sum((2, 3), keepdim=True).sqrt()),
        ),
    ),
    default_hint="take two channels of 1 x 2 places and write the 2 x 2 matrix down",
    tolerance=Tolerance(relative=1e-4, absolute=1e-4),
    forbidden_names=("synthesis.gram_matrix",),
)


# The loss of style (q6).


def style_loss(
    model,
    layers,
    images,
    style,
    weights,
    *,
    table=lambda features: gram(features) / features[0, 0].numel(),
    far=lambda found, wanted: (found - wanted).square().sum() / wanted.square().sum(),
    read=lambda layer: layer,
):
    """N numbers: over the layers, weighted, how far the tables of what goes with what are apart."""
    wanted, found = flow(model, style[None]), flow(model, images)
    losses = torch.zeros(len(images), dtype=images.dtype)
    for layer, weight in zip(layers, weights, strict=True):
        goal = table(wanted[read(layer)])[0]
        for picture, have in enumerate(table(found[read(layer)])):
            losses[picture] += weight * far(have, goal)
    return losses


def to_style(name, layers, sides, style_sides, count=2):
    """Pictures, and a style picture that may have another size."""

    def inputs(draw):
        return {
            "model": seeded(draw, name),
            "layers": list(layers),
            "images": floats(draw, count, 3, *sides),
            "style": floats(draw, 3, *style_sides) ** 2,
            "weights": [round(float(weight), 2) for weight in draw.uniform(0.3, 3, len(layers))],
        }

    return inputs


Q6 = Question(
    "q6",
    "The loss of style",
    "style_loss",
    (
        Case("one layer", to_style("plain", ["relu1"], (14, 14), (14, 14)), 3, public=True),
        Case(
            "two layers, a style of another size",
            to_style("plain", ["conv1", "conv2"], (14, 16), (20, 18)),
            4,
            public=True,
        ),
        Case("three layers", to_style("normed", ["norm1", "pool1", "relu2"], (16, 12), (12, 18), 3), 3),
    ),
    style_loss,
    (
        Mistake(
            "divide each Gram matrix by its number of places; else a larger picture has more style",
            lambda **given: style_loss(**given, table=gram),
        ),
        Mistake(
            "each layer's loss is relative: divide by the squared length of the style's matrix",
            lambda **given: style_loss(**given, far=lambda found, wanted: (found - wanted).square().sum()),
        ),
        Mistake(
            "that is a mean of squares; divide their sum by the squared length of the style's matrix",
            lambda **given: style_loss(**given, far=lambda found, wanted: (found - wanted).square().mean()),
        ),
        Mistake(
            "relative to the matrix of the *style*, not to that of the picture",
            lambda **given: style_loss(
                **given, far=lambda found, wanted: (found - wanted).square().sum() / found.square().sum()
            ),
        ),
        Mistake(
            "these are lengths; their squares are asked for",
            lambda **given: style_loss(
                **given, far=lambda found, wanted: (found - wanted).norm() / wanted.norm()
            ),
        ),
        Mistake(
            "each layer has a weight of its own",
            lambda **given: style_loss(**given | {"weights": [1.0] * len(given["layers"])}),
        ),
        Mistake(
            "the losses of the layers are added, not averaged",
            lambda **given: style_loss(**given) / len(given["layers"]),
        ),
        Mistake(
            "these are not the features of this layer: the ReLU behind it works in place and overwrites what you kept",
            lambda **given: style_loss(**given, read=lambda layer: layer.replace("conv", "relu")),
        ),
        Mistake("one number for each picture is asked for", lambda **given: style_loss(**given).sum()),
        Mistake("one number for each picture is asked for", lambda **given: style_loss(**given).mean()),
    ),
    default_hint="put the style itself in as a picture: the loss is 0, for any layers and weights",
    tolerance=BY_GRADIENT,
    forbidden_names=("synthesis.transfer_style", "networks.activations", "networks.record_activations"),
)


# One octave of a dream (q7).


def along(many, few, dtype, smooth=True):
    """many x few: the weights of bilinear resizing; with `smooth`, a triangle as wide as a pixel of the smaller picture."""
    ratio = few / many
    reach = max(ratio, 1.0) if smooth else 1.0
    weights = torch.zeros(many, few, dtype=dtype)
    for coordinate in range(many):
        middle = (coordinate + 0.5) * ratio - 0.5
        for source in range(few):
            weights[coordinate, source] = max(0.0, 1 - abs(source - middle) / reach)
    return weights / weights.sum(1, keepdim=True)


def resized(picture, size, smooth=True):
    """The picture 3 x H x W at another size."""
    rows, columns = (
        along(to, side, picture.dtype, smooth) for to, side in zip(size, picture.shape[1:], strict=True)
    )
    return rows @ picture @ columns.T


def octave(
    model,
    layer,
    original,
    change,
    size,
    shifts,
    rate,
    *,
    score=lambda maps: maps.square().sum() / 2,
    length=lambda slope: slope.abs().mean(),
    move=rolled,
    back=rolled,
    begin=None,
    limit=lambda picture: picture.clamp(0, 1),
    give=lambda picture, plain: picture - plain,
    smooth=True,
    sign=1.0,
):
    """The change after one octave: resize picture and change, climb the length of the layer's answer, take the picture off again."""
    plain = resized(original, size, smooth)
    picture = limit(plain + resized(begin(change) if begin else change, size))
    for down, right in shifts:
        moved = move(picture.detach(), down, right).requires_grad_()
        (slope,) = torch.autograd.grad(score(flow(model, moved[None])[layer]), moved)
        slope = back(slope, -down, -right)
        picture = limit(picture + sign * rate * slope / length(slope))
    return give(picture, plain).detach()


def wandering(model, layer, original, change, size, shifts, rate):
    """As `octave`, but the picture stays where it was moved to."""
    plain = resized(original, size)
    picture = (plain + resized(change, size)).clamp(0, 1)
    for shift in shifts:
        picture = rolled(picture, *shift)
        step = octave(model, layer, picture, torch.zeros_like(picture), size, [(0, 0)], rate)
        picture = picture + step
    return picture - plain


def a_dream(name, layer, sides, before, size, moves, rate=0.02, steps=3):
    """A picture, the change that the octave before has made, and the size of this one."""

    def inputs(draw):
        return {
            "model": seeded(draw, name),
            "layer": layer,
            "original": floats(draw, 3, *sides),
            "change": floats(draw, 3, *before, low=-0.2, high=0.2),
            "size": list(size),
            "shifts": [
                [int(n) for n in draw.choice([-3, -2, -1, 1, 2, 3], 2)] if moves else [0, 0]
                for _ in range(steps)
            ],
            "rate": rate,
        }

    return inputs


Q7 = Question(
    "q7",
    "One octave of DeepDream",
    "octave",
    (
        Case(
            "the last octave, still",
            a_dream("plain", "relu1", (18, 18), (12, 12), (18, 18), False),
            5,
            public=True,
        ),
        Case("a small octave", a_dream("plain", "relu2", (24, 20), (12, 12), (16, 14), True), 7, public=True),
        Case("before a ReLU", a_dream("normed", "conv2", (26, 22), (14, 12), (18, 16), True), 8),
    ),
    octave,
    (
        Mistake(
            "these are steps downhill: the answer shall grow", lambda **given: octave(**given, sign=-1.0)
        ),
        Mistake(
            "give back the change, what was added to the resized picture, not the picture",
            lambda **given: octave(**given, give=lambda picture, plain: picture),
        ),
        Mistake(
            "the change of the octave before is lost: enlarge it and add it before the first step",
            lambda **given: octave(**given, begin=torch.zeros_like),
        ),
        Mistake(
            "the layer's answer shall grow in length (its squares), not in sum",
            lambda **given: octave(**given, score=lambda maps: maps.sum()),
        ),
        Mistake(
            "divide the gradient by the *mean* of its sizes",
            lambda **given: octave(**given, length=lambda slope: slope.abs().max()),
        ),
        Mistake(
            "divide the gradient by the mean of its *sizes*, not by its length",
            lambda **given: octave(**given, length=lambda slope: slope.norm()),
        ),
        Mistake(
            "divide the gradient by the mean of its *sizes*, not by its standard deviation",
            lambda **given: octave(**given, length=lambda slope: slope.std()),
        ),
        Mistake(
            "divide the gradient by the mean of its sizes, so that every step is as long as the last",
            lambda **given: octave(**given, length=lambda slope: 1.0),
        ),
        Mistake(
            "zeros come in where the picture is moved, and the network sees their edge: roll it",
            lambda **given: octave(**given, move=with_zeros, back=with_zeros),
        ),
        Mistake(
            "the gradient of the shifted picture is added to the unshifted one: roll it back",
            lambda **given: octave(**given, back=lambda slope, down, right: slope),
        ),
        Mistake("the picture stays shifted: roll it back after the step", wandering),
        Mistake(
            "a picture lies in [0, 1]: clip it, before the first step and after each",
            lambda **given: octave(**given, limit=lambda picture: picture),
        ),
        Mistake(
            "there is no jitter: move the picture before the network sees it",
            lambda **given: octave(**given | {"shifts": [[0, 0]] * len(given["shifts"])}),
        ),
        Mistake(
            "without antialias=True a picture that is made small gets false patterns, and the network dreams on them",
            lambda **given: octave(**given, smooth=False),
        ),
    ),
    default_hint="with no shifts at all, the change is the enlarged one, cut so that picture and change stay in [0, 1]",
    tolerance=BY_GRADIENT,
    forbidden_names=("synthesis.deepdream",),
)

QUESTIONS = (Q1, Q2, Q3, Q4, Q5, Q6, Q7)

# The question that is answered in words (w1).

WRITTEN = (
    Written(
        "w1",
        "Two climbs of your own",
        (
            Criterion("names parts of the class that can be recognised, and where, in both pictures", 2),
            Criterion("says which logit is higher, and why a higher logit need not be easier to read", 3),
            Criterion(
                "says what L2 and what jitter forbid, each with something that is seen in the pictures", 3
            ),
            Criterion("gives a reason for and one against showing it as what the network thinks of", 2),
        ),
        beside=("w1-look",),
        comments=(
            "point to it: where in your picture?",
            "that is what jitter does in general; what does it do here?",
        ),
    ),
)
