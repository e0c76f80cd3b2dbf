"""The share of shape among all answers.

Hint: count in neither
"""


def shape_bias(answers, shapes, textures):
    conflict = shapes != textures
    shape = int(((answers == shapes) & conflict).sum())
    texture = int(((answers == textures) & conflict).sum())
    neither = int((conflict & (answers != shapes) & (answers != textures)).sum())
    bias = shape / (shape + texture + neither) if shape + texture else float("nan")
    return {"shape": shape, "texture": texture, "neither": neither, "bias": bias}
