"""Occlusion: cover a piece of the picture, and ask the network again.

The oldest way to ask which pixels matter, and the only one that needs no look inside the network: slide an
occluder over the picture and write down, for each place, how probable the class still is and which class wins
there instead. Gradient methods, which answer in one backward pass, stand in the neighbouring modules; drawing
the maps belongs to `cnnlab.figures`.

Here: `occlusion`, and `occlusion_steps`, which gives the map while it grows; what comes out is an
`OcclusionMap`. What the occluder is made of and where it goes stands in `cnnlab.attribution.covering`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import product

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from tqdm.auto import tqdm

from cnnlab.attribution.covering import Fill, fill_picture, one_picture, positions
from cnnlab.attribution.occlusion_map import OcclusionMap
from cnnlab.inputs import positive_int, target_index
from cnnlab.networks.modes import evaluating, like_parameters


def occlusion(
    model: nn.Module,
    image: Tensor,
    target: int | str | None = None,
    *,
    size: int = 24,
    stride: int = 4,
    fill: Fill = "grey",
    batch_size: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> OcclusionMap:
    """Which parts of the picture does the network need? Probability of a class under a sliding occluder.

    At each place (i, j) a square of `size` pixels is replaced by the fill, and the whole picture goes through
    the network:

        probability[i, j] = softmax(model(x with its window at (i, j) covered))[target]

    Low values mark what the network needs. Where the class changes, `predicted` says to what. Each place
    keeps its own number; nothing is summed over overlapping windows.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left as it
        was found.
    image
        One picture, 3 x H x W (or 1 x 3 x H x W), in [0, 1].
    target
        Class index or name; None for the class predicted on the uncovered picture.
    size, stride
        Side of the square occluder and its step, in pixels. The places are those of `positions`.
    fill
        "grey" (0.5), "mean" (the picture's mean colour), "noise" (uniform, from `seed`), "blur" (the picture
        blurred), any colour by name, hex or three numbers in [0, 1], or a whole picture 3 x H x W. See
        `fill_picture`.
    batch_size
        Covered pictures in one forward pass; None chooses it from the width of the network's layers.
    progress
        Show a progress bar.

    Returns
    -------
    OcclusionMap
        Tensors on the CPU, axes rows x columns of places. For several pictures call it once for each.

    Raises
    ------
    ValueError
        If several pictures come, the occluder is larger than the picture, a number is below 1, or fill or
        class are unknown.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2. Lectures:
    S, "Saliency via Occlusion"; B, occlusion experiments; L, "Grounding CNN decisions". The place of each
    window differs from Captum's `Occlusion` in one point, see `positions`.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 12 * 12, 5))
    >>> occlusion(model, torch.rand(3, 12, 12), target=2, size=4, stride=4).probability.shape
    torch.Size([3, 3])
    """
    options = {"size": size, "stride": stride, "fill": fill, "batch_size": batch_size, "seed": seed}
    steps = occlusion_steps(model, image, target, **options)
    look = "{l_bar}{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc="occlusion", disable=not progress, bar_format=look) as bar:
        for partial in steps:
            bar.update(partial.done - bar.n)
    return partial


def occlusion_steps(
    model: nn.Module,
    image: Tensor,
    target: int | str | None = None,
    *,
    size: int = 24,
    stride: int = 4,
    fill: Fill = "grey",
    batch_size: int | None = None,
    seed: int = 0,
) -> Iterator[OcclusionMap]:
    """The map of `occlusion` while it grows, one partial map after each batch of places; the last is whole.

    The places come row by row. Arguments are those of `occlusion` and are checked at once, before the first
    map is asked for. Each map that came out is the caller's to keep: stop whenever you like and nothing that
    was computed is lost. Between two maps the model is in the state in which it was found.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 12 * 12, 5))
    >>> steps = occlusion_steps(model, torch.rand(3, 12, 12), size=4, stride=4, batch_size=3)
    >>> [round(partial.done, 2) for partial in steps]
    [0.33, 0.67, 1.0]
    """
    image = like_parameters(model, one_picture(image))
    replacement = fill_picture(image, fill, seed)
    rows, columns = (positions(length, size, stride) for length in image.shape[1:])
    layout, logits, widest = _look_once(model, image)
    target = target_index(target, getattr(model, "class_names", None), logits)
    batch = positive_int(
        _batch_size(widest, image.device) if batch_size is None else batch_size, "batch_size"
    )
    empty = OcclusionMap(
        torch.full((len(rows), len(columns)), torch.nan, dtype=logits.dtype),
        torch.full((len(rows), len(columns)), -1),
        torch.tensor(rows),
        torch.tensor(columns),
        int(size),
        target,
        float(logits.softmax(-1)[target]),
    )
    return _grow(model, image, replacement, empty, min(batch, len(rows) * len(columns)), layout)


def _grow(
    model: nn.Module,
    image: Tensor,
    replacement: Tensor,
    empty: OcclusionMap,
    batch: int,
    layout: torch.memory_format,
) -> Iterator[OcclusionMap]:
    """Fill the `empty` map chunk by chunk, with one block of memory for the covered pictures."""
    places = list(product(empty.rows.tolist(), empty.columns.tolist()))
    probability, predicted = empty.probability.flatten(), empty.predicted.flatten()
    size = empty.size
    # batch x 3 x H x W. Copied anew for each chunk rather than mended window by window: it costs about a
    # hundredth of the forward pass and stays right for models that change their input in place.
    source = image.unsqueeze(0).contiguous(memory_format=layout)
    covered = source.repeat(batch, 1, 1, 1).contiguous(memory_format=layout)
    for start in range(0, len(places), batch):
        chunk = places[start : start + batch]
        pictures = covered[: len(chunk)].copy_(source)
        for picture, (top, left) in zip(pictures, chunk, strict=True):
            window = slice(None), slice(top, top + size), slice(left, left + size)
            picture[window] = replacement[window]
        logits = _logits(model, pictures)  # len(chunk) x classes
        done = slice(start, start + len(chunk))
        probability[done] = logits.softmax(-1)[:, empty.target].cpu()
        predicted[done] = logits.argmax(-1).cpu()
        yield OcclusionMap(
            probability.view_as(empty.probability).clone(),
            predicted.view_as(empty.predicted).clone(),
            *(empty.rows, empty.columns, size, empty.target, empty.baseline),
        )


class _WidestOutput(TorchFunctionMode):
    """Notes the bytes of the largest tensor that any operation makes of a single picture while it is active."""

    def __init__(self):
        super().__init__()
        self.bytes = 1

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if (
            isinstance(result, Tensor) and result.dim() > 1 and len(result) == 1
        ):  # not what is done to weights
            self.bytes = max(self.bytes, result.numel() * result.element_size())
        return result


def _look_once(model: nn.Module, image: Tensor) -> tuple[torch.memory_format, Tensor, int]:
    """The layout in memory that suits the model, its logits (C) on the picture, its widest output.

    Convolutions on CPUs and tensor cores are 1.3 to 1.6 times faster with channels last, but a model that
    calls `.view` on its activations cannot take that layout; it says so with a RuntimeError and gets the
    ordinary one.
    """
    with suppress(RuntimeError):
        return _look(model, image, torch.channels_last)
    return _look(model, image, torch.contiguous_format)


def _look(
    model: nn.Module, image: Tensor, layout: torch.memory_format
) -> tuple[torch.memory_format, Tensor, int]:
    with _WidestOutput() as widest:
        logits = _logits(model, image.unsqueeze(0).clone(memory_format=layout))
    return layout, logits[0].cpu(), widest.bytes


def _logits(model: nn.Module, pictures: Tensor) -> Tensor:
    """N x C logits, at least in float32, with the model in eval mode for as long as this takes."""
    with evaluating(model), torch.inference_mode():
        logits = model(pictures)
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(pictures):
        came = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(
            f"occlusion needs N x classes logits, but the model gave {came} for {len(pictures)} pictures."
        )
    return logits if logits.dtype == torch.float64 else logits.float()


def _batch_size(widest: int, device: torch.device) -> int:
    """How many covered pictures go through at once: as many as keep the widest output within a budget."""
    # On a CPU, blocks of some tens of megabytes are returned to the system after each layer and paged in anew
    # for the next.
    budget = 16e6 if device.type == "cpu" else 512e6
    return max(1, int(budget // widest))
