"""Children may leave the picture.

Hint: outside
"""

import torch


def next_generation(model, image, label, candidates, triples):
    a, b, c = candidates[triples].unbind(1)
    children = a + 0.5 * (b - c)

    def probability(these):
        painted = image.repeat(len(these), 1, 1, 1)
        rows, columns = these[:, 0].long(), these[:, 1].long()
        painted[torch.arange(len(these)), :, rows, columns] = these[:, 2:]
        with torch.no_grad():
            return model(painted).softmax(1)[:, label]

    better = probability(children) < probability(candidates)
    return torch.where(better[:, None], children, candidates)
