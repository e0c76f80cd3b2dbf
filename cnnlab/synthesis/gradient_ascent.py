"""The one loop behind all pictures that are made by gradient: step uphill, keep to what is natural, look again.

    draw the picture -> change it a little -> ask the network -> score minus penalties -> step -> edit

The objective is what is maximised (`objectives`), the parametrisation gives the coordinates (`parametrisations`), random transforms are
applied before each step ( `transforms`), priors are penalties (added to the loss) and edits (applied after the step) (`regularisers`).
`activation_maximisation`, `inversion`, `deepdream` and `transfer_style` are choices of these parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.networks.eval_mode import eval_mode
from cnnlab.networks.relu_rules import REDIRECTED, relu_rule
from cnnlab.synthesis.early_exit import reader
from cnnlab.synthesis.objectives import Objective
from cnnlab.synthesis.parametrisations import Parametrisation
from cnnlab.synthesis.random_transforms import Transform
from cnnlab.synthesis.regularisers import Edit, Penalty


@dataclass(frozen=True, eq=False)
class AscentState:
    """Pictures on their way uphill.

    Fields
    ------
    images
        N x 3 x H x W in [0, 1]: the pictures as they are now.
    scores
        (step + 1) x N: what the objective gave so far, penalties aside, from the start to these pictures, each as it was shaken.
    """

    images: Tensor
    scores: Tensor

    @property
    def step(self) -> int:
        """How many steps have been done."""
        return len(self.scores) - 1


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
    """Maximise `objective - penalty` over the numbers of a parametrisation: one `AscentState` for the start and one after each step.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits. Its parameters are frozen while the gradient is computed, and between two
        steps it is as it was found.
    objective
        What shall grow.
    parameters, parametrisation
        Where to start, and how the numbers become pictures: `fourier().encode(images)` with `fourier()`, say.
    steps, learning_rate
        How many steps of Adam, and how long each is for every number, whatever the size of its gradient.
    transforms
        What is done to the pictures, in this order, before the network sees them; `generator` is where their chance comes from.
    penalty, ramp
        Pictures -> N numbers to pay; the share of the steps over which the price rises from nothing to the whole.
    edit
        (index of the step, pictures, gradient of the score with respect to them) -> pictures, after each step.
    """
    parameters = parameters.detach().clone().requires_grad_()
    optimiser = torch.optim.Adam(
        [parameters],
        lr=parametrisation.learning_rate if learning_rate is None else learning_rate,
        maximize=True,
    )
    generator = generator or torch.Generator().manual_seed(0)
    scores: list[Tensor] = []
    read = None
    for step in range(steps + 1):
        with eval_mode(model, frozen=True), torch.inference_mode(False), torch.enable_grad():
            images = parametrisation.to_images(parameters)
            # A picture of its own, so that its gradient can be looked at before it goes on to the numbers.
            picture = images.detach().clone().requires_grad_()
            transformed = picture
            for transform in transforms:
                transformed = transform(transformed, generator)
            read = read or reader(model, objective.layers, tuple(transformed.shape[-2:]))
            with relu_rule(REDIRECTED):  # so that a unit which the start leaves at zero has a gradient too
                score = objective.score(model, read(transformed))
            scores.append(score.detach())
            if step < steps:
                (gradient,) = torch.autograd.grad(score.sum(), picture)
                direction = gradient
                if penalty is not None:
                    penalty_value = penalty(picture).sum() * min(1.0, (step + 1) / max(1.0, ramp * steps))
                    direction = gradient - torch.autograd.grad(penalty_value, picture)[0]
                (parameters.grad,) = torch.autograd.grad(images, parameters, direction)
        yield AscentState(picture.detach(), torch.stack(scores))
        if step < steps:
            optimiser.step()
            with torch.no_grad():
                parametrisation.project(parameters)
                if edit is not None:
                    images = parametrisation.to_images(parameters)
                    edited = edit(step, images, gradient)
                    if edited is not images:
                        parameters.copy_(parametrisation.from_images(edited))
