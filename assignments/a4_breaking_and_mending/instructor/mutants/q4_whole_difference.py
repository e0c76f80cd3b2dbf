"""The whole difference instead of half of it.

Hint: not all of it
"""

import torch


def next_generation(model, image, label, candidates, triples):
    a, b, c = candidates[triples].unbind(1)
    children = a + (b - c)
    most = torch.tensor([image.shape[1] - 1, image.shape[2] - 1, 1, 1, 1])
    children = torch.minimum(children.clamp(min=0), most)

    def probability(these):
        painted = image.repeat(len(these), 1, 1, 1)
        rows, columns = these[:, 0].long(), these[:, 1].long()
        painted[torch.arange(len(these)), :, rows, columns] = these[:, 2:]
        with torch.no_grad():
            return model(painted).softmax(1)[:, label]

    better = probability(children) < probability(candidates)
    return torch.where(better[:, None], children, candidates)
