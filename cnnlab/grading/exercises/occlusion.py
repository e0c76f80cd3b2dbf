"""The exercises of notebook 05, occlusion."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cnnlab.grading.exercises.exercise import Exercise, require_attempt


def positions(answer: Callable[[int, int, int], int]) -> str | None:
    """`answer(side, size, stride)`: how many places along one side the occluder takes."""
    for side, size, stride in ((96, 24, 4), (96, 24, 8), (64, 64, 3), (10, 3, 2), (10, 4, 4), (224, 32, 9)):
        result = require_attempt(answer(side, size, stride))
        starts = set(range(0, side - size + 1, stride)) | {side - size}
        if result == len(starts):
            continue
        if result == len(range(0, side - size + 1, stride)):
            return f"for side {side}, size {size}, stride {stride} the last place does not reach the border; the occluder needs one more"
        if result == side // stride:
            return "the occluder must stay inside the picture: its own size matters"
        return f"for side {side}, size {size}, stride {stride} you give {result}; draw the case on paper"
    return None


def occlusion_map(answer: Callable[[nn.Module, Tensor, int], Tensor]) -> str | None:
    """`answer(model, image, target)`: rows x columns of probabilities, for a grey occluder of size 24 and stride 24."""
    model, image, target = (
        _small_network(),
        torch.rand(3, 96, 96, generator=torch.Generator().manual_seed(3)),
        1,
    )
    original = image.clone()
    result = require_attempt(answer(model, image, target))
    if not isinstance(result, Tensor):
        return f"return a tensor of probabilities, not {type(result).__name__}"
    if not torch.equal(image, original):
        return "the picture that was passed in has changed; cover a copy (`image.clone()`)"
    if result.shape != (4, 4):
        return f"96 pixels hold 4 occluders of size 24 each way, so the map is 4 x 4; yours is {tuple(result.shape)}"
    logits = _covered_logits(model, image)
    probability = logits.softmax(-1)[:, :, target]
    mistakes = {
        "these are logits; take the softmax over the classes first": logits[:, :, target],
        "the map is transposed: rows belong to the top edge, columns to the left edge of the occluder": probability.T,
        "this is the drop; the map holds the probability itself": model(image[None]).softmax(-1)[0, target]
        - probability,
        "the occluder is black; grey is 0.5": _covered_logits(model, image, colour=0.0).softmax(-1)[
            :, :, target
        ],
    }
    if torch.allclose(result.float(), probability, atol=1e-5):
        return None
    for hint, wrong in mistakes.items():
        if torch.allclose(result.float(), wrong, atol=1e-5):
            return hint
    return "the shape is right, the values are not: print one of them and compute it by hand"


def hit(answer: Callable[[Tensor, Tensor], bool]) -> str | None:
    """`answer(relevance, mask)`: whether the most relevant pixel lies on the object."""
    relevance = torch.zeros(5, 7)
    relevance[1, 5], relevance[3, 2] = 2.0, -9.0
    mask = torch.zeros(5, 7, dtype=torch.bool)
    mask[1, 5] = True
    results = [
        bool(require_attempt(answer(r, m)))
        for r, m in ((relevance, mask), (relevance, ~mask), (relevance.T, mask.T))
    ]
    if results == [True, False, True]:
        return None
    if results[0] == results[1]:
        return "the answer must depend on the mask at the largest value"
    if not results[0]:
        return "look at the largest value, not at the largest size: relevance has a sign"
    return "rows and columns are mixed up: argmax counts through the flattened map"


def _small_network() -> nn.Module:
    """A tiny network whose weights come from a seed of their own."""
    generator = torch.Generator().manual_seed(5)
    model = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 12 * 12, 3)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
            parameter.requires_grad_(False)
    return model


def _covered_logits(model: nn.Module, image: Tensor, colour: float = 0.5) -> Tensor:
    rows = []
    for top in range(0, 96, 24):
        for left in range(0, 96, 24):
            covered = image.clone()
            covered[:, top : top + 24, left : left + 24] = colour
            rows.append(model(covered[None])[0])
    return torch.stack(rows).view(4, 4, -1)


EXERCISES: dict[str, Exercise] = {
    "05.positions": positions,
    "05.occlusion_map": occlusion_map,
    "05.hit": hit,
}
