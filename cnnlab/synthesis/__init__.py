"""Feature visualisation: images optimised by gradient through a network, from activation maximisation to style transfer.

    activation_maximisation  the image that maximises a class logit, a channel or a unit
    inversion                images with the same activations in a layer
    deepdream                amplify what a layer detects: octaves, and the DeepDream zoom
    style_transfer           the content of one picture in the style of another; textures
    gram_matrix              the statistic of style, `gram_matrix`
    objectives               what is maximised: `logit`, `unit`, `channel`, `direction`, `caricature`, `diversity` ...; they add up with `+`
    parametrisations         the coordinates of the optimisation: `pixels`, or `fourier` in decorrelated colours
    random_transforms        random changes before each step: `jitter`, `random_zoom_rotate`
    regularisers             natural-image priors: `total_variation`, L2, blur, clipping of small pixels
    unit_pictures            pictures of single units, small first, kept on disk; the sheet of a layer
    gradient_ascent          the loop that puts the parts together, `gradient_ascent`
    early_exit               a forward pass that stops after the last layer needed

Every technique takes a model that maps images in [0, 1] to logits and leaves it unchanged; the resulting images lie in [0, 1]
too. Each has a version `..._steps` that yields the image after each step. Images made to deceive a network belong to
`cnnlab.robustness`.
"""

from cnnlab.synthesis.activation_maximisation import maximise, maximise_steps
from cnnlab.synthesis.deepdream import deepdream, deepdream_steps, deepdream_zoom
from cnnlab.synthesis.gradient_ascent import AscentState, gradient_ascent
from cnnlab.synthesis.gram_matrix import gram_matrix
from cnnlab.synthesis.inversion import Inversion, invert, invert_steps
from cnnlab.synthesis.objectives import (
    Objective,
    caricature,
    channel,
    direction,
    diversity,
    layer_norm,
    logit,
    unit,
)
from cnnlab.synthesis.parametrisations import PARAMETRISATIONS, Parametrisation, fourier, pixels
from cnnlab.synthesis.random_transforms import jitter, random_zoom_rotate
from cnnlab.synthesis.regularisers import (
    clip_small_contribution,
    clip_small_norm,
    gaussian_blur,
    total_variation,
)
from cnnlab.synthesis.style_transfer import StyleTransfer, style_steps, transfer_style
from cnnlab.synthesis.unit_pictures import kept_unit_picture, unit_picture_steps, unit_pictures

__all__ = [
    *("PARAMETRISATIONS", "AscentState", "Inversion", "Objective", "Parametrisation", "StyleTransfer"),
    *(
        "gradient_ascent",
        "gaussian_blur",
        "caricature",
        "channel",
        "direction",
        "diversity",
        "deepdream",
        "deepdream_steps",
        "fourier",
        "gram_matrix",
        "invert",
    ),
    *("invert_steps", "jitter", "layer_norm", "logit", "maximise", "maximise_steps", "pixels", "style_steps"),
    *("total_variation", "transfer_style", "unit", "clip_small_contribution", "clip_small_norm"),
    *("random_zoom_rotate", "deepdream_zoom", "kept_unit_picture", "unit_picture_steps", "unit_pictures"),
]
