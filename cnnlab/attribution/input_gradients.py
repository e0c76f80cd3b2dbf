"""Input gradients: the gradient of a score with respect to the pixels, by one forward and one backward pass.

The score is a `ScoreTarget` (`cnnlab.attribution.targets`), the rule at the ReLUs one of `cnnlab.networks.relu_rules`. The model is left
unchanged. For the meaning of the gradients see the techniques that use them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from cnnlab.attribution.targets import ScoreTarget, target_scores
from cnnlab.networks.eval_mode import eval_mode
from cnnlab.networks.relu_rules import relu_rule

NO_RELU = (
    "no ReLU ran in this network, so there is nothing that the rule {!r} could change; use the gradient. (Rules reach ReLU and"
    " ReLU6 by name: not clamp(min=0), not other activation functions such as SiLU or GELU, not the inside of scripted networks.)"
)
NOT_DIFFERENTIABLE = (
    "the output does not depend on the picture through derivatives: does the network compute without gradients (no_grad, detach,"
    " argmax), or from something else than the picture?"
)


def input_gradients(
    model: nn.Module, pictures: Tensor, score_target: ScoreTarget, rule: str = "gradient"
) -> Tensor:
    """N x 3 x H x W: the gradient of `score_target`, by one of the three rules; one forward and one backward pass."""
    with with_input_grad(model, pictures) as pixels:
        with relu_rule(rule) if rule != "gradient" else nullcontext() as relus:
            scores, *_ = target_scores(
                model, pixels.clone(), score_target
            )  # cloned: a network may change its input in place
        if relus and not relus.relu_count:
            raise ValueError(NO_RELU.format(rule))
        return grad_wrt(scores, pixels)


@contextmanager
def with_input_grad(model: nn.Module, pictures: Tensor) -> Iterator[Tensor]:
    """The model in eval mode with frozen parameters, gradients on, and a copy of the images that requires a gradient."""
    with torch.inference_mode(False), torch.enable_grad(), eval_mode(model, frozen=True):
        yield pictures.detach().clone().requires_grad_()


def grad_wrt(scores: Tensor, inputs: Tensor, *, retain_graph: bool = False) -> Tensor:
    """The gradient of each image's score (N) with respect to its part of `inputs` (N x ...), detached from the graph.

    Images do not influence each other in eval mode, so the gradient of the sum contains them all. `retain_graph` keeps the graph for
    another backward pass.
    """
    (gradient,) = (
        torch.autograd.grad(scores.sum(), inputs, retain_graph=retain_graph, allow_unused=True)
        if scores.requires_grad
        else (None,)
    )
    if gradient is None:
        raise ValueError(NOT_DIFFERENTIABLE)
    return gradient
