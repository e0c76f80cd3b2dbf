"""One candidate at a time, with clones."""

import torch


def next_generation(model, image, label, candidates, triples):
    _, height, width = image.shape

    def chance(candidate):
        copy = image.clone()
        copy[:, int(candidate[0]), int(candidate[1])] = candidate[2:]
        with torch.no_grad():
            return torch.softmax(model(copy[None]), 1)[0, label].item()

    following = candidates.clone()
    for number in range(len(candidates)):
        a, b, c = (candidates[int(other)] for other in triples[number])
        child = a + (b - c) / 2
        child[0].clamp_(0, height - 1)
        child[1].clamp_(0, width - 1)
        child[2:].clamp_(0, 1)
        if chance(child) < chance(candidates[number]):
            following[number] = child
    return following
