"""Input gradients: the gradient of a score with respect to the pixels, by one forward and one backward pass.

The score is a `ScoreTarget` (`cnnlab.attribution.targets`), the rule at the ReLUs one of `cnnlab.networks.relu_rules`. The model is left
unchanged. For the meaning of the gradients see the techniques that use them.
"""

from __future__ import annotations

from contextlib import nullcontext

from torch import Tensor, nn

from cnnlab.attribution.targets import ScoreTarget, target_scores
from cnnlab.networks.forward import as_pixels, input_gradient, with_gradients
from cnnlab.networks.relu_rules import relu_rule

NO_RELU = (
    "no ReLU ran in this network, so there is nothing that the rule {!r} could change; use the gradient. (Rules reach ReLU and"
    " ReLU6 by name: not clamp(min=0), not other activation functions such as SiLU or GELU, not the inside of scripted networks.)"
)


def input_gradients(
    model: nn.Module, pictures: Tensor, score_target: ScoreTarget, rule: str = "gradient"
) -> Tensor:
    """N x 3 x H x W: the gradient of `score_target`, by one of the three rules; one forward and one backward pass."""
    with with_gradients(model):
        pixels = as_pixels(model, pictures).requires_grad_()
        with relu_rule(rule) if rule != "gradient" else nullcontext() as relus:
            scores, *_ = target_scores(model, pixels, score_target)
        if relus and not relus.relu_count:
            raise ValueError(NO_RELU.format(rule))
        return input_gradient(scores, pixels)
