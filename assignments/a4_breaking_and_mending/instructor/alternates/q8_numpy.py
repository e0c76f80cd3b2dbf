"""With numpy, which gives nan by itself."""

import numpy as np


def shape_bias(answers, shapes, textures):
    answers, shapes, textures = (
        part.numpy()[(shapes != textures).numpy()] for part in (answers, shapes, textures)
    )
    counts = np.array([(answers == shapes).sum(), (answers == textures).sum()])
    with np.errstate(all="ignore"):
        bias = counts[0] / np.float64(counts.sum())
    return {"shape": counts[0], "texture": counts[1], "neither": len(answers) - counts.sum(), "bias": bias}
