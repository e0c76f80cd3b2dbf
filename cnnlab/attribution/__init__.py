"""Which pixels matter? Maps over the picture, and how well they point at the truth.

    occlusion      cover a piece, ask again: probability and predicted class under a sliding occluder
    occlusion_map  what comes out: a number for each place, and read pixel by pixel
    covering       what an occluder is made of, and where it goes
    scoring        does the map point at the object? pointing game and relevance mass, beside chance

Every technique takes a model, a picture in [0, 1] and a target, and gives the raw, signed map; scaling and
colour belong to `cnnlab.figures`. What a unit inside the network responds to belongs to `cnnlab.units`.
"""

from cnnlab.attribution.covering import FILLS, fill_picture, occlude, positions
from cnnlab.attribution.occlusion import occlusion, occlusion_steps
from cnnlab.attribution.occlusion_map import OcclusionMap
from cnnlab.attribution.scoring import PointingGame, RelevanceMass, pointing_game, relevance_mass

__all__ = [
    "FILLS",
    "OcclusionMap",
    "PointingGame",
    "RelevanceMass",
    "fill_picture",
    "occlude",
    "occlusion",
    "occlusion_steps",
    "pointing_game",
    "positions",
    "relevance_mass",
]
