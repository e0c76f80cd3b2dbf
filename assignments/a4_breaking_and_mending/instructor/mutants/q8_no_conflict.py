"""Pictures of one class count twice.

Hint: there is no conflict
"""

import torch


def shape_bias(answers, shapes, textures):
    conflict = torch.ones(len(answers), dtype=torch.bool)
    shape = int(((answers == shapes) & conflict).sum())
    texture = int(((answers == textures) & conflict).sum())
    neither = int((conflict & (answers != shapes) & (answers != textures)).sum())
    bias = shape / (shape + texture) if shape + texture else float("nan")
    return {"shape": shape, "texture": texture, "neither": neither, "bias": bias}
