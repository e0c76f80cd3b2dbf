"""Linear classifier of pixels, and the linear explanation of adversarial examples: how many small changes add up.

Adversarial examples do not need depth. With a weight for each pixel, a change of epsilon along the sign of each weight moves the
logit by epsilon times the *sum* of all absolute weights, and an image has very many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab._validation import image_batch, positive_int, target_index
from cnnlab.networks.eval_mode import match_device_dtype


@dataclass(frozen=True, eq=False)
class SmallChanges:
    """Result of `small_changes`; D is the number of values in the image.

    Fields
    ------
    margin
        z, the logit of the class minus that of its rival, for the unchanged image.
    contributions
        D floats in descending order: by how much each value lowers the margin when it moves by epsilon in its worst direction (less
        where the value would leave [0, 1]).
    sums
        D + 1 floats: the margin after the first 0, 1, 2 ... D of them.
    needed
        How many of them flip the prediction; D + 1 where all together do not.
    """

    margin: float
    contributions: Tensor
    sums: Tensor
    needed: int


def linear_classifier(
    images: Tensor,
    labels: Tensor,
    class_names: Sequence[str],
    *,
    decay: float = 0.03,
    steps: int = 60,
) -> nn.Module:
    """Linear classifier: logistic regression on the pixels.

        z = W x + b,    min over W of the mean cross-entropy + decay |W|^2 / 2,    by L-BFGS from W = 0

    Parameters
    ----------
    images
        N x 3 x H x W: floats in [0, 1], or the bytes of a data set.
    labels
        N class indices.
    class_names
        The name of each class.
    decay
        Weight decay. Without it the weights fit the noise of the images.
    steps
        Steps of L-BFGS; the problem is convex, so the solution depends on no random number.

    Returns
    -------
    nn.Module
        Flatten and one `nn.Linear`, in eval mode, with `class_names`, `input_size` and a name: usable by all techniques.

    Raises
    ------
    ValueError
        If there is not one label for each image.

    References
    ----------
    Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015, section 5. Lecture K, "Note this
    problem is not specific to deep learning!".

    Example
    -------
    >>> model = linear_classifier(torch.rand(6, 3, 4, 4), torch.arange(6) % 2, ["day", "night"], steps=3)
    >>> model[1].weight.shape
    torch.Size([2, 48])
    """
    if len(images) != len(labels) or not len(images):
        raise ValueError(f"give one label for each picture, but got {len(images)} and {len(labels)}.")
    pixels = (images if images.is_floating_point() else images.float() / 255).flatten(1)
    middle = pixels.mean(0)  # centred on the mean image, the problem is far better conditioned
    weight = torch.zeros(len(class_names), pixels.shape[1], dtype=pixels.dtype, requires_grad=True)
    bias = torch.zeros(len(class_names), dtype=pixels.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=positive_int(steps, "steps"), line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (
            F.cross_entropy((pixels - middle) @ weight.T + bias, labels) + decay * weight.square().sum() / 2
        )
        value.backward()
        return value

    with torch.inference_mode(False), torch.enable_grad():
        optimizer.step(loss)
    layer = nn.Linear(pixels.shape[1], len(class_names), dtype=pixels.dtype)
    layer.weight.data, layer.bias.data = weight.detach(), (bias - weight @ middle).detach()
    model = nn.Sequential(nn.Flatten(), layer).eval()
    model.name, model.class_names, model.input_size = "linear", tuple(class_names), images.shape[-1]
    return model


def small_changes(
    model: nn.Module, image: Tensor, target: int | str | None = None, *, epsilon: float = 4 / 255
) -> SmallChanges:
    """Small changes that add up: how changes of epsilon in single values lower the margin, one by one and in sum.

        z' = z - sum over i of |w_i| min(epsilon, room of x_i),    w = weights of the class - weights of its rival

    Away from the ends of [0, 1] that is z - epsilon |w|_1, which grows with the number of values; random signs of the same size
    change z by about epsilon |w|_2, which grows only with its square root.

    Parameters
    ----------
    model
        From `linear_classifier`: `nn.Sequential(nn.Flatten(), nn.Linear(...))`.
    image
        3 x H x W (or 1 x 3 x H x W) in [0, 1].
    target
        The class whose margin is computed; None for the predicted one. Its rival is the likeliest other class.
    epsilon
        The change of each value, in [0, 1].

    Returns
    -------
    SmallChanges

    Raises
    ------
    TypeError
        If the model is not linear.

    References
    ----------
    Goodfellow, Shlens & Szegedy (2015), section 3.

    Example
    -------
    >>> model = linear_classifier(torch.rand(6, 3, 4, 4), torch.arange(6) % 2, ["day", "night"], steps=3)
    >>> small_changes(model, torch.rand(3, 4, 4)).sums.shape
    torch.Size([49])
    """
    layers = list(model.children())
    if len(layers) != 2 or not isinstance(layers[0], nn.Flatten) or not isinstance(layers[1], nn.Linear):
        raise TypeError(
            "small changes simply add up in a linear network only: give one of `linear_classifier`."
        )
    batch, _ = image_batch(image, "image")
    pixels = match_device_dtype(model, batch[:1].detach()).flatten(1)
    with torch.inference_mode():
        logits = layers[1](pixels)[0]
        class_index = target_index(target, getattr(model, "class_names", None), logits)
        rival = int(logits.index_fill(0, torch.tensor(class_index), -torch.inf).argmax())
        weight = layers[1].weight[class_index] - layers[1].weight[rival]
        available = torch.where(weight > 0, pixels[0], 1 - pixels[0]).clamp(
            max=epsilon
        )  # down where w > 0, else up
        contributions = (weight.abs() * available).double().sort(descending=True).values
        margin = (logits[class_index] - logits[rival]).double()
        sums = margin - torch.cat([contributions.new_zeros(1), contributions.cumsum(0)])
    flipped = (sums < 0).nonzero()
    return SmallChanges(float(margin), contributions, sums, int(flipped[0]) if len(flipped) else len(sums))
