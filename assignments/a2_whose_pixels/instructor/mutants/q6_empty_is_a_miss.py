"""A picture without an object counts as a miss.

Hint: leave it out of both
"""


def pointing_game(relevance, masks):
    relevance, masks = relevance.flatten(1), masks.flatten(1)
    top = (relevance == relevance.amax(1, keepdim=True)).float()
    hits = (top * masks).sum(1) / top.sum(1)
    return hits.mean(), masks.float().mean()
