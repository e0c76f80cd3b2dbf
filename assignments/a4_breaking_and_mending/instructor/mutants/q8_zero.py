"""No answer counts as bias 0.

Hint: nan
"""


def shape_bias(answers, shapes, textures):
    conflict = shapes != textures
    shape = int(((answers == shapes) & conflict).sum())
    texture = int(((answers == textures) & conflict).sum())
    neither = int((conflict & (answers != shapes) & (answers != textures)).sum())
    bias = shape / (shape + texture) if shape + texture else 0.0
    return {"shape": shape, "texture": texture, "neither": neither, "bias": bias}
