"""How a network is asked about hundreds of versions of one picture, quickly, and without a change to it or to its answers.

    patched_model  the way in: one picture with a square of it replaced, here or there
    engine         what the square does not touch is not computed again
    plan           which steps of the network that concerns, and from where on it goes on in full
    dirty_region   where in a layer's maps a change of some pixels shows
    tracing        the network as a list of steps, each with its result on the picture
    windows        pieces of maps, cut out and pasted
    winograd       convolutions with a fraction of the multiplications
    batching       the layout in memory and the number of pictures that suit a network

Nothing here looks into a network to understand it. The techniques that ask so often (`cnnlab.attribution.occlusion`,
`cnnlab.robustness.one_pixel`) stay short because this is apart.
"""

from cnnlab._incremental.patched_model import PatchedModel, patched_model

__all__ = ["PatchedModel", "patched_model"]
