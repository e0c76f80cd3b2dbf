"""The first of equal maxima.

Hint: the first one is not special
"""


def pointing_game(relevance, masks):
    counts = masks.flatten(1).any(1)
    relevance, masks = relevance[counts].flatten(1), masks[counts].flatten(1)
    hits = masks[range(len(masks)), relevance.argmax(1)].float()
    return hits.mean(), masks.float().mean()
