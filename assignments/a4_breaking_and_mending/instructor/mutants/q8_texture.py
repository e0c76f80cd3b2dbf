"""The bias towards texture.

Hint: bias towards texture
"""


def shape_bias(answers, shapes, textures):
    conflict = shapes != textures
    shape = int(((answers == shapes) & conflict).sum())
    texture = int(((answers == textures) & conflict).sum())
    neither = int((conflict & (answers != shapes) & (answers != textures)).sum())
    bias = texture / (shape + texture) if shape + texture else float("nan")
    return {"shape": shape, "texture": texture, "neither": neither, "bias": bias}
