"""Gradient ascent on images: the one optimisation loop behind every technique of this package.

    parameters -> image -> random transforms -> forward pass -> score minus penalties -> step -> edits

The objective is maximised (`objectives`), the parametrisation gives the coordinates (`parametrisations`), random transforms are
applied before each step (`random_transforms`), priors are penalties (added to the loss) and edits (applied after the step; `regularisers`).
`activation_maximisation`, `inversion`, `deepdream` and `transfer_style` are choices of these parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.networks.adam import Adam
from cnnlab.networks.forward import input_gradient, with_gradients
from cnnlab.networks.relu_rules import REDIRECTED, relu_rule
from cnnlab.synthesis.early_exit import reader
from cnnlab.synthesis.objectives import Objective
from cnnlab.synthesis.parametrisations import Parametrisation
from cnnlab.synthesis.random_transforms import Transform
from cnnlab.synthesis.regularisers import Edit, Penalty


@dataclass(frozen=True, eq=False)
class AscentState:
    """The state of gradient ascent after a step: the images and their scores so far.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1]: the current images.
    scores
        (step + 1) x N: the objective so far without penalties, from the start to these images, each after its random transforms.
    """

    images: Tensor
    scores: Tensor

    @property
    def step(self) -> int:
        """Number of steps done."""
        return len(self.scores) - 1


@torch.inference_mode(False)
def gradient_ascent(
    model: nn.Module,
    objective: Objective,
    parameters: Tensor,
    parametrisation: Parametrisation,
    *,
    steps: int,
    learning_rate: float | None = None,
    transforms: Sequence[Transform] = (),
    penalty: Penalty | None = None,
    ramp: float = 0.0,
    edit: Edit | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[AscentState]:
    """Gradient ascent: maximise `objective - penalty` over a parametrisation; yields an `AscentState` for the start and each step.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits. It runs in eval mode and is left unchanged, also between two steps.
    objective
        What is maximised.
    parameters, parametrisation
        The parameters to start from, and how they become images: `fourier().encode(images)` with `fourier()`, say.
    steps, learning_rate
        Number of Adam steps, and the step length for every parameter, whatever the size of its gradient.
    transforms
        Applied to the images, in this order, before the forward pass; they draw their random numbers from `generator`.
    penalty, ramp
        Images -> N penalties; the share of the steps over which the weight of the penalty rises from 0 to its full value.
    edit
        (index of the step, images, gradient of the score with respect to them) -> images, after each step.
    """
    parameters = parameters.detach().clone().requires_grad_()
    optimiser = Adam(parameters, parametrisation.learning_rate if learning_rate is None else learning_rate)
    generator = generator or torch.Generator().manual_seed(0)
    scores: list[Tensor] = []
    read = None
    for step in range(steps + 1):
        with with_gradients(model):
            images = parametrisation.to_images(parameters)
            # A leaf of its own, so that its gradient can be read before it flows back to the parameters.
            picture = images.detach().clone().requires_grad_()
            transformed = picture
            for transform in transforms:
                transformed = transform(transformed, generator)
            read = read or reader(model, objective.layers, tuple(transformed.shape[-2:]))
            with relu_rule(REDIRECTED):  # so that a unit with activation 0 at the start has a gradient too
                score = objective.score(model, read(transformed))
            scores.append(score.detach())
            if step < steps:
                gradient = input_gradient(score, picture)
                direction = gradient
                if penalty is not None:
                    penalty_value = penalty(picture).sum() * min(1.0, (step + 1) / max(1.0, ramp * steps))
                    direction = gradient - torch.autograd.grad(penalty_value, picture)[0]
                # As a sum: for a direction that is handed over, torch would import sympy, half a second of the first step.
                (slope,) = torch.autograd.grad((images * direction).sum(), parameters)
        yield AscentState(picture.detach(), torch.stack(scores))
        if step < steps:
            with torch.no_grad():
                optimiser.step(slope)
                parametrisation.project(parameters)
                if edit is not None:
                    images = parametrisation.to_images(parameters)
                    edited = edit(step, images, gradient)
                    if edited is not images:
                        parameters.copy_(parametrisation.from_images(edited))
