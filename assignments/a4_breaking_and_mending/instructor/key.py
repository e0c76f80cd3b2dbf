"""The key of a4, breaking and mending: probes, references written from the definitions, and the mistakes that are told apart.

A sign tips over where a slope is next to nothing, so that two right attacks may differ by a whole step in a pixel or two: in the questions
about attacks one value in two hundred may lie farther off (`SIGNS`). What the training of q7 must reach was measured (at `LYING`).
"""

import numpy as np
import torch
import torch.nn.functional as F

from cnnlab.grading.answer_key import (
    Case,
    Criterion,
    Limits,
    Measure,
    Mistake,
    NetworkSpec,
    Question,
    Tolerance,
    Written,
)
from cnnlab.grading.sandbox import probe_networks

ASSIGNMENT = "a4_breaking_and_mending"
TITLE = "Breaking and mending: attacks, corruptions, cue conflict, and a network that withstands"
SIGNS = Tolerance(relative=1e-4, absolute=1e-5, outlier_fraction=0.005)


def floats(draw, *shape, low=0.0, high=1.0):
    """A float32 tensor of this shape, even between the bounds."""
    return torch.from_numpy(draw.uniform(low, high, shape).astype(np.float32))


def whole(draw, maximum, *shape):
    """Whole numbers from 0 to below `maximum`."""
    return torch.from_numpy(draw.integers(maximum, size=shape))


def loss_gradient(model, images, labels, of=F.cross_entropy):
    """d of(logits, label) / d pixels, a picture at a time."""
    gradients = []
    for image, label in zip(images, labels, strict=True):
        pixels = image[None].clone().requires_grad_()
        gradients.append(torch.autograd.grad(of(model(pixels), label[None]), pixels)[0][0])
    return torch.stack(gradients)


def pictures(draw, count, *, low=0.2, high=0.8, name="plain", side=14):
    """Random pictures of a random network, away from black and white, with labels."""
    return {
        "model": NetworkSpec(name, int(draw.integers(10**6))),
        "images": floats(draw, count, 3, side, side - 2, low=low, high=high),
        "labels": whole(draw, 5, count),
    }


def near_the_limits(draw, count, **more):
    """Pictures with a good part of their values close to 0 and 1."""
    inputs = pictures(draw, count, **more)
    contrast = inputs["images"] + torch.where(inputs["images"] < 0.5, -0.2, 0.2)
    inputs["images"] = torch.where(floats(draw, *contrast.shape) < 0.5, contrast, inputs["images"])
    return inputs


# FGSM (q1).


def fgsm(model, images, labels, epsilon, *, sign=True, clip=True, of=F.cross_entropy, sign_of_step=1):
    """One step of epsilon along the sign of the slope of the loss, back into [0, 1]."""
    step = loss_gradient(model, images, labels, of)
    step = step.sign() if sign else step
    attacked = images + sign_of_step * epsilon * step
    return attacked.clamp(0, 1) if clip else attacked


def raw_likelihood(logits, labels):
    """Minus the logit: what `nll_loss` makes of logits."""
    return -logits[0, labels[0]]


Q1 = Question(
    "q1",
    "One step: FGSM",
    "fgsm",
    (
        Case("away from the rim", lambda draw: pictures(draw, 3) | {"epsilon": 0.03}, 4, public=True),
        Case("at the rim", lambda draw: near_the_limits(draw, 3) | {"epsilon": 0.08}, 4, public=True),
        Case(
            "with batch normalisation",
            lambda draw: near_the_limits(draw, 4, name="normed") | {"epsilon": 8 / 255},
            4,
        ),
    ),
    fgsm,
    (
        Mistake(
            "a picture has no values outside of [0, 1]: bring it back",
            lambda **given: fgsm(clip=False, **given),
        ),
        Mistake(
            "epsilon times the *sign* of the slope: every pixel goes as far as it may",
            lambda **given: fgsm(sign=False, **given),
        ),
        Mistake(
            "this goes down the loss, so the network gets surer: go up",
            lambda **given: fgsm(sign_of_step=-1, **given),
        ),
        Mistake(
            "that is the slope of the logit; the loss is the cross-entropy, which looks at the other classes too",
            lambda **given: fgsm(of=raw_likelihood, **given),
        ),
        Mistake(
            "epsilon is a share of the way from black to white already, it need not be divided by 255",
            lambda epsilon, **given: fgsm(epsilon=epsilon / 255, **given),
        ),
    ),
    default_hint="look at the change: is every pixel off by exactly epsilon, unless black or white is nearer?",
    tolerance=SIGNS,
    forbidden_names=("robustness.fgsm", "robustness.pgd", "robustness.loss_gradient"),
)


# Towards a class (q2).


def step_towards(model, images, targets, epsilon, *, rank=0, sign_of_step=-1, clip=True, of=F.cross_entropy):
    """One step that makes the target likelier; the least likely class of each picture where there is no target."""
    if targets is None:
        with torch.no_grad():
            targets = model(images).argsort(1)[:, rank]
    attacked = images + sign_of_step * epsilon * loss_gradient(model, images, targets, of).sign()
    return attacked.clamp(0, 1) if clip else attacked


def to_targets(draw, name="plain"):
    """A target for each picture."""
    inputs = near_the_limits(draw, 3, name=name)
    return {
        "model": inputs["model"],
        "images": inputs["images"],
        "targets": inputs["labels"],
        "epsilon": 0.05,
    }


def to_the_least_likely(draw, name="plain"):
    """No targets, and pictures of such different colours that their least likely classes differ."""
    while True:
        inputs = to_targets(draw, name) | {"targets": None, "epsilon": 0.04}
        tints = floats(draw, len(inputs["images"]), 3, 1, 1, low=-0.7, high=0.7)
        inputs["images"] = (inputs["images"] + tints).clamp(0, 1)
        logits = probe_networks.build(inputs["model"])(inputs["images"])
        if len(logits.argmin(1).unique()) > 1:
            return inputs


Q2 = Question(
    "q2",
    "Towards a class",
    "step_towards",
    (
        Case("towards given classes", to_targets, 4, public=True),
        Case("towards the least likely class", to_the_least_likely, 4, public=True),
        Case("with batch normalisation", lambda draw: to_the_least_likely(draw, "normed"), 2),
    ),
    step_towards,
    (
        Mistake(
            "this leads away from the target: its loss must go *down*",
            lambda **given: step_towards(sign_of_step=1, **given),
        ),
        Mistake(
            "without targets, take the *least* likely class of each picture",
            lambda **given: step_towards(rank=-1, **given),
        ),
        Mistake(
            "without targets, take the least likely class of *each* picture, not one for all",
            lambda model, images, targets, epsilon: step_towards(
                model,
                images,
                model(images).sum(0).argmin().expand(len(images)) if targets is None else targets,
                epsilon,
            ),
        ),
        Mistake(
            "a picture has no values outside of [0, 1]: bring it back",
            lambda **given: step_towards(clip=False, **given),
        ),
        Mistake(
            "that is the slope of the logit; the loss is the cross-entropy, which looks at the other classes too",
            lambda **given: step_towards(of=raw_likelihood, **given),
        ),
    ),
    default_hint="ask the network before and after: has the probability of the target risen?",
    tolerance=SIGNS,
    forbidden_names=("robustness.fgsm", "robustness.pgd", "robustness.loss_gradient"),
)


# Many steps, mended (q3).


def pgd(
    model,
    images,
    labels,
    epsilon,
    steps,
    step_size,
    *,
    stretched=False,
    around="original",
    clip=True,
    late=False,
):
    """Many steps of FGSM, each brought back into the ball around the original and into [0, 1]."""
    size = 0.5 if stretched else 1.0  # lengths measured in the stretched space are half as long in pixels
    attacked = images
    for _ in range(steps):
        before = attacked
        attacked = before + size * step_size * loss_gradient(model, before, labels).sign()
        if around and not late:
            centre = images if around == "original" else before
            attacked = torch.minimum(
                torch.maximum(attacked, centre - size * epsilon), centre + size * epsilon
            )
        if clip and not late:
            attacked = attacked.clamp(0, 1)
    if late:
        attacked = (images + (attacked - images).clamp(-epsilon, epsilon)).clamp(0, 1)
    return attacked


def with_stable_signs(make):
    """Draws until no slope on the way is so small that rounding could turn its sign: that would grow from step to step."""

    def inputs(draw):
        while True:
            found = make(draw)
            if has_stable_signs(**probe_networks.materialize(found)):
                return found

    return inputs


def has_stable_signs(model, images, labels, epsilon, steps, step_size):
    """Whether the way is the same in float32 and float64, and each slope that is not zero is clear of it."""
    ends, smallest = [], []
    for kind in (torch.float32, torch.float64):
        model, start = model.to(kind), images.to(kind)
        ends.append(pgd(model, start, labels, epsilon, steps, step_size))
    for number in range(steps):
        gradient_sizes = (
            loss_gradient(model, pgd(model, start, labels, epsilon, number, step_size), labels)
            .flatten(1)
            .abs()
        )
        gradient_sizes = gradient_sizes / gradient_sizes.mean(1, keepdim=True)
        smallest.append(float(gradient_sizes[gradient_sizes > 0].min()))
    return bool((ends[0] - ends[1]).abs().max() < 1e-5) and min(smallest) > 2e-5


Q3 = Question(
    "q3",
    "Many steps: find three mistakes",
    "pgd",
    (
        Case(
            "one step",
            lambda draw: pictures(draw, 3) | {"epsilon": 0.05, "steps": 1, "step_size": 0.05},
            5,
            public=True,
        ),
        Case(
            "several steps",
            with_stable_signs(
                lambda draw: pictures(draw, 3) | {"epsilon": 0.06, "steps": 5, "step_size": 0.025}
            ),
            7,
            public=True,
        ),
        Case(
            "several steps at the rim",
            with_stable_signs(
                lambda draw: near_the_limits(draw, 3) | {"epsilon": 0.1, "steps": 4, "step_size": 0.06}
            ),
            6,
        ),
    ),
    pgd,
    (
        Mistake(
            "epsilon and the step are lengths in pixel values of [0, 1]; in the space of 2 x - 1 they are worth half as much",
            lambda **given: pgd(stretched=True, **given),
        ),
        Mistake(
            "epsilon and the step are lengths in pixel values of [0, 1]; in the space of 2 x - 1 they are worth half as much",
            lambda **given: pgd(stretched=True, around="last", clip=False, **given),
        ),
        Mistake(
            "the ball stands around the picture as it came, not around the last step: this one walks away",
            lambda **given: pgd(around="last", **given),
        ),
        Mistake(
            "the ball stands around the picture as it came, not around the last step: this one walks away",
            lambda **given: pgd(around="last", clip=False, **given),
        ),
        Mistake(
            "a picture has no values outside of [0, 1]: bring it back",
            lambda **given: pgd(clip=False, **given),
        ),
        Mistake(
            "bring the picture back after *every* step: else the network is asked about pictures that are not allowed",
            lambda **given: pgd(late=True, **given),
        ),
    ),
    default_hint="after each step, print the largest distance to the original, the smallest and the largest value",
    tolerance=SIGNS,
    forbidden_names=("robustness.pgd", "robustness.loss_gradient"),
)


# One pixel (q4).


def painted(image, candidate, *, swap=False, add=False):
    """The picture with one pixel in the candidate's colour."""
    row, column = int(candidate[0]), int(candidate[1])
    if swap:
        row, column = column, row
    copy = image.clone()
    copy[:, row, column] = copy[:, row, column] + candidate[2:] if add else candidate[2:]
    return copy


def next_generation(
    model,
    image,
    label,
    candidates,
    triples,
    *,
    weight=0.5,
    clip=True,
    likelier=False,
    own_triples=True,
    first=None,
    **paint,
):
    """Each candidate, or its child where the label is less likely with it."""
    sides = torch.tensor([image.shape[1] - 1, image.shape[2] - 1, 1, 1, 1]).to(candidates)
    survivors = []
    for parent, (a, b, c) in zip(candidates, triples.tolist(), strict=True):
        start = parent if first == "parent" else candidates[a]
        child = start + weight * (candidates[b] - candidates[c])
        child = torch.minimum(child.clamp(min=0), sides) if clip else child
        old, new = (
            float(model(painted(image, candidate, **paint)[None]).softmax(1)[0, label])
            for candidate in (parent, child)
        )
        better = new > old if likelier else new < old
        survivors.append(child if better or not own_triples else parent)
    return torch.stack(survivors)


def small_steps(draw):
    """Candidates in the middle, close to each other, so that no child leaves the picture, nor with rows and columns swapped."""
    height, width, count = 16, 12, 12
    middle = torch.tensor([6, 5, 0.5, 0.5, 0.5])
    reach = torch.tensor([2.5, 2, 0.25, 0.25, 0.25])
    return population(draw, height, width, middle, reach, count)


def steps_over_a_corner(draw):
    """Candidates of which many children would leave the picture, and none below or on the right, where painting it is an error."""
    height, width, count = 12, 18, 16
    third = torch.tensor([(height - 1) / 3, (width - 1) / 3, 0.5, 0.5, 0.5])
    return population(draw, height, width, third, third, count)


def large_steps(draw):
    """Candidates all over the picture, many of whose children would leave it."""
    height, width, count = 12, 18, 16
    middle = torch.tensor([(height - 1) / 2, (width - 1) / 2, 0.5, 0.5, 0.5])
    return population(draw, height, width, middle, middle, count)


def population(draw, height, width, middle, reach, count):
    """Candidates in steps of an eighth (colours: a thirty-second), so that sums of them are exact."""
    spread = middle + reach * floats(draw, count, 5, low=-1)
    grain = torch.tensor([8, 8, 32, 32, 32])
    others = [draw.choice(np.delete(np.arange(count), number), 3, replace=False) for number in range(count)]
    return {
        "model": NetworkSpec("plain", int(draw.integers(10**6))),
        "image": floats(draw, 3, height, width),
        "label": int(draw.integers(5)),
        "candidates": (spread * grain).round() / grain,
        "triples": torch.from_numpy(np.stack(others)),
    }


Q4 = Question(
    "q4",
    "One pixel, by evolution",
    "next_generation",
    (
        Case("in the middle", small_steps, 5, public=True),
        Case("over the upper left corner", steps_over_a_corner, 5, public=True),
        Case("all over another picture", large_steps, 4),
    ),
    next_generation,
    (
        Mistake(
            "the child lives where the label is *less* likely with it",
            lambda **given: next_generation(likelier=True, **given),
        ),
        Mistake(
            "a child lives only if it does better than its parent",
            lambda **given: next_generation(own_triples=False, **given),
        ),
        Mistake(
            "a child may lie outside: bring row, column and colours back into the picture",
            lambda **given: next_generation(clip=False, **given),
        ),
        Mistake(
            "the child is a + (b - c) / 2 of the three others; its parent is not part of it",
            lambda **given: next_generation(first="parent", **given),
        ),
        Mistake(
            "half of the difference of b and c, not all of it",
            lambda **given: next_generation(weight=1.0, **given),
        ),
        Mistake(
            "the first number of a candidate is its row, the second its column",
            lambda **given: next_generation(swap=True, **given),
        ),
        Mistake(
            "the pixel takes the colour of the candidate; nothing is added",
            lambda **given: next_generation(add=True, **given),
        ),
    ),
    default_hint="take two candidates, paint both by hand, and ask the network",
    forbidden_names=("robustness.one_pixel", "robustness.one_pixel_steps"),
)


# CE and mCE (q5).


def corruption_scores(
    predictions,
    labels,
    reference,
    included,
    *,
    wrong=True,
    normalised=True,
    every=False,
    of_ratios=False,
    per_cent=1.0,
):
    """CE of each corruption that counts, and their mean."""
    scores = {}
    for kind in predictions if every else included:
        errors = [
            sum(int(a) != int(b) for a, b in zip(row, labels, strict=True)) / len(labels)
            for row in predictions[kind]
        ]
        errors = errors if wrong else [1 - error for error in errors]
        theirs = [float(error) for error in reference[kind]]
        if of_ratios:
            value = sum(a / b for a, b in zip(errors, theirs, strict=True)) / len(errors)
        else:
            value = sum(errors) / (sum(theirs) if normalised else len(errors))
        scores[kind] = per_cent * value
    return {"CE": scores, "mCE": sum(scores.values()) / len(scores)}


KINDS = ("noise", "blur", "fog", "snow", "frost", "pixels", "jpeg", "contrast", "speckle", "spatter")


def corrupted_predictions(draw, kinds, counted, severities=5, count=40):
    """Answers that get worse with severity, by different amounts; the reference as error rates."""
    labels = draw.integers(5, size=count)
    answers, reference = {}, {}
    for kind in kinds:
        hardness = draw.uniform(0.05, 0.2)
        wrong = draw.uniform(size=(severities, count)) < hardness * np.arange(1, severities + 1)[:, None]
        shift = draw.integers(1, 5, size=(severities, count))
        answers[kind] = torch.from_numpy(np.where(wrong, (labels + shift) % 5, labels))
        levels = draw.uniform(0.5, 1.5) * np.linspace(0.1, 0.6, severities)
        reference[kind] = torch.from_numpy(levels.round(3).astype(np.float32))
    return {
        "predictions": answers,
        "labels": torch.from_numpy(labels),
        "reference": reference,
        "included": list(counted),
    }


Q5 = Question(
    "q5",
    "CE and mCE",
    "corruption_scores",
    (
        Case(
            "all of them count",
            lambda draw: corrupted_predictions(draw, KINDS[:4], KINDS[:4]),
            4,
            public=True,
        ),
        Case("some do not count", lambda draw: corrupted_predictions(draw, KINDS, KINDS[:8]), 4, public=True),
        Case("three severities", lambda draw: corrupted_predictions(draw, KINDS[::-1], KINDS[2:7], 3, 60), 4),
    ),
    corruption_scores,
    (
        Mistake(
            "the error rate counts what is *wrong*", lambda **given: corruption_scores(wrong=False, **given)
        ),
        Mistake(
            "divide by the errors of the reference: else the hardest corruption decides alone",
            lambda **given: corruption_scores(normalised=False, **given),
        ),
        Mistake(
            "add up over the severities first, then divide: the sums, not the mean of five ratios",
            lambda **given: corruption_scores(of_ratios=True, **given),
        ),
        Mistake(
            "the corruptions that do not count are for tuning: leave them out",
            lambda **given: corruption_scores(every=True, **given),
        ),
        Mistake(
            "shares are asked for, not per cent", lambda **given: corruption_scores(per_cent=100, **given)
        ),
    ),
    default_hint="work out one corruption on paper: five error rates, their sum, the sum of the reference",
    forbidden_names=("robustness.corruption_error", "robustness.mean_corruption_error"),
)


# A step of adversarial training (q6).


def training_step(
    model,
    images,
    labels,
    epsilon,
    rate,
    *,
    attack=True,
    leftover=False,
    mixed=False,
    sign_of_step=-1,
    total=False,
):
    """The parameters after one step of gradient descent on pictures that are attacked as the network is now."""
    attacked = fgsm(model, images, labels, epsilon) if attack else images
    parameters = {name: value.clone().requires_grad_() for name, value in model.named_parameters()}

    def loss_on(inputs):
        logits = torch.func.functional_call(model, parameters, (inputs,))
        return F.cross_entropy(logits, labels, reduction="sum" if total else "mean")

    loss = loss_on(attacked)
    if leftover or mixed:  # the slopes of the attack's own pass, added or averaged
        loss = (loss + loss_on(images)) / (2 if mixed else 1)
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    return {
        name: (value + sign_of_step * rate * step).detach()
        for (name, value), step in zip(parameters.items(), gradients, strict=True)
    }


Q6 = Question(
    "q6",
    "A step of adversarial training",
    "training_step",
    (
        Case(
            "a small step", lambda draw: pictures(draw, 6) | {"epsilon": 0.04, "rate": 0.05}, 4, public=True
        ),
        Case(
            "a large step",
            lambda draw: near_the_limits(draw, 5) | {"epsilon": 0.1, "rate": 0.4},
            4,
            public=True,
        ),
        Case(
            "one picture", lambda draw: near_the_limits(draw, 1, side=18) | {"epsilon": 0.08, "rate": 0.2}, 4
        ),
    ),
    training_step,
    (
        Mistake(
            "this step learns from the pictures as they are: attack them first",
            lambda **given: training_step(attack=False, **given),
        ),
        Mistake(
            "the attack's backward pass has left slopes in the parameters: clear them before the step",
            lambda **given: training_step(leftover=True, **given),
        ),
        Mistake(
            "learn from the attacked pictures alone; here they are mixed with those as they were",
            lambda **given: training_step(mixed=True, **given),
        ),
        Mistake(
            "the attack goes up the loss, the training goes *down*",
            lambda **given: training_step(sign_of_step=1, **given),
        ),
        Mistake(
            "the loss of a batch is the mean over its pictures",
            lambda **given: training_step(total=True, **given),
        ),
    ),
    default_hint="two passes, one after the other: the slope for the pixels, then the slope for the weights",
    tolerance=Tolerance(relative=1e-3, absolute=1e-4, outlier_fraction=0.005),
    forbidden_names=("robustness.adversarial_training",),
)


# A network that withstands (q7).


def bold_and_faint(draw, texture, count):
    """Pictures with two signs of their class: a bold square whose place lies once in eight, and a faint texture that never does."""
    labels = draw.integers(5, size=count)
    positions = np.where(draw.uniform(size=count) < LYING, draw.integers(5, size=count), labels)
    images = 0.4 + FAINT * np.tile(texture, (3, 3))[labels] + draw.normal(0, NOISE, (count, 3, 12, 12))
    for image, position in zip(images, positions, strict=True):
        top, left = PLACES[position]
        image[:, top : top + 4, left : left + 4] += BOLD
    steps = np.round(images.clip(0, 1) * 255)
    return torch.from_numpy((steps / 255).astype(np.float32)), torch.from_numpy(labels)


PLACES = ((0, 0), (0, 8), (4, 4), (8, 0), (8, 8))
# Measured on ten draws: the reference is right in 84 to 94 of 100, as they are and under attack alike; under attack, a training on the
# pictures as they are, one on random signs and one whose attack is made once are right in none. So 70 and 60 are asked for. Of some 430
# right trainings none was right in fewer than 81.
LYING, FAINT, NOISE, BOLD, EPSILON = 0.15, 0.06, 0.04, 0.5, 0.1


def two_signs(draw, count=200, n_withheld=200):
    """A network at its start, pictures to learn from, and others that the grader keeps."""
    texture = draw.choice([-1.0, 1.0], size=(5, 3, 4, 4))
    images, labels = bold_and_faint(draw, texture, count)
    test_images, test_labels = bold_and_faint(draw, texture, n_withheld)
    return {
        "model": NetworkSpec("calm", int(draw.integers(10**6))),
        "images": images,
        "labels": labels,
        "epsilon": EPSILON,
        "test_images": test_images,
        "test_labels": test_labels,
    }


def train_robust(model, images, labels, epsilon, *, rounds=20, size=40, rate=0.1):
    """Weights of a network that has learnt from pictures attacked by one step, anew for each batch."""
    model.train().requires_grad_(True)
    generator = torch.Generator().manual_seed(0)
    speed = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for _ in range(rounds):
        for rows in torch.randperm(len(images), generator=generator).split(size):
            attacked = fgsm_in_one_pass(model, images[rows], labels[rows], epsilon)
            gradients = torch.autograd.grad(
                F.cross_entropy(model(attacked), labels[rows]), list(model.parameters())
            )
            with torch.no_grad():
                for (name, value), step in zip(model.named_parameters(), gradients, strict=True):
                    speed[name] = 0.9 * speed[name] + step
                    value -= rate * speed[name]
    return {name: value.detach() for name, value in model.state_dict().items()}


def fgsm_in_one_pass(model, images, labels, epsilon):
    """As `fgsm`, for the whole batch."""
    pixels = images.clone().requires_grad_()
    step = torch.autograd.grad(F.cross_entropy(model(pixels), labels), pixels)[0]
    return (images + epsilon * step.sign()).clamp(0, 1)


N_WITHHELD = ("test_images", "test_labels")
MIN_ACCURACY = Measure(
    "right answers",
    0.7,
    "it has not learnt enough: more rounds, another rate, and are the parameters free to move?",
)
MIN_ROBUST_ACCURACY = Measure(
    "right answers under attack",
    0.6,
    "it goes by the faint texture: attack each batch anew, as the network is then, and learn from the attacked pictures",
)
Q7 = Question(
    "q7",
    "A network that withstands",
    "train_robust",
    (
        Case(
            "as they are and under attack",
            two_signs,
            14,
            public=True,
            withheld=N_WITHHELD,
            measures=(MIN_ACCURACY, MIN_ROBUST_ACCURACY),
        ),
    ),
    train_robust,
    default_hint="train without the attack first: does it learn at all?",
    limits=Limits(seconds=90, cpu=90),
    forbidden_names=("robustness.adversarial_training",),
)


# Shape or texture (q8).


def shape_bias(predictions, shapes, textures, *, conflict=True, over_all=False, of_texture=False):
    """How many answers are the shape's class, the texture's or neither, and the share of shape among the first two."""
    shape = texture = neither = 0
    for answer, shape_class, texture_class in zip(
        predictions.tolist(), shapes.tolist(), textures.tolist(), strict=True
    ):
        if conflict and shape_class == texture_class:
            continue
        shape += answer == shape_class
        texture += answer == texture_class
        neither += answer not in (shape_class, texture_class)
    decided = shape + texture + (neither if over_all else 0)
    first = texture if of_texture else shape
    return {
        "shape": shape,
        "texture": texture,
        "neither": neither,
        "bias": first / decided if decided else float("nan"),
    }


def conflicts(draw, count=40, same=0.2, third=0.3, classes=6):
    """Answers to cue conflicts, some of which are none."""
    shapes = draw.integers(classes, size=count)
    textures = np.where(draw.uniform(size=count) < same, shapes, draw.integers(classes, size=count))
    answers = np.where(draw.uniform(size=count) < draw.uniform(0.2, 0.8), shapes, textures)
    answers = np.where(draw.uniform(size=count) < third, draw.integers(classes, size=count), answers)
    return {
        name: torch.from_numpy(values) for name, values in zip(CUES, (answers, shapes, textures), strict=True)
    }


def never_decided(draw):
    """Answers that are always a third class."""
    shapes, textures = draw.integers(3, size=8), draw.integers(3, 6, size=8)
    return {
        name: torch.from_numpy(values)
        for name, values in zip(CUES, (shapes + 6, shapes, textures), strict=True)
    }


CUES = ("predictions", "shapes", "textures")
Q8 = Question(
    "q8",
    "Shape or texture",
    "shape_bias",
    (
        Case("conflicts alone", lambda draw: without_same(conflicts(draw, 60)), 3, public=True),
        Case("some are no conflict", lambda draw: conflicts(draw, 60, same=0.4), 3, public=True),
        Case("never decided", never_decided, 2),
    ),
    shape_bias,
    (
        Mistake(
            "a bias from no answer is not 0, it is not known: nan",
            lambda **given: shape_bias(**given) | {"bias": 0.0},
        ),
        Mistake(
            "where shape and texture are of one class there is no conflict: leave these pictures out",
            lambda **given: shape_bias(conflict=False, **given),
        ),
        Mistake(
            "answers for a third class count in neither, so they are no part of the bias",
            lambda **given: shape_bias(over_all=True, **given),
        ),
        Mistake(
            "that is the bias towards texture; count the shape above the line",
            lambda **given: shape_bias(of_texture=True, **given),
        ),
    ),
    default_hint="write down six pictures with shape, texture and answer, and count",
    forbidden_names=("robustness.shape_bias",),
)


def without_same(inputs):
    """Only those pictures whose shape and texture differ."""
    differs = inputs["shapes"] != inputs["textures"]
    return {name: values[differs] for name, values in inputs.items()}


QUESTIONS = (Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8)

# The question that is answered in words (w1).

WRITTEN = (
    Written(
        "w1",
        "Your own attack",
        (
            Criterion(
                "says what both pictures were taken for before and after, and whether the classes look alike",
                2,
            ),
            Criterion("explains by the number of values that small changes add up along the gradient", 3),
            Criterion("describes the amplified change, and why it need not look like the new class", 2),
            Criterion("says what adversarial training should change here, and its price", 3),
        ),
        beside=("w1-look",),
        comments=(
            "how many values change, and what do they add up to?",
            "what does *your* second picture do?",
        ),
    ),
)
