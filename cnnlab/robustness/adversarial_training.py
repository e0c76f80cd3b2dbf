"""Adversarial training: train on adversarial examples of the network's current state; random signs are the baseline attack.

The defences of `defences` stand in front of a network and do not change it. This one changes the network, and holds best against
an attacker with full knowledge of the defence.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab._validation import image_batch, labelled_images, labels_within, positive_int, whole_number
from cnnlab.networks.data_loading import to_float_images
from cnnlab.networks.eval_mode import layered, match_device_dtype
from cnnlab.networks.forward import training_logits
from cnnlab.networks.training import seeding
from cnnlab.robustness import norm_ball
from cnnlab.robustness._gradients import batched_logits
from cnnlab.robustness.fgsm_pgd import pgd


@torch.inference_mode(False)
def adversarial_training(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    epsilon: float = 4 / 255,
    steps: int = 40,
    batch_size: int = 32,
    learning_rate: float = 0.01,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> nn.Module:
    """Adversarial training: a copy of the network, trained on adversarial examples made anew in each batch.

        min over the weights of the mean of  max over |r| <= epsilon of J(x + r, y)

    The inner maximum is one PGD step of 1.25 epsilon from a random start, computed for each batch with the current weights; the
    outer minimum is stochastic gradient descent with momentum.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; a copy is trained, the model itself is unchanged.
    images
        N x 3 x H x W: floats in [0, 1], or the bytes of a data set.
    labels
        N class indices.
    epsilon
        The largest change of a pixel, in values of [0, 1]; 0 trains on unchanged images, for comparison.
    steps, batch_size, learning_rate
        Number of batches, batch size, and the initial learning rate, which falls linearly to 0.
    seed
        Seed of the batches, the attacks and dropout; torch's global generator is unchanged.
    on_step
        Called after each step with its number, from 1, and its loss.

    Returns
    -------
    nn.Module
        The trained copy, in eval mode.

    Raises
    ------
    ValueError
        If there is not one label for each image, or epsilon is no pixel value.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, equation 2.1; one step from a random
    start: Wong, Rice & Kolter, "Fast is better than free", ICLR 2020. Lecture K, "Training with adversarial examples".

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 2))
    >>> harder = adversarial_training(model, torch.rand(8, 3, 4, 4), torch.arange(8) % 2, steps=2, batch_size=4)
    >>> harder(torch.rand(1, 3, 4, 4)).shape
    torch.Size([1, 2])
    """
    images, labels = labelled_images(images, labels)
    labels_within(labels, len(batched_logits(model, to_float_images(images[:1]))[0]))
    radius = norm_ball.validate_epsilon(epsilon, "linf")
    size = min(positive_int(batch_size, "batch_size"), len(images))
    steps = positive_int(steps, "steps")
    hardened = copy.deepcopy(layered(model)).requires_grad_(True)
    optimizer = torch.optim.SGD(hardened.parameters(), learning_rate, momentum=0.9, nesterov=True)
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        seeding(whole_number(seed, "seed"), "hardening") as generator,
    ):
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
            rows = torch.randint(len(images), (size,), generator=generator)
            batch, truth = to_float_images(images[rows]), labels[rows]
            if radius:
                options = {"epsilon": radius, "steps": 1, "step_size": 1.25 * radius}
                batch = pgd(hardened, batch, truth, seed=seed + step, **options)
            logits = training_logits(hardened.train(), match_device_dtype(hardened, batch))
            loss = F.cross_entropy(logits, truth.to(logits.device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if on_step is not None:
                on_step(step + 1, loss.item())
    for after, before in zip(hardened.parameters(), model.parameters(), strict=True):
        after.requires_grad_(before.requires_grad).grad = None
    return hardened.eval()


def random_signs(
    model: nn.Module, images: Tensor, target: object = None, *, epsilon: float = 4 / 255, seed: int = 0
) -> Tensor:
    """Random signs: a baseline of the same size as an attack, in which each value moves by epsilon in a random direction.

    It takes the arguments of an attack, so that it can replace one; network and target are not used.

    Example
    -------
    >>> images = torch.rand(2, 3, 4, 4)
    >>> float((random_signs(None, images, epsilon=0.1) - images).abs().max()) <= 0.1 + 1e-6
    True
    """
    originals, single = image_batch(images)
    radius = norm_ball.validate_epsilon(epsilon, "linf")
    # In half precision a part of the steps would be lost.
    originals = originals.to(torch.promote_types(originals.dtype, torch.float32))
    signs = torch.randint(0, 2, originals.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    noisy = (originals + radius * signs.to(originals)).clamp(0, 1)
    return noisy[0] if single else noisy
