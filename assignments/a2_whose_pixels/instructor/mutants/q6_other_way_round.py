"""Chance comes first.

Hint: the rate comes first
"""


def pointing_game(relevance, masks):
    counts = masks.flatten(1).any(1)
    relevance, masks = relevance[counts].flatten(1), masks[counts].flatten(1)
    top = (relevance == relevance.amax(1, keepdim=True)).float()
    hits = (top * masks).sum(1) / top.sum(1)
    return masks.float().mean(), hits.mean()
