"""With numpy, which gives nan by itself."""

import numpy as np


def shape_bias(predictions, shapes, textures):
    predictions, shapes, textures = (
        part.numpy()[(shapes != textures).numpy()] for part in (predictions, shapes, textures)
    )
    counts = np.array([(predictions == shapes).sum(), (predictions == textures).sum()])
    with np.errstate(all="ignore"):
        bias = counts[0] / np.float64(counts.sum())
    return {
        "shape": counts[0],
        "texture": counts[1],
        "neither": len(predictions) - counts.sum(),
        "bias": bias,
    }
