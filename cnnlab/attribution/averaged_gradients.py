"""SmoothGrad and integrated gradients: gradients averaged over noisy copies of the image, or on the path from a baseline.

Both work in small batches of changed images, so memory does not grow with the number of samples. For a single gradient see
`cnnlab.attribution.saliency`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import fraction, image_batch, one_of, positive_int
from cnnlab.attribution.input_gradients import input_gradients
from cnnlab.attribution.occluder import Fill, fill_image
from cnnlab.attribution.targets import Target, Unit, parse_target, resolve_target
from cnnlab.networks.forward import as_pixels
from cnnlab.networks.relu_rules import RULES


def smoothgrad(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    unit: Unit | None = None,
    score: str = "logit",
    rule: str = "gradient",
    samples: int = 50,
    noise: float = 0.15,
    seed: int = 0,
    batch_size: int | None = None,
    progress: bool = False,
) -> Tensor:
    """SmoothGrad: the mean gradient over noisy copies of the image.

        M(x) = 1/n * sum over k of G(x + e_k),    e_k ~ N(0, (noise * (max x - min x))^2)

    The gradient changes abruptly between neighbouring images; the mean keeps what all neighbours share.

    Parameters
    ----------
    model, images, target, layer, unit, score
        As in `gradient`. The predicted class, and the position of a channel, are those of the image without noise.
    rule
        "gradient", or "deconvnet" or "guided" to average these instead.
    samples
        n, the number of noisy copies of each image.
    noise
        Standard deviation of the noise, as a share of the image's range. The noisy copies may leave [0, 1].
    seed
        Seed of the noise, which is the same for every batch size and device.
    batch_size
        Noisy images in one forward pass; None takes few, 3 of 96 x 96, which is as fast and takes a tenth of the memory of all
        at once. Memory grows with it, not with `samples`.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed; without N for a single image.

    Raises
    ------
    ValueError
        As `gradient`; also if samples or batch_size are below 1, or noise lies outside [0, 1].

    References
    ----------
    Smilkov, Thorat, Kim, Viegas & Wattenberg, "SmoothGrad: removing noise by adding noise", 2017, section 2; they find 10 to 20 %
    noise and 50 samples good. A complement to the saliency of lectures S, L, K and N.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5))
    >>> smoothgrad(model, torch.rand(3, 8, 8), target=2, samples=4).shape
    torch.Size([3, 8, 8])
    """
    batch, single = image_batch(images)
    batch = as_pixels(model, batch)
    samples, batch_size = positive_int(samples, "samples"), _batch_size(batch_size, batch)
    one_of(rule, RULES, "rule")
    span = batch.amax((1, 2, 3), keepdim=True) - batch.amin((1, 2, 3), keepdim=True)
    deviation = fraction(noise, "noise") * span  # N x 1 x 1 x 1
    score_target = resolve_target(
        model, batch, parse_target(len(batch), target, layer, unit, score), batch_size
    )
    generator = torch.Generator().manual_seed(seed)
    mean = torch.zeros_like(batch)
    for index, _ in _chunks(len(batch), samples, batch_size, "noisy pictures", progress):
        # One draw for each image: so the noise is the same, however the images are batched.
        noises = [torch.randn(batch.shape[1:], generator=generator, dtype=torch.float32) for _ in index]
        noisy = batch[index] + deviation[index] * torch.stack(noises).to(batch)
        mean.index_add_(
            0,
            index.to(mean.device),
            input_gradients(model, noisy, score_target.for_pictures(index.tolist()), rule),
        )
    mean /= samples
    return mean[0] if single else mean


def integrated_gradients(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    unit: Unit | None = None,
    score: str = "logit",
    baseline: Fill = "black",
    steps: int = 50,
    batch_size: int | None = None,
    progress: bool = False,
) -> Tensor:
    """Integrated gradients: each pixel's contribution to the score, compared with a baseline image.

        IG_i(x) = (x_i - b_i) * integral over a in [0, 1] of d score(b + a (x - b)) / d x_i
                ~ (x_i - b_i) * 1/steps * sum over k of G_i(b + (k - 1/2)/steps * (x - b))

    The contributions add up to the whole (completeness): the sum of IG over all pixels is score(x) - score(b), up to the error of
    the finite sum, which falls with `steps`. Pixels equal to the baseline get no share: with a black one, black pixels.

    Parameters
    ----------
    model, images, target, layer, unit, score
        As in `gradient`. The predicted class, and the position of a channel, are those of the image itself.
    baseline
        b: "black", "grey", "mean", "blur", any colour, or a whole image 3 x H x W; see `fill_image`.
    steps
        Number of points along the path, at the midpoints of equal intervals.
    batch_size
        Mixed images in one forward pass; None takes few, 3 of 96 x 96, which is as fast and takes a tenth of the memory of all
        at once. Memory grows with it, not with `steps`.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        N x 3 x H x W, signed; without N for a single image.

    Raises
    ------
    ValueError
        As `gradient`; also if steps or batch_size are below 1, or the baseline is unknown.

    References
    ----------
    Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, equations 1 and 3; they sum at the right ends
    of the intervals, the midpoints are more accurate. A complement to the saliency of lectures S, L, K and N.

    Example
    -------
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5))
    >>> image = torch.rand(3, 8, 8)
    >>> attribution, logits = integrated_gradients(model, image, target=2), model(torch.stack([image, 0 * image]))
    >>> torch.allclose(attribution.sum(), logits[0, 2] - logits[1, 2], atol=1e-5)
    True
    """
    batch, single = image_batch(images)
    batch = as_pixels(model, batch)
    steps, batch_size = positive_int(steps, "steps"), _batch_size(batch_size, batch)
    blank = torch.stack([fill_image(image, baseline) for image in batch])
    score_target = resolve_target(
        model, batch, parse_target(len(batch), target, layer, unit, score), batch_size
    )
    total = torch.zeros_like(batch)
    for index, step in _chunks(len(batch), steps, batch_size, "mixed pictures", progress):
        alpha = ((step + 0.5) / steps).to(batch).view(-1, 1, 1, 1)
        interpolated = torch.lerp(blank[index], batch[index], alpha)
        total.index_add_(
            0,
            index.to(total.device),
            input_gradients(model, interpolated, score_target.for_pictures(index.tolist())),
        )
    attributions = (batch - blank) * total / steps
    return attributions[0] if single else attributions


def _batch_size(requested: int | None, batch: Tensor) -> int:
    if requested is not None:
        return positive_int(requested, "batch_size")
    # A CPU gains nothing from larger batches than these, an accelerator does and has the memory.
    pixels = 30_000 if batch.device.type == "cpu" else 2_000_000
    return max(2, pixels // batch[0, 0].numel())


def _chunks(
    pictures: int, per_picture: int, batch_size: int, description: str, progress: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    """All pairs (image, number below `per_picture`), image by image, in chunks: both halves of the pairs as index tensors."""
    pairs = torch.arange(pictures * per_picture)
    with tqdm(total=len(pairs), desc=description, disable=not progress) as bar:
        for chunk in pairs.split(batch_size):
            yield chunk // per_picture, chunk % per_picture
            bar.update(len(chunk))
