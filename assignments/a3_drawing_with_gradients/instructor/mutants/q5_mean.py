"""A mean over the places.

Hint: not a mean
"""


def gram(features):
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]
