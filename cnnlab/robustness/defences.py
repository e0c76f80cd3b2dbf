"""Defences around a network: JPEG compression, averaging over noise (randomised smoothing), and one that only masks gradients.

Each is a network itself, made from another, so that every attack can be tried on it. And each can be attacked by someone who knows
it: the JPEG wrapper passes gradients straight through its rounding, the noise wrapper averages the gradient over its noise, and the
wrapper that scales logits falls to `apgd` with a loss that does not mind the scale. A defence that holds only against attackers who do
not know it is not a defence.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnlab._validation import positive_int, whole_number
from cnnlab.networks.eval_mode import match_device_dtype
from cnnlab.networks.forward import class_logits
from cnnlab.robustness.digital import jpeg_round_trip


class _Defence(nn.Module):
    """A network behind a defence, with the name, the classes and the input size of the network that it protects."""

    def __init__(self, model: nn.Module, description: str):
        super().__init__()
        self.model = model
        self.name = f"{getattr(model, 'name', type(model).__name__)} behind {description}"
        self.class_names = getattr(model, "class_names", None)
        self.input_size = getattr(model, "input_size", None)


class JpegDefence(_Defence):
    """JPEG defence: the network receives each image after JPEG compression.

    Rounding has zero gradient, so an attacker who follows the true gradient gets nowhere and the defence looks good. In the forward
    pass the image is re-encoded; in the backward pass the gradient passes as if it had not been (straight-through), which is what
    an attacker who knows the defence would do.

    Parameters
    ----------
    model
        The network to protect.
    quality
        Of the JPEG file, 1 to 100.

    References
    ----------
    Dziugaite, Ghahramani & Roy, "A study of the effect of JPG compression on adversarial images", 2016; the straight-through
    gradient: Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018, section 4.1. Lecture K,
    "re-encoding of inputs".

    Example
    -------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> JpegDefence(network, quality=60)(torch.rand(2, 3, 16, 16)).shape
    torch.Size([2, 5])
    """

    def __init__(self, model: nn.Module, quality: int = 50):
        super().__init__(model, f"JPEG of quality {whole_number(quality, 'quality', minimum=1, maximum=100)}")
        self.quality = int(quality)

    def forward(self, images: Tensor) -> Tensor:
        """N x C logits of the re-encoded images."""
        stored = [
            torch.from_numpy(jpeg_round_trip(picture, self.quality))
            for picture in images.detach().float().cpu().permute(0, 2, 3, 1).numpy()
        ]
        coded = torch.stack(stored).permute(0, 3, 1, 2).to(images)
        return class_logits(self.model, images + (coded - images).detach())


class LogitScaleDefence(_Defence):
    """Masked gradients: the logits times a large number. The prediction is the same for every image; the gradient is gone.

        z' = scale * z,    d J / d z' = softmax(z') - onehot(y) = 0 in floating point once scale * margin is above 104

    An attacker who follows the gradient of the cross-entropy stands still, and the network looks robust. It is not: no decision has
    changed. The same happens by itself in a network that is trained to very large logits, as defensive distillation does. Attacks
    whose loss does not depend on the scale (`apgd` with "dlr"), or that use no gradient (`query_attack`), see through it.

    Parameters
    ----------
    model
        The network that seems to be protected.
    scale
        What the logits are multiplied by.

    References
    ----------
    Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", ICML 2020,
    section 4; the distilled network: Carlini & Wagner, "Towards Evaluating the Robustness of Neural Networks", 2017.

    Example
    -------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> LogitScaleDefence(network)(torch.rand(2, 3, 16, 16)).shape
    torch.Size([2, 5])
    """

    def __init__(self, model: nn.Module, scale: float = 1e4):
        super().__init__(model, f"logits times {float(scale):g}")
        if not 0 < float(scale) < float("inf"):
            raise ValueError(f"scale must be a number above 0, but got {scale!r}.")
        self.scale = float(scale)

    def forward(self, images: Tensor) -> Tensor:
        """N x C logits, scaled."""
        return self.scale * class_logits(self.model, images)


class NoiseDefence(_Defence):
    """Noise defence: the network's probabilities are averaged over several noisy copies of each image.

        logits' = log of the mean over k of softmax(model(x + noise_k))

    The noise is new in every forward pass. The gradient of the mean is the mean of the gradients, so an attack that follows it
    already takes the noise into account (expectation over transformation).

    Parameters
    ----------
    model
        The network to protect.
    deviation
        Standard deviation of the noise, in pixel values of [0, 1]. Noisy images are not clipped.
    samples
        Noisy copies of each image.
    seed
        Seed of the noise.

    References
    ----------
    Cohen, Rosenfeld & Kolter, "Certified Adversarial Robustness via Randomized Smoothing", ICML 2019; the attack: Athalye, Engstrom,
    Ilyas & Kwok, "Synthesizing Robust Adversarial Examples", ICML 2018. Lecture K, "Perturbations, noise, or re-encoding".

    Example
    -------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    >>> NoiseDefence(network, samples=4)(torch.rand(2, 3, 16, 16)).shape
    torch.Size([2, 5])
    """

    def __init__(self, model: nn.Module, deviation: float = 0.1, samples: int = 8, seed: int = 0):
        super().__init__(model, f"noise of {float(deviation):g}")
        if not float(deviation) > 0:
            raise ValueError(f"deviation must be above 0, but got {deviation!r}.")
        self.deviation = float(deviation)
        self.samples = positive_int(samples, "samples")
        self._generator = torch.Generator().manual_seed(seed)

    def forward(self, images: Tensor) -> Tensor:
        """N x C logarithms of the averaged probabilities, which serve as logits."""
        repeated = images.repeat_interleave(self.samples, 0)
        noise = match_device_dtype(self.model, torch.randn(repeated.shape, generator=self._generator))
        logs = class_logits(self.model, repeated + self.deviation * noise).log_softmax(1)
        return logs.unflatten(0, (-1, self.samples)).logsumexp(1) - torch.tensor(self.samples).log()
