"""A plain product, which long codes win.

Hint: divide each by its length
"""


def neighbours(queries, codes, k):
    return (queries @ codes.T).topk(k, dim=1).indices
