"""CS231n's exercises beside the kit, on the same networks in one run: `python tests/benchmarks/cs231n.py [PART ...] [--figure FILE.png]`.

The course (Li, Johnson, Yeung and others, Stanford) lets its students write saliency, fooling images, class images, style transfer and
feature inversion on SqueezeNet. Here the exercises are written anew from their settings, in a few lines each, and run beside the kit's
functions with the kit's defaults, on the same photographs. Parts: class, fooling, saliency, style, inversion; all unless said, in some
ten minutes on two cores.

The exercises look at pictures less ImageNet's mean, over its deviation: "numbers" below, as against images in [0, 1]. This squeezenet is
Caffe's, made for values of 0..255, which are 57.6 times as large. As ReLU networks without normalisation are homogeneous, it is the same
network as one for the smaller values whose answers are 57.6 times as small (and whose biases too), so answers are divided by this number
where the exercises weigh them against each other; without it the weights of the style would drown the content.

Wanted: the kit's class images are recognised by the other network more often, both ways round; style transfer and inversion reach the
exercises' losses in fewer seconds.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from timing import timed
from torch import Tensor, nn

import cnnlab
from cnnlab.attribution import saliency
from cnnlab.figures import amplify_difference, side_by_side_figure
from cnnlab.networks import record_activations
from cnnlab.robustness import penalty_attack, pgd
from cnnlab.synthesis import gaussian_blur, gram_matrix, invert_steps, maximise, style_steps, total_variation

MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
DEVIATION = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
CAFFE = 255 * float(DEVIATION.mean())
"""How many times as large the values are that this squeezenet was made for."""

SEED, STEPS, SIDE, STYLE_SIDE = 0, 100, 160, 192
CLASSES = 20
WELL_KNOWN = (
    *("goldfish", "great white shark", "hen", "ostrich", "indigo bunting", "bald eagle", "tree frog"),
    *(
        "leatherback turtle",
        "common iguana",
        "triceratops",
        "tarantula",
        "peacock",
        "flamingo",
        "king penguin",
    ),
    *("golden retriever", "German shepherd", "dalmatian", "pug", "tabby", "lion", "tiger", "brown bear"),
    *(
        "ladybug",
        "monarch",
        "starfish",
        "hippopotamus",
        "zebra",
        "gorilla",
        "giant panda",
        "African elephant",
    ),
    *("airliner", "balloon", "banjo", "castle", "fire engine", "golf ball", "jigsaw puzzle", "laptop"),
    *("parking meter", "pirate", "pineapple", "strawberry", "pizza", "espresso", "volcano", "daisy"),
    *("sunglasses", "school bus", "umbrella", "violin"),
)
"""The class images are of `CLASSES` of these, drawn with `SEED`."""
TARGETS = ("stingray", "hen", "tarantula", "pizza", "volcano")
"""What the cat is made to be called; the first is the exercise's, class 6."""
GAIN = 40
"""How many times as large the changes are drawn as they are."""
STYLES = (("chelsea", "coffee"), ("astronaut", "brick"))
"""Content and style."""
CONTENT_LAYER, STYLE_WEIGHTS = "fire2", {"relu1": 300_000, "fire3": 1_000, "fire4": 15, "fire5": 3}
"""Layer 3 and layers 1, 4, 6, 7 of torchvision's `extract_features`, by the kit's names."""
CONTENT_WEIGHT, TV_WEIGHT = 6e-2, 2e-2
RATE = 0.2
"""Length of the kit's steps for style transfer, as `transfer_style` recommends for SqueezeNet."""

Row = tuple[str, Tensor, str]
"""What a method made for the figure: the head of the column, the picture, and the caption."""
Compared = tuple[list[Row], list[Row], bool]
"""The exercises' row, the kit's, and whether the kit does what is wanted."""


def to_numbers(images: Tensor) -> Tensor:
    """Pictures in [0, 1] to the numbers in which the exercises work."""
    return (images - MEAN) / DEVIATION


def to_images(numbers: Tensor) -> Tensor:
    return numbers * DEVIATION + MEAN


# What is measured.


def until(growing: Iterator[Any], done: Callable[[Any], bool]) -> tuple[float, Any]:
    """Take steps until one is done or none is left: the seconds that they took, looking aside, and the last one, if there was one."""
    spent, made = 0.0, None
    while True:
        seconds, following = timed(lambda: next(growing, None))
        if following is None:
            return spent, made
        spent, made = spent + seconds, following
        if done(made):
            return spent, made


def recognised(model: nn.Module, images: Tensor, classes: Sequence[int]) -> tuple[float, float, list[int]]:
    """Shares of the images whose class is said first, and among the first five; and the rank of each, 0 for the first."""
    with torch.inference_mode():
        logits = torch.cat([model(batch) for batch in images.split(10)])
    ranks = (logits > logits.gather(1, torch.tensor(classes)[:, None])).sum(1)
    return float((ranks == 0).float().mean()), float((ranks < 5).float().mean()), ranks.tolist()


def says(model: nn.Module, image: Tensor) -> int:
    with torch.inference_mode():
        return int(model(image[None]).argmax())


def steps_needed(model: nn.Module, image: Tensor, target: int, length: float) -> int | None:
    """The fewest steps with which `pgd` reaches the target with a change of at most this length; None if ten are too few."""
    for steps in range(1, 11):
        options = {"norm": "l2", "epsilon": length, "steps": steps, "step_size": 1.5 * length / steps}
        made = pgd(model, image, target, targeted=True, random_start=False, **options)
        if says(model, made) == target:
            return steps
    return None


def told(change: Tensor) -> str:
    return f"length {float(change.norm()):.2f}, at most {255 * float(change.abs().max()):.0f} of 255"


# The exercises, from their settings.


def exercise_class_images(model: nn.Module, classes: Sequence[int], side: int, steps: int = STEPS) -> Tensor:
    """From noise, steps of length 25 along the gradient of the logit less 1e-3 |x|^2, of pictures moved by up to 16; blurred now and then.

    The gradient is divided by its length: without this, squeezenet's pictures of the same 20 classes are recognised by no other network.
    """
    generator, wanted = torch.Generator().manual_seed(SEED), torch.tensor(classes)
    numbers = torch.randn(len(classes), 3, side, side, generator=generator)
    darkest, lightest = to_numbers(torch.zeros(3, 1, 1)), to_numbers(torch.ones(3, 1, 1))
    for step in range(steps):
        shift = torch.randint(0, 16, (2,), generator=generator)
        moved = numbers.roll(shift.tolist(), (-2, -1)).requires_grad_()
        logits = model(to_images(moved)).gather(1, wanted[:, None])
        (gradient,) = torch.autograd.grad(logits.sum() - 1e-3 * moved.square().sum(), moved)
        moved = moved.detach() + 25 * gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        numbers = moved.roll((-shift).tolist(), (-2, -1)).clamp(darkest, lightest)
        if step % 10 == 0:
            numbers = gaussian_blur(numbers, 0.5)
    return to_images(numbers).clamp(0, 1)


def exercise_fooling(model: nn.Module, image: Tensor, target: int) -> tuple[Tensor, int]:
    """Steps of length 1 along the gradient of the target's logit, until it is the largest: the picture, and how many steps."""
    numbers = to_numbers(image[None])
    steps = 0
    while True:
        numbers = numbers.detach().requires_grad_()
        logits = model(to_images(numbers))
        if logits.argmax() == target or steps == 100:
            return to_images(numbers.detach())[0], steps
        (gradient,) = torch.autograd.grad(logits[0, target], numbers)
        numbers = numbers + gradient / gradient.norm()
        steps += 1


def exercise_saliency(model: nn.Module, images: Tensor, targets: Sequence[int]) -> Tensor:
    """The largest over the colours of the absolute gradient of the right logit."""
    numbers = to_numbers(images).requires_grad_()
    logits = model(to_images(numbers)).gather(1, torch.tensor(targets)[:, None])
    (gradient,) = torch.autograd.grad(logits.sum(), numbers)
    return gradient.abs().amax(1)


class StyleExercise:
    """Style transfer, and with no style feature inversion: three losses, and Adam on the numbers."""

    def __init__(self, model: nn.Module, content: Tensor, style: Tensor | None):
        self.model, self.weights = model, STYLE_WEIGHTS if style is not None else {}
        with torch.inference_mode():
            self.content = self.answers(content[None])[CONTENT_LAYER]
            looks = self.answers(style[None]) if style is not None else {}
            self.grams = {layer: self.gram(looks[layer]) for layer in self.weights}

    def answers(self, images: Tensor) -> dict[str, Tensor]:
        with record_activations(self.model, [CONTENT_LAYER, *self.weights]) as found:
            self.model(images)
        return {layer: maps / CAFFE for layer, maps in found.items()}

    @staticmethod
    def gram(maps: Tensor) -> Tensor:
        return gram_matrix(maps) / maps[0].numel()

    def losses(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Content, style and total variation, each with its weight."""
        found = self.answers(images)
        content = CONTENT_WEIGHT * (found[CONTENT_LAYER] - self.content).square().sum()
        apart = [(self.gram(found[layer]) - gram).square().sum() for layer, gram in self.grams.items()]
        style = sum((w * d for w, d in zip(self.weights.values(), apart, strict=True)), torch.zeros(()))
        return content, style, TV_WEIGHT * total_variation(to_numbers(images)).sum()

    def total(self, image: Tensor) -> float:
        with torch.inference_mode():
            return float(sum(self.losses(image[None])))

    def optimised(self, numbers: Tensor, steps: int = 200) -> Tensor:
        """Adam with steps of 3, from step 180 on of 0.1; clamped to [-1.5, 1.5] but for the last ten."""
        numbers = numbers.clone().requires_grad_()
        optimiser = torch.optim.Adam([numbers], lr=3.0)
        for step in range(steps):
            if step < 190:
                numbers.data.clamp_(-1.5, 1.5)
            if step == 180:
                optimiser.param_groups[0]["lr"] = 0.1
            optimiser.zero_grad()
            sum(self.losses(to_images(numbers))).backward()
            optimiser.step()
        return to_images(numbers.detach())[0]


# Side by side.


def class_part(nets: Sequence[nn.Module], photos: Any, side: int) -> Compared:
    """Class images: how often the network that did not make them says the same class, both ways round."""
    names = list(nets[0].class_names)
    chosen = random.Random(SEED).sample(WELL_KNOWN, CLASSES)
    classes = [names.index(name) for name in chosen]
    rows, better = ([], []), []
    for made, judge in (nets, nets[::-1]):
        theirs = timed(lambda made=made: exercise_class_images(made, classes, side))
        ours = timed(lambda made=made: maximise(made, classes, steps=STEPS, size=side, seed=SEED).images)
        shares = []
        for who, (seconds, images) in (("CS231n", theirs), ("cnnlab", ours)):
            first, five, ranks = recognised(judge, images, classes)
            shares.append(first)
            print(
                f"class    {who}, {len(classes)} classes, {STEPS} steps, {side} px, made on {made.name}: {judge.name} says the"
                f" same class of {first:.0%}, among its first five of {five:.0%}; {seconds:.1f} s",
                flush=True,
            )
            if made is nets[0]:
                rows[who == "cnnlab"].extend(
                    (name, image, f"number {rank + 1} of the other network")
                    for name, image, rank in list(zip(chosen, images, ranks, strict=True))[:5]
                )
        better.append(shares[1] > shares[0])
    return *rows, all(better)


def fooling_part(nets: Sequence[nn.Module], photos: Any, side: int) -> Compared:
    """Fooling images of a cat: how many steps, and how long the change is, until the network says another class."""
    model, image = nets[0], photos["chelsea"].image(224)
    names = list(model.class_names)
    sizes, rows = ([], []), ([], [])
    for name in TARGETS:
        target = names.index(name)
        seconds, (theirs, steps) = timed(lambda target=target: exercise_fooling(model, image, target))
        length = float((theirs - image).norm())
        kept = says(model, theirs.clamp(0, 1)) == target
        quick, needed = timed(lambda target=target, length=length: steps_needed(model, image, target, length))
        slow, found = timed(lambda target=target: penalty_attack(model, image, target))
        sizes[0].append(length)
        sizes[1].append(float(found.norms))
        print(
            f"fooling  {names[says(model, image)]} to {name}: CS231n {steps} steps, {told(theirs - image)}, {seconds:.1f} s"
            f"{'' if kept else ' (not in [0, 1], and no longer so when clipped)'}; cnnlab, as long, {needed} steps (pgd), {quick:.1f} s;"
            f" shortest, {told(found.images - image)} (penalty_attack), {slow:.1f} s",
            flush=True,
        )
        if name == TARGETS[0]:
            for row, made in zip(rows, (theirs.clamp(0, 1), found.images), strict=True):
                row.append(
                    (
                        f"cat to {name}: the change x {GAIN}",
                        amplify_difference(made - image, GAIN),
                        told(made - image),
                    )
                )
    print(f"fooling  mean length: CS231n {fmean(sizes[0]):.2f}, cnnlab {fmean(sizes[1]):.2f}")
    return *rows, fmean(sizes[1]) < fmean(sizes[0])


def saliency_part(nets: Sequence[nn.Module], photos: Any, side: int) -> Compared:
    """Saliency: the same map, but for the scale of each colour; so what is compared is whether it is the same, and as quick."""
    model = nets[0]
    chosen = [photo for photo in photos if photo.imagenet_class in model.class_names]
    images = torch.stack([photo.image(224) for photo in chosen])
    targets = [list(model.class_names).index(photo.imagenet_class) for photo in chosen]
    runs: tuple[list[float], list[float]] = ([], [])
    for _ in range(3):
        seconds, theirs = timed(lambda: exercise_saliency(model, images, targets))
        runs[0].append(seconds)
        seconds, ours = timed(lambda: saliency(model, images, targets))
        runs[1].append(seconds)
    alike = [
        float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])
        for a, b in zip(theirs, ours, strict=True)
    ]
    print(
        f"saliency {len(chosen)} photographs: maps correlate with {min(alike):.4f} or more; CS231n {min(runs[0]):.2f} s,"
        f" cnnlab {min(runs[1]):.2f} s"
    )
    shown = [(maps[0] / maps[0].quantile(0.995)).clamp(0, 1).expand(3, -1, -1) for maps in (theirs, ours)]
    rows = [[(f"saliency, {chosen[0].name}", relevance, "")] for relevance in shown]
    return *rows, min(alike) > 0.99


def style_part(nets: Sequence[nn.Module], photos: Any, side: int) -> Compared:
    """Style transfer: how long until the loss of the exercise is as low as the exercise gets it."""
    rows, better = ([], []), []
    for content_name, style_name in STYLES:
        content, style = (photos[name].image(STYLE_SIDE) for name in (content_name, style_name))
        exercise = StyleExercise(nets[0], content, style)
        seconds, theirs = timed(lambda e=exercise, c=content: e.optimised(to_numbers(c[None])))
        bound = exercise.total(theirs)
        weights = {
            layer: STYLE_WEIGHTS[layer] * float(gram.square().sum()) for layer, gram in exercise.grams.items()
        }
        growing = style_steps(
            nets[0],
            content,
            style,
            content_layers=CONTENT_LAYER,
            style_layers=weights,
            alpha=CONTENT_WEIGHT * float(exercise.content.square().sum()),
            beta=1.0,
            tv=TV_WEIGHT / float(DEVIATION.square().mean()),
            steps=200,
            learning_rate=RATE,
        )
        spent, ours = until(growing, lambda made, e=exercise, b=bound: e.total(made.image) <= b)
        parts = {
            who: ", ".join(f"{float(loss):.0f}" for loss in exercise.losses(image[None]))
            for who, image in (("CS231n", theirs), ("cnnlab", ours.image))
        }
        print(
            f"style    {content_name} as {style_name}, {STYLE_SIDE} px: CS231n 200 steps, {seconds:.1f} s, loss {bound:.0f}"
            f" (content, style, variation {parts['CS231n']}); cnnlab {ours.step} steps, {spent:.1f} s, loss"
            f" {exercise.total(ours.image):.0f} ({parts['cnnlab']})",
            flush=True,
        )
        better.append(exercise.total(ours.image) <= bound and spent < seconds)
        if not rows[0]:
            rows[0].append((f"style of {style_name}", theirs.clamp(0, 1), f"{seconds:.1f} s"))
            rows[1].append((f"style of {style_name}", ours.image, f"same loss, {spent:.1f} s"))
    return *rows, all(better)


def inversion_part(nets: Sequence[nn.Module], photos: Any, side: int) -> Compared:
    """Feature inversion: how far the features and the pixels are from the photograph's, and how long it takes to get as near."""
    image = photos["chelsea"].image(STYLE_SIDE)
    exercise = StyleExercise(nets[0], image, None)
    start = torch.rand(1, 3, STYLE_SIDE, STYLE_SIDE, generator=torch.Generator().manual_seed(SEED))
    seconds, theirs = timed(lambda: exercise.optimised(start))
    length = exercise.content.norm()

    def errors(picture: Tensor) -> tuple[float, float]:
        with torch.inference_mode():
            apart = (exercise.answers(picture[None])[CONTENT_LAYER] - exercise.content).norm() / length
        return float(apart), float((picture - image).square().mean().sqrt())

    theirs_apart, theirs_pixels = errors(theirs)
    growing = invert_steps(nets[0], image, CONTENT_LAYER, steps=200, seed=SEED)
    spent, near = until(growing, lambda made: errors(made.images[0])[0] <= theirs_apart)
    more, last = until(growing, lambda made: False)
    last = last or near
    ours_apart, ours_pixels = errors(last.images[0])
    print(
        f"inverted {CONTENT_LAYER}, {STYLE_SIDE} px: CS231n 200 steps, {seconds:.1f} s, features {theirs_apart:.3f} away, pixels"
        f" {theirs_pixels:.3f}; cnnlab after {near.step} steps, {spent:.1f} s, features"
        f" {float(near.feature_error[0]):.3f} away; after 200, {spent + more:.1f} s, features"
        f" {ours_apart:.3f} away, pixels {ours_pixels:.3f}",
        flush=True,
    )
    head = f"the cat from {CONTENT_LAYER}"
    return (
        [(head, theirs.clamp(0, 1), f"features {theirs_apart:.2f} away, {seconds:.1f} s")],
        [(head, last.images[0], f"features {ours_apart:.2f} away, {spent + more:.1f} s")],
        ours_apart <= theirs_apart and spent < seconds,
    )


PARTS = {
    "class": class_part,
    "fooling": fooling_part,
    "saliency": saliency_part,
    "style": style_part,
    "inversion": inversion_part,
}


def main() -> None:
    """Run the parts that are asked for and draw them; exits with 0 if the kit does in each what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART")
    parser.add_argument("--side", type=int, default=SIDE, help=f"side of the class images in pixels ({SIDE})")
    parser.add_argument("--figure", type=Path, metavar="FILE.png", help="draw both rows into this file")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there are {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    nets = [cnnlab.load(name).requires_grad_(False) for name in ("squeezenet", "efficientnet_lite0")]
    photos = cnnlab.photographs()
    rows: dict[str, list[Row]] = {"CS231n": [], "cnnlab": []}
    failed = []
    for part in options.parts:
        theirs, ours, better = PARTS[part](nets, photos, options.side)
        rows["CS231n"] += theirs
        rows["cnnlab"] += ours
        if not better:
            failed.append(part)
    if options.figure:
        pictures, captions = ({who: [one[i] for one in row] for who, row in rows.items()} for i in (1, 2))
        heads = [head for head, _, _ in rows["cnnlab"]]
        options.figure.write_bytes(side_by_side_figure(pictures, heads, captions, width=14).png())
    sys.exit(f"not better than the exercises: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
