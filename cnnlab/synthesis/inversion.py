"""Feature inversion: reconstruct an image from a layer's activations, to see what information the layer keeps.

Optimisation starts from noise and searches for an image with the same activations. Parts that are reconstructed correctly
were kept by the layer; parts that are wrong, or different at every restart, were discarded before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.activations import activations
from cnnlab.networks.forward import as_pixels
from cnnlab.synthesis.gradient_ascent import AscentState, gradient_ascent
from cnnlab.synthesis.objectives import Objective, Outputs
from cnnlab.synthesis.parametrisations import Parametrisation, Start, initial_images, resolve_parametrisation
from cnnlab.synthesis.regularisers import total_penalty


@dataclass(frozen=True, eq=False)
class Inversion:
    """The result of feature inversion: images reconstructed from a layer's activations, and their errors.

    Fields
    ------
    images
        restarts x 3 x H x W in [0, 1].
    feature_error
        restarts: `|Phi(x) - Phi(x0)| / |Phi(x0)|`, 0 for a perfect inversion and 1 for activations that are all zero.
    image_error
        restarts: root mean square of x - x0 over the pixel values.
    step
        Number of steps done.
    """

    images: Tensor
    feature_error: Tensor
    image_error: Tensor
    step: int


def invert(
    model: nn.Module,
    image: Tensor,
    layer: str,
    *,
    steps: int = 200,
    restarts: int = 1,
    beta: float = 2.0,
    tv: float = 2e-4,
    start: Start = "noise",
    parametrisation: str | Parametrisation = "fourier",
    learning_rate: float | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Inversion:
    """Feature inversion: images whose activations in a layer equal those of a given picture.

        x* = argmin over x of |Phi(x) - Phi(x0)|^2 / |Phi(x0)|^2 + tv R_beta(x)

    with Phi the activations of the layer and R_beta the total variation, which penalises noise. Several restarts show what the
    layer leaves undetermined: where the reconstructions agree, the information was kept.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    image
        One picture, 3 x H x W (or 1 x 3 x H x W), in [0, 1].
    layer
        A name of `layer_names(model)`.
    steps, restarts
        Number of gradient steps, and of images from different noise.
    beta, tv
        Exponent and weight of the total variation. It is a sum over all pixels, some hundreds for a picture of 96 x 96 with
        beta = 2, while the error of the features begins at about 1; so the weights are small.
    start, parametrisation, learning_rate, seed
        As in `activation_maximisation`.
    progress
        Show a progress bar.

    Returns
    -------
    Inversion
        The images, and the errors of their features and pixels.

    Raises
    ------
    ValueError, TypeError
        If more than one picture is passed, the layer is not known, or its activations for the picture are all zero.

    References
    ----------
    Mahendran & Vedaldi, "Understanding Deep Image Representations by Inverting Them", CVPR 2015, eq. 1, 2 and 3. Lecture L,
    "Generating images by Inverting CNNs".

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16 * 16, 5))
    >>> invert(model, torch.rand(3, 16, 16), "1", steps=5, restarts=2).images.shape
    torch.Size([2, 3, 16, 16])
    """
    inversions = invert_steps(
        model,
        image,
        layer,
        steps=steps,
        restarts=restarts,
        beta=beta,
        tv=tv,
        start=start,
        parametrisation=parametrisation,
        learning_rate=learning_rate,
        seed=seed,
    )
    for inversion in tqdm(inversions, total=steps + 1, desc=f"inverting {layer}", disable=not progress):
        last = inversion
    return last


@torch.inference_mode(False)
def invert_steps(
    model: nn.Module,
    image: Tensor,
    layer: str,
    *,
    steps: int = 200,
    restarts: int = 1,
    beta: float = 2.0,
    tv: float = 2e-4,
    start: Start = "noise",
    parametrisation: str | Parametrisation = "fourier",
    learning_rate: float | None = None,
    seed: int = 0,
) -> Iterator[Inversion]:
    """Feature inversion, step by step: yields an `Inversion` for the start and after each step. Arguments as in `invert`.

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16 * 16, 5))
    >>> [found.step for found in invert_steps(model, torch.rand(3, 16, 16), "1", steps=2)]
    [0, 1, 2]
    """
    batch, _ = image_batch(image, "image")
    if len(batch) != 1:
        raise ValueError(f"one picture is inverted at a time, but {len(batch)} came; call it once for each.")
    original = as_pixels(model, batch)
    chosen = resolve_parametrisation(parametrisation)
    generator = torch.Generator().manual_seed(seed)
    shape = (positive_int(restarts, "restarts"), *original.shape[1:])
    initial = as_pixels(model, initial_images(chosen, start, shape, generator))
    ascents = gradient_ascent(
        model,
        feature_similarity(layer, activations(model, original, layer)[layer]),
        initial,
        chosen,
        steps=positive_int(steps, "steps"),
        learning_rate=learning_rate,
        penalty=total_penalty(0.0, tv, beta),
    )
    return (_as_inversion(ascent, original) for ascent in ascents)


def feature_similarity(layer: str, features: Tensor) -> Objective:
    """Inversion objective: minus the squared relative distance from `features` (1 x ...): `-|Phi(x) - Phi_0|^2 / |Phi_0|^2`, 0 at best."""
    squared_norm = features.square().sum()
    if not squared_norm > 0:
        raise ValueError(
            f'layer "{layer}" answers with nothing but zeros to this picture, so there is nothing to be like.'
        )

    def score(model: nn.Module, outputs: Outputs) -> Tensor:
        return -(outputs[layer] - features).square().flatten(1).sum(1) / squared_norm

    return Objective((layer,), score)


def _as_inversion(ascent: AscentState, original: Tensor) -> Inversion:
    return Inversion(
        images=ascent.images,
        feature_error=(-ascent.scores[-1]).sqrt(),
        image_error=(ascent.images - original).square().flatten(1).mean(1).sqrt(),
        step=ascent.step,
    )
