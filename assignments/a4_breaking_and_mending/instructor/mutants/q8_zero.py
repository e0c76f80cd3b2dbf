"""No answer counts as bias 0.

Hint: nan
"""


def shape_bias(predictions, shapes, textures):
    conflict = shapes != textures
    shape = int(((predictions == shapes) & conflict).sum())
    texture = int(((predictions == textures) & conflict).sum())
    neither = int((conflict & (predictions != shapes) & (predictions != textures)).sum())
    bias = shape / (shape + texture) if shape + texture else 0.0
    return {"shape": shape, "texture": texture, "neither": neither, "bias": bias}
