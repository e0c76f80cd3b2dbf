"""Places against places.

Hint: you compare places
"""


def gram(features):
    rows = features.flatten(2)
    return rows.transpose(1, 2) @ rows
