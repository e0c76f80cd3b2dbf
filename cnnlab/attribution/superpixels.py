"""Superpixels as the players of a game: what LIME and KernelSHAP do on photographs, where nobody knows the parts.

`cnnlab.attribution.part_games` takes exact parts away. A superpixel is a patch of one colour; it is switched to grey, and may hold half of
a part, or two.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from cnnlab._validation import fraction, image_batch, target_index, whole_number
from cnnlab.attribution.part_games import PartGame, all_coalitions
from cnnlab.networks.forward import as_pixels, class_logits, without_gradients

MOST = 12
"""Superpixels at most: every coalition is asked for, and 12 make 4096."""
BATCH = 64


def superpixel_game(
    model: nn.Module,
    image: Tensor,
    target: int | str | None = None,
    *,
    count: int = 8,
    compactness: float = 10.0,
    fill: float = 0.5,
    segments: Tensor | None = None,
) -> tuple[PartGame, Tensor]:
    """The logit for every coalition of a picture's superpixels, the others being grey; and the superpixels.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left unchanged.
    image
        3 x H x W in [0, 1].
    target
        Class index or name; None for the class predicted for the whole picture.
    count
        Number of superpixels, 1 to 12; SLIC is asked until it finds about as many: more than half of them, twice as many at most.
    compactness
        How much nearness counts beside colour; a high value makes squares. Where SLIC joins nearly all, as in noise, it is taken 10 or 100
        times as high.
    fill
        The value of pixels that are switched off, in [0, 1].
    segments
        H x W integers from 0 without a gap: pieces of your own, at most 12, in place of SLIC's.

    Returns
    -------
    game, segments
        A game for `lime`, `kernel_shap` and `shapley_values`, whose P parts are called "1", "2" and so on; and H x W integers, the index of
        each pixel's superpixel in `game.parts`. Both on the CPU.

    Raises
    ------
    ValueError, TypeError
        If the image leaves [0, 1], the class is not known, a number is out of range, or SLIC finds nothing near to `count`.

    References
    ----------
    Ribeiro, Singh & Guestrin, "Why Should I Trust You?", KDD 2016, section 3.1. The superpixels are scikit-image's: Achanta et al., "SLIC
    Superpixels Compared to State-of-the-Art Superpixel Methods", IEEE TPAMI 2012.

    Example
    -------
    >>> from cnnlab.world import render
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 5))
    >>> game, segments = superpixel_game(model, render(7, shape="cup", size=32).image, target=2, count=4)
    >>> segments.shape, len(game.values) == 2 ** len(game.parts) > 2
    (torch.Size([32, 32]), True)
    """
    batch, single = image_batch(image)
    if not single:
        raise ValueError(f"superpixel_game looks at one image, 3 x H x W, but got {tuple(image.shape)}.")
    fill = fraction(fill, "fill")
    if segments is None:
        segments = _superpixels(batch[0], whole_number(count, "count", minimum=1, maximum=MOST), compactness)
    else:
        segments = _own(segments, batch.shape[2:])
    coalitions = all_coalitions(int(segments.max()) + 1)
    batch = as_pixels(model, batch)
    logits = []
    with without_gradients(model):
        for chunk in coalitions.split(BATCH):
            shown = chunk[:, segments][:, None].to(batch.device)  # N x 1 x H x W
            logits.append(class_logits(model, torch.where(shown, batch, fill)).cpu())
    values = torch.cat(logits).clone()
    index = target_index(target, getattr(model, "class_names", None), values[-1])
    names = tuple(str(number) for number in range(1, coalitions.shape[1] + 1))
    return PartGame(names, coalitions, values[:, index].double(), index), segments


def _superpixels(image: Tensor, count: int, compactness: float) -> Tensor:
    """H x W: the number of each pixel's superpixel, from 0 without a gap; `MOST` at most."""
    from skimage.segmentation import slic

    if not isinstance(compactness, int | float) or not compactness > 0:
        raise ValueError(f"compactness must be a number above 0, but got {compactness!r}; 10 is usual.")
    colours = image.detach().cpu().double().permute(1, 2, 0).numpy()
    # SLIC may find more than it is asked for, and fewer where patches are small: it joins them, the less so the more compact they are.
    near = sorted(range(1, 4 * MOST + 1), key=lambda wanted: abs(wanted - count))
    for wanted, strength in ((wanted, strength) for strength in (1, 10, 100) for wanted in near):
        found = slic(colours, n_segments=wanted, compactness=strength * compactness, start_label=0)
        numbers = np.unique(found, return_inverse=True)[1].reshape(found.shape)
        if count < 2 * (numbers.max() + 1) and numbers.max() < min(MOST, 2 * count):
            return torch.from_numpy(numbers)
    raise ValueError(
        f"SLIC finds nothing near to {count} superpixels in this picture of {' x '.join(map(str, image.shape))}; ask for another count,"
        " or give segments of your own."
    )


def _own(segments: Tensor, size: torch.Size) -> Tensor:
    """The pieces of the caller, checked, on the CPU."""
    if not isinstance(segments, Tensor) or segments.is_floating_point() or segments.shape != size:
        came = f"{tuple(segments.shape)} {segments.dtype}" if isinstance(segments, Tensor) else repr(segments)
        raise ValueError(
            f"segments must be {size[0]} x {size[1]} integers, one for each pixel, but came as {came}."
        )
    numbers = segments.unique().tolist()
    if numbers != list(range(len(numbers))) or len(numbers) > MOST:
        raise ValueError(
            f"segments must be numbered from 0 without a gap, at most {MOST} of them, but got {numbers}."
        )
    return segments.long().cpu()
