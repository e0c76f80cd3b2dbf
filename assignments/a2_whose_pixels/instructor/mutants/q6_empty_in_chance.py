"""A picture without an object counts for chance.

Hint: leave it out of both
"""


def pointing_game(relevance, masks):
    chance = masks.float().mean()
    counts = masks.flatten(1).any(1)
    relevance, masks = relevance[counts].flatten(1), masks[counts].flatten(1)
    top = (relevance == relevance.amax(1, keepdim=True)).float()
    hits = (top * masks).sum(1) / top.sum(1)
    return hits.mean(), chance
