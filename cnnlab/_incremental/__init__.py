"""Incremental inference: the logits of hundreds of versions of one image, quickly, without a change to the network or the results.

    patched_model  the entry point: one image with a square of it replaced, at varying positions
    engine         recomputes only what the square can change
    plan           which steps are computed in windows, and from where on in full
    dirty_region   the region of a layer's maps that a change of some pixels can affect
    tracing        the network as a list of steps, each with its result for the image
    fusion         normalisation folded into convolutions, activations in place
    grouping       positions whose windows are alike, so that one tensor holds them
    windows        windows of maps, cut out and pasted
    winograd       convolutions with fewer multiplications
    batching       the memory layout and the batch size that suit a network

Nothing here analyses a network. It keeps the techniques that need so many forward passes (`cnnlab.attribution.occlusion`,
`cnnlab.robustness.one_pixel`) short.
"""

from cnnlab._incremental.patched_model import PatchedModel, patched_model

__all__ = ["PatchedModel", "patched_model"]
