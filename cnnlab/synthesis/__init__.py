"""Which picture does the network want? Pictures that are optimised through it.

    activation_maximisation  the picture that a class, a channel or a unit likes best
    inversion                the pictures that look the same to a layer
    deepdream                more of what a layer sees: octaves, and the walk into the dream
    style_transfer           the content of one picture in the style of another; textures
    gram_matrix              the statistic of style, `gram_matrix`
    objectives               what shall grow: `logit`, `unit`, `channel`, `direction`, `layer_norm`; they add up with `+`
    parametrisations         in which coordinates: `pixels`, or `fourier` in decorrelated colours
    random_transforms        what a picture must survive: `jitter`, `random_zoom_rotate`
    regularisers             what keeps it natural: `total_variation`, L2, blur, clipping of small pixels
    gradient_ascent          the loop that puts them together, `gradient_ascent`
    early_exit               what flows out of the layers, and no further than needed

Every technique takes a model that maps pictures in [0, 1] to logits and leaves it as it was; the pictures that come out lie in
[0, 1] too. Each has a twin, `..._steps`, that gives the picture while it grows. Pictures made to deceive belong to
`cnnlab.robustness`.
"""

from cnnlab.synthesis.activation_maximisation import maximise, maximise_steps
from cnnlab.synthesis.deepdream import deepdream, deepdream_steps, deepdream_zoom
from cnnlab.synthesis.gradient_ascent import AscentState, gradient_ascent
from cnnlab.synthesis.gram_matrix import gram_matrix
from cnnlab.synthesis.inversion import Inversion, invert, invert_steps
from cnnlab.synthesis.objectives import Objective, channel, direction, layer_norm, logit, unit
from cnnlab.synthesis.parametrisations import PARAMETRISATIONS, Parametrisation, fourier, pixels
from cnnlab.synthesis.random_transforms import jitter, random_zoom_rotate
from cnnlab.synthesis.regularisers import (
    clip_small_contribution,
    clip_small_norm,
    gaussian_blur,
    total_variation,
)
from cnnlab.synthesis.style_transfer import StyleTransfer, style_steps, transfer_style

__all__ = [
    *("PARAMETRISATIONS", "AscentState", "Inversion", "Objective", "Parametrisation", "StyleTransfer"),
    *(
        "gradient_ascent",
        "gaussian_blur",
        "channel",
        "direction",
        "deepdream",
        "deepdream_steps",
        "fourier",
        "gram_matrix",
        "invert",
    ),
    *("invert_steps", "jitter", "layer_norm", "logit", "maximise", "maximise_steps", "pixels", "style_steps"),
    *("total_variation", "transfer_style", "unit", "clip_small_contribution", "clip_small_norm"),
    *("random_zoom_rotate", "deepdream_zoom"),
]
