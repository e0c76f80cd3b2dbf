"""Activation maximisation: gradient ascent on an image for a class, a channel or a unit, with the usual regularisers.

`maximise` returns the finished images, `maximise_steps` yields them after each step. Each regulariser of the lectures is one
keyword with a number, and 0 turns it off; see `objectives`, `parametrisations`, `random_transforms` and `regularisers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import fraction, positive_int
from cnnlab.networks.eval_mode import input_side
from cnnlab.networks.forward import as_pixels
from cnnlab.synthesis.gradient_ascent import AscentState, gradient_ascent
from cnnlab.synthesis.objectives import Objective, Targets, logit
from cnnlab.synthesis.parametrisations import Parametrisation, Start, initial_images, resolve_parametrisation
from cnnlab.synthesis.random_transforms import random_transforms
from cnnlab.synthesis.regularisers import apply_edits, total_penalty

MOST_CLASSES = 100
"""With more classes than this, `target=None` is refused: the images of all targets are optimised in one batch."""


def maximise(
    model: nn.Module,
    target: Targets | Objective | None = None,
    *,
    steps: int = 128,
    restarts: int = 1,
    start: Start = "noise",
    parametrisation: str | Parametrisation = "fourier",
    learning_rate: float | None = None,
    jitter: int = 12,
    zoom: float = 0.25,
    rotate: float = 12.0,
    l2: float = 0.0003,
    tv: float = 0.005,
    beta: float = 1.5,
    ramp: float = 0.6,
    blur: float = 0.0,
    blur_every: int = 4,
    clip_small_norms: float = 0.0,
    clip_small_contributions: float = 0.0,
    size: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> AscentState:
    """Activation maximisation: the image that maximises a class logit, or a unit's activation, by gradient ascent.

        x* = argmax over x of h(T(x)) - l2 |x - 0.5|^2 - tv R_beta(x)

    with h the logit of a class or any other objective, T a new small random shift, zoom and rotation in each step, and R_beta
    the total variation. Between steps the image may be blurred and its small pixels set to grey. The defaults are those that
    make the best pictures; set all but one to 0 to see the effect of that one.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    target
        A class by index or name, several of them (optimised together, one image for each), None for all (up to 100) classes; or an
        `Objective` such as `channel("conv5", range(16))` or `logit("sheep") + 0.1 * layer_norm("conv3")`.
    steps
        Number of gradient-ascent steps.
    restarts
        Images for each target, each from different noise.
    start
        "noise", "zero" (grey: the zero of a centred network), or images, 3 x H x W or one for each row.
    parametrisation
        "fourier" (waves in decorrelated colours), "pixels", or a `Parametrisation`.
    learning_rate
        Step length; None for the default of the parametrisation.
    jitter, zoom, rotate
        Largest shift in pixels, largest change of scale (0.25: between 4/5 and 5/4), largest rotation in degrees.
    l2, tv, beta
        Weights of the squared distance from grey and of the total variation, and the exponent of the latter.
    ramp
        Share of the steps over which these two weights rise linearly from 0 to their full value. Plain grey has no penalty, so an
        image that is penalised fully from the beginning may never leave it; a later penalty cleans up what has formed.
    blur, blur_every
        Sigma in pixels of a Gaussian blur of the image, applied once every `blur_every` steps.
    clip_small_norms, clip_small_contributions
        Shares in [0, 1] of the pixels that are set to grey after each step: those closest to grey, and those that contribute
        least to the score according to their gradient.
    size
        Side of the images; None for the network's own input size.
    seed
        Seed of the initial noise and of the random transforms.
    progress
        Show a progress bar.

    Returns
    -------
    AscentState
        `images` N x 3 x H x W in [0, 1] (N = targets x restarts, the restarts of a target in a row), `scores` (steps + 1) x N.

    Raises
    ------
    ValueError, TypeError
        If a class, a layer or a channel is not known, a number is out of range, or the network has no `input_size`.

    References
    ----------
    Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014, eq. 1 (L2); Yosinski et al.,
    "Understanding Neural Networks Through Deep Visualization", 2015, section 3 (blur, clipping); Mordvintsev, Olah & Tyka,
    "Inceptionism", 2015 (jitter); Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017 (parametrisation, transforms).
    Lectures S, "Gradient ascent to visualize features"; L, "Maximum impulses"; K, "Optimizing the Input Images"; N, "Activation
    Maximization".

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 5))
    >>> maximise(model, [0, 3], steps=5, restarts=2, size=16, jitter=1).images.shape
    torch.Size([4, 3, 16, 16])
    """
    ascents = maximise_steps(
        model,
        target,
        steps=steps,
        restarts=restarts,
        start=start,
        parametrisation=parametrisation,
        learning_rate=learning_rate,
        jitter=jitter,
        zoom=zoom,
        rotate=rotate,
        l2=l2,
        tv=tv,
        beta=beta,
        ramp=ramp,
        blur=blur,
        blur_every=blur_every,
        clip_small_norms=clip_small_norms,
        clip_small_contributions=clip_small_contributions,
        size=size,
        seed=seed,
    )
    for ascent in tqdm(ascents, total=steps + 1, desc="maximise", disable=not progress):
        last = ascent
    return last


@torch.inference_mode(False)
def maximise_steps(
    model: nn.Module,
    target: Targets | Objective | None = None,
    *,
    steps: int = 128,
    restarts: int = 1,
    start: Start = "noise",
    parametrisation: str | Parametrisation = "fourier",
    learning_rate: float | None = None,
    jitter: int = 12,
    zoom: float = 0.25,
    rotate: float = 12.0,
    l2: float = 0.0003,
    tv: float = 0.005,
    beta: float = 1.5,
    ramp: float = 0.6,
    blur: float = 0.0,
    blur_every: int = 4,
    clip_small_norms: float = 0.0,
    clip_small_contributions: float = 0.0,
    size: int | None = None,
    seed: int = 0,
) -> Iterator[AscentState]:
    """Activation maximisation, step by step: yields an `AscentState` for the start and after each step. Arguments as in `maximise`.

    They are checked at once, before the first step. Each `AscentState` may be kept by the caller, and iteration may stop at any
    time. Between two steps the model is unchanged.

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 5))
    >>> [state.step for state in maximise_steps(model, 2, steps=3, size=16, jitter=1)]
    [0, 1, 2, 3]
    """
    objective = (
        target if isinstance(target, Objective) else logit(_classes(model) if target is None else target)
    )
    chosen = resolve_parametrisation(parametrisation)
    generator = torch.Generator().manual_seed(seed)
    pictures = objective.count * positive_int(restarts, "restarts")
    initial = initial_images(chosen, start, (pictures, 3, *_sides(model, start, size)), generator)
    return gradient_ascent(
        model,
        objective,
        as_pixels(model, initial),
        chosen,
        steps=positive_int(steps, "steps"),
        learning_rate=learning_rate,
        transforms=random_transforms(jitter, zoom, rotate),
        penalty=total_penalty(l2, tv, beta),
        ramp=fraction(ramp, "ramp"),
        edit=apply_edits(blur, blur_every, clip_small_norms, clip_small_contributions),
        generator=generator,
    )


def _classes(model: nn.Module) -> Sequence[str]:
    names = getattr(model, "class_names", None)
    if not names:
        raise ValueError(
            "the network does not name its classes, so `target` must say which ones: range(10), say."
        )
    if len(names) > MOST_CLASSES:
        raise ValueError(
            f"the network has {len(names)} classes, too many to optimise a picture for each of them at once; say which ones:"
            f" target=[{str(names[0])!r}, {str(names[1])!r}], say."
        )
    return names


def _sides(model: nn.Module, start: Start, size: int | None) -> tuple[int, int]:
    if isinstance(start, Tensor):
        return tuple(start.shape[-2:])
    side = input_side(model) if size is None else positive_int(size, "size")
    if side is None:
        raise ValueError(
            "the network does not tell the side of its pictures (`input_size`), so `size` must say it."
        )
    return side, side
