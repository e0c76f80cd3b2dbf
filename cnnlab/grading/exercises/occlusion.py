"""Exercises of notebook 05, occlusion."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from cnnlab.grading.exercises.exercise import Case, Exercise, exercise, require_attempt
from cnnlab.grading.exercises.inputs import mask, rand, seeded_network
from cnnlab.grading.exercises.requirements import has_shape, is_tensor, unchanged


@exercise("05.positions")
def positions():
    """The number of occluder positions along one side: `answer(side, size, stride)`."""
    for side, size, stride in ((96, 24, 4), (96, 24, 8), (64, 64, 3), (10, 3, 2), (10, 4, 4), (224, 32, 9)):
        regular = range(0, side - size + 1, stride)
        start = f"for side {side}, size {size}, stride {stride}"
        mistakes = {
            f"{start} the last place does not reach the border; the occluder needs one more": len(regular),
            "the occluder must stay inside the picture: its own size matters": side // stride,
        }
        hint = f"{start} you give {{result}}; draw the case on paper"
        yield Case((side, size, stride), len({*regular, side - size}), mistakes, hint)


@exercise(
    "05.occlusion_map",
    is_tensor("return a tensor of probabilities, not {type}"),
    unchanged("the picture that was passed in has changed; cover a copy (`image.clone()`)", 1),
    has_shape("96 pixels hold 4 occluders of size 24 each way, so the map is 4 x 4; yours is {shape}"),
)
def occlusion_map():
    """Rows x columns of probabilities under a grey occluder of size 24 and stride 24: `answer(model, image, target)`."""
    layers = nn.Conv2d(3, 4, 8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 12 * 12, 3)
    model, image, target = seeded_network(*layers, seed=5, scale=0.15), rand(3, 96, 96, seed=3), 1

    def occluded_logits(colour):
        images = image.repeat(16, 1, 1, 1)
        for number, covered in enumerate(images):
            covered[:, number // 4 * 24 :, number % 4 * 24 :][:, :24, :24] = colour
        return model(images).view(4, 4, 3)

    logits, black = occluded_logits(0.5), occluded_logits(0.0).softmax(-1)[..., target]
    probability = logits.softmax(-1)[..., target]
    drop = model(image[None]).softmax(-1)[0, target] - probability
    mistakes = {
        "these are logits; take the softmax over the classes first": logits[..., target],
        "the map is transposed: rows belong to the top edge, columns to the left edge of the occluder": probability.T,
        "this is the drop; the map holds the probability itself": drop,
        "the occluder is black; grey is 0.5": black,
    }
    hint = "the shape is right, the values are not: print one of them and compute it by hand"
    yield Case((model, image, target), probability, mistakes, hint)


@partial(Exercise, "05.hit")
def hit(answer: Callable[[Tensor, Tensor], bool]) -> str | None:
    """Whether the most relevant pixel lies on the object: `answer(relevance, mask)`."""
    relevance = torch.zeros(5, 7)
    relevance[1, 5], relevance[3, 2] = 2.0, -9.0
    mask = torch.arange(35).view(5, 7) == 12  # row 1, column 5
    on_object, beside_object, transposed = (
        bool(require_attempt(answer(*arguments)))
        for arguments in ((relevance, mask), (relevance, ~mask), (relevance.T, mask.T))
    )
    if on_object == beside_object:
        return "the answer must depend on the mask at the largest value"
    if not on_object:
        return "look at the largest value, not at the largest size: relevance has a sign"
    return None if transposed else "rows and columns are mixed up: argmax counts through the flattened map"


@exercise("05.overlap")
def overlap():
    """The intersection over union of two masks: `answer(mask, truth)`."""
    segment, truth = mask(8, 10, rows=(1, 5), columns=(2, 7)), mask(8, 10, rows=(3, 8), columns=(4, 10))
    both, either = (segment & truth).sum(), (segment | truth).sum()
    area, true_area = segment.sum(), truth.sum()
    recall, agreement = both / true_area, (segment == truth).float().mean()
    mistakes = {
        "what both share was counted twice in the union": both / (area + true_area),
        "divide by the union, not by the truth: else a segment that is the whole picture is perfect": recall,
        "divide by the union, not by the segment: else a single pixel is perfect": both / area,
        "twice the intersection over both sizes is another score (Dice)": 2 * both / (area + true_area),
        "these are the pixels in which both agree, with the empty ground too": agreement,
    }
    yield Case((segment, truth), both / either, mistakes, "compute a small case by hand")
