"""Which picture does the network want? Pictures that are optimised through it.

    maximise          the picture that a class, a channel or a unit likes best
    invert            the pictures that look the same to a layer
    dream             more of what a layer sees: octaves, and the walk into the dream
    style             the content of one picture in the style of another; textures
    gram              the statistic of style, `gram_matrix`
    objectives        what shall grow: `logit`, `unit`, `channel`, `direction`, `layer_norm`; they add up with `+`
    parametrisations  in which coordinates: `pixels`, or `fourier` in decorrelated colours
    transforms        what a picture must survive: `jitter`, `zoom_and_turn`
    priors            what keeps it natural: `total_variation`, L2, blur, clipping of small pixels
    ascent            the loop that puts them together, `ascend`
    reading           what flows out of the layers, and no further than needed

Every technique takes a model that maps pictures in [0, 1] to logits and leaves it as it was; the pictures that come out lie in
[0, 1] too. Each has a twin, `..._steps`, that gives the picture while it grows. Pictures made to deceive belong to
`cnnlab.robustness`.
"""

from cnnlab.synthesis.ascent import Ascent, ascend
from cnnlab.synthesis.dream import dream, dream_steps, zoom_into_dream
from cnnlab.synthesis.gram import gram_matrix
from cnnlab.synthesis.invert import Inversion, invert, invert_steps
from cnnlab.synthesis.maximise import maximise, maximise_steps
from cnnlab.synthesis.objectives import Objective, channel, direction, layer_norm, logit, unit
from cnnlab.synthesis.parametrisations import PARAMETRISATIONS, Parametrisation, fourier, pixels
from cnnlab.synthesis.priors import (
    blurred,
    total_variation,
    without_small_contributions,
    without_small_pixels,
)
from cnnlab.synthesis.style import StyleTransfer, style_steps, transfer_style
from cnnlab.synthesis.transforms import jitter, zoom_and_turn

__all__ = [
    *("PARAMETRISATIONS", "Ascent", "Inversion", "Objective", "Parametrisation", "StyleTransfer"),
    *(
        "ascend",
        "blurred",
        "channel",
        "direction",
        "dream",
        "dream_steps",
        "fourier",
        "gram_matrix",
        "invert",
    ),
    *("invert_steps", "jitter", "layer_norm", "logit", "maximise", "maximise_steps", "pixels", "style_steps"),
    *("total_variation", "transfer_style", "unit", "without_small_contributions", "without_small_pixels"),
    *("zoom_and_turn", "zoom_into_dream"),
]
