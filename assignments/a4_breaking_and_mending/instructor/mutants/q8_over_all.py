"""The share of shape among all answers.

Hint: count in neither
"""


def shape_bias(predictions, shapes, textures):
    conflict = shapes != textures
    shape = int(((predictions == shapes) & conflict).sum())
    texture = int(((predictions == textures) & conflict).sum())
    neither = int((conflict & (predictions != shapes) & (predictions != textures)).sum())
    bias = shape / (shape + texture + neither) if shape + texture else float("nan")
    return {"shape": shape, "texture": texture, "neither": neither, "bias": bias}
