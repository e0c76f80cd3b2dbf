"""Adam for a single tensor, such as an image or a patch that is optimised through a network."""

from __future__ import annotations

import torch
from torch import Tensor


class Adam:
    """Adam (Kingma & Ba, 2015, algorithm 1), uphill; the same numbers as `torch.optim.Adam(maximize=True)`.

        m = b1 m + (1 - b1) g,    v = b2 v + (1 - b2) g^2,    parameters += rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    torch's own imports its compiler when it is made, which takes seconds before the first picture.
    """

    def __init__(
        self,
        parameters: Tensor,
        rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ):
        self._parameters, self._rate, self._betas, self._epsilon = parameters, rate, betas, epsilon
        self._mean, self._square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self._steps = 0

    def step(self, gradient: Tensor) -> None:
        """Move the parameters, in place and without a graph."""
        self._steps += 1
        first, second = self._betas
        self._mean.lerp_(gradient, 1 - first)
        self._square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = (self._square.sqrt() / (1 - second**self._steps) ** 0.5).add_(self._epsilon)
        self._parameters.addcdiv_(self._mean, root, value=self._rate / (1 - first**self._steps))
