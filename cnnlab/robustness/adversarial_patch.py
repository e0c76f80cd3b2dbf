"""Adversarial patch: a sticker that makes a network see one class in any picture, wherever it lies.

The other attacks change every pixel a little, of one picture. This one changes some pixels as much as it likes, of all pictures at once:
the patch is trained over pictures, places, sizes and rotations, so it can be printed and moved.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import fraction, image_batch, one_or_several, positive_int, target_index, whole_number
from cnnlab.networks.adam import Adam
from cnnlab.networks.forward import as_pixels, class_logits, input_gradient, with_gradients
from cnnlab.robustness._gradients import batched_logits
from cnnlab.robustness.cue_conflict import wilson_interval


@dataclass(frozen=True, eq=False)
class PatchStep:
    """One step of the training of a patch.

    Fields
    ------
    patch
        3 x side x side in [0, 1].
    step
        Number of steps so far.
    probability
        Mean probability of the target class in the last batch, before this step.
    """

    patch: Tensor
    step: int
    probability: float


@dataclass(frozen=True, eq=False)
class PatchSuccess:
    """Result of `patch_success`.

    Fields
    ------
    rate, interval
        Share of pictures and places at which the network says the target class, with its 95 % interval (Wilson).
    without
        Share of the pictures called so without the patch; they are not counted in `rate`.
    count
        Number of pictures times places that are counted.
    """

    rate: float
    interval: tuple[float, float]
    without: float
    count: int


def adversarial_patch(
    model: nn.Module,
    images: Tensor,
    target: int | str,
    *,
    side: int | None = None,
    scale: tuple[float, float] = (0.25, 0.45),
    degrees: float = 20.0,
    steps: int = 100,
    batch_size: int = 8,
    learning_rate: float = 0.05,
    seed: int = 0,
    progress: bool = False,
) -> Tensor:
    """Adversarial patch: one small picture that is trained to be seen as the target class wherever it lies.

        p = argmax over p in [0, 1] of E over x, place, size, rotation of log Pr(target | x with p pasted)

    The expectation over transformations is taken by sampling: each step pastes the patch into `batch_size` random images, each at a
    random place in a random size and rotation, and follows the mean gradient (Adam). It is a square, in the paper a disc.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1]: the pictures to train on.
    target
        The class to be seen, by index or name.
    side
        Side of the patch in its own pixels, up to twice its largest side on the images; None for its mean side there, so that it is pasted
        nearly pixel by pixel.
    scale
        Smallest and largest side of the pasted patch, as a share of the shorter side of the image.
    degrees
        Largest rotation, in both directions.
    steps, batch_size
        Steps of training, and images in each.
    learning_rate
        Of Adam, in pixel values of [0, 1].
    seed
        Seed of images, places, sizes and rotations.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        3 x side x side in [0, 1], on the model's device.

    Raises
    ------
    ValueError, TypeError
        If the images leave [0, 1], the class is not known, or a number is out of range.

    References
    ----------
    Brown, Mane, Roy, Abadi & Gilmer, "Adversarial Patch", 2017, section 2; expectation over transformation: Athalye, Engstrom, Ilyas &
    Kwok, "Synthesizing Robust Adversarial Examples", ICML 2018.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> adversarial_patch(model, torch.rand(6, 3, 16, 16), 3, side=8, steps=2).shape
    torch.Size([3, 8, 8])
    """
    options = {"side": side, "scale": scale, "degrees": degrees, "steps": steps, "batch_size": batch_size}
    options |= {"learning_rate": learning_rate, "seed": seed}
    trained = adversarial_patch_steps(model, images, target, **options)
    *_, last = tqdm(trained, desc="patch", total=steps + 1, disable=not progress)
    return last.patch


def adversarial_patch_steps(
    model: nn.Module,
    images: Tensor,
    target: int | str,
    *,
    side: int | None = None,
    scale: tuple[float, float] = (0.25, 0.45),
    degrees: float = 20.0,
    steps: int = 100,
    batch_size: int = 8,
    learning_rate: float = 0.05,
    seed: int = 0,
) -> Iterator[PatchStep]:
    """Adversarial patch in steps, so that it can be watched and stopped: the grey patch, then one `PatchStep` for each step."""
    batch, _ = image_batch(images)
    pictures = as_pixels(model, batch)
    steps, count = positive_int(steps, "steps"), positive_int(batch_size, "batch_size")
    shares = [fraction(value, "scale") for value in one_or_several(scale)]
    if len(shares) != 2 or not 0 < shares[0] <= shares[1]:
        raise ValueError(f"scale must be two shares of the side, above 0 and rising, but got {scale}.")
    low, high = shares
    if side is None:
        side = max(1, round((low + high) / 2 * min(pictures.shape[-2:])))
    side, largest = positive_int(side, "side"), max(1, round(high * min(pictures.shape[-2:])))
    if side > 2 * largest:
        raise ValueError(
            f"side is {side}, but the patch is pasted {largest} pixels wide at most, so most of its pixels would not be seen; take"
            f" {2 * largest} or fewer."
        )
    if not (0 <= degrees < math.inf and 0 < learning_rate < math.inf):
        raise ValueError(
            f"degrees must be 0 or above and learning_rate above 0, but got {degrees!r} and {learning_rate!r}."
        )
    logits = batched_logits(model, pictures[:1])[0]
    index = target_index(target, getattr(model, "class_names", None), logits, required=True)
    generator = torch.Generator().manual_seed(seed)
    patch = torch.full((3, side, side), 0.5, dtype=pictures.dtype, device=pictures.device)
    adam = Adam(patch, learning_rate, betas=(0.9, 0.99), epsilon=1e-12)
    yield PatchStep(patch.clone(), 0, 0.0)
    for step in range(1, steps + 1):
        chosen = pictures[torch.randint(len(pictures), (count,), generator=generator)]
        draws = torch.rand(4, count, generator=generator)
        turn, length = (2 * draws[0] - 1) * float(degrees), low + (high - low) * draws[1]
        with with_gradients(model):
            sticker = patch.clone().requires_grad_()
            logs = class_logits(model, _transformed(chosen, sticker, length, turn, draws[2:])).log_softmax(1)
            gradient = input_gradient(logs[:, index] / count, sticker)
        adam.step(gradient)
        patch.clamp_(0, 1)
        yield PatchStep(patch.clone(), step, float(logs[:, index].detach().exp().mean()))


def paste_patch(images: Tensor, patch: Tensor, top: int, left: int, size: int) -> Tensor:
    """The images with the patch, scaled to `size` x `size` pixels, at row `top` and column `left`.

    `images` is N x 3 x H x W or 3 x H x W in [0, 1], `patch` 3 x any x any in [0, 1]; the result has the shape of `images`.

    Raises
    ------
    ValueError
        If the patch does not lie within the images, or there are several.
    """
    batch, single = image_batch(images)
    sticker, one = image_batch(patch, "patch")
    if not one:
        raise ValueError(f"patch must be one patch, 3 x any x any, but came as {tuple(patch.shape)}.")
    height, width = batch.shape[-2:]
    size = whole_number(size, "size", minimum=1, maximum=min(height, width))
    top = whole_number(top, "top", maximum=height - size)
    left = whole_number(left, "left", maximum=width - size)
    pasted = batch.clone()
    pasted[..., top : top + size, left : left + size] = _resized(sticker, size).to(batch)
    return pasted[0] if single else pasted


def patch_success(
    model: nn.Module,
    images: Tensor,
    patch: Tensor,
    target: int | str,
    *,
    scale: float = 0.35,
    places: int = 4,
    seed: int = 0,
    batch_size: int = 64,
) -> PatchSuccess:
    """Success of a patch on images that it was not trained on: the share of random places at which the network sees the target class.

    A patch that looks like the class may win honestly, and any patch hides something: compare with a real picture of the target class
    and with random pixels, at the same places (same seed).

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it is left unchanged.
    images
        N x 3 x H x W in [0, 1]. Those that are called the target class already are not counted.
    patch, target
        3 x any x any in [0, 1], and the class that it should give.
    scale
        Side of the pasted patch as a share of the shorter side of the image.
    places
        Random places for each image.
    seed
        Seed of the places.
    batch_size
        Images in one forward pass.

    Raises
    ------
    ValueError
        If all images are called the target class without a patch.

    References
    ----------
    Brown et al., "Adversarial Patch", 2017, section 3, with a real picture of the class as the control.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> patch_success(model, torch.rand(6, 3, 16, 16), torch.rand(3, 8, 8), 3).rate <= 1
    True
    """
    batch, _ = image_batch(images)
    pictures = as_pixels(model, batch)
    logits = batched_logits(model, pictures, batch_size)
    index = target_index(target, getattr(model, "class_names", None), logits[0], required=True)
    already = logits.argmax(1) == index
    if already.all():
        raise ValueError(
            "the network says the target class of all these images already, so no patch can succeed."
        )
    height, width = pictures.shape[-2:]
    size = max(1, round(fraction(scale, "scale") * min(height, width)))
    generator, hits = torch.Generator().manual_seed(seed), []
    for _ in range(positive_int(places, "places")):
        rows = torch.randint(height - size + 1, (len(pictures),), generator=generator).tolist()
        columns = torch.randint(width - size + 1, (len(pictures),), generator=generator).tolist()
        pasted = [
            paste_patch(picture, patch, top, left, size)
            for picture, top, left in zip(pictures, rows, columns, strict=True)
        ]
        said = batched_logits(model, torch.stack(pasted), batch_size).argmax(1)
        hits.append((said == index)[~already])
    counted = torch.cat(hits)
    return PatchSuccess(
        rate=float(counted.double().mean()),
        interval=wilson_interval(int(counted.sum()), len(counted)),
        without=float(already.double().mean()),
        count=len(counted),
    )


def _resized(sticker: Tensor, size: int) -> Tensor:
    if sticker.shape[-2:] == (size, size):
        return sticker
    return F.interpolate(sticker, size=(size, size), mode="bilinear", antialias=True).clamp(0, 1)


def _transformed(images: Tensor, patch: Tensor, length: Tensor, degrees: Tensor, place: Tensor) -> Tensor:
    """Each image with the patch on it: its side (a share of the shorter side), rotation, and place (2 x N, in [0, 1]) are its own.

    The whole patch lies within the image at rotation 0; its corners may leave the image when it is turned.
    """
    height, width = images.shape[-2:]
    half = (length * min(height, width) / 2).to(images)  # in pixels
    centre_y = half + place[0].to(images) * (height - 2 * half)
    centre_x = half + place[1].to(images) * (width - 2 * half)
    y = torch.arange(height).to(images)[None, :, None] + 0.5 - centre_y[:, None, None]
    x = torch.arange(width).to(images)[None, None, :] + 0.5 - centre_x[:, None, None]
    angle = torch.deg2rad(degrees).to(images)[:, None, None]
    grid = torch.stack([x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()], -1)
    grid = grid / half[:, None, None, None]  # -1 to 1 within the patch
    inside = (grid.abs() <= 1).all(-1)[:, None]
    stickers = patch.expand(len(images), *patch.shape)
    pasted = F.grid_sample(stickers, grid, padding_mode="border", align_corners=False)
    return torch.where(inside, pasted, images)
