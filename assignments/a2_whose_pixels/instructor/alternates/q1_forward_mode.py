"""The whole Jacobian, of which the rows are chosen; as an array."""

import numpy as np
import torch


def saliency(model, images, targets):
    found = []
    for image, target in zip(images, targets.tolist(), strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda x: model(x[None])[0], image)
        slopes = jacobian[target].numpy()
        found.append(np.maximum(slopes.max(0), -slopes.min(0)))
    return np.stack(found)
