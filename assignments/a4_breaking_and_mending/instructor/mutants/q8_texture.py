"""The bias towards texture.

Hint: bias towards texture
"""


def shape_bias(predictions, shapes, textures):
    conflict = shapes != textures
    shape = int(((predictions == shapes) & conflict).sum())
    texture = int(((predictions == textures) & conflict).sum())
    neither = int((conflict & (predictions != shapes) & (predictions != textures)).sum())
    bias = texture / (shape + texture) if shape + texture else float("nan")
    return {"shape": shape, "texture": texture, "neither": neither, "bias": bias}
