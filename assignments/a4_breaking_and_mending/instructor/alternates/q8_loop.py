"""Picture by picture."""


def shape_bias(predictions, shapes, textures):
    counts = {"shape": 0, "texture": 0, "neither": 0}
    for answer, shape, texture in zip(predictions.tolist(), shapes.tolist(), textures.tolist(), strict=True):
        if shape == texture:
            continue
        counts["shape" if answer == shape else "texture" if answer == texture else "neither"] += 1
    either = counts["shape"] + counts["texture"]
    return counts | {"bias": counts["shape"] / either if either else float("nan")}
