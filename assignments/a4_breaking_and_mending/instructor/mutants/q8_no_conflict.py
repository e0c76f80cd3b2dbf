"""Pictures of one class count twice.

Hint: there is no conflict
"""

import torch


def shape_bias(predictions, shapes, textures):
    conflict = torch.ones(len(predictions), dtype=torch.bool)
    shape = int(((predictions == shapes) & conflict).sum())
    texture = int(((predictions == textures) & conflict).sum())
    neither = int((conflict & (predictions != shapes) & (predictions != textures)).sum())
    bias = shape / (shape + texture) if shape + texture else float("nan")
    return {"shape": shape, "texture": texture, "neither": neither, "bias": bias}
