"""Masked gradients: the signs that a defence hides its gradient instead of moving its decisions.

Against an attack that follows the gradient such a defence looks good. Attacks of other kinds, each within reach of the same attacker,
tell: without a gradient, in a single step, with no limit. The attacks themselves are `pgd`, `fgsm` and `query_attack`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.forward import as_pixels
from cnnlab.robustness._gradients import batched_logits, loss_gradient_and_classes
from cnnlab.robustness.black_box import query_attack
from cnnlab.robustness.fgsm_pgd import fgsm, pgd
from cnnlab.robustness.norm_ball import validate_epsilon
from cnnlab.robustness.targets import Target, target_indices

PGD = "PGD"


@dataclass(frozen=True, eq=False)
class MaskedGradientSigns:
    """Result of `masked_gradient_signs`.

    Fields
    ------
    accuracy
        For each attack, and for "none", the share of the images that are classified correctly.
    zero_gradients
        Share of the images whose gradient is exactly 0 in every pixel.
    signs
        For each sign, whether it is seen.
    """

    accuracy: dict[str, float]
    zero_gradients: float
    signs: dict[str, bool]

    @property
    def suspicious(self) -> bool:
        """Whether at least one sign is seen, so that the accuracy under PGD says nothing about the network."""
        return any(self.signs.values())


def masked_gradient_signs(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    epsilon: float = 8 / 255,
    steps: int = 10,
    queries: int = 200,
    seed: int = 0,
) -> MaskedGradientSigns:
    """Signs of masked gradients: does PGD do worse than attacks that know less, and does nothing make it stronger?

    With an honest gradient PGD is the strongest of these attacks, gains by more steps and a larger epsilon, and without a limit leaves
    no image correct. A sign is a comparison that goes the other way:

        a black box does better     accuracy under `query_attack` < accuracy under PGD
        a single step does better   accuracy under FGSM < accuracy under PGD
        no limit is not enough      accuracy under PGD with epsilon 1 > 0
        nothing helps               twice epsilon and five times as many steps leave the accuracy of PGD as it is, above 0
        no gradient                 the gradient of some image is exactly 0

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images, target
        N x 3 x H x W in [0, 1], and their classes: indices or names, one for all or one for each; None for the predicted ones.
    epsilon
        Radius of the attacks, in pixel values of [0, 1].
    steps, queries
        Steps of PGD, and queries for each image of the black box.
    seed
        Seed of the random starts and windows.

    Returns
    -------
    MaskedGradientSigns
        The accuracy under each attack, and the signs.

    Raises
    ------
    ValueError, TypeError
        As `pgd`; if no image is classified correctly, so that no attack can show anything.

    References
    ----------
    Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 3.1; the reasons behind the
    signs: Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 3.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5))
    >>> masked_gradient_signs(model, torch.rand(4, 3, 8, 8), queries=20).zero_gradients
    0.0
    """
    batch, _ = image_batch(images)
    epsilon, steps = validate_epsilon(epsilon, "linf"), positive_int(steps, "steps")
    pixels = as_pixels(model, batch)
    logits = batched_logits(model, pixels)
    classes = target_indices(target, model, logits)
    if not bool((logits.argmax(1) == classes).any()):
        raise ValueError(
            "the network classifies none of these images correctly, so no attack can show anything; give others."
        )

    def accuracy(attacked: Tensor) -> float:
        return float((batched_logits(model, attacked).argmax(1) == classes).double().mean())

    def walk(radius: float, count: int) -> float:
        return accuracy(pgd(model, pixels, classes, epsilon=radius, steps=count, seed=seed))

    gradient, _ = loss_gradient_and_classes(model, pixels, classes)
    measured = {
        "none": float((logits.argmax(1) == classes).double().mean()),
        "FGSM": accuracy(fgsm(model, pixels, classes, epsilon=epsilon)),
        PGD: walk(epsilon, steps),
        "PGD, more steps": walk(epsilon, 5 * steps),
        "PGD, twice epsilon": walk(min(1.0, 2 * epsilon), steps),
        "PGD, no limit": walk(1.0, steps),
        "black box": accuracy(
            query_attack(model, pixels, classes, epsilon=epsilon, queries=queries, seed=seed).images
        ),
    }
    zero_gradients = float((gradient.flatten(1) == 0).all(1).double().mean())
    stronger = (measured["PGD, more steps"], measured["PGD, twice epsilon"])
    signs = {
        "a black box does better": measured["black box"] < measured[PGD],
        "a single step does better": measured["FGSM"] < measured[PGD],
        "no limit is not enough": measured["PGD, no limit"] > 0,
        "nothing helps": 0 < measured[PGD] <= min(stronger),
        "no gradient": zero_gradients > 0,
    }
    return MaskedGradientSigns(measured, zero_gradients, signs)
