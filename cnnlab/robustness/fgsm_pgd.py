"""FGSM and PGD: gradient-sign attacks within epsilon, in one step and in several.

Both use the network's gradient (white box) and keep every image within epsilon of the original. They maximise the cross-entropy of
the logits. For attacks that search for the smallest change see `penalty_attack` and `minimal_epsilon`, for those without gradients
`one_pixel` and `black_box`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnnlab._validation import image_batch, positive_int
from cnnlab.networks.forward import as_pixels
from cnnlab.robustness import norm_ball
from cnnlab.robustness._gradients import batched_logits, loss_gradient_and_classes
from cnnlab.robustness.targets import Target, check_targeted


def fgsm(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    epsilon: float = 4 / 255,
    targeted: bool = False,
) -> Tensor:
    """FGSM, the fast gradient sign method: one step of epsilon in every pixel, along the sign of the gradient.

        x' = clip(x + epsilon * sign(d J(x, y) / d x)),    J = -log softmax(model(x))[y]

    and with a minus for a targeted attack, which moves *towards* class y. To first order this is the change of at most epsilon in
    each pixel that raises J the most; for a linear model it is exactly so, z' = z - epsilon |w|_1.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    target
        The class to move away from, one for all or one for each image: index, name, or None for the predicted class. With
        `targeted=True` the class to reach, which is required.
    epsilon
        The largest change of a pixel, in values of [0, 1]: 4/255 is four of the 255 steps of a stored image.
    targeted
        Whether `target` is the class to reach.

    Returns
    -------
    Tensor
        The adversarial images, of the shape of `images`, in [0, 1], on the device and in the float type of the model
        (float32 for half precision).

    Raises
    ------
    ValueError, TypeError
        If the images leave [0, 1], epsilon is no pixel value, the class is not known, or a targeted attack has no target.

    References
    ----------
    Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015, section 4; targeted: Kurakin,
    Goodfellow & Bengio, "Adversarial Machine Learning at Scale", ICLR 2017, section 2. Lecture K, "Testing Robustness".

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> images = torch.rand(2, 3, 4, 4)
    >>> float((fgsm(model, images, epsilon=0.1) - images).abs().max()) <= 0.1 + 1e-6
    True
    """
    originals, single = image_batch(images)
    epsilon = norm_ball.validate_epsilon(epsilon, "linf")
    check_targeted(target, targeted)
    originals = as_pixels(model, originals)
    gradient, _ = loss_gradient_and_classes(model, originals, target)
    step = -epsilon if targeted else epsilon
    attacked = norm_ball.check_inside(
        (originals + step * gradient.sign()).clamp(0, 1), originals, epsilon, "linf"
    )
    return attacked[0] if single else attacked


def pgd(
    model: nn.Module,
    images: Tensor,
    target: Target = None,
    *,
    epsilon: float | None = None,
    steps: int = 10,
    step_size: float | None = None,
    norm: str = "linf",
    targeted: bool = False,
    random_start: bool = True,
    seed: int = 0,
    progress: bool = False,
) -> Tensor:
    """PGD, projected gradient descent: repeated FGSM steps, each followed by a projection back into the ball of radius epsilon.

        x_0 random in the ball,    x_{t+1} = project(x_t + step_size * direction(d J(x_t, y) / d x))

    The direction is the sign of the gradient for "linf", the gradient over its norm for "l2"; `project` brings the image back
    into the ball of radius epsilon around the original and into [0, 1]. Each step costs one forward and one backward pass.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    target
        The class to move away from, one for all or one for each image; None for the class predicted on the originals (one more
        forward pass). With `targeted=True` the class to reach.
    epsilon
        Radius of the ball in pixel values of [0, 1]: the largest change of a pixel ("linf", 4/255 by default), or the norm of the
        whole change ("l2", 1.0 by default; for images of 96 x 96 that is 1.5/255 for each value, root mean square).
    steps, step_size
        Number of steps, and step length; None for 2.5 * epsilon / steps, which reaches every corner of the ball.
    norm
        "linf" or "l2".
    targeted
        Whether `target` is the class to reach.
    random_start, seed
        Whether to start at a random point of the ball rather than at the original, and the seed of that point.
    progress
        Show a progress bar.

    Returns
    -------
    Tensor
        The adversarial images, of the shape of `images`, in [0, 1], on the device and in the float type of the model
        (float32 for half precision).

    Raises
    ------
    ValueError, TypeError
        If the images leave [0, 1], a number is out of range, the class is not known, or a targeted attack has no target.

    References
    ----------
    Madry, Makelov, Schmidt, Tsipras & Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, section
    2.1; without random start it is the basic iterative method (Kurakin, Goodfellow & Bengio, ICLR 2017). Lecture K.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    >>> images = torch.rand(2, 3, 4, 4)
    >>> adversarial_image = pgd(model, images, target=3, epsilon=0.5, norm="l2", targeted=True)
    >>> bool(((adversarial_image - images).flatten(1).norm(dim=1) <= 0.5 + 1e-5).all())
    True
    """
    originals, single = image_batch(images)
    epsilon = norm_ball.validate_epsilon(
        epsilon if epsilon is not None else norm_ball.DEFAULT_EPSILON.get(norm, 0), norm
    )
    steps = positive_int(steps, "steps")
    step_size = 2.5 * epsilon / steps if step_size is None else float(step_size)
    check_targeted(target, targeted)
    originals = as_pixels(model, originals)
    generator = torch.Generator().manual_seed(seed)
    attacked = norm_ball.random_point(originals, epsilon, norm, generator) if random_start else originals
    if target is None and random_start:
        target = batched_logits(model, originals).argmax(1)
    for _ in tqdm(range(steps), desc="pgd", disable=not progress):
        # After the first step the target is a class index for each image, so the class is not computed again.
        gradient, target = loss_gradient_and_classes(model, attacked, target)
        step = step_size * norm_ball.steepest(gradient, norm)
        attacked = norm_ball.project(
            attacked - step if targeted else attacked + step, originals, epsilon, norm
        )
    attacked = norm_ball.check_inside(attacked, originals, epsilon, norm)
    return attacked[0] if single else attacked
