"""The axes are mixed up before they are joined.

Hint: you turn places into channels
"""


def gram(features):
    rows = features.permute(0, 2, 3, 1).reshape(len(features), features.shape[1], -1)
    return rows @ rows.transpose(1, 2)
