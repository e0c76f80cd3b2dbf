"""The share of the relevance.

Hint: the game looks at the strongest point alone
"""


def pointing_game(relevance, masks):
    counts = masks.flatten(1).any(1)
    relevance, masks = relevance[counts].flatten(1), masks[counts].flatten(1)
    positive = relevance.clamp(min=0)
    hits = (positive * masks).sum(1) / positive.sum(1)
    return hits.mean(), masks.float().mean()
