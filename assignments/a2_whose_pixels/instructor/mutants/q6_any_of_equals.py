"""One of equal maxima on the object is a hit.

Hint: a part of a hit
"""


def pointing_game(relevance, masks):
    counts = masks.flatten(1).any(1)
    relevance, masks = relevance[counts].flatten(1), masks[counts].flatten(1)
    top = relevance == relevance.amax(1, keepdim=True)
    hits = (top & masks).any(1).float()
    return hits.mean(), masks.float().mean()
