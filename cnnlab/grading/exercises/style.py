"""Exercises of notebook 10, style transfer."""

import torch.nn.functional as F

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import randn
from cnnlab.grading.exercises.requirements import has_shape, is_tensor

OVER_CHANNELS = "the sum runs over positions, so that channels remain: C x C, not positions x positions"


@exercise(
    "10.gram",
    is_tensor("return a tensor, not {type}"),
    lambda result, *_: OVER_CHANNELS if result.shape == (15, 15) else None,
    has_shape("four channels give a matrix of 4 x 4; yours is {shape}"),
    absolute=1e-4,
)
def gram():
    """The Gram matrix, C x C, of a layer's features C x H x W: `answer(features)`."""
    features = randn(4, 3, 5, seed=3)
    rows = features.flatten(1)
    centred, unit = rows - rows.mean(1, keepdim=True), F.normalize(rows)
    mistakes = {
        "do not divide: the sum over positions itself": rows @ rows.T / 15,
        "nothing is subtracted: this is the covariance": centred @ centred.T,
        "these are cosines; do not divide by the lengths": unit @ unit.T,
    }
    hint = "the shape is right, the values are not: entry (i, j) is the sum over positions of channel i times channel j"
    yield Case((features,), rows @ rows.T, mistakes, hint)


@exercise("10.total_loss", relative=0, absolute=1e-6)
def total_loss():
    """The loss of a content loss and the style losses of several layers: `answer(content, styles, alpha, beta)`."""
    for content, styles, alpha, beta in ((0.5, [0.2, 0.6, 0.1], 2.0, 10.0), (0.0, [1.0], 1.0, 3.0)):
        style = sum(styles)
        mistakes = {
            "alpha weighs the content, beta the style": beta * content + alpha * style,
            "sum the style losses of all layers": alpha * content + beta * styles[0],
            "the style losses are summed, not averaged": alpha * content + beta * style / len(styles),
            "alpha and beta weigh the losses": content + style,
        }
        hint = f"for content {content}, style {styles}, alpha {alpha:g}, beta {beta:g} the loss is another"
        yield Case((content, styles, alpha, beta), alpha * content + beta * style, mistakes, hint)
